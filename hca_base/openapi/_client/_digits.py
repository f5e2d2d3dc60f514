"""Numbers that keep the digits with which they were typed: ``1.10``, ``1e5``, ``007``."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")


class Digits(float):
    """A number with its text."""

    text: str

    def __new__(cls, text: str) -> Digits:
        number = super().__new__(cls, text)
        number.text = text.strip()
        return number

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.text,)


class WholeDigits(int):
    """A whole number with its text."""

    text: str

    def __new__(cls, text: str) -> WholeDigits:
        number = super().__new__(cls, text, 10)
        number.text = text.strip()
        return number

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.text,)


def read_json(text: str) -> Any:
    """Parse JSON; fractions keep their digits.

    :raises ValueError: it is not JSON
    :raises RecursionError: it is nested too deeply
    """
    return json.loads(text, parse_float=Digits)


def write_json(value: Any) -> str:
    """Return a value as JSON, numbers with the digits with which they were typed.

    :raises ValueError: it holds what JSON cannot
    :raises TypeError: the same
    :raises RecursionError: it is nested too deeply
    """
    mark = ""
    texts: list[str] = []

    def kept(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: kept(member) for key, member in value.items()}
        if isinstance(value, (list, tuple)):
            return [kept(each) for each in value]
        if isinstance(value, (Digits, WholeDigits)) and _JSON_NUMBER.fullmatch(value.text):
            # The encoder writes its own digits for a number: a text that nothing else contains holds the place.
            nonlocal mark
            mark = mark or secrets.token_hex(16)
            texts.append(value.text)
            return f"{mark}{len(texts) - 1};"
        return value

    written = json.dumps(kept(value), allow_nan=False, ensure_ascii=False)
    if mark:
        written = re.sub(f'"{mark}([0-9]+);"', lambda match: texts[int(match[1])], written)
    return written
