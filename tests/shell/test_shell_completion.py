"""Completion in bash, zsh and fish: the scripts, in the shells themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lib import PluginDirectory, Runner

_DOCUMENT: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Zoo", "version": "1"},
    "host": "zoo.example.org",
    "paths": {
        "/animals/{uuid}": {
            "get": {
                "summary": "Get an animal",
                "parameters": [
                    {"name": "uuid", "in": "path", "type": "string", "required": True},
                    {"name": "replica", "in": "query", "type": "string", "enum": ["aws", "gcp", "$(touch pwned)"]},
                ],
                "responses": {"200": {"description": "it"}},
            },
            "delete": {
                "summary": "Delete it",
                "parameters": [{"name": "uuid", "in": "path", "type": "string", "required": True}],
                "responses": {"200": {"description": "gone"}},
            },
        }
    },
}


@pytest.fixture
def zoo(hca: Runner) -> Any:
    import json

    document = hca.cwd / "zoo.json"
    document.write_text(json.dumps(_DOCUMENT))
    hca.configure({"services": {"zoo": {"url": str(document), "title": "Animals"}}})
    hca.env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{hca.env['PATH']}"
    (hca.cwd / "notes.txt").write_text("")
    (hca.cwd / "folder").mkdir()
    return hca


def run(hca: Runner, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=hca.env, cwd=hca.cwd, capture_output=True, text=True, timeout=60, check=False)


def in_bash(hca: Runner, *words: str) -> list[str]:
    """bash's completions; words split like bash splits them."""
    script = hca("completion", "bash", check=0).stdout
    listed = " ".join("'" + word.replace("'", "'\\''") + "'" for word in ("hca", *words))
    program = (
        f"{script}\nCOMP_WORDS=({listed})\nCOMP_CWORD={len(words)}\n_hca_complete\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", program],
        env=hca.env,
        cwd=hca.cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "syntax error" not in done.stderr
    return [line for line in done.stdout.splitlines() if line]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["z"], ["zoo"]),
        (["zoo", "get-"], ["get-animal"]),
        (["help", "zoo", "del"], ["delete-animal"]),
        (["zoo", "get-animal", "--uu"], ["--uuid"]),
        (["zoo", "get-animal", "--replica", ""], ["aws", "gcp"]),
        (["zoo", "get-animal", "--replica", "=", "a"], ["aws"]),
        (["--prof"], ["--profile"]),
        (["--profile", "de"], ["default"]),
        (["config", "get", "http.timeo"], ["http.timeout"]),
        (["config", "set", "--file", "no"], ["notes.txt"]),
        (["plugin", "create", "x", "--directory", "fo"], ["folder"]),
        (["service", "remove", ""], ["zoo"]),
        (["nothing", "at", "all"], []),
    ],
)
def test_bash_offers(zoo: Any, words: list[str], offered: list[str]) -> None:
    assert in_bash(zoo, *words) == offered
    assert not (zoo.cwd / "pwned").exists()


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not here")
def test_fish_offers_words_with_summaries(zoo: Any) -> None:
    script = zoo.cwd / "hca.fish"
    script.write_text(zoo("completion", "fish", check=0).stdout)

    def offered(line: str) -> list[str]:
        done = run(zoo, "fish", "--no-config", "-c", f"source {script}; complete -C '{line}'")
        return done.stdout.splitlines()

    assert offered("hca zoo get-") == ["get-animal\tGet an animal"]
    assert [line.split("\t")[0] for line in offered("hca zoo get-animal --replica ")] == ["aws", "gcp"]
    assert offered("hca config set --file no") == ["notes.txt"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not here")
def test_zsh_completes_at_its_prompt(zoo: Any) -> None:
    pexpect = pytest.importorskip("pexpect")
    script = zoo.cwd / "_hca.zsh"
    script.write_text(zoo("completion", "zsh", check=0).stdout)
    env = {**zoo.env, "TERM": "dumb"}
    child = pexpect.spawn("zsh", ["-f", "-i"], env=env, cwd=str(zoo.cwd), encoding="utf-8", timeout=30)
    child.sendline(f"PS1='ready> '; source {script}; print loa''ded")
    child.expect("loaded")
    child.send("hca zoo get-an\t")
    child.expect("get-animal")
    child.send("--rep\t")
    child.expect("--replica")
    child.sendcontrol("c")
    child.sendline("exit")
    child.close()


@pytest.mark.parametrize(("shell", "rc"), [("bash", ".bashrc"), ("zsh", ".zshrc"), ("fish", None)])
def test_install_is_done_once_and_undone(hca: Runner, shell: str, rc: str | None) -> None:
    start = "# mine\nexport A=1"
    if rc:
        (hca.home / rc).write_text(start)
    for _ in range(2):
        hca("completion", "install", shell, check=0)
    script = hca("completion", shell, check=0).stdout
    place = (
        hca.home / ".config" / "fish" / "completions" / "hca.fish"
        if shell == "fish"
        else hca.home / ".local" / "share" / "hca" / "completion" / f"hca.{shell}"
    )
    assert place.read_text() == script
    if rc:
        text = (hca.home / rc).read_text()
        assert text.startswith(start + "\n")
        assert text.count(str(place)) == 2
        assert len(text.splitlines()) == 3
    hca("completion", "install", shell, "--remove", check=0)
    assert not place.exists()
    if rc:
        assert (hca.home / rc).read_text() == start + "\n"


def test_install_asks_which_shell_where_it_cannot_tell(hca: Runner) -> None:
    done = hca("completion", "install", env={"SHELL": "/bin/tcsh"}, check=2)
    assert "tcsh" in done.stderr
    assert "hca completion install" in done.stderr


def test_options_of_hand_written_commands_are_cached(zoo: Any, plugins: PluginDirectory) -> None:
    source = (
        "from hca_base.commands import Command\n"
        'class Feed(Command):\n    """Feed them."""\n    def get_parser(self, prog_name):\n'
        "        parser = super().get_parser(prog_name)\n        parser.add_argument('--{option}')\n"
        "        return parser\n"
        "    def take_action(self, args):\n        pass\n"
    )
    points = {"hca.commands": {"zoo_feed": "feed_pkg:Feed"}}
    plugins.install("hca-feed", {"feed_pkg.py": source.format(option="hay")}, points)
    assert zoo("__complete", "--", "zoo", "feed", "--ha", check=0).stdout.split()[0] == "--hay"
    cached = zoo.home / ".cache" / "hca" / "completion" / "zoo_feed.json"
    assert cached.exists()
    plugins.install("hca-feed", {"feed_pkg.py": source.format(option="honey")}, points)
    assert zoo("__complete", "--", "zoo", "feed", "--ho", check=0).stdout.split()[0] == "--honey"


def test_a_plugin_says_what_could_stand_there(hca: Runner, plugins: PluginDirectory) -> None:
    source = (
        "from hca_base.commands import Command\n"
        "class Paint(Command):\n"
        "    def get_parser(self, prog_name):\n"
        "        parser = super().get_parser(prog_name)\n"
        "        parser.add_argument('--colour').completer = 'painter:colours'\n"
        "        parser.add_argument('--wall').completer = 'painter:nothing'\n"
        "        return parser\n"
        "    def take_action(self, parsed_args):\n"
        "        pass\n"
        "def colours(config, current):\n"
        "    return [('red', 'as a rose'), ('green', ''), ('grey', config.get('paint.shade', 'none'))]\n"
    )
    plugins.install("painter", {"painter.py": source}, {"hca.commands": {"paint": "painter:Paint"}})
    for _ in range(2):
        done = hca("__complete", "--", "paint", "--colour", "gr")
        assert done.stdout.splitlines() == ["green\t", "grey\tnone"]
    done = hca("__complete", "--", "paint", "--wall", "", check=1)
    assert done.stdout == "" and "Traceback" not in done.stderr


def test_a_broken_plugin_breaks_no_completion(zoo: Any, plugins: PluginDirectory) -> None:
    plugins.install(
        "hca-bad", {"bad_pkg.py": "raise SystemExit(1)\n"}, {"hca.commands": {"bad_hello": "bad_pkg:Hello"}}
    )
    assert zoo("__complete", "--", "bad", "", check=0).stdout.split()[0] == "hello"
    done = zoo("__complete", "--", "bad", "hello", "--")
    assert (done.stdout, done.stderr) == ("", "")
    assert "get-animal" in zoo("__complete", "--", "zoo", "", check=0).stdout


@pytest.mark.skipif(sys.platform == "win32", reason="only on POSIX")
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_install_for_a_user_without_a_home(hca: Runner, plugins: PluginDirectory, shell: str) -> None:
    nobody = "import pwd\ndef unknown(uid):\n    raise KeyError(uid)\npwd.getpwuid = unknown\n"
    (plugins.path / "sitecustomize.py").write_text(nobody)
    del hca.env["HOME"]
    done = hca("completion", "install", shell, check=2)
    assert "HOME is not set" in done.stderr
    assert "hca completion " + shell in done.stderr
