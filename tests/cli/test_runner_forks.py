"""Most tests run ``hca`` in a fork of a process with its modules: the results are those of a fresh process."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

from tests.lib import Loopback, PluginDirectory, Run, Runner, forks

_COMMANDS = """
import atexit, json, os, sys, threading, time, warnings
from hca_base.commands import Command

class Look(Command):
    "Look around."
    def take_action(self, args):
        def stream(s):
            raw = s.buffer.raw
            kind = [type(x).__name__ for x in (s, s.buffer, raw)]
            return [s.encoding, s.errors, s.name, s.mode, s.line_buffering, s.write_through, s.isatty(), raw.name, kind]
        found = {
            "argv": [os.path.basename(sys.argv[0]), *sys.argv[1:]], "path": sys.path, "cwd": os.getcwd(),
            "env": dict(os.environ), "streams": [stream(s) for s in (sys.stdin, sys.stdout, sys.stderr)],
            "standard": [sys.__stdin__ is sys.stdin, sys.__stdout__ is sys.stdout, sys.__stderr__ is sys.stderr],
            "flags": str(sys.flags), "warnings": sys.warnoptions,
            "main": sys.modules["__main__"].__spec__.name, "files": sorted(os.listdir("/proc/self/fd"), key=int),
            "threads": len(threading.enumerate()), "stdin": sys.stdin.read(),
        }
        sys.stdout.write(json.dumps(found))

class End(Command):
    "End in some way."
    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        parser.add_argument("way")
        return parser
    def take_action(self, args):
        sys.stdout.write("partial line")
        {
            "plain": lambda: None, "exit": lambda: sys.exit(9), "text": lambda: sys.exit("no"),
            "raise": lambda: 1 / 0, "interrupt": self.interrupt, "at exit": lambda: atexit.register(print, "bye"),
            "thread": lambda: threading.Thread(target=lambda: (time.sleep(0.2), print("late"))).start(),
            "warn": lambda: warnings.warn("mind this", DeprecationWarning), "leak": self.leak,
            "sleep": lambda: time.sleep(60), "at once": lambda: os._exit(3),
            "kill": lambda: os.kill(os.getpid(), 9), "closed": lambda: os.close(1),
        }[args.way]()
    def interrupt(self):
        raise KeyboardInterrupt
    def leak(self):
        sys.leaked = open(os.devnull)
"""
WAYS = ["plain", "exit", "text", "raise", "interrupt", "at exit", "thread", "warn", "leak", "at once", "kill", "closed"]


def sampled(cases: Sequence[Any]) -> list[Any]:
    """All cases: a fixed third of them by default, and the others in the slow tier."""
    by_default = random.Random(23).sample(range(len(cases)), len(cases) // 3)
    return [case if n in by_default else pytest.param(case, marks=pytest.mark.slow) for n, case in enumerate(cases)]


@pytest.fixture(autouse=True)
def forks_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the tiers where every run is a fresh process."""
    monkeypatch.delenv("HCA_TEST_FRESH", raising=False)


@pytest.fixture
def look(hca: Runner, plugins: PluginDirectory) -> Runner:
    """``hca`` with the commands ``look`` and ``end``."""
    points = {"hca.commands": {"look": "hca_look:Look", "end": "hca_look:End"}}
    plugins.install("hca-look", {"hca_look.py": _COMMANDS}, points)
    return hca


def both(hca: Runner, *args: str, **options: Any) -> tuple[Run, Run]:
    """A run as a fork, and one as a fresh process."""
    assert forks.possible(hca.env)
    options = {"check": None, "traceback": True, **options}
    before = hca.home.with_name("before")
    shutil.copytree(hca.home, before)
    fork = hca(*args, **options)
    # Leftovers of the first run must not exist for the second.
    shutil.rmtree(hca.home)
    before.rename(hca.home)
    return fork, hca(*args, **options, fresh=True)


def same(hca: Runner, *args: str, **options: Any) -> Run:
    fork, fresh = both(hca, *args, **options)
    assert (fork.returncode, fork.stdout, fork.stderr) == (fresh.returncode, fresh.stdout, fresh.stderr)
    return fork


def test_a_fork_finds_what_a_fresh_process_finds(look: Runner) -> None:
    look.env["SOME_VARIABLE"] = "é"
    fork, fresh = both(look, "look", stdin="a\r\nb", check=0)
    assert fork.json == fresh.json
    assert fork.json["stdin"] == "a\r\nb" and fork.json["env"]["SOME_VARIABLE"] == "é"


@pytest.mark.parametrize("way", WAYS)
def test_a_fork_ends_as_a_fresh_process_ends(look: Runner, way: str) -> None:
    same(look, "end", way)


@pytest.mark.parametrize("way", sampled(WAYS))
def test_a_fork_ends_as_a_fresh_process_ends_with_debug(look: Runner, way: str) -> None:
    same(look, "--debug", "end", way)


@pytest.mark.parametrize(
    "words",
    sampled([
        ["--version"], ["--help"], [], ["nope"], ["config", "show"], ["config", "get", "nope"], ["plugin", "list"],
        ["plugin", "doctor"], ["dss", "--help"], ["dss", "get-bundle", "--help"], ["service", "list", "-f", "json"],
        ["dss", "get-bundle", "--uuid", "x"], ["zoo", "get-a"], ["zoo", "get-b"], ["__complete", "--", "dss", "get-b"],
        ["dss", "download", "--bundle-uuid", "00000000-0000-4000-8000-000000000000", "--replica", "aws"],
        ["auth", "status"], ["upload", "list", "areas"], ["azul", "--help"],
    ]),
    ids=" ".join,
)  # fmt: skip
def test_commands_are_the_same(hca: Runner, loopback: Loopback, words: list[str]) -> None:
    document = {
        "swagger": "2.0",
        "info": {"title": "Zoo", "version": "1"},
        "host": loopback.url.removeprefix("http://"),
        "schemes": ["http"],
        "paths": {f"/{x}": {"get": {"responses": {"200": {"description": ""}}}} for x in "ab"},
    }
    loopback.route("GET", "/swagger.json", document)
    loopback.route("GET", "/a", {"a": 1})
    url = f"{loopback.url}/swagger.json"
    hca.configure({"services": {"zoo": {"url": url}}, "DSSClient": {"swagger_url": url}, "http": {"retries": 0}})
    if words[:1] == ["plugin"]:
        # Both check each plugin in a fresh process.
        hca.env["HCA_PLUGINS"] = "hca-dss"
    same(hca, *words)


def test_where_a_fork_would_differ_there_is_a_fresh_process(hca: Runner, plugins: PluginDirectory) -> None:
    assert forks.possible(hca.env)
    for name, value in {"PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "error", "LC_ALL": "C", "LANG": "tlh"}.items():
        assert not forks.possible({**hca.env, name: value}), name
    (plugins.path / "sitecustomize.py").write_text("print('customized')")
    assert not forks.possible(hca.env)
    assert hca("--version").stdout.startswith("customized")


def test_a_run_that_takes_too_long_is_killed(look: Runner) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        look("end", "sleep", timeout=0.5)


def test_two_runs_know_nothing_of_each_other(look: Runner) -> None:
    first = look("look", env={"A": "1"}).json
    second = look("look", env={"B": "2"}).json
    assert "A" not in second["env"] and "B" not in first["env"]
    assert json.dumps(second["path"]) == json.dumps(first["path"])
