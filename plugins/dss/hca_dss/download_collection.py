"""Downloads the contents of a collection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hca_base.errors import HCAError, UsageError
from hca_base.transfer import DirectoryDestination, Item, Report, TransferOptions, prefetch
from hca_dss.bundles import Bundle, BundleFile, read_bundle
from hca_dss.download import Download, ahead
from hca_dss.download_manifest import bundle_items

if TYPE_CHECKING:
    from hca_dss.operations import DssOperations, Replica

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
#: Longer or other strings are not valid sizes.
_SIZE = re.compile(r"[0-9]{1,18}")
#: Directory, below the download directory, for files outside of bundles.
FILES = "files"


class Link(NamedTuple):
    """A link of a collection.

    :ivar type: file, bundle, collection, or anything else for a fragment of a JSON file
    :ivar version: may be empty, for the latest
    """

    type: str
    uuid: str
    version: str


def download_collection(
    client: DssOperations,
    uuid: str,
    replica: Replica,
    version: str | None,
    download_dir: Path | str,
    options: TransferOptions,
) -> Report:
    """Download a collection; see :meth:`hca_dss.client.DSSClient.download_collection`."""
    start = Link("collection", uuid, version or "")
    # The requested collection must exist; a missing nested one is reported like a missing file.
    contents = _contents(client, start, replica)
    run = Download(client, replica, download_dir, options)
    destination = run.destination()
    items = _items(run, _links(run, start, contents), destination)
    report = run.run(prefetch(items), destination)
    report.raise_for_failures("downloaded")
    return report


def _contents(client: DssOperations, link: Link, replica: Replica) -> list[Link]:
    answer = client.get_collection(uuid=link.uuid, replica=replica, version=link.version or None)
    contents = answer.get("contents") if isinstance(answer, Mapping) else None
    if not isinstance(contents, list):
        raise HCAError(f"the service's response for collection {link.uuid} is not a collection")
    return [_link(entry, link.uuid) for entry in contents]


def _link(entry: Any, collection: str) -> Link:
    if isinstance(entry, Mapping):
        parts = [entry.get("type"), entry.get("uuid"), entry.get("version") or ""]
        if all(isinstance(part, str) for part in parts) and parts[1]:
            return Link(*(str(part) for part in parts))
    raise HCAError(f"collection {collection} has a link that cannot be followed: {str(entry)[:200]}")


def _links(run: Download, start: Link, contents: list[Link]) -> Iterator[Link]:
    """All links to bundles and files, without duplicates; collections may link to each other in cycles."""
    seen = {start}
    pending = [iter(contents)]
    while pending:
        link = next(pending[-1], None)
        if link is None:
            pending.pop()
            continue
        if link.type not in ("bundle", "collection"):
            # The fragment's file is downloaded.
            link = Link("file", link.uuid, link.version)
        if link in seen:
            continue
        seen.add(link)
        if link.type != "collection":
            yield link
            continue
        try:
            pending.append(iter(_contents(run.client, link, run.replica)))
        except HCAError as error:
            told = _unusable(error) if isinstance(error, UsageError) else error
            run.fail(f"collection {link.uuid}.{link.version}", told)


def _unusable(error: UsageError) -> HCAError:
    """An invalid link is not a usage error."""
    return HCAError(f"a link of the collection cannot be followed: {error.message}")


def _items(run: Download, links: Iterator[Link], destination: DirectoryDestination) -> Iterator[Item]:
    def ask(link: Link) -> Bundle | BundleFile:
        try:
            if link.type == "bundle":
                return read_bundle(run.client, link.uuid, run.replica, link.version)
            return _head_file(run.client, link, run.replica)
        except UsageError as error:
            raise _unusable(error) from None

    for link, answer in ahead(ask, links):
        if isinstance(answer, HCAError):
            run.fail(f"{link.type} {link.uuid}.{link.version}", answer)
        elif isinstance(answer, BundleFile):
            yield run.item(answer.name, answer)
        else:
            try:
                yield from bundle_items(run, answer, destination)
            except HCAError as error:
                run.fail(answer.name, error)


def _head_file(client: DssOperations, link: Link, replica: Replica) -> BundleFile:
    """A single file, described by its headers. Outside of bundles its only name is its UUID and version."""
    headers = client.head_file(uuid=link.uuid, replica=replica, version=link.version or None).headers
    sha256, size = headers.get("X-DSS-SHA256", ""), headers.get("X-DSS-SIZE", "")
    version = headers.get("X-DSS-VERSION", "") or link.version
    if not _SHA256.fullmatch(sha256) or not _SIZE.fullmatch(size):
        raise HCAError(f"the service's response for file {link.uuid} lacks its size or checksum")
    if "/" in link.uuid + version:
        raise HCAError(f"file {link.uuid} has a version that cannot be part of a name: {version!r:.80}")
    return BundleFile(f"{FILES}/{link.uuid}.{version}", link.uuid, version, sha256.lower(), int(size), False)
