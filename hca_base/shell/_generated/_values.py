"""Convert the words of a command line to values of an API's parameters."""

from __future__ import annotations

import argparse
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hca_base.commands import boolean_argument, json_argument, text_argument

if TYPE_CHECKING:
    from hca_base.openapi import Parameter


class Items(list[Any]):
    """A JSON list given as one word."""


def type_of(parameter: Parameter) -> Callable[[str], Any]:
    if parameter.whole and parameter.type == "string":
        return _body_text
    in_body = parameter.location == "body"
    plain: Callable[[str], Any]
    if parameter.whole and parameter.type == "array":
        plain = _json_items
    elif parameter.type == "array":
        plain = _item_type(parameter.items, in_body)
    else:
        plain = _scalar_type(parameter.type, in_body)
    if parameter.type in ("file", "string") and not reads_null(parameter):
        return plain

    def value(text: str) -> Any:
        from hca_base.openapi import NULL

        if text.strip() == "null" and reads_null(parameter):
            return NULL
        found = plain(text)
        if found is None and parameter.type != "array":
            # None would mean that the option is not given. URLs have no null, only strings.
            return "null" if parameter.type == "any" and parameter.location != "body" else NULL
        return found

    value.__name__ = getattr(plain, "__name__", "value")
    return value


def of_type(name: str) -> Callable[[str], Any]:
    """Return the converter from a word to a JSON type; lists and objects are JSON."""
    if name in ("array", "object"):
        return _json
    check = _scalar_type(name, True)
    if name not in ("integer", "number"):
        return check

    def number(value: str) -> Any:
        check(value)
        return _json(value)

    number.__name__ = name
    return number


def reads_null(parameter: Parameter) -> bool:
    """Return True if the word ``null`` means JSON's null: it is allowed, and the value cannot be a string."""
    texts = parameter.type == "string" or (parameter.type == "array" and parameter.items in (None, "string"))
    return parameter.takes_null and (not texts or ("null" not in parameter.choices and bool(parameter.choices)))


def _scalar_type(name: str | None, in_body: bool) -> Callable[[str], Any]:
    types: dict[str | None, Callable[[str], Any]] = {
        "integer": _integer,
        "number": _number,
        "boolean": boolean_argument,
        "object": _json,
        "any": _anything if in_body else _plain_text,
        "file": _file,
    }
    return types.get(name, str)


def _item_type(name: str | None, in_body: bool) -> Callable[[str], Any]:
    scalar = _scalar_type(name, in_body)

    def item(value: str) -> Any:
        if value[:1] in ("[", "@") or value == "-":
            if name in (None, "string") and value[:1] != "[":
                return value
            if name == "file" and value[:1] != "[":
                return scalar(value)
            try:
                parsed = _json(value)
            except argparse.ArgumentTypeError:
                if name in (None, "string"):
                    return value
                raise
            return Items(parsed) if isinstance(parsed, list) else parsed
        return scalar(value)

    item.__name__ = getattr(scalar, "__name__", "value")
    return item


def _json_items(value: str) -> Any:
    """Return the items of a body that is a list: a JSON list, ``@FILE``, ``-``, or one item."""
    found = _anything(value)
    return Items(found) if isinstance(found, list) else found


def _body_text(value: str) -> Any:
    """Return a text body: the text itself, or ``@FILE`` or ``-``, whose bytes are sent unchanged."""
    return _file(value) if value == "-" or value.startswith("@") else value


_body_text.__name__ = "text"


def body_bytes(value: str) -> Any:
    found = _body_text(value)
    return found.encode("utf-8", "surrogateescape") if isinstance(found, str) else found


body_bytes.__name__ = "text"


def whole_number(value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise argparse.ArgumentTypeError(f"{value!r} is not a number of items")
    return int(value[:18])


def _integer(value: str) -> str:
    """Return an integer that keeps the typed digits."""
    try:
        int(value, 10)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number") from None
    return value


def _number(value: str) -> str:
    """Return a number that keeps the typed digits."""
    try:
        float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number") from None
    return value


def _anything(value: str) -> Any:
    """Parse JSON, or return other text unchanged."""
    from hca_base.output import read_json

    text = text_argument(value) if value.startswith("@") or value == "-" else value
    try:
        return read_json(text)
    except (ValueError, RecursionError):
        return text


def _plain_text(value: str) -> str:
    """Return the typed text unchanged, for URLs and headers without a declared type."""
    return text_argument(value) if value.startswith("@") or value == "-" else value


def _json(value: str) -> Any:
    """Parse JSON from text, ``@file`` or ``-``; numbers keep the typed digits."""
    from hca_base.output import read_json

    if value != "-":
        try:
            return read_json(text_argument(value) if value.startswith("@") else value)
        except (ValueError, RecursionError):
            pass  # json_argument reports the error with its position
    return json_argument(value)


_json.__name__ = "JSON"


def _file(value: str) -> Any:
    """Return the content of a file for a file parameter: a path (or a pipe's), or ``-`` for stdin."""
    from hca_base.commands import read_stdin_bytes
    from hca_base.config import expand_home

    if value == "-":
        return read_stdin_bytes()
    path = expand_home(value.removeprefix("@"))
    try:
        folder = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise argparse.ArgumentTypeError(f"file {path} does not exist") from None
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path} cannot be read: {error.strerror or error}") from None
    if folder:
        raise argparse.ArgumentTypeError(f"{path} is a folder; name a file")
    return path
