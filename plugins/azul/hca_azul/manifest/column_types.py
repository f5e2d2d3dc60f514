"""Infers the types of table columns from all values: Parquet needs them before the first row is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """The common type of a column's values.

    :ivar name: bool, int, long (not exact as a double), double, string, or json for everything else; empty for
        only nulls
    :ivar depth: levels of lists around them
    """

    name: str
    depth: int = 0


_NONE, _JSON = Kind(""), Kind("json")
_EXACT, _INT64 = 1 << 53, 1 << 63


def kind_of(value: Any) -> Kind:
    """Return the type of a value."""
    if value is None:
        return _NONE
    if isinstance(value, bool):
        return Kind("bool")
    if isinstance(value, int):
        return _JSON if not -_INT64 <= value < _INT64 else Kind("int" if abs(value) <= _EXACT else "long")
    if isinstance(value, float):
        return Kind("double")
    if isinstance(value, str):
        return Kind("string")
    if isinstance(value, list):
        inner = _NONE
        for one in value:
            inner = merged(inner, kind_of(one))
        return _JSON if inner == _JSON else Kind(inner.name, inner.depth + 1)
    return _JSON


def merged(one: Kind, other: Kind) -> Kind:
    """Return the common type of two types."""
    if one == other or other == _NONE:
        return one
    if one == _NONE:
        return other
    if one.depth != other.depth:
        return _JSON
    names = {one.name, other.name} - {""}
    if len(names) < 2:
        return Kind(next(iter(names), ""), one.depth)
    if names == {"int", "long"}:
        return Kind("long", one.depth)
    return Kind("double", one.depth) if names == {"int", "double"} else _JSON


class ColumnTypes:
    """The types of the columns of one table."""

    def __init__(self) -> None:
        self._kinds: dict[str, Kind] = {}

    def see(self, row: Mapping[str, Any]) -> None:
        """Update the types with the values of a row."""
        for name, value in row.items():
            known = self._kinds.get(name, _NONE)
            if known != _JSON:
                self._kinds[name] = merged(known, kind_of(value))

    def schema(self, pyarrow: Any, columns: Iterable[str]) -> Any:
        """Return the schema of a table with these columns; columns without a single type become strings."""
        return pyarrow.schema([(name, self._type(pyarrow, self._kinds.get(name, _NONE))) for name in columns])

    def _type(self, pyarrow: Any, kind: Kind) -> Any:
        plain = {"bool": pyarrow.bool_(), "int": pyarrow.int64(), "long": pyarrow.int64(), "double": pyarrow.float64()}
        # Mixed types, nested, or empty: use a type that every reader supports.
        if kind.name in ("", "json"):
            return pyarrow.string()
        found = plain.get(kind.name, pyarrow.string())
        for _ in range(kind.depth):
            found = pyarrow.list_(found)
        return found
