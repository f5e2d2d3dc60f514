"""Data types shared by plugins and the transfer engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from hca_base.transfer._checksums import normalize_checksums

#: Sizes in bytes. Up to this a file is received into memory and written with one call.
SMALL_FILE = 256 * 1024
#: From this size on a partial file has a journal, so that a killed run can resume within the file.
JOURNAL_FROM = 8 * 1024 * 1024


@dataclass(slots=True)
class Source:
    """A place to get the content of a file from.

    :param url: http or https URL
    :param headers: request headers, or a function that yields them for a URL; they are sent to the origin (scheme,
        host and port) of ``url`` alone and never follow a redirect to another one
    :param redirects: ``follow``: ``url`` is the data, redirects are followed at once, ranges are asked of it.
        ``service``: ``url`` is a request to a service, which may answer 301 with ``Retry-After`` (wait, then follow)
        before it redirects to the data; no ``Range`` is sent to it
    :param expires: Unix time (seconds) at which ``url`` expires
    :param filename: the service's name of the file, for information
    :param path: a local file to copy instead of a request
    :param on_unauthorized: called with the URL if the origin of ``url`` responds with 401; returns true if new
        credentials are available, so that the request is retried once
    """

    url: str = ""
    headers: Mapping[str, str] | Callable[[str], Mapping[str, str]] = field(default_factory=dict)
    redirects: str = "follow"
    expires: float | None = None
    filename: str | None = None
    path: Path | str | None = None
    on_unauthorized: Callable[[str], bool] | None = None

    def headers_now(self) -> Mapping[str, str]:
        """The headers to send now to :attr:`url`."""
        return self.headers(self.url) if callable(self.headers) else self.headers


@dataclass(slots=True)
class Item:
    """One file to download.

    :param name: path relative to the destination, with ``/``; checked before use
    :param size: bytes, or None when not known
    :param checksums: hex digests by name: sha512, sha256, trunc512 (the first 24 bytes of SHA-512), sha1, md5, crc32c
        (8 digits), s3_etag; the strongest is verified
    :param source: a :class:`Source`, a function that yields a fresh one, or several of them in order of preference. A
        function is called once for each URL: first, and again if the URL was refused or has expired
    :param key: any value; it is included in the report's row
    """

    name: str
    size: int | None = None
    checksums: Mapping[str, str] = field(default_factory=dict)
    source: Source | Callable[[], Source] | Sequence[Source | Callable[[], Source]] = field(default_factory=Source)
    key: Any = None

    def expected_sha256(self) -> str | None:
        """Return the expected sha256 in lower case, if there is one."""
        value = self.checksums.get("sha256")
        # Try the usual spelling first: this runs for every file.
        known = value.strip().lower() if value else ""
        return known or normalize_checksums(self.checksums).get("sha256")


class Stored(NamedTuple):
    """A file that was fetched, verified and moved into place."""

    path: str
    sha256: str
    size: int
    outcome: str = "downloaded"


class Present(NamedTuple):
    """A file that is already in place, or can be linked into place.

    :param outcome: present, linked or would-link
    """

    outcome: str
    path: str


@dataclass(slots=True)
class UploadItem:
    """One local file to upload.

    In the values of ``tags`` and ``metadata``, ``{sha1}``, ``{sha256}``, ``{crc32c}``, ``{s3_etag}`` and ``{size}``
    stand for the file's own.

    :param path: the local file
    :param key: object key
    :param bucket: bucket, where it is not the target's
    :param content_type: media type with its parameters
    :param acl: canned ACL, such as ``bucket-owner-full-control``
    """

    path: Path | str
    key: str
    bucket: str | None = None
    content_type: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    acl: str | None = None
    #: Any value; it is included in the report's row.
    tag: Any = None
    #: Set after sending: hex digests by name (s3_etag, and those used in tags or metadata).
    digests: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class TransferOptions:
    """How to transfer; every field has a safe default.

    :param connections: fixed number of connections; None adapts it to the latency
    :param limit_rate: bytes per second for the whole run; None for no limit
    :param fail_fast: stop at the first file that fails
    :param retries: retries without progress before a file fails
    :param min_delay: seconds before the first retry; doubles with each retry
    :param verify: verify checksums; False prints a warning
    :param link: how to link files from the filestore: hard, copy or symlink
    :param names: portable: refuse names that some system does not support; native: only those that this system does not
    :param tags: auto: tags follow once a large object is complete, and are checked; put: they are sent with the bytes
        only, for stores that do not keep them or that cannot tag an object
    :param filestore: directory of the filestore; default: chosen by the caller
    :param executor: None for threads, ``dask://HOST:PORT`` for a cluster
    :param dry_run: only find out what would be transferred
    :param report: file to write the report to (``.json`` for JSON, otherwise TSV)
    :param progress: auto, none or jsonl
    :param fsync: sync every file to disk before moving it into place
    :param connect_timeout: seconds
    :param stall_timeout: seconds without data after which a connection is closed
    :param min_rate: bytes per second, over 30 s, below which a connection is closed and the file resumed on another
        one; 0 for no minimum
    :param patience: seconds without any answer after which a host that never answered is given up, for all files;
        one that answered before gets ten times as long
    :param wait_budget: seconds that one file may spend on 301 with ``Retry-After``, and on 429 and 503
    :param proxy: proxy for all hosts, overriding the environment
    :param ca_bundle: file of certificates, overriding the environment
    :param user_agent: value of the header ``User-Agent``
    :param fast: use libcurl if it is installed
    :param disk_reserve: bytes of disk space to leave free
    """

    connections: int | None = None
    limit_rate: int | None = None
    fail_fast: bool = False
    retries: int = 10
    min_delay: float = 0.25
    verify: bool = True
    link: str = "hard"
    names: str = "portable"
    tags: str = "auto"
    filestore: Path | str | None = None
    executor: str | None = None
    dry_run: bool = False
    report: Path | str | None = None
    progress: str = "auto"
    fsync: bool = False
    connect_timeout: float = 15.0
    stall_timeout: float = 60.0
    min_rate: int = 1024
    patience: float = 30.0
    wait_budget: float = 3600.0
    proxy: str | None = None
    ca_bundle: str | None = None
    user_agent: str | None = None
    fast: bool = True
    disk_reserve: int = 16 * 1024 * 1024
