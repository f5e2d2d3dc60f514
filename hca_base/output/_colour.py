"""Colours for JSON and help on a terminal. Only escape sequences are added to the text."""

from __future__ import annotations

import re

#: The terminal's palette, which matches its background.
_CODES = {"key": "34", "text": "32", "number": "36", "constant": "35"}
_TOKEN = re.compile(
    r"""(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:))
    |(?P<text>"(?:[^"\\]|\\.)*")
    |(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<constant>true|false|null)""",
    re.VERBOSE,
)
_HEADING = re.compile(r"^(usage:|[A-Z][^\n]{0,60}:$|[a-z][a-z ]{0,30}:$)", re.MULTILINE)


def coloured_json(text: str) -> str:
    """Return JSON with coloured keys and values."""
    return _TOKEN.sub(lambda match: f"\x1b[{_CODES[match.lastgroup or 'text']}m{match.group()}\x1b[0m", text)


def coloured_help(text: str) -> str:
    """Return help with its headings in bold."""
    return _HEADING.sub("\x1b[1m\\1\x1b[0m", text)
