"""How the words of a command line become values of an API's parameters."""

from __future__ import annotations

import argparse
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hca_base.commands import boolean_argument, json_argument, text_argument

if TYPE_CHECKING:
    from hca_base.openapi import Parameter


class Items(list[Any]):
    """A JSON list that was given as one word."""


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
            # None would stand for an option that is not given. A URL has no null, but texts.
            return "null" if parameter.type == "any" and parameter.location != "body" else NULL
        return found

    value.__name__ = getattr(plain, "__name__", "value")
    return value


def of_type(name: str) -> Callable[[str], Any]:
    """What reads a word as a value of a JSON type; lists and objects are JSON."""
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
    """Whether the word ``null`` is JSON's null: where that can be sent, and the word means nothing else as a text."""
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
    """Items of a whole body that is a list: a JSON list, ``@FILE``, ``-``, or one item."""
    found = _anything(value)
    return Items(found) if isinstance(found, list) else found


def _body_text(value: str) -> Any:
    """A body that is text: the text itself, ``@FILE`` or ``-``, whose bytes go as they are."""
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
    """A whole number, with the digits that were typed."""
    try:
        int(value, 10)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number") from None
    return value


def _number(value: str) -> str:
    """A number, with the digits that were typed."""
    try:
        float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number") from None
    return value


def _anything(value: str) -> Any:
    """Any JSON, and every other text as it is."""
    from hca_base.output import read_json

    text = text_argument(value) if value.startswith("@") or value == "-" else value
    try:
        return read_json(text)
    except (ValueError, RecursionError):
        return text


def _plain_text(value: str) -> str:
    """What a URL or header takes where no type is stated: the text as it was typed."""
    return text_argument(value) if value.startswith("@") or value == "-" else value


def _json(value: str) -> Any:
    """JSON as text, ``@file`` or ``-``, its numbers with the digits that were typed."""
    from hca_base.output import read_json

    if value != "-":
        try:
            return read_json(text_argument(value) if value.startswith("@") else value)
        except (ValueError, RecursionError):
            pass  # json_argument says what is wrong, and where
    return json_argument(value)


_json.__name__ = "JSON"


def _file(value: str) -> Any:
    """The content of a file, for parameters that carry one: a path (a pipe's, too), or ``-`` for stdin."""
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
