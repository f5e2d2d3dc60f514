"""Tables that fit the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from hca_base.output._rows import cell, columns_of, is_list, pick, row_of
from hca_base.output._text import safe_text, text_width

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
    import prettytable

    titles = _unique(safe_text(name, one_line=True) for name in names)
    numeric = [bool(rows) and all(_is_number(row[index]) for row in rows) for index in range(len(names))]
    cells = [[safe_text(cell(value)).replace("\t", "    ") for value in row] for row in rows]
    natural = [
        max(text_width(line) for row in [titles, *cells] for line in (row[index].split("\n") or [""]))
        for index in range(len(titles))
    ]
    if width is not None:
        # Each column has a space on both sides and a bar; the last bar is the table's.
        words = [max(_longest_word(row[index]) for row in [titles, *cells]) for index in range(len(titles))]
        widths = fit(natural, width - 3 * len(titles) - 1, words)
        if widths is None:
            return None
        titles = _unique("\n".join(_wrap(title, room)) for title, room in zip(titles, widths, strict=True))
        cells = [["\n".join(_wrap(text, room)) for text, room in zip(row, widths, strict=True)] for row in cells]
    drawn = prettytable.PrettyTable()
    drawn.field_names = titles
    for title, is_number in zip(titles, numeric, strict=True):
        drawn.align[title] = "r" if is_number else "l"
    drawn.add_rows(cells)
    return str(drawn.get_string())


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


def _unique(names: Any) -> list[str]:
    """The library wants different titles; blanks make them so."""
    result: list[str] = []
    for name in names:
        while name in result:
            name += " "
        result.append(name)
    return result


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
