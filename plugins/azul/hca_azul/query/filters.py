"""Converts filters from the command line to the service's form."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from hca_azul.flavours.flavour import Field, Flavour
from hca_azul.flavours.hits import HIGHEST
from hca_base.errors import UsageError

Filters = dict[str, dict[str, list[Any]]]

#: Represents a missing value.
NULLS = frozenset({"", "null", "none"})
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)\s*([kKMGT]?)")
_UNITS = {"": 1, "k": 1000, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}
#: In seconds, the service's unit for age ranges.
_AGES = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 7 * 86400,
    "month": 365 * 86400 // 12,
    "year": 365 * 86400,
}
_AGE = re.compile(r"(\d+(?:\.\d+)?(?:-\d+(?:\.\d+)?)?)\s*([a-z]+)")
_AGE_END = re.compile(r"(?:[0-9]{1,6}(?:\.[0-9]{0,6})?)?")
OPERATORS = ("is", "within", "contains", "intersects")


def parse_filters(flavour: Flavour, terms: Iterable[str] = (), raw: Mapping[str, Any] | None = None) -> Filters:
    """Filters from terms like ``organ=brain,heart`` and ``cells=1000..5000``, and from the service's JSON form.

    Several values, and several terms of one field, are alternatives. Different fields must all match.

    :param flavour: defines the fields
    :param raw: filters in the service's JSON form; no field may be in both
    :raises UsageError: a term is invalid
    """
    found: Filters = {}
    for term in terms:
        name, equals, text = term.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"the filter {term!r} is not of the form FIELD=VALUE", hint="for example organ=brain")
        field = flavour.field_of(name.strip())
        name, operator, values = _parsed(field, text)
        known = found.setdefault(name, {operator: []})
        if operator not in known:
            raise UsageError(
                f"the filters on {name} combine single values and a range, which the service does not support"
            )
        if operator != "is" and known[operator]:
            raise UsageError(f"two ranges for {name}; the service accepts only one")
        known[operator] += [value for value in values if value not in known[operator]]
        if field.kind == "accession" and len(known[operator]) > 1:
            raise UsageError("the service accepts only one accession at a time")
    for name, operation in checked({} if raw is None else raw).items():
        if name in found:
            raise UsageError(f"{name} is in --filter and in --filters")
        found[name] = operation
    return found


def checked(raw: Mapping[str, Any]) -> Filters:
    """Parse filters in the service's JSON form.

    :raises UsageError: they are invalid
    """
    if not isinstance(raw, Mapping):
        raise UsageError("the filters must be a JSON object", hint='for example {"organ": {"is": ["brain"]}}')
    for name, operation in raw.items():
        if not (
            isinstance(operation, Mapping)
            and len(operation) == 1
            and next(iter(operation)) in OPERATORS
            and isinstance(next(iter(operation.values())), list)
        ):
            raise UsageError(
                f"the filter on {name} must be an object with one operator ({', '.join(OPERATORS)}) and a list",
                hint=f'for example {{"{name}": {{"is": ["value"]}}}}',
            )
    return {str(name): dict(operation) for name, operation in raw.items()}


def _parsed(field: Field, text: str) -> tuple[str, str, list[Any]]:
    """Name, operator and values of one term."""
    if ".." in text and field.kind in ("number", "range", "age"):
        return _range(field, text)
    if field.kind == "range":
        raise UsageError(f"{field.name} takes a range, such as {field.name}=1000..5000, not {text!r}")
    values: list[Any] = []
    for value in split_values(text):
        if value.lower() in NULLS:
            if field.name in ("accessible", "sourceId", "source_id"):
                raise UsageError(f"{field.name} is never missing")
            values.append(None)
        else:
            values.append(_value(field, value))
    return field.name, "is", values


def split_values(text: str) -> list[str]:
    """The values between commas; one in double quotes may contain commas."""
    try:
        cells = next(csv.reader([text], skipinitialspace=True, strict=text.count('"') % 2 == 1), [])
    except csv.Error as error:
        raise UsageError(f"the value {text[:80]!r} cannot be read: {error}") from None
    return [cell.strip() for cell in cells] or [""]


def _value(field: Field, text: str) -> Any:
    if field.kind == "number":
        return _number(field, text)
    if field.kind == "boolean":
        if text.lower() not in _BOOLEANS:
            raise UsageError(f"{field.name} requires true or false, not {text!r}")
        return _BOOLEANS[text.lower()]
    if field.kind == "age":
        match = _AGE.fullmatch(text.lower())
        if not match:
            raise UsageError(f"{text!r} is not a valid age", hint="for example age='20 year'")
        return {"value": match[1], "unit": _unit(match[2])}
    if field.kind == "atlas":
        atlas, colon, version = text.partition(":")
        return {"atlas": atlas, "version": version} if colon else {"atlas": atlas}
    if field.kind == "object":
        return _object(field, text)
    if field.kind == "accession":
        namespace, colon, accession = text.partition(":")
        return {"namespace": namespace, "accession": accession} if colon else {"accession": text}
    return text


def _object(field: Field, text: str) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UsageError(
            f"{field.name} requires a JSON object, not {text!r}", hint="the command facets lists its values"
        )
    return found


def _number(field: Field, text: str) -> int:
    match = _NUMBER.fullmatch(text.strip().replace("_", ""))
    if not match:
        raise UsageError(f"{field.name} requires a number, not {text!r}", hint=f"for example {field.name}=1000..5000")
    number = float(match[1]) * _UNITS[match[2]]
    if abs(number) > HIGHEST:
        raise UsageError(f"{field.name} is never as large as {text[:40]}")
    return int(number) if "." in match[1] else int(match[1]) * _UNITS[match[2]]


def _unit(text: str) -> str:
    return text[:-1] if text.endswith("s") and len(text) > 3 else text


def _range(field: Field, text: str) -> tuple[str, str, list[Any]]:
    low, _, high = (part.strip() for part in text.partition(".."))
    if not low and not high:
        raise UsageError(f"the range for {field.name} has no limits")
    name = field.name
    if field.kind == "age":
        match = re.fullmatch(r"([^a-z]*)([a-z]+)", high.lower())
        unit = _AGES.get(_unit(match[2])) if match else None
        ends = [low, match[1].strip() if match else ""]
        if unit is None or not all(_AGE_END.fullmatch(end) for end in ends):
            raise UsageError(f"{text[:80]!r} is not a range of ages", hint="for example age='20..30 year'")
        # The service treats ages as text; ranges of them are a separate field, in seconds.
        name = "organismAgeRange"
        low, high = (end and str(int(float(end) * unit)) for end in ends)
    bounds = [_number(field, low) if low else 0, _number(field, high) if high else HIGHEST]
    if bounds[0] > bounds[1]:
        raise UsageError(f"the range {text!r} of {field.name} has its limits reversed")
    return name, "within", [bounds]
