"""Table files: one for each kind of entity, as TSV, JSON lines or Parquet."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from hca_azul.manifest.column_types import ColumnTypes
from hca_azul.manifest.tables import TableSet
from hca_base.errors import HCAError, UsageError
from hca_base.transfer import safe_name

FORMATS = ("tsv", "jsonl", "parquet")
#: Separates several values in a cell of a TSV, as in compact manifests.
SEPARATOR = " || "
#: Rows in a row group of a Parquet file.
_CHUNK = 5_000


class TableFile(NamedTuple):
    """A written table."""

    table: str
    rows: int
    columns: int
    path: Path


class _Writer(Protocol):
    def write(self, row: Mapping[str, Any]) -> None: ...

    def close(self) -> None: ...


def write_tables(path: Path | str, directory: Path | str, form: str = "tsv", *, force: bool = False) -> list[TableFile]:
    """Write the tables of a manifest; see :func:`hca_azul.manifest.tables.tables`.

    :param form: tsv, jsonl or parquet
    :param force: replace existing files
    :raises UsageError: the manifest is invalid, or a file exists
    """
    if form not in FORMATS:
        raise UsageError(f"unknown format {form!r}", hint=f"use {', '.join(FORMATS)}")
    found, target = TableSet(Path(path)), Path(directory)
    if not len(found):
        raise UsageError(f"{'stdin' if str(path) == '-' else path} holds no entities")
    places = {table: target / f"{safe_name(name)}.{form}" for table, name in _file_names(found).items()}
    existing = [place for place in places.values() if place.exists()]
    if existing and not force:
        raise UsageError(
            f"{existing[0]} exists", hint="pass --force to replace it, or --output-dir for another directory"
        )
    types: Mapping[str, ColumnTypes] = {}
    if form == "parquet":
        _pyarrow()
        types = _types_of(found)
    try:
        target.mkdir(parents=True, exist_ok=True)
        _write_all(found, places, form, types)
    except OSError as error:
        raise HCAError(f"cannot write to {directory}: {error.strerror or error}") from None
    return [TableFile(table, found.count(table), len(found.columns(table)), place) for table, place in places.items()]


def _write_all(found: TableSet, places: Mapping[str, Path], form: str, types: Mapping[str, ColumnTypes]) -> None:
    """Write all tables in one pass over the manifest: files are created once all are complete."""
    from contextlib import ExitStack

    from hca_base.config import open_atomic

    with ExitStack() as stack:
        writers = {}
        for table, place in places.items():
            stream = stack.enter_context(open_atomic(place, new_mode=0o666))
            writers[table] = _writer(form, stream, found.columns(table), types.get(table))
        for entity in found.records():
            writers[entity.table].write(entity.row())
        for writer in writers.values():
            writer.close()


def _file_name(table: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in table) or "_"


def _file_names(tables: Iterable[str]) -> dict[str, str]:
    """Return a unique file name for each table, even if the disk ignores case."""
    names = {table: _file_name(table) for table in tables}
    counts = Counter(name.lower() for name in names.values())
    return {
        table: name
        if counts[name.lower()] == 1
        else f"{name}-{hashlib.sha256(table.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
        for table, name in names.items()
    }


class _TsvWriter:
    def __init__(self, stream: Any, columns: Sequence[str]) -> None:
        self._text = io.TextIOWrapper(stream, encoding="utf-8", errors="backslashreplace", newline="")
        self._writer = csv.writer(self._text, dialect="excel-tab", lineterminator="\n")
        self._columns = columns
        self._writer.writerow(columns)

    def write(self, row: Mapping[str, Any]) -> None:
        self._writer.writerow([_cell(row.get(name)) for name in self._columns])

    def close(self) -> None:
        self._text.flush()
        self._text.detach()


class _JsonlWriter:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, row: Mapping[str, Any]) -> None:
        self._stream.write(json.dumps(row, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace") + b"\n")

    def close(self) -> None:
        """Nothing left to write."""


class _ParquetWriter:
    """Columns whose values all have one type get that type; others are JSON.

    Rows are written in groups as they are read: no table is held in memory.
    """

    def __init__(self, stream: Any, columns: Sequence[str], types: ColumnTypes) -> None:
        self._pyarrow = _pyarrow()
        self._schema = types.schema(self._pyarrow, columns)
        self._rows: list[Mapping[str, Any]] = []
        self._writer = self._pyarrow.parquet.ParquetWriter(stream, self._schema)

    def write(self, row: Mapping[str, Any]) -> None:
        self._rows.append(row)
        if len(self._rows) >= _CHUNK:
            self._write_group()

    def close(self) -> None:
        if self._rows:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        arrays = [self._array(field) for field in self._schema]
        self._writer.write_table(self._pyarrow.table(arrays, schema=self._schema))
        self._rows = []

    def _array(self, field: Any) -> Any:
        values = [row.get(field.name) for row in self._rows]
        if field.type == self._pyarrow.string():
            values = [None if value is None else value if isinstance(value, str) else _json(value) for value in values]
        return self._pyarrow.array(values, type=field.type)


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise HCAError("Parquet requires pyarrow, which is not installed", hint="pip install pyarrow") from None
    return pyarrow


def _types_of(found: TableSet) -> dict[str, ColumnTypes]:
    """The column types of all tables, from one pass over the manifest."""
    types = {table: ColumnTypes() for table in found}
    for entity in found.records():
        types[entity.table].see(entity.row())
    return types


def _writer(form: str, stream: Any, columns: Sequence[str], types: ColumnTypes | None) -> _Writer:
    """The writer for a format."""
    if types is not None:
        return _ParquetWriter(stream, columns, types)
    return _TsvWriter(stream, columns) if form == "tsv" else _JsonlWriter(stream)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return SEPARATOR.join(_cell(one) for one in value)
    return _json(value) if isinstance(value, dict) else str(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
