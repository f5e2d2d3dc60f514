"""Terminal output: text without control sequences, widths, and messages on stderr."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import unicodedata
from collections.abc import Callable
from typing import IO, Any

from hca_base._fork import ForkLock

# Whole escape sequences (ECMA-48): strings ended by BEL or ST, control sequences, and the short forms.
_SEQUENCE = re.compile(
    r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b[ -/]*[0-Z\\^-~]"
)
# Remains of these, other control characters, and marks that change the direction or hide text.
_BAD = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_BAD_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LINE_ENDS = re.compile(r"\r\n?|[\x85\u2028\u2029]")


def safe_text(text: object, *, one_line: bool = False) -> str:
    """Remove everything that controls a terminal: escape sequences, control characters, direction marks.

    Line ends become ``\\n``; tabs stay.

    :param one_line: replace line endings and tabs with spaces too
    """
    result = str(text)
    if result.isascii() and result.isprintable():  # the common case, which is cheap to check
        return result
    result = _LINE_ENDS.sub("\n", result)
    result = _SEQUENCE.sub("", result)
    result = _BAD.sub("", result)
    if one_line:
        result = result.replace("\n", " ").replace("\t", " ")
    return result


def safe_json(text: str) -> str:
    """Escape characters that JSON allows but that control a terminal."""
    return _BAD_IN_JSON.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def text_width(text: str) -> int:
    """Return the width of a line in terminal cells: two for wide East Asian characters, none for combining ones."""
    if text.isascii():
        return len(text)
    width = 0
    for character in text:
        if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
            continue
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return width


def shorten(text: str, width: int) -> str:
    """Shorten a line to ``width`` cells in the middle, since names often differ at their ends."""
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
    """Return a number of bytes in decimal units: ``17 B``, ``1.2 MB``."""
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


def with_subject(name: str, message: str) -> str:
    """Return ``NAME: MESSAGE``; replace the name within the message, so that it occurs only once.

    :param name: of a file, as written in messages
    """
    if message.startswith(f"{name}: "):
        return message
    message = re.sub(rf"(?<=the file name) (['\"]){re.escape(name)}\1", "", message)
    message = re.sub(rf"(['\"]){re.escape(name)}\1", "it", message)
    # A name that is a plain word may be part of the sentence, so only replace it before a colon or at the end.
    after = r"(?=:|$)" if name.isalpha() else r"(?![\w./-])"
    message = re.sub(rf"(?<![\w./-]){re.escape(name)}{after}", "it", message)
    return f"{name}: {message}"


def format_duration(seconds: float) -> str:
    """Return a time as ``0:07``, ``12:34``, ``3:02:01`` or ``4d 3h``."""
    total = round(seconds)
    minutes, rest = divmod(total, 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24}d {hours % 24}h"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}

# The display at the bottom of the terminal (a Progress), through which messages are printed. It uses this lock too,
# because two locks could be acquired in either order.
display_lock = ForkLock(reentrant=True)
_display: Callable[[Callable[[], None]], None] | None = None


def is_terminal(stream: Any) -> bool:
    """Return True if a stream is a terminal."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError, OSError):  # not a stream, or a closed one
        return False


def terminal_width(stream: Any = None, default: int = 80) -> int:
    """Return the width of the terminal of ``stream`` (default: stdout): ``COLUMNS``, its size, or ``default``."""
    with contextlib.suppress(ValueError):
        columns = int(os.environ.get("COLUMNS", ""))
        if columns > 0:
            return columns
    with contextlib.suppress(AttributeError, ValueError, OSError):
        columns = os.get_terminal_size((stream or sys.stdout).fileno()).columns
        if columns > 0:
            return columns
    return default


def use_color(stream: Any) -> bool:
    """Return True for a terminal with colours, unless ``NO_COLOR`` (https://no-color.org) is set."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") not in ("", "dumb")


def style(text: str, *names: str, stream: Any) -> str:
    """Style ``text`` if :func:`use_color` allows it: ``bold``, ``dim``, ``red``, ``yellow``, …"""
    if not use_color(stream):
        return text
    return f"\x1b[{';'.join(_STYLES[name] for name in names)}m{text}\x1b[0m"


def note(message: object) -> None:
    """Print a message on stderr."""
    _say(safe_text(message))


def warn(message: object) -> None:
    """Warn on stderr: ``hca: warning: …``."""
    _say(f"{style('hca: warning:', 'yellow', stream=sys.stderr)} {safe_text(message)}")


def _say(line: str) -> None:
    with display_lock:
        if _display is not None:
            _display(lambda: write_safely(sys.stderr, line + "\n"))
        else:
            write_safely(sys.stderr, line + "\n")


def set_display(display: Callable[[Callable[[], None]], None] | None) -> None:
    """Print messages through a display from now on; None for none."""
    global _display
    with display_lock:
        _display = display


def has_display() -> bool:
    """Return True if a display is on the terminal."""
    return _display is not None


def write_safely(stream: IO[str] | None, text: str) -> None:
    """Write a message; never fail, even if stderr is closed, full or has another encoding."""
    if stream is None:
        return
    with contextlib.suppress(OSError, ValueError):
        stream.write(encodable(text, stream))
        stream.flush()


def encodable(text: str, stream: Any) -> str:
    """Escape characters that the stream's encoding lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:
        return text.encode("ascii", "backslashreplace").decode("ascii")
    return text


def discard_stdout() -> None:
    """Discard pending output on stdout.

    For use after a ``BrokenPipeError``, so that the interpreter's own flush at exit does not complain.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, sys.stdout.fileno())
        finally:
            os.close(nowhere)
