"""Lines from stdin, quoting, and the state of a session."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hca_base.errors import UsageError
from hca_base.shell._repl._line import Incomplete, parse
from tests.lib import Loopback, Runner

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only on Linux")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b", ["a", "b"]),
        ("a 'b c' \"d e\"", ["a", "b c", "d e"]),
        (r"a b\ c", ["a", "b c"]),
        ("a ''", ["a", ""]),
        ('a "x\\"y" \'z"w\'', ["a", 'x"y', 'z"w']),
        ('a {"b": [1, "}"], "c": "|>"} d', ["a", '{"b": [1, "}"], "c": "|>"}', "d"]),
        ('a --es-query={"a": 1}', ["a", '--es-query={"a": 1}']),
        ("a [?size > `1`].name", ["a", "[?size > `1`].name"]),
        ('a {"b":\n 1}', ["a", '{"b":\n 1}']),
        ("a \\\n b", ["a", "b"]),
        ("a # rest", ["a"]),
        ("a b#c", ["a", "b#c"]),
        ("# all", []),
        ("", []),
        ("C:\\\\x", ["C:\\x"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert parse(text).words == words


def test_pipes_and_files() -> None:
    line = parse("a b | jq '.x | .y' > z")
    assert (line.words, line.pipe, line.output) == (["a", "b"], "jq '.x | .y' > z", None)
    line = parse('a >> "my file" b')
    assert (line.words, line.output, line.append) == (["a", "b"], "my file", True)


@pytest.mark.parametrize("text", ["a 'b", 'a "b', "a {", 'a {"b": [1}', "a \\"])
def test_open_quotes_and_brackets(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert isinstance(caught.value, Incomplete) or "unmatched" in str(caught.value)


@pytest.mark.parametrize("text", ["a >", "a > | b", "a |"])
def test_operators_without_a_target(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def test_a_batch_goes_on_after_a_failure_and_its_code_is_the_last_failures(hca: Runner) -> None:
    lines = '# a comment\n\nconfig path --user\nnothing\nconfig set x.y {\n  "a": 1}\nconfig get x.y\n'
    done = hca("shell", stdin=lines, check=2)
    assert done.stdout.count("config.json") == 1
    assert '"a": 1' in done.stdout
    assert "unknown command 'nothing'" in done.stderr
    assert hca("shell", stdin="config path --user\n", check=0).stderr == ""


def test_errexit_stops_at_the_first_failure(hca: Runner) -> None:
    done = hca("shell", "--errexit", stdin="nothing\nconfig path --user\n", check=2)
    assert done.stdout == ""
    done = hca("shell", "-e", "-c", "config path --user", "-c", "nothing", "-c", "config path", check=2)
    assert done.stdout.count("config.json") == 1


def test_exit_ends_a_batch(hca: Runner) -> None:
    assert hca("shell", stdin="exit\nnothing\n", check=0).stderr == ""


def test_commands_do_not_eat_the_batch(hca: Runner) -> None:
    done = hca("shell", stdin="config set x.y -\nconfig path --user\n")
    assert "config.json" in done.stdout


def test_pipes_files_and_settings(hca: Runner) -> None:
    lines = """config path -f json > paths.json
