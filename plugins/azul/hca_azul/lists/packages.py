"""File lists in containers: old BDBags, PFB, and verbatim manifests."""

from __future__ import annotations

import csv
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_azul.flavours.hits import plain, whole
from hca_azul.flavours.registry import flavour_of
from hca_azul.lists.addresses import Addresses
from hca_azul.lists.compact import SEPARATOR, RowReader, flavour_of_header
from hca_azul.lists.entries import BATCH, NO_WAY, NOT_LISTED, Entry, checked, of_hit
from hca_azul.lists.inputs import damaged, open_text
from hca_azul.manifest.tables import EntityRecord, read_records
from hca_azul.query.search import Search
from hca_base.errors import UsageError

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

#: A column of a bag's sample table: which of the row's files, and which of its properties.
_OF_FILE = re.compile(r"__(.+?)__(.+)")


def is_verbatim(first: str) -> bool:
    """Whether the first line of a text is an entity of a verbatim manifest."""
    try:
        entity = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(entity, dict) and "type" in entity and isinstance(entity.get("value"), dict)


# BDBag


def read_bag(path: Path, name: str, addresses: Addresses) -> Iterator[Entry]:
    """Read the files of a BDBag, or of a zip archive with a compact manifest.

    :raises UsageError: it has no table of files
    """
    csv.field_size_limit(1 << 27)
    found = False
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if not member.endswith(".tsv"):
                    continue
                with archive.open(member) as raw, open_text(raw) as stream:  # type: ignore[arg-type]
                    reader = csv.DictReader(stream, dialect="excel-tab", restval="", restkey="", strict=True)
                    header = list(reader.fieldnames or ())
                    of_files = [match for column in header if (match := _OF_FILE.fullmatch(column))]
                    if not of_files and flavour_of_header(header) is None:
                        continue
                    found = True
                    place = f"{member} in {name}"
                    yield from _bag_rows(reader, header, of_files, addresses, place)
    except (zipfile.BadZipFile, zlib.error, csv.Error, UnicodeError, NotImplementedError, RuntimeError) as error:
        raise damaged(name, error) from None
    if not found:
        raise UsageError(f"{name} is a zip archive without a table of files", hint="a BDBag of Terra has one")


def _bag_rows(
    reader: csv.DictReader[str],
    header: list[str],
    of_files: list[re.Match[str]],
    addresses: Addresses,
    place: str,
) -> Iterator[Entry]:
    flavour = flavour_of_header(header) or flavour_of("azul")
    groups: dict[str, dict[str, str]] = {}
    for match in of_files:
        groups.setdefault(match[1], {})[match[2]] = match[0]
    shared = [column for column in header if not _OF_FILE.fullmatch(column)]
    columns = sorted({member for members in groups.values() for member in members})
    rows = RowReader(flavour, [*shared, *columns] if groups else header, addresses)
    for record in reader:
        where = f"{place}, line {reader.line_num}"
        if not groups:
            yield rows.entry(record, where)
            continue
        common = {column: record[column] for column in shared}
        for members in groups.values():
            own = {member: record[column] for member, column in members.items()}
            if any(own.values()):
                # Each row has columns for as many files as the largest sample has.
                yield rows.entry(common | own, where)


# PFB and verbatim manifests


