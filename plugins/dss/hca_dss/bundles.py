"""Bundles as the service lists them, checked before anything is done with what they say."""

from __future__ import annotations

import functools
import json
import re
import secrets
import sys
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from hca_base.errors import HCAError, RefusedError

if TYPE_CHECKING:
    from hca_dss.operations import DssOperations, Replica

#: Name under which a downloaded bundle's own manifest is kept beside its files.
BUNDLE_JSON = "bundle.json"
#: How far the entries of ``files`` are indented in the document.
_INDENT = " " * 12
_encode = json.JSONEncoder(sort_keys=True, separators=(f",\n{_INDENT}    ", ": ")).encode
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class BundleFile(NamedTuple):
    """One file of a bundle.

    :ivar size: bytes
    :ivar indexed: it is JSON metadata that can be searched
    """

    name: str
    uuid: str
    version: str
    sha256: str
    size: int
    indexed: bool


class Bundle:
    """One version of a bundle.

    :ivar uuid: as it was asked for, which is how its directory is called
    :ivar version: the version that the service gave
    :ivar files: in the service's order
    """

    def __init__(self, uuid: str, version: str, files: list[BundleFile], document: BundleDocument) -> None:
        self.uuid = uuid
        self.version = version
        self.files = files
        self._document = document

    @property
    def name(self) -> str:
        """``UUID.VERSION``: what its directory is called."""
        return f"{self.uuid}.{self.version}"

    @functools.cached_property
    def by_name(self) -> dict[str, BundleFile]:
        """The files by their names; of several with one name, the last."""
        return {file.name: file for file in self.files}

    def json_parts(self) -> Iterator[bytes]:
        """What ``bundle.json`` holds, piece by piece; the same bytes for the same version, whoever writes them."""
        return self._document.parts()


class BundleDocument:
    """The service's whole answer for a bundle, all pages of it as one, in a tenth of the memory of its objects."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._pages: list[bytes] = []

    def add(self, page: Mapping[str, Any]) -> list[Any]:
        """Take in a page, and return its entries.

        :raises TypeError: it is not a page of a bundle
        :raises KeyError: likewise
        """
        entries = page["bundle"]["files"]
        if not isinstance(entries, list):
            raise TypeError
        if entries:
            self._pages.append(zlib.compress(",\n".join(map(_indented, entries)).encode(), 1))
        # Of the rest, the last page's stands.
        self._head = {**page, "bundle": {**page["bundle"], "files": []}}
        return entries

    def parts(self) -> Iterator[bytes]:
        """The answer as JSON, indented and with sorted names."""
        # A word that is nowhere else stands where the entries belong.
        mark = secrets.token_hex(16)
        self._head["bundle"]["files"] = [mark]
        text = json.dumps(self._head, indent=4, sort_keys=True)
        before, _, after = text.partition(f'[\n{_INDENT}"{mark}"\n{_INDENT[:-4]}]')
        yield f"{before}[".encode()
        for number, page in enumerate(self._pages):
            yield (b",\n" if number else b"\n") + zlib.decompress(page)
        yield (f"\n{_INDENT[:-4]}]{after}" if self._pages else f"]{after}").encode()


def _indented(entry: Any) -> str:
    """An entry of ``files`` as it stands in the whole document."""
    if not isinstance(entry, dict) or not entry or any(isinstance(value, (dict, list)) for value in entry.values()):
        return _INDENT + json.dumps(entry, indent=4, sort_keys=True).replace("\n", f"\n{_INDENT}")
    # With these separators json's encoder in C does what takes ten times as long with an indent.
    return f"{_INDENT}{{\n{_INDENT}    {_encode(entry)[1:-1]}\n{_INDENT}}}"


def read_bundle(client: DssOperations, uuid: str, replica: Replica, version: str | None = None) -> Bundle:
    """Ask for a bundle, all pages of it.

    :param version: without one, the latest
    :raises HCAError: the answer is no bundle, or not the version asked for
    :raises RefusedError: the service's names for the bundle must not become a directory's
    """
    document = BundleDocument()
    files: list[BundleFile] = []
    found = ""
    for page in client.get_bundle.paginate(uuid=uuid, replica=replica, version=version or None):
        try:
            entries = document.add(page)
            page_version = page["bundle"]["version"]
        except (TypeError, KeyError):
            raise HCAError(f"the service's response for bundle {uuid} is not a bundle") from None
        if found and page_version != found:
            raise HCAError(f"the pages of bundle {uuid} are of different versions: {found} and {page_version}")
        files += [_file(entry, uuid) for entry in entries]
        found = page_version
    if not found:
        raise HCAError(f"the service's response for bundle {uuid} is empty")
    if version and found != version:
        raise HCAError(f"bundle {uuid} was requested in version {version}, but the service sent version {found}")
    _check_directory_name(uuid, found)
    return Bundle(uuid, found, files, document)


def _check_directory_name(uuid: str, version: object) -> None:
    from hca_base.transfer import safe_name

    if not isinstance(version, str) or len(safe_name(f"{uuid}.{version}").parts) != 1 or "/" in uuid:
        raise RefusedError(f"bundle {uuid} has a version that cannot be the name of a directory: {version!r:.80}")


def is_text(value: str) -> bool:
    """False for halves of characters, which JSON can have, and for bytes that were no UTF-8; a URL can have neither."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _file(entry: Any, bundle: str) -> BundleFile:
    wrong = "is not an object"
    if isinstance(entry, Mapping):
        sha256, size = entry.get("sha256"), entry.get("size")
        if not all(isinstance(entry.get(key), str) for key in ("name", "uuid", "version")):
            wrong = "lacks name, uuid or version"
        elif not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
            wrong = "has no sha256"
        elif not isinstance(size, int) or isinstance(size, bool) or size < 0:
            wrong = "has no size"
        elif not is_text(entry["uuid"] + entry["version"]):
            wrong = "has a uuid or version that is not a string"
        else:
            indexed = entry.get("indexed") is True
            # All files of a bundle mostly have one version.
            version = sys.intern(entry["version"])
            return BundleFile(entry["name"], entry["uuid"], version, sha256.lower(), size, indexed)
    raise HCAError(f"the service's list of the files of bundle {bundle} is malformed: an entry {wrong}")
