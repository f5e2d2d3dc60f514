"""Text that is safe to show on a terminal, and numbers as people read them."""

from __future__ import annotations

import re
import unicodedata

# Whole escape sequences (ECMA-48): strings ended by BEL or ST, control sequences, and the short forms.
_SEQUENCE = re.compile(
    r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b[ -/]*[0-Z\\^-~]"
)
# What is left of them, other control characters, and marks that change the direction or hide text.
_BAD = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_BAD_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LINE_ENDS = re.compile(r"\r\n?|[\x85\u2028\u2029]")


def safe_text(text: object, *, one_line: bool = False) -> str:
    """Text without anything that could steer a terminal: escape sequences, control characters, direction marks.

    Line ends become ``\\n``; tabs stay.

    :param one_line: put spaces for line ends and tabs too
    """
    result = str(text)
    if result.isascii() and result.isprintable():  # the common case, and cheap to tell
        return result
    result = _LINE_ENDS.sub("\n", result)
    result = _SEQUENCE.sub("", result)
    result = _BAD.sub("", result)
    if one_line:
        result = result.replace("\n", " ").replace("\t", " ")
    return result


def safe_json(text: str) -> str:
    """JSON text with the characters escaped that JSON allows plain but a terminal obeys."""
    return _BAD_IN_JSON.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def text_width(text: str) -> int:
    """How many terminal cells a line takes: two for wide East Asian characters, none for combining ones."""
    if text.isascii():
        return len(text)
    width = 0
    for character in text:
        if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
            continue
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return width


def shorten(text: str, width: int) -> str:
    """One line of at most ``width`` cells; the middle gives way, since names differ at their ends."""
    text = safe_text(text, one_line=True)
    if text_width(text) <= width:
        return text
    if width < 4:
        return _cut(text, max(width, 0))
    tail = (width - 1) // 2
    return _cut(text, width - 1 - tail) + "…" + _cut(text[::-1], tail)[::-1]


def _cut(text: str, width: int) -> str:
    used = 0
    for index, character in enumerate(text):
        used += text_width(character)
        if used > width:
            return text[:index]
    return text


def format_bytes(count: float) -> str:
    """A number of bytes in decimal units: ``17 B``, ``1.2 MB``."""
    if abs(count) < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        count /= 1000
        if abs(count) < 999.95 or unit == "PB":
            break
    return f"{count:.1f} {unit}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A number of things: ``1 file``, ``1,204 files``.

    :param plural: of the noun; default: with an s
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def format_duration(seconds: float) -> str:
    """A time as ``0:07``, ``12:34``, ``3:02:01`` or ``4d 3h``."""
    total = round(seconds)
    minutes, rest = divmod(total, 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24}d {hours % 24}h"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
