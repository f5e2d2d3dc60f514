"""Colours, and tables that fit: on terminals only, and off with NO_COLOR and --no-color."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys

import pytest

from hca_base.output import Progress
from tests.lib import Runner

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def at_terminal(hca: Runner, *words: str, columns: int = 80, **env: str) -> str:
    """A command's output on a terminal: both streams, in the order written."""
    reader, writer = pty.openpty()
    variables = {**hca.env, "TERM": "xterm", "COLUMNS": str(columns), "PAGER": "cat", **env}
    with subprocess.Popen(
        [sys.executable, "-m", "hca_base", *words], env=variables, cwd=hca.cwd, stdin=subprocess.DEVNULL,
        stdout=writer, stderr=writer,
    ) as process:  # fmt: skip
        os.close(writer)
        seen = b""
        try:
            while piece := os.read(reader, 65536):
                seen += piece
        except OSError:  # the other end is closed
            pass
        os.close(reader)
        process.wait(60)
    return seen.decode().replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("words", "coloured"),
    [
        (["config", "schema", "-f", "json"], '\x1b[34m"title"\x1b[0m: \x1b[32m"Settings of hca"\x1b[0m'),
        (["config", "show", "--defaults", "-f", "jsonl"], '\x1b[34m"key"\x1b[0m: '),
        (["--help"], "\x1b[1mServices:\x1b[0m"),
        (["help", "config"], "\x1b[1musage:\x1b[0m hca config"),
        (["config", "get", "--help"], "\x1b[1moptions:\x1b[0m"),
        (["config", "get", "nothing"], "\x1b[31mhca: error:\x1b[0m nothing is not set\n  \x1b[36mhint:\x1b[0m "),
    ],
)
def test_a_terminal_shows_colours_and_the_text_is_the_same_without(
    hca: Runner, words: list[str], coloured: str
) -> None:
    seen = at_terminal(hca, *words)
    assert coloured in seen
    plain = hca(*words, check=None)
    assert "\x1b" not in plain.stdout + plain.stderr
    assert ESCAPE.sub("", seen) == plain.stdout + plain.stderr
    for off in (at_terminal(hca, "--no-color", *words), at_terminal(hca, *words, NO_COLOR="1")):
        assert off == plain.stdout + plain.stderr
    assert "\x1b" not in at_terminal(hca, *words, TERM="dumb")


def test_a_coloured_result_is_the_same_json(hca: Runner) -> None:
    value = {'a "b": [1]': [1, -2.5e3, True, None, 'x: "y"', "\\"], "é": {"n": 0}}
    hca.configure({"services": {"x": {"headers": value}}})
    seen = at_terminal(hca, "config", "get", "services.x.headers")
    assert json.loads(ESCAPE.sub("", seen)) == value and "\x1b[" in seen


def test_a_table_fits_80_columns_and_breaks_no_word(hca: Runner) -> None:
    for columns in (80, 60):
        seen = ESCAPE.sub("", at_terminal(hca, "auth", "status", columns=columns))
        assert max(map(len, seen.splitlines())) <= columns
        words = {
            word for word in re.findall(r"[A-Za-z_]+", hca("auth", "status", "-f", "csv").stdout) if len(word) < 24
        }
        shown = set(re.findall(r"[A-Za-z_]+", seen))
        titles = {"identity", "issuer", "expires", "stored", "in", "used"}  # of empty columns
        assert words - shown <= titles, words - shown
    # A pipe gets every column.
    assert "identity,issuer,expires" in hca("auth", "status", "-f", "csv").stdout


def test_progress_has_a_bar_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        encoding = "utf-8"

        def __init__(self) -> None:
            self.text = ""

        def isatty(self) -> bool:
            return True

        def write(self, text: str) -> None:
            self.text += text

        def flush(self) -> None:
            pass

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    wide, ascii_only = "━" * 10 + "─" * 10, "#" * 10 + "-" * 10
    for columns, encoding, bar in (("100", "utf-8", wide), ("100", "ascii", ascii_only), ("60", "utf-8", "")):
        monkeypatch.setenv("COLUMNS", columns)
        stream = Terminal()
        stream.encoding = encoding
        with Progress("download", files=1, bytes=1000, stream=stream, interval=0) as progress:  # type: ignore[arg-type]
            with progress.task("a", 1000) as task:
                task.advance(500)
                line = stream.text.split("\n")[-2].rsplit("\x1b[J")[-1]
                assert line.startswith(f"{bar}  " if bar else "download"), line
                assert len(line) < int(columns)
