"""Bundles as the service lists them, checked before anything is done with what they say."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from hca_base.errors import HCAError, RefusedError

if TYPE_CHECKING:
    from hca_base.openapi import Client

#: Name under which a downloaded bundle's own manifest is kept beside its files.
BUNDLE_JSON = "bundle.json"
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
    :ivar document: the service's whole answer, all pages of it as one
    """

    def __init__(self, uuid: str, version: str, files: list[BundleFile], document: dict[str, Any]) -> None:
        self.uuid = uuid
        self.version = version
        self.files = files
        self.document = document

    @property
    def name(self) -> str:
        """``UUID.VERSION``: what its directory is called."""
        return f"{self.uuid}.{self.version}"

    def to_json(self) -> bytes:
        """What ``bundle.json`` holds; the same bytes for the same version, whoever writes them."""
        return json.dumps(self.document, indent=4, sort_keys=True).encode()


def read_bundle(client: Client, uuid: str, replica: str, version: str | None = None) -> Bundle:
    """Ask for a bundle, all pages of it.

    :param version: without one, the latest
    :raises HCAError: the answer is no bundle, or not the version asked for
    :raises RefusedError: the service's names for the bundle must not become a directory's
    """
    document: dict[str, Any] | None = None
    entries: list[Any] = []
    found = ""
    for page in client.get_bundle.paginate(uuid=uuid, replica=replica, version=version or None):
        try:
            part = page["bundle"]
            entries += part["files"]
            page_version = part["version"]
        except (TypeError, KeyError):
            raise HCAError(f"the service's answer for bundle {uuid} is not a bundle") from None
        if found and page_version != found:
            raise HCAError(f"the pages of bundle {uuid} are of different versions: {found} and {page_version}")
        document, found = page, page_version
    if document is None:
        raise HCAError(f"the service's answer for bundle {uuid} is empty")
    if version and found != version:
        raise HCAError(f"bundle {uuid} was asked for in version {version}, and came in version {found}")
    _check_directory_name(uuid, found)
    document["bundle"]["files"] = entries
    return Bundle(uuid, found, [_file(entry, uuid) for entry in entries], document)


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
            wrong = "has a uuid or version that is no text"
        else:
            indexed = entry.get("indexed") is True
            return BundleFile(entry["name"], entry["uuid"], entry["version"], sha256.lower(), size, indexed)
    raise HCAError(f"the service's list of the files of bundle {bundle} is malformed: an entry {wrong}")
