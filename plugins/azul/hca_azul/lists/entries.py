"""Files to download, independent of their source: a listing of the service, a manifest, a curl configuration."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from hca_azul.flavours.hits import inner
from hca_azul.query.search import Search
from hca_base.errors import UsageError
from hca_base.http import origin_of

if TYPE_CHECKING:
    from hca_azul.flavours.flavour import Flavour
    from hca_azul.query.connection import AzulConnection

_SHA256 = re.compile(r"[0-9a-f]{64}")
#: References to other archives, which LungMAP uses.
_OUTSIDE = re.compile(r"drs://dg\.4503[:/]", re.IGNORECASE)
_MD5 = re.compile(r"[0-9a-f]{32}")
_CRC32C = re.compile(r"[0-9a-f]{8}")
#: UUIDs per request; so many that the filters are sent in the body.
BATCH = 200


NO_WAY = "the service does not offer it for download"
NOT_LISTED = "the service lists no such file, or only to users with access"


class Entry(NamedTuple):
    """A file to download.

    :ivar url: its URL in the service
    :ivar mirror: its URI in the public mirror, if it is there
    :ivar drs: its DRS URI
    :ivar library_id: name of the sequenced library; several names of pooled ones are joined by " || "
    :ivar cells: estimated number of cells in the library
    :ivar run: identifies the sequencing run within a sample
    :ivar path: the local path, if the list has one
    :ivar catalog: the catalog to look it up in, if the list has one
    :ivar project_id: for a file that the service does not list, the possible projects, joined by " || "
    :ivar missing: why it is unavailable, if already known
    :ivar managed: it is unavailable because it has managed access
    """

    uuid: str
    name: str
    size: int | None = None
    sha256: str = ""
    crc32c: str = ""
    version: str = ""
    format: str = ""
    url: str = ""
    mirror: str = ""
    drs: str = ""
    project: str = ""
    project_id: str = ""
    bundle: str = ""
    sample: str = ""
    organ: str = ""
    species: str = ""
    library: str = ""
    read: str = ""
    lane: str = ""
    run: str = ""
    path: str = ""
    missing: str = ""
    catalog: str = ""
    md5: str = ""
    library_id: str = ""
    cells: str = ""
    managed: bool = False

    @property
    def identity(self) -> str:
        """A key that is equal for files with the same content."""
        return self.sha256 or self.md5 or f"{self.uuid} {self.version}"

    @property
    def checksums(self) -> dict[str, str]:
        """Its checksums by algorithm, in hexadecimal."""
        found = {"sha256": self.sha256, "md5": self.md5, "crc32c": self.crc32c}
        return {name: value for name, value in found.items() if value}


def checked(entry: Entry) -> Entry:
    """The entry without invalid checksums (some metadata have empty ones), and with why it is unavailable."""
    sha256, crc32c = entry.sha256.strip().lower(), entry.crc32c.strip().lower()
    missing = entry.missing
    url = entry.url if is_address(entry.url) else ""
    mirror, drs = (text if text.isascii() and text.isprintable() else "" for text in (entry.mirror, entry.drs))
    if not missing and not mirror:
        if _OUTSIDE.match(drs):
            missing = "it is stored outside of the repository, and cannot be downloaded through it"
        elif not url:
            missing = NO_WAY
    return entry._replace(
        url=url,
        mirror=mirror,
        drs=drs,
        sha256=sha256 if _SHA256.fullmatch(sha256) else "",
        crc32c=crc32c if _CRC32C.fullmatch(crc32c) else "",
        md5=hex_md5(entry.md5) or "",
        missing=missing,
    )


def hex_md5(text: str) -> str | None:
    """An MD5 in hexadecimal, from base64 or hexadecimal; None if it is neither."""
    text = text.strip()
    if _MD5.fullmatch(text.lower()):
        return text.lower()
    try:
        digest = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return digest.hex() if len(digest) == 16 else None


def is_address(url: str) -> bool:
    """Whether it is a valid URL; values from servers and files can be anything."""
    try:
        origin_of(url)
    except UsageError:
        return False
    return url.isascii() and url.isprintable()


def of_hit(flavour: Flavour, hit: Mapping[str, Any]) -> Iterator[Entry]:
    """The files of an entity of ``/index/files``."""
    for file in inner(hit, "files"):
        yield of_members(flavour.file_of(hit, file))


def of_members(members: Mapping[str, Any]) -> Entry:
    """A file as described by a flavour."""
    size = members.get("size")
    return checked(Entry(**{**members, "size": size if size is not None and size >= 0 else None}))


def by_filters(client: AzulConnection, filters: Mapping[str, Any], catalog: str | None = None) -> Iterator[Entry]:
    """The files that match filters."""
    for hit in Search(client, "files", filters, catalog=catalog):
        yield from of_hit(client.flavour, hit)


def by_uuids(client: AzulConnection, wanted: Iterable[str | Entry], catalog: str | None = None) -> Iterator[Entry]:
    """The files with these UUIDs, in order; those that the service does not list are included as missing.

    :param wanted: UUIDs, or entries that only have UUID, version and path
    """
    batch: list[Entry] = []
    for one in wanted:
        # The service's UUIDs are lower case, and its filters are case-sensitive.
        batch.append(one if isinstance(one, Entry) else Entry(one.strip().lower(), one))
        if len(batch) >= BATCH:
            yield from _looked_up(client, batch, catalog)
            batch = []
    if batch:
        yield from _looked_up(client, batch, catalog)


def _looked_up(client: AzulConnection, batch: list[Entry], catalog: str | None) -> Iterator[Entry]:
    asked: dict[str, set[str]] = {}
    for entry in batch:
        if not entry.missing:
            asked.setdefault(entry.catalog, set()).add(entry.uuid)
    found: dict[tuple[str, str], Entry] = {}
    for place, uuids in asked.items():
        # A listing filtered by UUID does not report missing ones.
        for known in by_filters(client, {client.flavour.file_field: {"is": sorted(uuids)}}, place or catalog):
            found[place, known.uuid] = known
    for entry in batch:
        listed = found.get((entry.catalog, entry.uuid))
        if listed is None:
            yield entry._replace(missing=entry.missing or NOT_LISTED)
        else:
            yield listed._replace(path=entry.path)
