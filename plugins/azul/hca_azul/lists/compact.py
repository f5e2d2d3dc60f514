"""Compact manifests: tables of files, of Azul and of the old data store."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hca_azul.flavours.flavour import Flavour
from hca_azul.flavours.registry import flavour_of
from hca_azul.lists.addresses import Addresses
from hca_azul.lists.entries import NO_WAY, Entry, checked, hex_md5
from hca_azul.lists.inputs import open_text
from hca_base.errors import UsageError

#: Separates several values in a cell.
SEPARATOR = " || "
#: Larger sizes are invalid.
_SIZE = re.compile(r"[0-9]{1,18}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
#: Members of an entry that only use the first value.
_FIRST = ("bundle", "project", "project_id", "sample", "organ", "species", "library", "run")


def flavour_of_header(header: Sequence[str]) -> Flavour | None:
    """The flavour whose compact manifests have these columns; None if it is not a manifest."""
    for name in ("azul", "anvil"):
        flavour = flavour_of(name)
        if flavour.list_required[0] in header:
            return flavour
    return None


def read_compact(path: Path, name: str, addresses: Addresses) -> Iterator[Entry]:
    """Read the files of a compact manifest.

    :param name: of the manifest, for messages
    :raises UsageError: a row is invalid
    """
    csv.field_size_limit(1 << 27)
    with open_text(path) as stream:
        # Strict: an unclosed quote would merge all following rows into one cell, and lose them silently.
        reader = csv.DictReader(stream, dialect="excel-tab", restval="", restkey="", strict=True)
        try:
            header = list(reader.fieldnames or ())
            flavour = flavour_of_header(header)
            if flavour is None:
                raise UsageError(f"{name} is not a manifest")
            lacking = [column for column in flavour.list_required if column not in header]
            if lacking:
                raise UsageError(f"the manifest {name} lacks the column{'s' * (len(lacking) > 1)} {', '.join(lacking)}")
            rows = RowReader(flavour, header, addresses)
            for record in reader:
                yield rows.entry(record, f"manifest {name}, line {reader.line_num}")
        except csv.Error as error:
            raise UsageError(f"manifest {name}, line {reader.line_num}: {error}") from None
        except UnicodeError as error:
            raise UsageError(f"manifest {name}: {error}") from None


class RowReader:
    """Builds entries from the rows of one manifest.

    :param header: its columns
    """

    def __init__(self, flavour: Flavour, header: Sequence[str], addresses: Addresses) -> None:
        columns = {"size": flavour.list_required[2:3], **flavour.list_columns}
        self._places = {member: [one for one in names if one in header] for member, names in columns.items()}
        self._labels = {member: names[0] if names else member for member, names in columns.items()}
        self._current = bool(self._places.get("drs"))
        self._addresses = addresses

    def entry(self, record: Mapping[str, str], place: str) -> Entry:
        """The file of a row.

        :param place: of the row, for messages
        :raises UsageError: the row is invalid
        """
        cells = {
            member: next((cell for column in columns if (cell := record.get(column) or "")), "")
            for member, columns in self._places.items()
        }
        size = cells.pop("size").strip()
        problem = self._problem(cells, size)
        if problem:
            raise UsageError(f"{place}: {problem}")
        cells["name"] = cells["name"] or cells["uuid"]
        for member in _FIRST:
            cells[member] = cells.get(member, "").split(SEPARATOR)[0]
        cells["url"] = self._addresses.of(cells["url"], cells["uuid"], self._current)
        members: dict[str, Any] = {**cells, "size": int(size) if size else None}
        found = checked(Entry(**members))
        if not self._current and not self._addresses.online and found.missing == NO_WAY:
            # Old lists have no URLs, and without the service it is unknown whether it has the file.
            return found._replace(missing="")
        return found

    def _problem(self, cells: Mapping[str, str], size: str) -> str:
        """What is wrong with a row; empty for nothing. A checksum is required to verify the download."""
        sha256, md5 = cells.get("sha256", "").strip(), cells.get("md5", "").strip()
        if not cells["uuid"]:
            return f"{self._labels['uuid']} is empty"
        if size and not _SIZE.fullmatch(size):
            return f"{self._labels['size']} is {size[:80]!r}"
        if sha256 and not _SHA256.fullmatch(sha256):
            return f"{self._labels['sha256']} is {sha256[:80]!r}"
        if md5 and hex_md5(md5) is None:
            return f"{self._labels['md5']} is {md5[:80]!r}"
        return ""
