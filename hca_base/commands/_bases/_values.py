"""Argument types: JSON as text, ``@file`` or stdin; booleans; durations."""

from __future__ import annotations

import argparse
import json
from typing import Any

from hca_base.commands._bases._context import read_stdin
from hca_base.errors import UsageError

_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}


def _contents(value: str) -> tuple[str, str]:
    """Return the text of an argument, and a description of its source."""
    if value == "-":
        return read_stdin(), "stdin"
    if value.startswith("@"):
        from hca_base.config import expand_home

        path = expand_home(value[1:])
        try:
            return path.read_bytes().decode("utf-8-sig"), str(path)
        except OSError as error:
            raise argparse.ArgumentTypeError(f"{path} cannot be read: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise argparse.ArgumentTypeError(f"{path} is not UTF-8 text") from None
    return value, "the argument"


def json_argument(value: str) -> Any:
    """JSON as text, ``@file`` or ``-`` (stdin).

    :raises argparse.ArgumentTypeError: it is not JSON; the message has the position
    """
    try:
        text, source = _contents(value)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}" if "\n" in text else f"column {error.colno}"
        raise argparse.ArgumentTypeError(f"{source} is not JSON: {error.msg} ({where})") from None
    except RecursionError:
        raise argparse.ArgumentTypeError(f"{source} is nested too deeply") from None


json_argument.__name__ = "JSON"


def text_argument(value: str) -> str:
    """Text, ``@file`` or ``-`` (stdin)."""
    try:
        return _contents(value)[0]
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


text_argument.__name__ = "text"


def boolean_argument(value: str) -> bool:
    """``true`` or ``false`` (yes/no, on/off, 1/0)."""
    word = value.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise argparse.ArgumentTypeError(f"{value!r} is not true or false")


boolean_argument.__name__ = "boolean"


def seconds_argument(value: str) -> float:
    """A time in seconds, more than none and at most a year."""
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 366 * 86400:
        raise argparse.ArgumentTypeError(f"{value!r} is not a valid number of seconds")
    return seconds


seconds_argument.__name__ = "seconds"


def add_json_argument(parser: argparse.ArgumentParser, *names: str, **kwargs: Any) -> argparse.Action:
    """An option for :func:`json_argument` whose help lists the accepted forms."""
    kwargs["help"] = f"{kwargs.get('help', '')} (JSON, @FILE, or - for stdin)".strip()
    kwargs.setdefault("metavar", "JSON")
    return parser.add_argument(*names, type=json_argument, **kwargs)
