"""Bundles as the service lists them, validated before use."""

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

#: File name of a downloaded bundle's own manifest, in the bundle's directory.
BUNDLE_JSON = "bundle.json"
#: Indentation of the entries of ``files`` in the document.
_INDENT = " " * 12
_encode = json.JSONEncoder(sort_keys=True, separators=(f",\n{_INDENT}    ", ": ")).encode
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class BundleFile(NamedTuple):
    """One file of a bundle.

    :ivar size: bytes
    :ivar indexed: whether it is searchable JSON metadata
    """

    name: str
    uuid: str
    version: str
    sha256: str
    size: int
    indexed: bool


class Bundle:
    """One version of a bundle.

    :ivar uuid: as requested; the directory's name contains it
    :ivar version: from the service
    :ivar files: in the service's order
    """

    def __init__(self, uuid: str, version: str, files: list[BundleFile], document: BundleDocument) -> None:
        self.uuid = uuid
        self.version = version
        self.files = files
        self._document = document

    @property
    def name(self) -> str:
        """``UUID.VERSION``: the name of its directory."""
        return f"{self.uuid}.{self.version}"

    @functools.cached_property
    def by_name(self) -> dict[str, BundleFile]:
        """The files by name; of several with the same name, the last."""
        return {file.name: file for file in self.files}

    def json_parts(self) -> Iterator[bytes]:
        """The content of ``bundle.json``, in pieces; always the same bytes for the same version."""
        return self._document.parts()


class BundleDocument:
    """The service's response for a bundle, all pages combined, in a tenth of the memory of its parsed objects."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._pages: list[bytes] = []

    def add(self, page: Mapping[str, Any]) -> list[Any]:
        """Add a page, and return its entries.

        :raises TypeError: it is not a page of a bundle
        :raises KeyError: likewise
        """
        entries = page["bundle"]["files"]
        if not isinstance(entries, list):
            raise TypeError
        if entries:
            self._pages.append(zlib.compress(",\n".join(map(_indented, entries)).encode(), 1))
        # The last page's values win for all other members.
        self._head = {**page, "bundle": {**page["bundle"], "files": []}}
        return entries

    def parts(self) -> Iterator[bytes]:
        """The response as JSON, indented and with sorted names."""
        # A unique placeholder marks the position of the entries.
        mark = secrets.token_hex(16)
        self._head["bundle"]["files"] = [mark]
        text = json.dumps(self._head, indent=4, sort_keys=True)
        before, _, after = text.partition(f'[\n{_INDENT}"{mark}"\n{_INDENT[:-4]}]')
        yield f"{before}[".encode()
        for number, page in enumerate(self._pages):
            yield (b",\n" if number else b"\n") + zlib.decompress(page)
        yield (f"\n{_INDENT[:-4]}]{after}" if self._pages else f"]{after}").encode()


def _indented(entry: Any) -> str:
    """An entry of ``files`` as indented in the complete document."""
    if not isinstance(entry, dict) or not entry or any(isinstance(value, (dict, list)) for value in entry.values()):
        return _INDENT + json.dumps(entry, indent=4, sort_keys=True).replace("\n", f"\n{_INDENT}")
    # With these separators json uses its C encoder, ten times as fast as with an indent.
    return f"{_INDENT}{{\n{_INDENT}    {_encode(entry)[1:-1]}\n{_INDENT}}}"


def read_bundle(client: DssOperations, uuid: str, replica: Replica, version: str | None = None) -> Bundle:
    """Request a bundle, all pages of it.

    :param version: default: the latest
    :raises HCAError: the response is not a bundle, or not the requested version
    :raises RefusedError: the UUID or version in the response is not safe as a directory name
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
    """False for lone surrogates, from JSON or from bytes that are not UTF-8; a URL can contain neither."""
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
            # Usually all files of a bundle have the same version.
            version = sys.intern(entry["version"])
            return BundleFile(entry["name"], entry["uuid"], version, sha256.lower(), size, indexed)
    raise HCAError(f"the service's list of the files of bundle {bundle} is malformed: an entry {wrong}")
