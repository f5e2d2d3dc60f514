"""Lists of results that notebooks show as tables, and that convert to data frames."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from hca_base.errors import PluginError
from hca_base.output._table import cell, columns_of, row_of
from hca_base.output._terminal import safe_text

if TYPE_CHECKING:
    import pandas

#: Maximum rows, columns and text length in a notebook.
SHOWN_ROWS, SHOWN_COLUMNS, SHOWN_CHARACTERS = 20, 12, 80


class Tabular:
    """Base of row iterables that convert to a data frame."""

    def to_pandas(self) -> pandas.DataFrame:
        """Return the results as a :class:`pandas.DataFrame`, a row for each.

        The members of objects inside a result are columns of dotted names, as ``-c`` takes them: ``donor.sex``. Lists
        stay lists. Needs the extra ``hca-base[pandas]``.

        :raises PluginError: pandas is not installed
        """
        try:
            import pandas
        except ImportError as error:
            if (error.name or "").partition(".")[0] != "pandas":
                raise
            raise PluginError("data frames need pandas, which is not installed", hint="pip install pandas") from None
        return pandas.json_normalize([dict(_named(result)) for result in self])  # type: ignore[attr-defined]


class Records(Tabular, list[Any]):
    """A list of results: a plain list, which a notebook shows as a table."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Records: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        found = super().__getitem__(index)
        return Records(found) if isinstance(index, slice) else found

    def _repr_html_(self) -> str:
        return html_table(self, len(self))


class RecordStream(Tabular, Iterator[Any]):
    """A generator of results; :meth:`to_pandas` uses the remaining ones."""

    def __init__(self, results: Iterator[Any]) -> None:
        self._results = results

    def __iter__(self) -> RecordStream:
        return self

    def __next__(self) -> Any:
        return next(self._results)

    def close(self) -> None:
        """Stop fetching pages."""
        close = getattr(self._results, "close", None)
        if close is not None:
            close()


def records_of(value: Any) -> Any:
    """Return a list of objects as :class:`Records`, and anything else as it is."""
    if type(value) is list and value and all(isinstance(item, dict) for item in value):
        return Records(value)
    return value


def html_table(results: Iterable[Any], count: int) -> str:
    """Return the first results as an HTML table; every name and value is escaped.

    :param count: total number of results
    """
    rows: list[Mapping[str, Any]] = []
    for result in results:
        if len(rows) == SHOWN_ROWS:
            break
        rows.append(_named(result))
    columns = columns_of(rows)
    shown = columns[:SHOWN_COLUMNS]
    parts = ['<table border="1" class="dataframe"><thead><tr>']
    parts += [f"<th>{_escaped(column)}</th>" for column in shown]
    parts.append("</tr></thead><tbody>")
    for row in rows:
        parts.append("<tr>" + "".join(_html_cell(row.get(column)) for column in shown) + "</tr>")
    parts.append("</tbody></table>")
    return f"<div>{''.join(parts)}<p>{_caption(len(rows), count, len(shown), columns)}</p></div>"


def _html_cell(value: Any) -> str:
    # Notebooks align to the right, which is only appropriate for numbers.
    left = "" if isinstance(value, int | float) else ' style="text-align: left"'
    return f"<td{left}>{_escaped(cell(value))}</td>"


def _caption(rows: int, count: int, shown: int, columns: Sequence[str]) -> str:
    told = f"{count:,} row{'' if count == 1 else 's'}" + (f", the first {rows} shown" if rows < count else "")
    if shown < len(columns):
        told += f"; not shown: {_escaped(', '.join(columns[shown:]), 400)}"
    return told


def _escaped(text: object, longest: int = SHOWN_CHARACTERS) -> str:
    plain = safe_text(text)
    return html.escape(plain if len(plain) <= longest else plain[: longest - 1] + "…")


def _named(result: Any) -> Mapping[str, Any]:
    """Return a result as a mapping; objects, named tuples and data classes have field names."""
    if hasattr(result, "_asdict"):
        named: Mapping[str, Any] = result._asdict()
        return named
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    return row_of(result)
