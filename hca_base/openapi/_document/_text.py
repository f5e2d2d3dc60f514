"""Format texts of a document for display on one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

#: Maximum number of oneOf schemas named in help.
_MAX_BRANCHES = 12

_LONGEST = 300


def one_line(text: str) -> str:
    """Return text without line breaks, control or direction characters, with words separated by single spaces."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def printable(text: str) -> str:
    """Return text for a message: shortened, and without unprintable characters."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:_LONGEST])
    return shown if len(text) <= _LONGEST else shown + "…"


def suggestion(name: str, known: Iterable[str]) -> str:
    """ "; did you mean X?", or nothing."""
    import difflib

    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def limits_of(raw: dict[str, Any]) -> str:
    """Return the limits of a value in words, such as "10 to 500"."""
    notes = []
    low, high = _number(raw.get("minimum")), _number(raw.get("maximum"))
    if low is not None and high is not None:
        notes.append(f"{low} to {high}")
    elif low is not None:
        notes.append(f"at least {low}")
    elif high is not None:
        notes.append(f"at most {high}")
    for least, most, unit in (("minLength", "maxLength", "characters"), ("minItems", "maxItems", "items")):
        # 0 is no real limit, and limits this high come from the field's type, not the service.
        low, high = _number(raw.get(least)) or None, _number(raw.get(most))
        if low is not None and high is not None:
            notes.append(f"{low} {unit}" if low == high else f"{low} to {high} {unit}")
        elif high is not None:
            notes.append(f"at most {high} {unit}")
        elif low is not None and low > 1:
            notes.append(f"at least {low} {unit}")
    return ", ".join(notes)


def branches_of(parts: Any) -> str:
    """Return the names of alternative schemas, such as "either Cat, Dog or Bird"."""
    names = []
    for part in parts[:_MAX_BRANCHES]:
        reference = part.get("$ref") if isinstance(part, dict) else None
        name = unquote(reference).rpartition("/")[2] if isinstance(reference, str) else _title(part)
        if name and name.isprintable() and not name.isdigit():
            names.append(name[:60])
    names = list(dict.fromkeys(names))
    if len(names) < 2:
        return ""
    more = ", …" if len(parts) > _MAX_BRANCHES else ""
    return f"either {', '.join(names[:-1])} or {names[-1]}{more}"


def _title(part: Any) -> str:
    title = part.get("title") if isinstance(part, dict) else None
    return title if isinstance(title, str) else ""


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 10**18:
        return None
    return value
