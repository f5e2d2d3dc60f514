"""Numbers that keep their original digits: ``1.10``, ``1e400``, ``007``."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_made: list[bool] = []
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")


class Digits(float):
    """A number with its text."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Digits:
        number = super().__new__(cls, text)
        number.text = text.strip()
        if not _made:
            _made.append(True)
        return number

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.text,)


class WholeDigits(int):
    """A whole number with its text."""

    text: str

    def __new__(cls, text: str) -> WholeDigits:
        number = super().__new__(cls, text, 10)
        number.text = text.strip()
        return number

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.text,)


# jmespath recognizes numbers by the name of their class.
Digits.__name__, WholeDigits.__name__ = "float", "int"


def read_json(text: str) -> Any:
    """Parse JSON; fractions keep their digits.

    :raises ValueError: it is not JSON
    :raises RecursionError: it is nested too deeply
    """
    return json.loads(text, parse_float=Digits)


def read_shown(text: str) -> Any:
    """Parse JSON for display: numbers are Python's, except those that Python would write differently.

    :raises ValueError: it is not JSON
    :raises RecursionError: it is nested too deeply
    """
    return json.loads(text, parse_float=_shown)


def _shown(text: str) -> float:
    number = float(text)
    return number if repr(number) == text else Digits(text)


def any_digits() -> bool:
    """Return True if this process has created such numbers, since searching values for them takes time."""
    return bool(_made)


def write_json(value: Any, encode: Callable[[Any], str] | None = None) -> str:
    """Return a value as JSON; numbers keep their original digits.

    :param encode: encodes values without such numbers; default: JSON in one line
    :raises ValueError: it contains values that JSON does not support
    :raises TypeError: the same
    :raises RecursionError: it is nested too deeply
    """
    held = _held(value)
    written = (encode or _ENCODE)(held)
    return written if held is value else _places().sub(r"\1", written)


def _held(value: Any) -> Any:
    """Replace numbers with digits by placeholder strings, since the encoder would write its own digits."""
    members: Any
    if type(value) is dict:
        members = value.items()
    elif isinstance(value, (Digits, WholeDigits)):
        # Typed numbers such as "007" and "inf" are not valid JSON.
        return f"{_mark()}{value.text};" if _JSON_NUMBER.fullmatch(value.text) else value
    elif isinstance(value, Mapping):
        members = value.items()
    elif isinstance(value, (list, tuple)):
        members = enumerate(value)
    else:
        return value
    # Most parts have no such numbers and are not copied.
    result: Any = value
    for key, member in members:
        if type(member) in _PLAIN:
            continue
        held = _held(member)
        if held is not member:
            if result is value:
                result = dict(value) if isinstance(value, Mapping) else list(value)
            result[key] = held
    return result


_PLAIN = frozenset({str, int, float, bool, type(None)})


@functools.cache
def _mark() -> str:
    """Return a unique string."""
    import secrets

    return secrets.token_hex(16)


@functools.cache
def _places() -> re.Pattern[str]:
    return re.compile(f'"{_mark()}([0-9eE.+-]+);"')


_ENCODE = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode
