"""What is known of the terminal, and messages on stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import IO, Any

from hca_base._fork import ForkLock
from hca_base.output._text import safe_text

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}

# A display that owns the lower lines of the terminal (a Progress): messages are printed through it. It works under this
# very lock, since with one of its own the two could be taken in either order.
display_lock = ForkLock(reentrant=True)
_display: Callable[[Callable[[], None]], None] | None = None


def is_terminal(stream: Any) -> bool:
    """Whether a stream shows on a terminal."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError, OSError):  # no stream at all, or a closed one
        return False


def terminal_width(stream: Any = None, default: int = 80) -> int:
    """The columns of the terminal of ``stream`` (default: stdout): ``COLUMNS``, its own word, or ``default``."""
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
    """Whether colours are welcome: a terminal that knows them, and no ``NO_COLOR`` (https://no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") not in ("", "dumb")


def style(text: str, *names: str, stream: Any) -> str:
    """``text`` in colour or bold where :func:`use_color` allows it: ``bold``, ``dim``, ``red``, ``yellow``, …"""
    if not use_color(stream):
        return text
    return f"\x1b[{';'.join(_STYLES[name] for name in names)}m{text}\x1b[0m"


def note(message: object) -> None:
    """Say something on stderr."""
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
    """Let messages go through a display from now on; None for none."""
    global _display
    with display_lock:
        _display = display


def has_display() -> bool:
    """Whether a display is on the terminal now."""
    return _display is not None


def write_safely(stream: IO[str] | None, text: str) -> None:
    """Write a message; a stderr that is closed, full or of another encoding is no reason to fail."""
    if stream is None:
        return
    with contextlib.suppress(OSError, ValueError):
        stream.write(encodable(text, stream))
        stream.flush()


def encodable(text: str, stream: Any) -> str:
    """``text`` with characters that the stream's encoding lacks written as escapes."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:
        return text.encode("ascii", "backslashreplace").decode("ascii")
    return text


def discard_stdout() -> None:
    """Send what is still to be written on stdout nowhere.

    For use after a ``BrokenPipeError``, so that the interpreter's own flush at exit does not complain.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, sys.stdout.fileno())
        finally:
            os.close(nowhere)
