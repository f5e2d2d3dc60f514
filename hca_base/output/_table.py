"""Tables that fit the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from hca_base.output._rows import cell, columns_of, is_list, pick, row_of
from hca_base.output._text import safe_text, text_width

_LEAST = 8
"""No column is squeezed below this many cells; a table that needs more room than that is shown record by record."""


def table(data: Any, columns: Sequence[str] | None, width: int | None) -> str:
    """A result as a table: a list with a row for each item, an object with a row for each key.

    :param width: cells to fit into; None for no limit
    """
    if not is_list(data):
        if not isinstance(data, Mapping):
            return safe_text(cell(data))
        rows = [[name, data.get(name, pick(data, name))] for name in columns or [str(key) for key in data]]
        return _draw(["Field", "Value"], rows, width, least=4) or _records(["Field", "Value"], rows, width or 80)
    items = [row_of(item) for item in data]
    names = list(columns or columns_of(items))
    if not names:
        return ""
    rows = [[pick(item, name) for name in names] for item in items]
    return _draw(names, rows, width, least=_LEAST) or _records(names, rows, width or 80)


def _draw(names: Sequence[str], rows: list[list[Any]], width: int | None, least: int) -> str | None:
    """A drawn table, or None if its columns would be narrower than ``least``."""
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
        widths = fit(natural, width - 3 * len(titles) - 1, least)
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


def fit(natural: Sequence[int], room: int, least: int) -> list[int] | None:
    """Widths for columns that together have ``room``: narrow columns keep theirs, wide ones share what is left.

    :return: None if a column would get less than ``least`` and less than it needs
    """
    widths = list(natural)
    if sum(widths) <= room:
        return widths
    wide = set(range(len(widths)))
    left = room
    while wide:
        share = left // len(wide)
        narrow = {index for index in wide if natural[index] <= share}
        if not narrow:
            break
        left -= sum(natural[index] for index in narrow)
        wide -= narrow
    share, extra = divmod(left, len(wide))
    if share < least:
        return None
    for rank, index in enumerate(sorted(wide)):
        widths[index] = share + (rank < extra)
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
