"""Results as rows and columns, and tables that fit the terminal."""

from __future__ import annotations

import functools
import itertools
import json
import math
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from hca_base.errors import UsageError
from hca_base.output._digits import Digits, any_digits, write_json
from hca_base.output._terminal import safe_text, text_width

VALUE = "value"
"""The column of things that have no names."""

_ABSENT = object()


def to_plain(value: Any) -> Any:
    """Return a JSON value for a type that JSON does not support."""
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
    """Replace numbers that JSON does not support with null; numbers out of a float's range are kept."""
    if isinstance(value, float) and not math.isfinite(value) and not isinstance(value, Digits):
        return None
    if isinstance(value, Mapping):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(inner) for inner in value]
    return value


def cell(value: Any) -> str:
    """Return the text of a cell: empty for null, compact JSON for lists and objects."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return written(without_nan(value))


@functools.cache
def _encoder(indent: int | None, ensure_ascii: bool) -> Callable[[Any], str]:
    # Share one encoder, because json.dumps creates a new one for each call with options.
    return json.JSONEncoder(ensure_ascii=ensure_ascii, allow_nan=False, indent=indent, default=to_plain).encode


def written(value: Any, indent: int | None = None, *, ensure_ascii: bool = False) -> str:
    """Return a value as JSON; numbers keep the service's digits.

    :raises ValueError: it contains a number that JSON does not support
    """
    encode = _encoder(indent, ensure_ascii)
    return write_json(value, encode) if any_digits() else encode(value)


def is_list(data: Any) -> bool:
    """Return True if a result is a list of items."""
    return isinstance(data, list | tuple)


def row_of(item: Any) -> Mapping[str, Any]:
    """Return an item as a row."""
    return item if isinstance(item, Mapping) else {VALUE: item}


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return all columns of some rows, in order of appearance."""
    found: dict[str, None] = {}
    for row in rows:
        for name in row:
            found.setdefault(str(name))
    return list(found)


def pick(row: Mapping[str, Any], column: str) -> Any:
    """Return the value of a column, which may be dotted for nested objects; None if it is missing."""
    value = _find(row, column)
    return None if value is _ABSENT else value


def has(row: Mapping[str, Any], column: str) -> bool:
    """Return True if a row has a column, even if it is null."""
    return _find(row, column) is not _ABSENT


def select(data: Any, columns: Sequence[str]) -> Any:
    """Return the result with only these columns, in this order.

    :raises UsageError: no row has such a column
    """
    rows = [row_of(item) for item in data] if is_list(data) else [row_of(data)]
    check_columns(rows, columns)
    picked = [{column: pick(row, column) for column in columns} for row in rows]
    return picked if is_list(data) else picked[0]


def check_columns(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], option: str = "-c") -> None:
    """Refuse columns that no row has.

    :raises UsageError: with the column and the available ones
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
                f"{option}: unknown column {column!r}; choose from {shown or 'none'}",
                hint=f"did you mean {near[0]}?" if near else None,
            )


def sorted_rows(data: Any, sort: Sequence[str]) -> Any:
    """Sort a list by columns in order of precedence; ``NAME:desc`` or ``-NAME`` is descending. Nulls come last.

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
    """Return a sort key for values of any type: numbers, then text, then others by their JSON."""
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


_LEAST = 24
"""Words of up to this many cells are not broken; a table that would break them is shown record by record."""


def table(data: Any, columns: Sequence[str] | None, width: int | None) -> str:
    """Return a result as a table: a list with a row per item, an object with a row per key.

    :param width: maximum width in cells; None for no limit
    """
    if not is_list(data):
        if not isinstance(data, Mapping):
            return safe_text(cell(data))
        rows = [[name, data.get(name, pick(data, name))] for name in columns or [str(key) for key in data]]
        return _draw(["Field", "Value"], rows, width) or _records(["Field", "Value"], rows, width or 80)
    items = [row_of(item) for item in data]
    names = list(columns or columns_of(items))
    if not names:
        return ""
    rows = [[pick(item, name) for name in names] for item in items]
    drawn = _draw(names, rows, width)
    if drawn is None and not columns:
        # Drop columns that are empty in all rows, to leave space for others.
        kept = [index for index in range(len(names)) if any(cell(row[index]) for row in rows)]
        if kept and len(kept) < len(names):
            names, rows = [names[index] for index in kept], [[row[index] for index in kept] for row in rows]
            drawn = _draw(names, rows, width)
    return drawn or _records(names, rows, width or 80)


