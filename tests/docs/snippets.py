"""Extracts the commands and the Python code shown in the documentation.

Commands are in ``.. code-block:: console`` blocks, after ``$``; other lines are output and are not run. Python
code is in ``.. code-block:: python`` blocks. An RST comment before a block marks an exception, or does what
the text tells a reader to do by hand::

    .. not run: it needs an account of the cloud
    .. exits with: 4
    .. by hand: echo 'a line' >> a-file
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^(?P<indent> *)\.\. code-block:: (?P<kind>console|python|bash) *$")
_NOT_RUN = re.compile(r"^ *\.\. not run: (?P<reason>.+)$")
_BY_HAND = re.compile(r"^ *\.\. by hand: (?P<command>.+)$")
_EXITS = re.compile(r"^ *\.\. exits with: (?P<code>\d+) *$")


@dataclass(frozen=True)
class Snippet:
    """A block of commands or code.

    :ivar kind: ``console`` or ``python``
    :ivar line: its first line, from 1
    :ivar text: a script for bash, or Python source
    :ivar not_run: why it is not run; empty if it is
    :ivar exit_code: of its last command
    :ivar shown: output lines shown on the page; ``…`` matches anything
    """

    path: Path
    kind: str
    line: int
    text: str
    not_run: str
    exit_code: int
    shown: tuple[str, ...] = ()

    def not_printed(self, printed: str) -> list[str]:
        """Lines shown on the page that the commands do not print, ignoring trailing spaces."""
        lines = [line.strip() for line in printed.splitlines()]
        return [line for line in self.shown if not any(re.fullmatch(_pattern(line), each) for each in lines)]


def _pattern(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.strip().split("…"))


def snippets(path: Path) -> Iterator[Snippet]:
    """The blocks of a page, in order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    reason, code = "", 0
    number = 0
    while number < len(lines):
        line = lines[number]
        if match := _NOT_RUN.match(line):
            reason = match["reason"]
        elif match := _EXITS.match(line):
            code = int(match["code"])
        elif match := _BY_HAND.match(line):
            yield Snippet(path, "console", number + 1, match["command"] + "\n", "", 0)
        elif match := _BLOCK.match(line):
            start = number + 1
            number, body = _body(lines, number + 1, len(match["indent"]))
            kind = "python" if match["kind"] == "python" else "console"
            text, shown = (body, []) if kind == "python" else _script(body)
            if text.strip():
                yield Snippet(path, kind, start, text, reason, code, tuple(shown))
            reason, code = "", 0
            continue
        elif line.strip():
            reason, code = "", 0
        number += 1


def _body(lines: list[str], start: int, indent: int) -> tuple[int, str]:
    end = start
    while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > indent):
        end += 1
    body = [line for line in lines[start:end] if not re.match(r"^ *:[a-z-]+:", line)]
    return end, textwrap.dedent("\n".join(body)).strip("\n") + "\n"


def _script(body: str) -> tuple[str, list[str]]:
    """The commands of a console block (lines after ``$``, with continuation lines), and the output shown."""
    commands: list[str] = []
    shown: list[str] = []
    going_on = False
    for line in body.splitlines():
        if line.startswith("$ "):
            commands.append(line[2:])
        elif going_on or line.startswith("> ") or line == ">":
            commands.append(line.removeprefix(">").removeprefix(" "))
        else:
            if line.strip():
                shown.append(line)
            continue
        going_on = commands[-1].endswith("\\")
    return ("\n".join(commands) + "\n" if commands else ""), shown