config path --user >> paths.txt
config path --user >> paths.txt
config path -f json | grep -c user
config path | head -1
use config
path --user
use
set output.format yaml
set
unset format
set
!echo out
config path | false
"""
    done = hca("shell", stdin=lines, check=1)
    assert [row["layer"] for row in json.loads((hca.cwd / "paths.json").read_text())] == ["site", "user"]
    assert (hca.cwd / "paths.txt").read_text().count("\n") == 2
    assert done.stdout.splitlines()[0] == "1"
    assert "format = yaml" in done.stdout
    assert "out" in done.stdout.splitlines()
    assert done.stderr == ""


def test_a_failing_command_leaves_the_file_of_a_redirection_alone(hca: Runner) -> None:
    (hca.cwd / "kept.txt").write_text("kept")
    hca(
        "shell", stdin="config get nothing.here > kept.txt\nnothing > kept.txt\nconfig path > /nonexistent/x\n", check=1
    )
    assert (hca.cwd / "kept.txt").read_text() == "kept"
    assert sorted(path.name for path in hca.cwd.iterdir()) == ["kept.txt"]


def test_changed_settings_hold_at_once(hca: Runner) -> None:
    lines = "config set http.timeout 5\nconfig get http.timeout\n"
    lines += "profile create p http.timeout=9\nset profile p\nconfig get http.timeout\n"
    assert hca("shell", stdin=lines, check=0).stdout.split() == ["5", "9"]


def test_memory_stays_flat_in_a_long_batch(hca: Runner, loopback: Loopback) -> None:
    """A thousand commands here; ten thousand in the slow tier."""
    run_batch(hca, loopback, 1000)


@pytest.mark.slow
def test_memory_stays_flat_in_a_very_long_batch(hca: Runner, loopback: Loopback) -> None:
    run_batch(hca, loopback, 10_000)


def run_batch(hca: Runner, loopback: Loopback, count: int) -> None:
    document = {
        "swagger": "2.0",
        "info": {"title": "Zoo", "version": "1"},
        "paths": {"/a": {"get": {"responses": {"200": {"description": "it"}}}}},
    }
    loopback.route("GET", "/swagger.json", document)
    loopback.route("GET", "/a", {"uuid": "u" * 1000})
    hca.configure({"services": {"zoo": {"url": f"{loopback.url}/swagger.json"}}})
    hca("service", "refresh", "zoo", check=0)
    # Resident kilobytes, reported by the process itself.
    ask = "!ps -o rss= -p $PPID\n"
    mixed = ["zoo get-a --query uuid", "config get http.timeot", "zoo get-b", "help zoo"]
    lines = "".join(f"{mixed[number % len(mixed)]} > /dev/null\n" for number in range(count))
    warm = "".join(f"{line} > /dev/null\n" for line in mixed * 25)
    done = hca("shell", stdin=f"{warm}{ask}{lines}{ask}", timeout=170 if count <= 1000 else 3000, check=2)
    before, after = (int(line) for line in done.stdout.split())
    assert after - before < 10_000


def test_a_change_by_another_process_holds_at_the_next_line(hca: Runner) -> None:
    import sys

    other = f"!{sys.executable} -m hca_base config set http.timeout"
    lines = f"{other} 5\nconfig get http.timeout\n{other} 66\nconfig get http.timeout\n"
    assert hca("shell", stdin=lines, check=0).stdout.split() == ["5", "66"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_file_that_cannot_be_written_is_told_and_the_session_goes_on(hca: Runner) -> None:
    lines = "config path > /dev/full\nconfig schema > /dev/full\nhistory >> /dev/full\nconfig path --user\n"
    done = hca("shell", stdin=lines, check=1)
    assert done.stderr == "hca: error: /dev/full cannot be written: No space left on device\n" * 2
    assert done.stdout.endswith("config.json\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_command_that_fails_tells_why_though_its_file_is_full(hca: Runner) -> None:
    done = hca("shell", "-c", "config get nothing.here > /dev/full", check=4)
    assert "nothing.here is not set" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "config path > a\0b",
        "config set x.y a\0b",
        "!echo a\0b",
        "config path | cat\0",
        "config path > one | cat",
        "config path > one > two",
        "> one",
        "| cat",
        "config path > ~nobody-of-that-name/one",
        # Longer than Linux's limit.
        pytest.param(f"!: {'x' * 200_000}", marks=LINUX),
        pytest.param(f"config path | : {'x' * 200_000}", marks=LINUX),
    ],
    ids=lambda line: line[:20].replace("\0", "NUL"),
)
def test_a_line_that_cannot_be_run_is_told_in_one(hca: Runner, line: str) -> None:
    done = hca("shell", stdin=f"{line}\nconfig path --user\n", check=None)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("hca: error: ")
    assert "error.log" not in done.stderr
    assert done.stdout.endswith("config.json\n")
    assert list(hca.cwd.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_stdout_is_an_error_of_the_line_that_wrote(hca: Runner) -> None:
    command = [sys.executable, "-m", "hca_base", "shell", "-c", "config path", "-c", "!true", "-c", "config path|cat"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, env=hca.env, cwd=hca.cwd, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert b"error.log" not in done.stderr


def test_bytes_that_are_no_text_are_an_error_of_their_line(hca: Runner) -> None:
    done = hca(
        "shell", stdin=b"\xff\nconfig path --user\n", env={"PYTHONIOENCODING": "utf-8:strict"}, text=False, check=2
    )
    assert done.returncode == 2
    assert b"unknown command" in done.stderr
    assert done.stdout.endswith(b"config.json\n")


@LINUX
@pytest.mark.parametrize(
    "words", [["shell"], ["config", "set", "x.y", "-"], ["auth", "set-key", "s"], ["--access-token", "-", "s", "get-a"]]
)
def test_a_stdin_that_cannot_be_read(hca: Runner, words: list[str]) -> None:
    document = {
        "openapi": "3.0.0",
        "info": {"title": "s", "version": "1"},
        "paths": {"/a": {"get": {"operationId": "getA", "responses": {"200": {"description": "ok"}}}}},
    }
    hca.cwd.joinpath("s.json").write_text(json.dumps(document), encoding="utf-8")
    hca("service", "add", "s", "s.json", "--base-url", "http://127.0.0.1:9/", check=0)
    with Path("/proc/self/mem").open("rb") as unreadable:
        done = subprocess.run(
            [sys.executable, "-m", "hca_base", *words],
            env=hca.env,
            cwd=hca.cwd,
            stdin=unreadable,
            capture_output=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith(b"hca: error: stdin cannot be read: ")


def test_a_doubtful_setting_is_warned_of(hca: Runner) -> None:
    done = hca("shell", "-c", "set http.timeot 5", "-c", "set", check=0)
    assert "did you mean http.timeout?" in done.stderr
