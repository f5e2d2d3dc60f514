"""Metadata tables from PFB and verbatim manifests: a table for each kind of entity, a row for each entity.

A PFB is an Avro container. Its records have one member that is a union of a record type for each kind of entity.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hca_base.errors import HCAError, UsageError

#: Name of the PFB entity that describes the others.
_METADATA = "Metadata"
LINKS = "links"


class EntityRecord(NamedTuple):
    """An entity of a manifest.

    :ivar table: its kind: donors, files, anvil_file, …
    :ivar links: (table, id) of the entities that it refers to
    """

    table: str
    id: str
    values: dict[str, Any]
    links: tuple[tuple[str, str], ...] = ()

    def row(self) -> dict[str, Any]:
        """Its row: ``id``, its values, and ``links.TABLE`` with the ids of the entities in TABLE."""
        row: dict[str, Any] = {"id": self.id, **{name: value for name, value in self.values.items() if name != "id"}}
        if "id" in self.values and self.values["id"] != self.id:
            row[f"{self.table}.id"] = self.values["id"]
        for table, key in self.links:
            row.setdefault(f"{LINKS}.{table}", []).append(key)
        return row


def tables(path: Path | str) -> Mapping[str, Iterable[dict[str, Any]]]:
    """Read the tables of a manifest in one of the formats terra.pfb, verbatim.pfb and verbatim.jsonl.

    :param path: of the manifest, a pipe, or ``-`` for stdin; gzip is decompressed
    :return: table name -> its rows, which are read from the file on each iteration
    :raises UsageError: the file has none of these formats
    """
    return TableSet(Path(path))


class ManifestFile:
    """A manifest that can be read more than once: the content of a pipe is stored while this object exists.

    :ivar path: of its content
    :ivar name: its name in messages

    :raises UsageError: it is not readable
    """

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, "stdin" if str(path) == "-" else str(path)
        self._copy: Any = None
        try:
            if str(path) == "-" or (path.exists() and not path.is_file() and not path.is_dir()):
                self._keep(sys.stdin.buffer if str(path) == "-" else path.open("rb"))
        except OSError as error:
            raise UsageError(f"{self.name} cannot be read: {error.strerror or error}") from None

    def _keep(self, stream: Any) -> None:
        import shutil
        import tempfile

        self._copy = tempfile.NamedTemporaryFile(prefix="hca-azul-")  # noqa: SIM115 - goes with this object
        shutil.copyfileobj(stream, self._copy)
        self._copy.flush()
        self.path = Path(self._copy.name)


class TableSet(Mapping[str, Iterable[dict[str, Any]]]):
    """The tables of one manifest."""

    def __init__(self, path: Path) -> None:
        self._manifest = ManifestFile(path)
        self._columns: dict[str, dict[str, None]] = {}
        self._rows: dict[str, int] = {}
        for entity in self.records():
            columns = self._columns.setdefault(entity.table, {})
            for name in entity.row():
                columns.setdefault(name)
            self._rows[entity.table] = self._rows.get(entity.table, 0) + 1

    def __getitem__(self, name: str) -> Iterable[dict[str, Any]]:
        if name not in self._columns:
            raise KeyError(name)
        return _Rows(self, name)

    def records(self) -> Iterator[EntityRecord]:
        """Read all entities, in file order."""
        return read_records(self._manifest.path, self._manifest.name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def columns(self, name: str) -> list[str]:
        """The columns of a table: its id first, links last."""
        found = list(self._columns[name])
        return [one for one in found if not _is_link(one)] + [one for one in found if _is_link(one)]

    def count(self, name: str) -> int:
        """The number of rows of a table."""
        return self._rows[name]


def _is_link(column: str) -> bool:
    return column.startswith(f"{LINKS}.")


class _Rows:
    def __init__(self, tables: TableSet, table: str) -> None:
        self._tables, self._table = tables, table

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for entity in self._tables.records():
            if entity.table == self._table:
                yield entity.row()


def read_records(path: Path, name: str = "") -> Iterator[EntityRecord]:
    """Read the entities of a PFB or a verbatim manifest, in the order of the file.

    :param name: its name in messages; default: its path
    :raises UsageError: the file is not readable, or has none of these formats
    """
    name = name or str(path)
    try:
        with _opened(path) as stream:
            start = stream.read(4)
            stream.seek(0)
            yield from (_of_avro(stream, name) if start == b"Obj\x01" else _of_lines(stream, name))
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error) as error:
        raise UsageError(f"{name} is damaged: {error or 'it is truncated'}") from None


def _opened(path: Path) -> Any:
    import gzip

    stream = path.open("rb")
    start = stream.read(2)
    stream.seek(0)
    return gzip.open(stream) if start == b"\x1f\x8b" else stream


def _of_avro(stream: Any, name: str) -> Iterator[EntityRecord]:
    try:
        import fastavro
    except ImportError:
        raise HCAError("reading PFB requires fastavro, which is not installed", hint="pip install fastavro") from None
    try:
        # With names, a record tells its type: two kinds of entities may have the same members.
        reader: Iterator[Any] = fastavro.reader(stream, return_record_name=True, return_record_name_override=True)
        for record in reader:
            table, values = _named(record)
            if table == _METADATA:
                continue
            relations = record.get("relations") or ()
            links = tuple((str(one["dst_name"]), str(one["dst_id"])) for one in relations)
            yield EntityRecord(table, str(record.get("id") or ""), values, links)
    except (ValueError, KeyError, TypeError, EOFError, IndexError, fastavro.schema.SchemaParseException) as error:
        raise UsageError(f"{name} is not a PFB, or is damaged: {error}") from None


def _named(record: Any) -> tuple[str, dict[str, Any]]:
    """Table and values of an entity."""
    member = record["object"]
    values = member[1] if isinstance(member, tuple) else member
    return str(record["name"]), _without_names(values)


def _without_names(value: Any) -> Any:
    """A value without the branch names of unions, which the reader adds at any depth."""
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        return _without_names(value[1])
    if isinstance(value, dict):
        return {name: _without_names(one) for name, one in value.items() if name != "-type"}
    if isinstance(value, list):
        return [_without_names(one) for one in value]
    return value


def _of_lines(stream: Any, name: str) -> Iterator[EntityRecord]:
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            entity = json.loads(line)
        except (ValueError, RecursionError):
            entity = None
        if not isinstance(entity, dict) or "type" not in entity or not isinstance(entity.get("value"), dict):
            raise UsageError(
                f"{name}, line {number}: neither a PFB nor a verbatim manifest",
                hint="get one with the command manifest and --format terra.pfb or verbatim.jsonl",
            )
        values = entity["value"]
        yield EntityRecord(str(entity["type"]), _id_of(str(entity["type"]), values), values)


def _id_of(table: str, values: Mapping[str, Any]) -> str:
    """The identifier of an entity in a verbatim manifest."""
    for name in ("datarepo_row_id", f"{table}_id"):
        if values.get(name):
            return str(values[name])
    provenance = values.get("provenance")
    return str(provenance.get("document_id") or "") if isinstance(provenance, dict) else ""
