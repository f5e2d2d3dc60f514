"""Exit codes, errors, streams: each error on one line with its documented code."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.lib import Loopback, PluginDirectory, Runner

_SOURCE = '''
from hca_base import errors
from hca_base.commands import Command, DataCommand, Lister

class Raise(Command):
    """Raise something."""
    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        parser.add_argument("what")
        return parser
    def take_action(self, args):
        raise eval(args.what)

class Return(DataCommand):
    """Return data."""
    def take_action(self, args):
        return {"a": [1, 2], "b": None}

class Code(Command):
    """Return an exit code."""
    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        parser.add_argument("code", type=eval)
        return parser
    def take_action(self, args):
        return args.code

class Table(Lister):
    """Return a table."""
    def take_action(self, args):
        return ("name", "size"), [("b", 1), ("a", 2)]

class Flood(Command):
    """Write without end."""
    def take_action(self, args):
        while True:
            self.stdout.write("x" * 1000 + "\\n")

class Wait(Command):
    """Wait."""
    def take_action(self, args):
        import sys, time
        sys.stderr.write("waiting\\n")
        sys.stderr.flush()
        time.sleep(60)

from cliff.lister import Lister as CliffLister

class Plain(CliffLister):
    """A command of plain cliff."""
    def take_action(self, parsed_args):
        return ("name", "size"), [("b", 1)]
'''


@pytest.fixture
def t(plugins: PluginDirectory) -> None:
    names = ("Raise", "Return", "Code", "Table", "Flood", "Wait", "Plain")
    points = {f"t_{name.lower()}": f"t_pkg:{name}" for name in names}
    plugins.install("hca-t", {"t_pkg.py": _SOURCE}, {"hca.commands": points})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("errors.HCAError('m')", 1),
        ("errors.UsageError('m')", 2),
        ("errors.ConfigError('m')", 2),
        ("errors.AuthError('m')", 3),
        ("errors.NotFoundError('m')", 4),
        ("errors.RefusedError('m')", 5),
        ("errors.UnreachableError('m')", 6),
        ("errors.TimedOutError('m')", 6),
        ("errors.VerificationError('m')", 7),
        ("errors.ServiceError('m', status=404)", 4),
        ("errors.ServiceError('m', status=503)", 6),
        ("SystemExit(9)", 9),
        ("SystemExit('m')", 1),
        ("KeyboardInterrupt()", 130),
        ("BrokenPipeError()", 141),
    ],
)
def test_each_error_has_its_exit_code(hca: Runner, t: None, error: str, code: int) -> None:
    done = hca("t", "raise", error, check=code)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    if code not in (130, 141, 9):
        assert done.stderr == "hca: error: m\n"


def test_an_error_has_a_hint_and_the_request_id(hca: Runner, t: None) -> None:
    done = hca("t", "raise", "errors.RefusedError('no', hint='ask again', request_id='r-1')", check=5)
    assert done.stderr == "hca: error: no\n  request id: r-1\n  hint: ask again\n"


def test_an_unexpected_error_is_one_line_and_a_private_log(hca: Runner, t: None) -> None:
    error = "ValueError('odd Authorization: Bearer abcdefgh1jklmn0p')"
    done = hca("t", "raise", error, check=1)
    log = hca.home / ".local" / "state" / "hca" / "error.log"
    assert done.stderr.startswith("hca: error: ValueError: odd")
    assert str(log) in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    for text in (done.stderr, log.read_text(), hca("--debug", "t", "raise", error, check=1, traceback=True).stderr):
        assert "abcdefgh1jklmn0p" not in text
    assert "Traceback" in hca("--debug", "t", "raise", error, check=1, traceback=True).stderr


def test_a_log_that_cannot_be_written_does_not_hide_the_error(hca: Runner, t: None) -> None:
    (hca.home / ".local").write_text("a file where a directory should be")
    done = hca("t", "raise", "ValueError('odd')", env={"TMPDIR": "/nonexistent"}, check=1)
    assert done.stderr.startswith("hca: error: ValueError: odd")


def test_escape_sequences_of_a_server_reach_no_terminal(hca: Runner, t: None) -> None:
    done = hca("t", "raise", r"errors.HCAError('a\x1b[31mb\x1b]0;title\x07c\nd')", check=1)
    assert "\x1b" not in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("value", "code"), [("0", 0), ("3", 3), ("None", 0), ("True", 0), ("300", 1), ("-1", 1)])
def test_what_a_command_returns_as_its_code(hca: Runner, t: None, value: str, code: int) -> None:
    hca("t", "code", "--", value, check=code)


def test_objects_never_reach_the_exit_code(hca: Runner, t: None) -> None:
    done = hca("t", "code", "{'a': 1}", check=0)
    assert json.loads(done.stdout) == {"a": 1}
    assert done.stderr == ""


def test_data_is_json_with_indent_2_by_default(hca: Runner, t: None) -> None:
    assert hca("t", "return", check=0).stdout == json.dumps({"a": [1, 2], "b": None}, indent=2) + "\n"
    assert hca("t", "return", "-f", "jsonl", check=0).stdout == '{"a": [1, 2], "b": null}\n'
    assert hca("t", "return", "--query", "a[1]", check=0).stdout == "2\n"


def test_lists_are_tables_by_default(hca: Runner, t: None) -> None:
    assert "| name | size |" in hca("t", "table", check=0).stdout
    assert hca("t", "table", "-f", "csv", "--sort", "name", check=0).stdout.split() == ["name,size", "a,2", "b,1"]
    assert json.loads(hca("t", "table", "-f", "json", check=0).stdout)[0] == {"name": "b", "size": 1}


def test_plain_cliff_commands_work(hca: Runner, t: None) -> None:
    assert json.loads(hca("t", "plain", "-f", "json", check=0).stdout) == [{"name": "b", "size": 1}]
    hca("t", "plain", "--form", "json", check=2)


def start(hca: Runner, *args: str, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "hca_base", *args], env=hca.env, cwd=hca.cwd, **options)


def test_a_reader_that_goes_away_is_no_error(hca: Runner, t: None) -> None:
    process = start(hca, "t", "flood", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read(100)
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(30) == 141
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [["t", "return"], ["--version"], ["--help"], ["t", "flood"]])
def test_a_full_disk_under_stdout_is_an_error(hca: Runner, t: None, words: list[str], unbuffered: str) -> None:
    # With a buffer, unwritten output remains when the process ends, and is tried again.
    hca.env["PYTHONUNBUFFERED"] = unbuffered
    with Path("/dev/full").open("wb") as full:
        process = start(hca, *words, stdout=full, stderr=subprocess.PIPE)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 1
    assert b"No space left on device" in stderr
    assert b"Traceback" not in stderr
    assert stderr.startswith(b"hca: error: ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(("words", "code"), [(["config", "get", "nope"], 4), (["nope"], 2), (["t", "return"], 0)])
def test_a_full_disk_under_stderr_keeps_the_code(
    hca: Runner, t: None, words: list[str], code: int, unbuffered: str
) -> None:
    hca.env["PYTHONUNBUFFERED"] = unbuffered
    with Path("/dev/full").open("wb") as full:
        process = start(hca, *words, stdout=subprocess.DEVNULL, stderr=full)
        assert process.wait(30) == code


@pytest.mark.parametrize("query", ["a[::0]", "contains('a', `1`)", "nothing(", f"[{'1' * 5000}]"])
def test_a_query_that_cannot_be_answered_is_a_usage_error(hca: Runner, t: None, query: str) -> None:
    done = hca("t", "return", "--query", query, check=2)
    assert done.stderr.startswith("hca: error: --query")
    assert len(done.stderr) < 500


def test_a_bad_query_is_told_before_anything_is_done(hca: Runner) -> None:
    hca.cwd.joinpath("d.json").write_text(
        json.dumps(
            {
                "openapi": "3.0.0",
                "info": {"title": "d", "version": "1"},
                "paths": {"/a": {"post": {"operationId": "postA", "responses": {"200": {"description": "ok"}}}}},
            }
        ),
        encoding="utf-8",
    )
    # Nothing listens there: a request would fail with exit code 6.
    hca("service", "add", "d", "d.json", "--base-url", "http://127.0.0.1:9/", check=0)
    hca("d", "post-a", check=6)
    hca("d", "post-a", "--query", "[", check=2)


def test_closed_standard_streams_are_survived(hca: Runner, t: None) -> None:
    command = f"exec {sys.executable} -m hca_base config path --user >&- 2>&- <&-"
    done = subprocess.run(["sh", "-c", command], env=hca.env, cwd=hca.cwd, timeout=30, check=False)
    assert done.returncode in (0, 1)


def test_interrupt_is_130_without_a_traceback(hca: Runner, t: None) -> None:
    process = start(hca, "t", "wait", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert process.stderr.readline() == b"waiting\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in stderr


def test_an_ascii_terminal_gets_escapes_not_a_traceback(hca: Runner, t: None) -> None:
    env = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = hca("t", "raise", "errors.HCAError('B' + chr(228) + 'r')", env=env, check=1)
    assert "B\\xe4r" in done.stderr
    hca("--help", env=env, check=0)


@pytest.mark.parametrize("home", ["missing", "read-only", "file"])
def test_a_home_that_cannot_be_used(hca: Runner, t: None, home: str, tmp_path: Path) -> None:
    path = tmp_path / "other-home"
    if home == "read-only":
        path.mkdir()
        path.chmod(0o500)
    elif home == "file":
        path.write_text("")
    done = hca("t", "return", env={"HOME": str(path)}, check=0)
    assert done.stderr == ""
    if home == "read-only":
        path.chmod(0o700)


def test_the_first_run_makes_the_settings_file(hca: Runner, t: None) -> None:
    path = hca.home / ".config" / "hca" / "config.json"
    hca("--help", check=0)
    assert not path.exists()
    hca("t", "return", check=0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert isinstance(json.loads(path.read_text()), dict)


def test_verbosity(hca: Runner, t: None, loopback: Loopback) -> None:
    document = {
        "swagger": "2.0",
        "info": {"title": "Zoo", "version": "1"},
        "paths": {"/a": {"get": {"responses": {"200": {"description": "it"}}}}},
    }
    loopback.route("GET", "/swagger.json", document)
    loopback.route("GET", "/a", {"secret": "no"})
    hca.configure({"services": {"zoo": {"url": f"{loopback.url}/swagger.json"}}})
    hca("service", "refresh", "zoo", check=0)
    for options in ([], ["-q"]):
        done = hca(*options, "zoo", "get-a", check=0)
        assert done.stderr == ""
    assert "GET" not in hca("-v", "zoo", "get-a", check=0).stderr
    assert f"GET {loopback.url}/a" in hca("-vv", "zoo", "get-a", check=0).stderr
    debug = hca("--debug", "zoo", "get-a", check=0)
    assert "User-Agent" in debug.stderr
    assert json.loads(debug.stdout) == {"secret": "no"}
    hca("--log-file", "log.txt", "zoo", "get-a", check=0)
    assert f"GET {loopback.url}/a" in (hca.cwd / "log.txt").read_text()
    hca("--log-file", "/nonexistent/log.txt", "zoo", "get-a", check=2)


def test_a_token_on_the_command_line_is_warned_about_and_read_from_stdin(hca: Runner, loopback: Loopback) -> None:
    document = {
        "swagger": "2.0",
        "info": {"title": "Zoo", "version": "1"},
        "securityDefinitions": {"k": {"type": "oauth2", "flow": "implicit", "authorizationUrl": "https://a.example"}},
        "paths": {"/a": {"get": {"security": [{"k": []}], "responses": {"200": {"description": "it"}}}}},
    }
    loopback.route("GET", "/swagger.json", document)
    loopback.route("GET", "/a", {})
    assert hca("service", "add", "zoo", f"{loopback.url}/swagger.json", check=0).stdout == ""
    done = hca("--access-token", "tok-1", "zoo", "get-a", check=0)
    assert "warning" in done.stderr
    assert "tok-1" not in done.stderr
    done = hca("--access-token", "-", "zoo", "get-a", stdin="tok-2\n", check=0)
    assert done.stderr == ""
    sent = [headers.get("Authorization") for _, path, headers, _ in loopback.requests if path == "/a"]
    assert sent == ["Bearer tok-1", "Bearer tok-2"]
    assert hca("zoo", "get-a", check=3).stdout == ""


def test_broken_settings_are_told_and_can_be_mended(hca: Runner, t: None) -> None:
    path = hca.configure({})
    path.write_text('{\n  "http": {"timeout": 3,}\n}\n')
    done = hca("t", "return", check=2)
    assert f"{path}:2" in done.stderr
    assert "Traceback" not in done.stderr
    hca("--help", check=0)
    hca("config", "path", "--user", check=0)
    assert f"{path}:2" in hca("config", "validate", check=2).stdout
    assert path.stat().st_size > 0


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("http.ca_bundle=~nobody-of-that-name/x", ["service", "add", "zoo", "http://127.0.0.1:1/openapi.json"]),
        ("http.timeout=5", ["service", "add", "zoo", "~nobody-of-that-name/openapi.json"]),
        ("transfer.filestore=~nobody-of-that-name/x", ["transfer", "verify", "~nobody-of-that-name/x"]),
    ],
)
def test_homes_of_nobody_are_names_like_others(hca: Runner, setting: str, words: list[str]) -> None:
    done = hca("--config", setting, *words, check=None)
    assert done.returncode in (2, 4), done.stderr
    assert "~nobody-of-that-name" in done.stderr
    assert "internal" not in done.stderr


@pytest.mark.parametrize(
    "setting",
    ["retries=-1", "retries=x", "min_delay=nan", "stall_timeout=-1", "wait_budget=inf", "disk_reserve=-1", "fsync=no"],
)
def test_transfer_settings_that_make_no_sense(hca: Runner, setting: str) -> None:
    done = hca("--config", f"transfer.{setting}", "dss", "download", "--bundle-uuid", "x", "--replica", "aws", check=2)
    assert f"transfer.{setting.partition('=')[0]}" in done.stderr


@pytest.mark.parametrize("words", [["--limit-rate", "9" * 400], ["--retries", "-1"], ["--connections", "0"]])
def test_transfer_options_that_make_no_sense(hca: Runner, words: list[str]) -> None:
    done = hca("dss", "download", "--bundle-uuid", "x", "--replica", "aws", *words, check=2)
    assert words[0] in done.stderr


@pytest.mark.parametrize("value", ["true", "[1, 2]"])
def test_a_byte_order_mark_before_stdin_is_no_part_of_it(hca: Runner, value: str) -> None:
    """PowerShell writes a byte order mark before piped input."""
    hca("shell", stdin=b"\xef\xbb\xbfconfig set a.b " + value.encode() + b"\n", text=False)
    assert hca("config", "get", "a.b", "-f", "json").json is not None
    hca("config", "set", "auth.store", "file")
    hca("service", "add", "x", _document(hca, value))
    hca("auth", "set-key", "x", stdin=b"\xef\xbb\xbfkey-1\n", text=False)
    assert hca("auth", "token", "x").stdout == "key-1\n"


def _document(hca: Runner, name: str) -> str:
    schemes = {"k": {"type": "apiKey", "in": "header", "name": "X-Key"}}
    document = {
        "openapi": "3.0.0",
        "info": {"title": name, "version": "1"},
        "servers": [{"url": "http://127.0.0.1:9"}],
        "components": {"securitySchemes": schemes},
        "paths": {"/x": {"get": {"security": [{"k": []}], "responses": {}}}},
    }
    file = hca.cwd / "x.json"
    file.write_text(json.dumps(document))
    return str(file)