def _draw(names: Sequence[str], rows: list[list[Any]], width: int | None) -> str | None:
    """Return a table, or None if its columns are too narrow for whole words."""
    titles = [safe_text(name, one_line=True) for name in names]
    numeric = [bool(rows) and all(_is_number(row[index]) for row in rows) for index in range(len(names))]
    cells = [[safe_text(cell(value)).replace("\t", "    ") for value in row] for row in rows]
    widths = [
        max(text_width(line) for row in [titles, *cells] for line in row[index].split("\n"))
        for index in range(len(titles))
    ]
    if width is not None:
        # Each column has a space on both sides and a bar; the last bar is extra.
        words = [max(_longest_word(row[index]) for row in [titles, *cells]) for index in range(len(titles))]
        fitting = fit(widths, width - 3 * len(titles) - 1, words)
        if fitting is None:
            return None
        widths = fitting
    rule = "+".join(["", *("-" * (room + 2) for room in widths), ""])
    head, *body = ["\n".join(_lines_of(row, widths, numeric)) for row in [titles, *cells]]
    return "\n".join([rule, head, rule, *body, rule])


def _lines_of(row: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> Iterator[str]:
    """Yield the lines of a row, with cells wrapped to their columns."""
    wrapped = [_wrap(text, room) for text, room in zip(row, widths, strict=True)]
    for texts in itertools.zip_longest(*wrapped, fillvalue=""):
        padded = []
        for text, room, is_number in zip(texts, widths, numeric, strict=True):
            # Not str.ljust, which counts characters, because some of them take two cells or none.
            blanks = " " * (room - text_width(text))
            padded.append(f" {blanks}{text} " if is_number else f" {text}{blanks} ")
        yield "|".join(["", *padded, ""])


def _longest_word(text: str) -> int:
    return min(max((text_width(word) for word in text.split()), default=0), _LEAST)


def fit(natural: Sequence[int], room: int, least: Sequence[int]) -> list[int] | None:
    """Distribute ``room`` among columns: narrow columns keep their width, wide ones share the rest.

    :param natural: width of each column without line breaks
    :param least: minimum width of each column
    :return: None if the minimum widths do not fit
    """
    if sum(natural) <= room:
        return list(natural)
    widths = [min(one, other) for one, other in zip(natural, least, strict=True)]
    left = room - sum(widths)
    if left < 0:
        return None
    # Complete the column that needs the least first: it is the one that readers scan.
    open_columns = sorted(range(len(widths)), key=lambda index: natural[index] - widths[index])
    for rank, index in enumerate(open_columns):
        widths[index] += min(natural[index] - widths[index], left // (len(open_columns) - rank))
        left = room - sum(widths)
    return widths


def _records(names: Sequence[str], rows: list[list[Any]], width: int) -> str:
    """Format each row as a block of ``name: value`` lines."""
    blocks = []
    for number, row in enumerate(rows, 1):
        lines = [f"-- {number} ".ljust(min(width, 40), "-")] if len(rows) > 1 else []
        for name, value in zip(names, row, strict=True):
            text = safe_text(f"{name}: {cell(value)}").replace("\t", "    ")
            first, *more = _wrap(text, width)
            lines.append(first)
            lines += [f"  {line}" for part in more for line in _wrap(part, max(width - 2, 1))]
        blocks.append("\n".join(lines))
    return "\n".join(blocks)


def _wrap(text: str, width: int) -> list[str]:
    """Return lines of at most ``width`` cells; words are only broken if necessary."""
    lines: list[str] = []
    for line in text.split("\n"):
        if text_width(line) <= width:
            lines.append(line)
        elif line.isascii():
            lines += textwrap.wrap(line, width, break_on_hyphens=False) or [""]
        else:
            lines += _wrap_wide(line, width)
    return lines


def _wrap_wide(line: str, width: int) -> list[str]:
    """Like ``textwrap``, but counting cells instead of characters."""
    lines, current = [], ""
    for character in line:
        if current and text_width(current + character) > width:
            lines.append(current)
            current = ""
        current += character
    return [*lines, current] if current else lines


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
