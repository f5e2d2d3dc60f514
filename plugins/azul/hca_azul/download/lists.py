"""Lists of files that people have: manifests (today's and the old DSS's) and curl configurations."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from hca_azul.download.entries import Entry, by_uuids, checked, is_address
from hca_base.errors import UsageError

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

#: What joins several values in a cell.
SEPARATOR = " || "
_FILE_URL = re.compile(r"/repository/files/([^/?#]+)")
_PAIR = re.compile(r"(url|output)\s*=?\s*\"((?:[^\"\\]|\\.)*)\"")
#: A pair that is not in quotes: nothing is to be left out because it is written in another way.
_OTHER_PAIR = re.compile(r"-{0,2}(url|output)(\s|=)")
#: No file has 10**18 bytes.
_SIZE = re.compile(r"[0-9]{1,18}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_COMMENT = re.compile(r"#.*?['\"]?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_COLUMNS = {
    "uuid": ("file_uuid",),
    "name": ("file_name",),
    "sha256": ("file_sha256",),
    "crc32c": ("file_crc32c",),
    "version": ("file_version",),
    "format": ("file_format",),
    "url": ("file_azul_url", "file_url"),
    "mirror": ("file_mirror_uri",),
    "drs": ("file_drs_uri",),
    "project": ("project.project_core.project_short_name", "project_short_name"),
    "project_id": ("project.provenance.document_id",),
    "bundle": ("bundle_uuid",),
    "sample": ("sample.biomaterial_core.biomaterial_id", "cell_suspension.biomaterial_core.biomaterial_id"),
    "organ": ("specimen_from_organism.organ", "specimen_from_organism.organ.text"),
    "species": ("donor_organism.genus_species",),
    "library": ("library_preparation_protocol.library_construction_approach",),
    "read": ("read_index",),
    "lane": ("lane_index",),
    "run": ("sequencing_process.provenance.document_id",),
}


def read_list(client: AzulConnection, path: Path | str, catalog: str | None = None) -> Iterator[Entry]:
    """The files of a manifest or a curl configuration, whichever the file is.

    :raises UsageError: it is neither, or cannot be read
    """
    source = Path(path)
    try:
        with source.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            first = stream.readline()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
    if "file_uuid" in first and "\t" in first:
        return _manifest(client, source, catalog)
    if _is_curl(source):
        return by_uuids(client, _curl(source, Addresses(client, catalog)), catalog)
    raise UsageError(
        f"{path} is neither a manifest nor a curl configuration",
        hint="a manifest is a table with tabs whose first row names the columns, file_uuid among them",
    )


def _open(path: Path) -> IO[str]:
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _manifest(client: AzulConnection, path: Path, catalog: str | None) -> Iterator[Entry]:
    addresses = Addresses(client, catalog)
    csv.field_size_limit(1 << 27)
    with _open(path) as stream:
        # Strict: a quote that is never closed would make one cell of all rows behind it, and lose them silently.
        reader = csv.DictReader(stream, dialect="excel-tab", restval="", restkey="", strict=True)
        try:
            header = set(reader.fieldnames or ())
            lacking = [name for name in ("file_name", "file_size", "file_sha256") if name not in header]
            if lacking:
                raise UsageError(f"the manifest {path} lacks the column{'s' * (len(lacking) > 1)} {', '.join(lacking)}")
            places = {name: [one for one in columns if one in header] for name, columns in _COLUMNS.items()}
            for record in reader:
                cells = {
                    name: next((cell for column in columns if (cell := record[column] or "")), "")
                    for name, columns in places.items()
                }
                size = record["file_size"].strip()
                problem = ""
                if not cells["uuid"]:
                    problem = "file_uuid is empty"
                elif size and not _SIZE.fullmatch(size):
                    problem = f"file_size is {size[:80]!r}"
                elif cells["sha256"].strip() and not _SHA256.fullmatch(cells["sha256"].strip()):
                    # Without one, the bytes are compared with nothing.
                    problem = f"file_sha256 is {cells['sha256'][:80]!r}"
                if problem:
                    raise UsageError(f"manifest {path}, line {reader.line_num}: {problem}")
                cells["name"] = cells["name"] or cells["uuid"]
                for name in ("bundle", "project", "project_id", "sample", "organ", "species", "library", "run"):
                    cells[name] = cells[name].split(SEPARATOR)[0]
                cells["url"] = addresses.of(cells["url"], cells["uuid"], "file_drs_uri" in header)
                yield checked(Entry(size=int(size) if size else None, **cells))
        except csv.Error as error:
            raise UsageError(f"manifest {path}, line {reader.line_num}: {error}") from None


class Addresses:
    """Addresses of files, in catalogs that are still there.

    :param catalog: the one to use in place of one that is gone
    """

    def __init__(self, client: AzulConnection, catalog: str | None) -> None:
        self.client = client
        self._given = catalog
        self._told: set[str] = set()

    def of(self, url: str, uuid: str, current: bool) -> str:
        """Where to ask for a file.

        :param url: what the manifest says; empty: it says nothing
        :param current: the manifest is one of today's, and says nothing only about files that cannot be had
        """
        if not url:
            if current:
                return ""
            # The old service's versions are not today's: the latest is asked for, and its checksum compared.
            catalog = self.client.catalog(self._given)
            return f"{self.client.base_url}/repository/files/{quote(uuid, safe='')}?catalog={quote(catalog, safe='')}"
        if not is_address(url):
            return ""
        parts = urlsplit(url)
        # Manifests in the body's form: the file itself is wanted, not a description of where it is.
        path = parts.path.replace("/fetch/repository/", "/repository/", 1)
        query = parse_qsl(parts.query, keep_blank_values=True)
        named = dict(query).get("catalog")
        use = self.catalog_of(url)
        if use and use != named:
            # What had a version there may have another one here.
            query = [(k, use if k == "catalog" else v) for k, v in query if k != "version"]
            return urlunsplit(parts._replace(path=path, query=urlencode(query)))
        return url if path == parts.path else urlunsplit(parts._replace(path=path))

    def catalog_of(self, url: str) -> str:
        """The catalog to use for an address: the one that is in it, as long as that is there; empty for none."""
        named = dict(parse_qsl(urlsplit(url).query)).get("catalog")
        if not named or not url.startswith(self.client.base_url):
            return ""
        if named in self.client.known_catalogs().all:
            return named
        use = self.client.catalog(self._given)
        if named not in self._told:
            from hca_base.output import warn

            self._told.add(named)
            warn(f"the catalog {named} of the manifest is gone; {use} is used, and checksums are compared")
        return use


def is_curl(path: Path | str) -> bool:
    """Whether a file is a curl configuration."""
    try:
        return _is_curl(Path(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None


def _is_curl(path: Path) -> bool:
    with _open(path) as stream:
        for number, line in enumerate(stream):
            if _PAIR.match(line.strip()):
                return True
            if number > 1000:
                break
    return False


def _curl(path: Path, addresses: Addresses) -> Iterator[Entry]:
    """The files of a curl configuration: no more is known of them than UUID, catalog and path."""
    url = ""
    with _open(path) as stream:
        for number, line in enumerate(stream, 1):
            text = line.strip()
            comment = _COMMENT.match(text)
            if comment:
                told = "the configuration says that it is not available"
                yield Entry(comment[1], comment[1], missing=told)
                continue
            pair = _PAIR.match(text)
            if pair is None:
                if _OTHER_PAIR.match(text):
                    raise UsageError(f"{path}, line {number}: this is not understood: {text[:80]!r}")
                continue
            value = re.sub(r"\\(.)", r"\1", pair[2])
            if pair[1] == "url":
                if url:
                    yield _of_url(path, url, "", addresses)
                url = value
            elif url:
                yield _of_url(path, url, value, addresses)
                url = ""
    if url:
        yield _of_url(path, url, "", addresses)


def _of_url(path: Path, url: str, output: str, addresses: Addresses) -> Entry:
    match = _FILE_URL.search(urlsplit(url).path) if is_address(url) else None
    if match is None:
        raise UsageError(
            f"{path} holds an address that is not one of Azul's files", hint="signed addresses cannot be taken up"
        )
    uuid = unquote(match[1])
    name = output.rsplit("/", 1)[-1] or uuid
    return Entry(uuid, name, path=output, catalog=addresses.catalog_of(url))
