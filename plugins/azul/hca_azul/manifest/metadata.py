"""The metadata of a project as one table."""

from __future__ import annotations

import csv
import io
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from hca_azul.manifest.manifests import Manifest, Say
from hca_base.errors import HCAError

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

_METHOD = "library_preparation_protocol.library_construction_approach"
_ENTITY = "library_preparation_protocol"
_BARCODES = ("cell_barcode", "umi_barcode")
_FACTS = ("barcode_read", "barcode_offset", "barcode_length", "white_list_file")
SEPARATOR = " || "


def project_table(
    client: AzulConnection,
    filters: Mapping[str, Any],
    output: str,
    *,
    catalog: str | None = None,
    wait: float | None = None,
    say: Say | None = None,
    all_columns: bool = False,
    barcodes: bool = False,
) -> tuple[int, int]:
    """Write the table of a project or dataset; return the numbers of its rows and columns.

    :param filters: select its files
    :param output: a file, created once complete, or ``-``
    :param all_columns: include columns that are empty in all rows
    :param barcodes: add barcode columns, from the library preparation protocols
    """
    from hca_base.config import open_atomic

    with tempfile.TemporaryDirectory(prefix="hca-azul-") as directory:
        table = Path(directory) / "table.tsv"
        Manifest(client, filters, "compact", catalog=catalog, wait=wait, say=say).save(table)
        known: dict[str, dict[str, str]] = {}
        if barcodes:
            lines = Path(directory) / "entities.jsonl"
            try:
                job = Manifest(client, filters, "verbatim.jsonl", catalog=catalog, wait=wait, say=say)
                job.save(lines)
                known = protocols(lines)
            except HCAError as error:
                from hca_base.output import warn

                warn(f"no information about barcodes: {error}")
        columns = _columns(table, all_columns)
        added = sorted({name for facts in known.values() for name in facts})
        if output == "-":
            return _write(table, columns, added, known, sys.stdout), len(columns) + len(added)
        try:
            with open_atomic(output, new_mode=0o666) as raw:
                stream = io.TextIOWrapper(raw, encoding="utf-8", errors="surrogateescape", newline="")
                rows = _write(table, columns, added, known, stream)
                stream.flush()
                stream.detach()
        except OSError as error:
            raise HCAError(f"cannot write {output}: {error.strerror or error}") from None
        return rows, len(columns) + len(added)


def _records(table: Path) -> Iterator[dict[str, Any]]:
    # Cells may contain complete project descriptions.
    csv.field_size_limit(1 << 27)
    with table.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        try:
            # Strict: an unclosed quote would merge all following rows into one cell.
            yield from csv.DictReader(stream, dialect="excel-tab", strict=True)
        except csv.Error as error:
            raise HCAError(f"the service's manifest is not a table: {error}") from None


def _columns(table: Path, all_columns: bool) -> list[str]:
    with table.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        header = next(csv.reader(stream, dialect="excel-tab"), [])
    if all_columns:
        return header
    empty = set(header)
    for record in _records(table):
        empty -= {name for name in empty if record.get(name)}
        if not empty:
            break
    return [name for name in header if name not in empty] or header


def _write(table: Path, columns: list[str], added: list[str], known: dict[str, dict[str, str]], stream: IO[str]) -> int:
    writer = csv.writer(stream, dialect="excel-tab", lineterminator="\n")
    writer.writerow([*columns, *added])
    rows = 0
    for record in _records(table):
        methods = str(record.get(_METHOD) or "").split(SEPARATOR)
        facts = [known[method] for method in methods if method in known]
        more = [SEPARATOR.join(dict.fromkeys(one[name] for one in facts if name in one)) for name in added]
        writer.writerow([record.get(name) or "" for name in columns] + more)
        rows += 1
    return rows


def protocols(lines: Path) -> dict[str, dict[str, str]]:
    """Library construction method -> barcode values of its protocols.

    Files are joined to protocols by the method's name, the only link in both formats. If protocols with the same
    method differ, all values are included.
    """
    found: dict[str, dict[str, dict[str, None]]] = {}
    with lines.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            if _ENTITY not in line:
                continue
            try:
                content = _content(json.loads(line))
            except ValueError:
                continue
            for name in _methods(content):
                facts = found.setdefault(name, {})
                for kind in _BARCODES:
                    barcode = content.get(kind)
                    for fact in _FACTS:
                        value = barcode.get(fact) if isinstance(barcode, dict) else None
                        if value is not None:
                            facts.setdefault(f"{kind}.{fact}", {})[str(value)] = None
    return {name: {fact: SEPARATOR.join(seen) for fact, seen in facts.items()} for name, facts in found.items()}


def _methods(content: dict[str, Any]) -> set[str]:
    """Names of the library construction method, called approach in older metadata."""
    found: set[str] = set()
    for member in ("library_construction_method", "library_construction_approach"):
        method = content.get(member)
        if isinstance(method, dict):
            found |= {name for key in ("ontology_label", "text") if isinstance(name := method.get(key), str)}
        elif isinstance(method, str):
            found.add(method)
    return found


def _content(entity: Any) -> dict[str, Any]:
    """The document of a library preparation protocol, for all releases; empty for other entities."""
    for _ in range(4):
        if isinstance(entity, str):
            try:
                entity = json.loads(entity)
            except ValueError:
                return {}
        if not isinstance(entity, dict):
            return {}
        if str(entity.get("describedBy", "")).endswith(f"/{_ENTITY}") or "library_construction_method" in entity:
            return entity
        if entity.get("type", _ENTITY) != _ENTITY or entity.get("name", _ENTITY) != _ENTITY:
            return {}
        entity = next((entity[name] for name in ("value", "contents", "content", "object") if name in entity), None)
    return {}
