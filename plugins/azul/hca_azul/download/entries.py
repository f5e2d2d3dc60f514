"""Files to download, wherever their list comes from: a listing of the service, a manifest, a curl configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from hca_azul.query.rows import inner, values, whole
from hca_azul.query.search import Search
from hca_base.errors import UsageError
from hca_base.http import origin_of

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

_SHA256 = re.compile(r"[0-9a-f]{64}")
_CRC32C = re.compile(r"[0-9a-f]{8}")
#: Files asked for in one request by their UUIDs; the filters then go to the body.
BATCH = 200


class Entry(NamedTuple):
    """A file that is wanted.

    :ivar url: where the service gives it
    :ivar mirror: where the public mirror has it, if it does
    :ivar drs: its DRS URI
    :ivar run: what tells the sequencing runs of a sample apart
    :ivar path: the name that it is to have, where the list says so
    :ivar catalog: where to look it up, if the list says so
    :ivar missing: why it cannot be had, if that is known beforehand
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

    @property
    def identity(self) -> str:
        """The same for files of the same content."""
        return self.sha256 or f"{self.uuid} {self.version}"


def checked(entry: Entry) -> Entry:
    """The entry without checksums that are none (some metadata have empty ones), and with why it cannot be had."""
    sha256, crc32c = entry.sha256.strip().lower(), entry.crc32c.strip().lower()
    missing = entry.missing
    url = entry.url if is_address(entry.url) else ""
    mirror, drs = (text if text.isascii() and text.isprintable() else "" for text in (entry.mirror, entry.drs))
    if not missing and not mirror:
        if drs.startswith("drs://dg."):
            missing = "it lies outside of the repository, which only refers to it"
        elif not url:
            missing = "the service offers no way to download it"
    return entry._replace(
        url=url,
        mirror=mirror,
        drs=drs,
        sha256=sha256 if _SHA256.fullmatch(sha256) else "",
        crc32c=crc32c if _CRC32C.fullmatch(crc32c) else "",
        missing=missing,
    )


def is_address(url: str) -> bool:
    """Whether it is an address at all; what comes from servers and files may be anything."""
    try:
        origin_of(url)
    except UsageError:
        return False
    return url.isascii() and url.isprintable()


def of_hit(hit: Mapping[str, Any]) -> Iterator[Entry]:
    """The files of an entity of ``/index/files``."""
    shared = {
        "project": _first(values(hit, "projects", "projectShortname")),
        "project_id": _first(values(hit, "projects", "projectId")),
        "bundle": _first(values(hit, "bundles", "bundleUuid")),
        "sample": _first(values(hit, "samples", "id")),
        "organ": _first(values(hit, "samples", "effectiveOrgan") or values(hit, "specimens", "organ")),
        "species": _first(values(hit, "donorOrganisms", "genusSpecies")),
        "library": _first(values(hit, "protocols", "libraryConstructionApproach")),
    }
    for file in inner(hit, "files"):
        yield of_file(file, **shared)


def of_file(file: Mapping[str, Any], **shared: str) -> Entry:
    """A file as listings and trees of matrices have it."""
    size = whole(file.get("size"))
    uuid = _text(file.get("uuid"))
    return checked(
        Entry(
            uuid=uuid,
            name=_text(file.get("name")) or uuid,
            size=size if size is not None and size >= 0 else None,
            sha256=_text(file.get("sha256")),
            version=_text(file.get("version")),
            format=_text(file.get("format")),
            url=_text(file.get("azul_url")) or _text(file.get("url")),
            mirror=_text(file.get("azul_mirror_uri")),
            drs=_text(file.get("drs_uri")),
            read=_text(file.get("readIndex")),
            lane=_text(file.get("laneIndex")),
            **shared,
        )
    )


def by_filters(client: AzulConnection, filters: Mapping[str, Any], catalog: str | None = None) -> Iterator[Entry]:
    """The files that match filters."""
    for hit in Search(client, "files", filters, catalog=catalog):
        yield from of_hit(hit)


def by_uuids(client: AzulConnection, wanted: Iterable[str | Entry], catalog: str | None = None) -> Iterator[Entry]:
    """The files with these UUIDs, in this order; those that the service does not list are there as missing.

    :param wanted: UUIDs, or entries of which no more is known than UUID, version and path
    """
    batch: list[Entry] = []
    for one in wanted:
        # The service's UUIDs are in small letters, and it finds no others.
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
        # A listing of UUIDs says nothing about those that are not there.
        for known in by_filters(client, {"fileId": {"is": sorted(uuids)}}, place or catalog):
            found[place, known.uuid] = known
    for entry in batch:
        listed = found.get((entry.catalog, entry.uuid))
        if listed is None:
            told = entry.missing or "the service lists no such file, or not for this user"
            yield entry._replace(missing=told)
        else:
            yield listed._replace(path=entry.path)


def _first(found: list[Any]) -> str:
    return str(found[0]) if found else ""


def _text(value: Any) -> str:
    return "" if value is None else str(value)
