"""Results as rows and columns."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hca_base.errors import UsageError

VALUE = "value"
"""The column of things that have no names."""

_ABSENT = object()


def to_plain(value: Any) -> Any:
    """The JSON form of a value that JSON has none for."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "backslashreplace")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, Iterable):
        return list(value)
    return str(value)


def without_nan(value: Any) -> Any:
    """``value`` with null for numbers that JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(inner) for inner in value]
    return value


def cell(value: Any) -> str:
    """A value as the text of one cell: nothing for null, compact JSON for what has parts."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(without_nan(value), ensure_ascii=False, default=to_plain)


def is_list(data: Any) -> bool:
    """Whether a result is a list of things rather than one."""
    return isinstance(data, list | tuple)


def row_of(item: Any) -> Mapping[str, Any]:
    """A thing as a row."""
    return item if isinstance(item, Mapping) else {VALUE: item}


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """All columns of some rows, in the order in which they come up."""
    found: dict[str, None] = {}
    for row in rows:
        for name in row:
            found.setdefault(str(name))
    return list(found)


def pick(row: Mapping[str, Any], column: str) -> Any:
    """The value of a column; a dotted one goes into objects. None where there is none."""
    value = _find(row, column)
    return None if value is _ABSENT else value


def has(row: Mapping[str, Any], column: str) -> bool:
    """Whether a row has a column, be it null."""
    return _find(row, column) is not _ABSENT


def select(data: Any, columns: Sequence[str]) -> Any:
    """The result with these columns only, in this order.

    :raises UsageError: no row has such a column
    """
    rows = [row_of(item) for item in data] if is_list(data) else [row_of(data)]
    check_columns(rows, columns)
    picked = [{column: pick(row, column) for column in columns} for row in rows]
    return picked if is_list(data) else picked[0]


def check_columns(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], option: str = "-c") -> None:
    """Refuse columns that no row has.

    :raises UsageError: naming the column and those that there are
    """
    if not rows:
        return
    for column in columns:
        if all(_find(row, column) is _ABSENT for row in rows):
            known = columns_of(rows)
            import difflib

            near = difflib.get_close_matches(column, known, 1)
            shown = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
            raise UsageError(
                f"{option}: no column {column!r}; there are: {shown or 'none'}",
                hint=f"did you mean {near[0]}?" if near else None,
            )


def sorted_rows(data: Any, sort: Sequence[str]) -> Any:
    """A list sorted by columns, the first one first; ``NAME:desc`` or ``-NAME`` turns the order. Nulls come last.

    :raises UsageError: no row has such a column
    """
    if not is_list(data):
        return data
    result = list(data)
    for name in reversed(sort):
        column, descending = _direction(name)
        check_columns([row_of(item) for item in result], [column], "--sort")
        present = [item for item in result if pick(row_of(item), column) is not None]
        absent = [item for item in result if pick(row_of(item), column) is None]
        present.sort(key=lambda item: _order(pick(row_of(item), column)), reverse=descending)
        result = present + absent
    return result


def _direction(name: str) -> tuple[str, bool]:
    for suffix, descending in ((":desc", True), (":asc", False)):
        if name.endswith(suffix):
            return name.removesuffix(suffix), descending
    return (name[1:], True) if name.startswith("-") and len(name) > 1 else (name, False)


def _order(value: Any) -> tuple[int, Any]:
    """A key that orders values of all kinds: numbers, then text, then the rest by its JSON."""
    if isinstance(value, bool | int | float):
        return (0, value if value == value else math.inf)
    return (1, value) if isinstance(value, str) else (2, cell(value))


def _find(row: Mapping[str, Any], column: str) -> Any:
    if column in row:
        return row[column]
    value: Any = row
    for part in column.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _ABSENT
        value = value[part]
    return value