def read_entities(
    client: AzulConnection, path: Path, name: str, addresses: Addresses, catalog: str | None
) -> Iterator[Entry]:
    """Read the files of a PFB or a verbatim manifest.

    Files with incomplete metadata in the manifest are looked up, if the service is reachable.
    """
    batch: dict[str, str] = {}
    lost: dict[str, str] = {}
    units: dict[str, tuple[str, str]] = {}
    found = False
    for record in read_records(path, name):
        unit = client.flavour.unit_in(record.table, record.values)
        if unit is not None:
            if unit[0]:
                units[record.id] = unit
            continue
        entry, document = _entry_of(record, addresses)
        if entry is None and not document:
            continue
        found = True
        if entry is not None:
            yield _in_unit(entry, record, units)
            continue
        name_of_file = _name_of(record.values) or document
        if not addresses.online:
            yield Entry(document, name_of_file)
            continue
        batch[document] = name_of_file
        if len(batch) >= BATCH:
            yield from _looked_up(client, batch, catalog, lost)
            batch = {}
    if batch:
        yield from _looked_up(client, batch, catalog, lost)
    # A verbatim manifest does not link a file to one of its projects.
    keys = SEPARATOR.join(dict.fromkeys(key for key, _ in units.values()))
    for document, name_of_file in lost.items():
        yield Entry(document, name_of_file, project_id=keys, missing=NOT_LISTED)
    if not found:
        raise UsageError(f"{name} lists no files")


def _in_unit(entry: Entry, record: EntityRecord, units: Mapping[str, tuple[str, str]]) -> Entry:
    """A file of terra.pfb, with its linked project or dataset."""
    for _, key in record.links:
        if key in units:
            return entry._replace(project_id=units[key][0], project=units[key][1])
    return entry


def _entry_of(record: EntityRecord, addresses: Addresses) -> tuple[Entry | None, str]:
    """The entity's file, or the value to look it up by; neither for other entities."""
    values = record.values
    if record.table == "files":
        return _file(values, addresses), ""
    if record.table == "anvil_file":
        return None, plain(values.get("datarepo_row_id") or record.id)
    if record.table.endswith("_file"):
        provenance = values.get("provenance")
        document = provenance.get("document_id") if isinstance(provenance, dict) else None
        return None, plain(document or values.get(f"{record.table}_id") or record.id)
    return None, ""


def _name_of(values: Mapping[str, Any]) -> str:
    """The file's name in a verbatim manifest."""
    core = values.get("file_core")
    return plain(core.get("file_name") if isinstance(core, dict) else values.get("file_name"))


def _file(values: Mapping[str, Any], addresses: Addresses) -> Entry:
    """A file in terra.pfb: members are named as in the service's index, or as in its listings."""
    uuid = plain(values.get("uuid") or values.get("document_id") or values.get("file_id"))
    url = plain(values.get("azul_url") or values.get("url") or values.get("file_url"))
    drs = plain(values.get("drs_uri"))
    size = whole(values.get("size") if values.get("size") is not None else values.get("file_size"))
    found = checked(
        Entry(
            uuid=uuid,
            name=plain(values.get("name") or values.get("file_name")) or uuid,
            size=size if size is not None and size >= 0 else None,
            sha256=plain(values.get("sha256")),
            md5=plain(values.get("file_md5sum")),
            crc32c=plain(values.get("crc32c")),
            version=plain(values.get("version")),
            format=plain(values.get("file_format")),
            url=addresses.of(url, uuid, False),
            mirror=plain(values.get("azul_mirror_uri") or values.get("mirror_uri")),
            drs=drs,
            read=plain(values.get("read_index")),
            lane=plain(values.get("lane_index")),
        )
    )
    # Without the service it is unknown whether it has the file.
    return found if addresses.online or found.missing != NO_WAY else found._replace(missing="")


def _looked_up(
    client: AzulConnection, documents: Mapping[str, str], catalog: str | None, lost: dict[str, str]
) -> Iterator[Entry]:
    """The files of documents; those that the service does not list are added to ``lost``.

    :param documents: identifier -> file name
    """
    # Their identifiers are those of the metadata documents, which the index calls entities.
    known: dict[str, list[Entry]] = {}
    filters = {client.flavour.document_field: {"is": sorted(documents)}}
    for hit in Search(client, "files", filters, catalog=catalog):
        known[str(hit.get("entryId"))] = list(of_hit(client.flavour, hit))
    for document, name in documents.items():
        if document in known:
            yield from known[document]
        else:
            lost[document] = name
