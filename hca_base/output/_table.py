"""Results as rows and columns, and tables of them that fit the terminal."""

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
    """``value`` with null for numbers that JSON does not have; it has those beyond what a float holds."""
    if isinstance(value, float) and not math.isfinite(value) and not isinstance(value, Digits):
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
    return written(without_nan(value))


@functools.cache
def _encoder(indent: int | None, ensure_ascii: bool) -> Callable[[Any], str]:
    # One for all items of a stream: json.dumps makes a new one for each call with options.
    return json.JSONEncoder(ensure_ascii=ensure_ascii, allow_nan=False, indent=indent, default=to_plain).encode


def written(value: Any, indent: int | None = None, *, ensure_ascii: bool = False) -> str:
    """A value as JSON, numbers with the digits with which a service sent them.

    :raises ValueError: it holds a number that JSON does not have
    """
    encode = _encoder(indent, ensure_ascii)
    return write_json(value, encode) if any_digits() else encode(value)


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
                f"{option}: unknown column {column!r}; choose from {shown or 'none'}",
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


_LEAST = 24
"""Words of up to this many cells are not broken; a table that would break them is shown record by record."""


def table(data: Any, columns: Sequence[str] | None, width: int | None) -> str:
    """A result as a table: a list with a row for each item, an object with a row for each key.

    :param width: cells to fit into; None for no limit
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
        # Columns that are empty in all rows take room from those that are not.
        kept = [index for index in range(len(names)) if any(cell(row[index]) for row in rows)]
        if kept and len(kept) < len(names):
            names, rows = [names[index] for index in kept], [[row[index] for index in kept] for row in rows]
            drawn = _draw(names, rows, width)
    return drawn or _records(names, rows, width or 80)


def _draw(names: Sequence[str], rows: list[list[Any]], width: int | None) -> str | None:
    """A drawn table, or None if its columns would be so narrow that words are broken."""
    titles = [safe_text(name, one_line=True) for name in names]
    numeric = [bool(rows) and all(_is_number(row[index]) for row in rows) for index in range(len(names))]
    cells = [[safe_text(cell(value)).replace("\t", "    ") for value in row] for row in rows]
    widths = [
        max(text_width(line) for row in [titles, *cells] for line in row[index].split("\n"))
        for index in range(len(titles))
    ]
    if width is not None:
        # Each column has a space on both sides and a bar; the last bar is the table's.
        words = [max(_longest_word(row[index]) for row in [titles, *cells]) for index in range(len(titles))]
        fitting = fit(widths, width - 3 * len(titles) - 1, words)
        if fitting is None:
            return None
        widths = fitting
    rule = "+".join(["", *("-" * (room + 2) for room in widths), ""])
    head, *body = ["\n".join(_lines_of(row, widths, numeric)) for row in [titles, *cells]]
    return "\n".join([rule, head, rule, *body, rule])


def _lines_of(row: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> Iterator[str]:
    """The lines of a row, each cell wrapped to its column."""
    wrapped = [_wrap(text, room) for text, room in zip(row, widths, strict=True)]
    for texts in itertools.zip_longest(*wrapped, fillvalue=""):
        padded = []
        for text, room, is_number in zip(texts, widths, numeric, strict=True):
            # Not str.ljust, which counts characters, for some of them take two cells or none.
            blanks = " " * (room - text_width(text))
            padded.append(f" {blanks}{text} " if is_number else f" {text}{blanks} ")
        yield "|".join(["", *padded, ""])


def _longest_word(text: str) -> int:
    return min(max((text_width(word) for word in text.split()), default=0), _LEAST)


def fit(natural: Sequence[int], room: int, least: Sequence[int]) -> list[int] | None:
    """Widths for columns that together have ``room``: narrow columns keep theirs, wide ones share what is left.

    :param natural: the width of each that needs no breaks
    :param least: the least width of each
    :return: None if there is not room for the least widths
    """
    if sum(natural) <= room:
        return list(natural)
    widths = [min(one, other) for one, other in zip(natural, least, strict=True)]
    left = room - sum(widths)
    if left < 0:
        return None
    # The column that lacks least is completed first: it is the one that a reader scans.
    open_columns = sorted(range(len(widths)), key=lambda index: natural[index] - widths[index])
    for rank, index in enumerate(open_columns):
        widths[index] += min(natural[index] - widths[index], left // (len(open_columns) - rank))
        left = room - sum(widths)
    return widths


def _records(names: Sequence[str], rows: list[list[Any]], width: int) -> str:
    """Each row as a block of ``name: value`` lines."""
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
    """Lines of at most ``width`` cells; words are broken only where they must be."""
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
    """As ``textwrap``, which counts characters, for text with characters of two cells."""
    lines, current = [], ""
    for character in line:
        if current and text_width(current + character) > width:
            lines.append(current)
            current = ""
        current += character
    return [*lines, current] if current else lines


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
