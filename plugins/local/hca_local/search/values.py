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

# Longer strings are stored, but only found through ``.text`` (Elasticsearch: ``ignore_above``).
KEYWORD_LIMIT = 256
EXACT_PATHS = frozenset({"uuid", "manifest.version"})

Scalar = str | int | float | bool
_WORD = re.compile(r"\w+", re.UNICODE)
_DATE = re.compile(r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:?\d{2}(:?\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?)?$")


def flatten(document: Any) -> dict[str, list[Scalar]]:
    """All scalar values of a JSON document by their dotted path, without array indices."""
    flat: dict[str, list[Scalar]] = {}
    # An explicit stack, so that a deeply nested document cannot cause a RecursionError.
    stack: list[tuple[str, Any]] = [("", document)]
    while stack:
        path, value = stack.pop()
        # dict first: checking against an abstract class is slower.
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
    """A scalar as Elasticsearch formats it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def keyword(path: str, value: Scalar) -> str | None:
    """The normalized form for whole comparisons, or None if the value is too long."""
    text = as_text(value)
    if len(text) > KEYWORD_LIMIT:
        return None
    return text if path in EXACT_PATHS else text.lower()


def number(value: Any) -> float | None:
    """The value as a number, if it is or represents one; booleans are not numbers."""
    if isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found == found else None


def date(value: Any) -> datetime.datetime | None:
    """The value as a point in time (UTC), if it represents a date."""
    if not isinstance(value, str) or not _DATE.match(value):
        return None
    try:
        found = datetime.datetime.fromisoformat(value if len(value) > 7 else value + "-01")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)


def same(path: str, value: Scalar, wanted: Scalar) -> bool:
    """Whether a stored value equals the given one, as a whole."""
    if not isinstance(value, str) and not isinstance(value, bool):
        asked = number(wanted)
        return asked is not None and asked == number(value)
    stored = keyword(path, value)
    return stored is not None and stored == keyword(path, wanted)


def compare(path: str, value: Scalar, bound: Scalar) -> int | None:
    """Whether a stored value is below (-1), equal to (0) or above (1) a bound; None if they are not comparable."""
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
    """The paths of a document that match a field name with ``*`` in it."""
    regex = re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)
    return (path for path in flat if regex.fullmatch(path))
