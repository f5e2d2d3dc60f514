"""How values are compared: the mapping of the original index, in Python.

Facts (the original's ``mapping.json``): every string is a *keyword*, compared whole and in lower case, when it has at
most 256 characters, and has a sub-field ``.text`` that is analysed into words; ``uuid`` and ``manifest.version`` are
compared exactly; strings that look like dates are dates. Arrays are flattened: a path names all values below it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from typing import Any

# Strings that are longer are kept, but are found through ``.text`` only (Elasticsearch: ``ignore_above``).
KEYWORD_LIMIT = 256
EXACT_PATHS = frozenset({"uuid", "manifest.version"})

Scalar = str | int | float | bool
_WORD = re.compile(r"\w+", re.UNICODE)
_DATE = re.compile(r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:?\d{2}(:?\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?)?$")


def flatten(document: Any) -> dict[str, list[Scalar]]:
    """All scalar values of a JSON document by their dotted path, without the positions in arrays."""
    flat: dict[str, list[Scalar]] = {}
    # A list as the stack, so that a deeply nested document cannot exhaust the interpreter's.
    stack: list[tuple[str, Any]] = [("", document)]
    while stack:
        path, value = stack.pop()
        # dict first: a look at an abstract class takes longer than the rest.
        if isinstance(value, (dict, Mapping)):
            stack.extend(
                (f"{path}.{key}" if path else str(key), member) for key, member in reversed(list(value.items()))
            )
        elif isinstance(value, list):
            stack.extend((path, member) for member in reversed(value))
        elif value is not None:
            flat.setdefault(path, []).append(value)
    return flat


def words(value: Scalar) -> list[str]:
    """The words of a text, in lower case."""
    return [word.lower() for word in _WORD.findall(as_text(value))]


def as_text(value: Scalar) -> str:
    """A scalar as Elasticsearch writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def keyword(path: str, value: Scalar) -> str | None:
    """The form in which a value is compared whole, or None where it is too long to be."""
    text = as_text(value)
    if len(text) > KEYWORD_LIMIT:
        return None
    return text if path in EXACT_PATHS else text.lower()


def number(value: Any) -> float | None:
    """The value as a number, where it is one or spells one; booleans are not numbers."""
    if isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found == found else None


def date(value: Any) -> datetime.datetime | None:
    """The value as a point in time (UTC), where it spells a date."""
    if not isinstance(value, str) or not _DATE.match(value):
        return None
    try:
        found = datetime.datetime.fromisoformat(value if len(value) > 7 else value + "-01")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)


def same(path: str, value: Scalar, wanted: Scalar) -> bool:
    """Whether a stored value is the wanted one, compared whole."""
    if not isinstance(value, str) and not isinstance(value, bool):
        asked = number(wanted)
        return asked is not None and asked == number(value)
    stored = keyword(path, value)
    return stored is not None and stored == keyword(path, wanted)


def compare(path: str, value: Scalar, bound: Scalar) -> int | None:
    """Whether a stored value lies before (-1), at (0) or after (1) a bound; None where they do not compare."""
    left: Any
    right: Any
    if not isinstance(value, str):
        left, right = number(value), number(bound)
    elif (left := date(value)) is not None and (right := date(bound)) is not None:
        pass
    else:
        left, right = keyword(path, value), keyword(path, bound)
    if left is None or right is None:
        return None
    return (left > right) - (left < right)


def paths_matching(flat: Mapping[str, Any], pattern: str) -> Iterator[str]:
    """The paths of a document that a field name with ``*`` in it stands for."""
    regex = re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)
    return (path for path in flat if regex.fullmatch(path))
