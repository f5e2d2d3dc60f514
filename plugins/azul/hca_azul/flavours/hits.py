"""Reads entities in the service's responses: values, numbers and terms, whatever their shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Hit = Mapping[str, Any]

#: The largest number that JSON carries safely.
HIGHEST = 2**53 - 1


def inner(hit: Hit, name: str) -> list[dict[str, Any]]:
    """The inner entities of one kind."""
    found = hit.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def values(hit: Hit, name: str, member: str) -> list[Any]:
    """The distinct values of a member of all inner entities of one kind, without missing ones."""
    found: dict[Any, None] = {}
    for one in inner(hit, name):
        value = one.get(member)
        for part in value if isinstance(value, list) else [value]:
            if part is not None and part != "":
                found.setdefault(part if isinstance(part, str | int | float | bool) else str(part))
    return list(found)


def joined(value: Any) -> str:
    """One or several values joined to one string."""
    parts = value if isinstance(value, list) else [value]
    return ", ".join(str(part) for part in parts if part is not None)


def text_of(hit: Hit, name: str, member: str) -> str:
    """The values of a member of all inner entities of one kind, as one string."""
    return joined(values(hit, name, member))


def first_of(hit: Hit, name: str, member: str) -> str:
    """The first of these values as a string; empty if there is none."""
    found = values(hit, name, member)
    return str(found[0]) if found else ""


def sum_of(hit: Hit, name: str, member: str) -> int | None:
    """The sum of a member of all inner entities of one kind; None if none has a number."""
    numbers = [number for one in inner(hit, name) if (number := whole(one.get(member))) is not None]
    return sum(numbers) if numbers else None


def all_true(hit: Hit, name: str, member: str = "accessible") -> bool | None:
    """Whether a member is true in all inner entities of one kind; None if none has it."""
    known = [one[member] for one in inner(hit, name) if isinstance(one.get(member), bool)]
    return all(known) if known else None


def plain(value: Any) -> str:
    """A value as a string; empty for None."""
    return "" if value is None else str(value)


def first(value: Any) -> str:
    """The first of several values, or a single one, as a string; empty for none."""
    if isinstance(value, list):
        value = next((one for one in value if one is not None), None)
    return plain(value)


def whole(value: Any) -> int | None:
    """A number from the service as an integer; None if it is not a number.

    JSON may contain huge numbers, and 1e999, which Python parses as infinity.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not -HIGHEST <= value <= HIGHEST:
        return None
    return int(value)


def terms_of(facets: Mapping[str, Any], field: str) -> list[tuple[Any, int]]:
    """The values of a field and their counts, most frequent first."""
    entry = facets.get(field)
    terms = entry.get("terms") if isinstance(entry, dict) else None
    found = [
        (term.get("term"), whole(term.get("count")) or 0)
        for term in (terms if isinstance(terms, list) else ())
        if isinstance(term, dict)
    ]
    return sorted(found, key=lambda one: (-one[1], str(one[0])))
