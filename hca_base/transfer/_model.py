"""What is moved, from where, and how: the vocabulary that plugins and the engine share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from hca_base.transfer._checksums import normalize_checksums

#: Sizes in bytes. Up to this a file is received into memory and written with one call.
SMALL_FILE = 256 * 1024
#: From this size on a partial file keeps a journal, so that a killed run resumes inside the file.
JOURNAL_FROM = 8 * 1024 * 1024


@dataclass(slots=True)
class Source:
    """Where the bytes of one file are to be had.

    :param url: http or https address
    :param headers: request headers, or a function that yields them for a URL; they are sent to the origin (scheme,
        host and port) of ``url`` alone and never follow a redirect to another one
    :param redirects: ``follow``: ``url`` is the data, redirects are followed at once, ranges are asked of it.
        ``service``: ``url`` is a request to a service, which may answer 301 with ``Retry-After`` (wait, then follow)
        before it redirects to the data; no ``Range`` is sent to it
    :param expires: Unix time (seconds) after which ``url`` is known to be refused
    :param filename: the name that the service gives the file, for information
    :param path: a local file to copy instead of a request
    :param on_unauthorized: called with the URL when the origin of ``url`` answers 401; true when new credentials were
        got, so that the request is worth one repeat
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

    :param name: path relative to the destination, with ``/``; it is checked before it touches the disk
    :param size: bytes, or None when not known
    :param checksums: hex digests by name: sha512, sha256, trunc512 (the first 24 bytes of SHA-512), sha1, md5, crc32c
        (8 digits), s3_etag; the strongest is compared
    :param source: a :class:`Source`, a function that yields a fresh one, or several of them in order of preference. A
        function is called once for each address: at first, and when the address before was refused or has expired
    :param key: anything of the caller's; it comes back in the report's row
    """

    name: str
    size: int | None = None
    checksums: Mapping[str, str] = field(default_factory=dict)
    source: Source | Callable[[], Source] | Sequence[Source | Callable[[], Source]] = field(default_factory=Source)
    key: Any = None

    def expected_sha256(self) -> str | None:
        """Return the expected sha256 in lower case, if there is one."""
        value = self.checksums.get("sha256")
        # The common spelling first: this is asked for every file.
        known = value.strip().lower() if value else ""
        return known or normalize_checksums(self.checksums).get("sha256")


class Stored(NamedTuple):
    """A file that was fetched and verified, and has its name."""

    path: str
    sha256: str
    size: int
    outcome: str = "downloaded"


class Present(NamedTuple):
    """A file found in place, or one that could be linked there.

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
    #: Anything of the caller's; it comes back in the report's row.
    tag: Any = None
    #: Set when it was sent: hex digests by name (s3_etag, and those that tags or metadata tell).
    digests: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class TransferOptions:
    """How to transfer; every field has a safe default.

    :param connections: fixed number of connections; None adapts it to the latency seen
    :param limit_rate: bytes a second for the whole run; None for no limit
    :param fail_fast: stop at the first file that fails
    :param retries: attempts without progress after which a file is given up
    :param min_delay: seconds before the first repeat; it doubles from there
    :param verify: compare with the promised checksums; False says so loudly
    :param link: how a named file comes from the filestore: hard, copy or symlink
    :param names: portable: refuse files whose names some system cannot hold; native: only those that this one cannot
    :param tags: auto: tags follow once a large object is complete, and are checked; put: they are sent with the bytes
        only, for stores that do not keep them or that cannot tag an object
    :param filestore: directory of the filestore, where the caller has no better idea
    :param executor: None for threads, ``dask://HOST:PORT`` for a cluster
    :param dry_run: find out what would be done, and do nothing
    :param report: file to write the report to (``.json`` for JSON, else TSV)
    :param progress: auto, none or jsonl
    :param fsync: force every file to the disk before it gets its name
    :param connect_timeout: seconds
    :param stall_timeout: seconds without a byte after which a connection is given up
    :param min_rate: bytes a second, over 30 s, below which a connection is given up and the file resumed on another
        one; 0 for no minimum
    :param patience: seconds without any answer after which a host that never answered is given up, for all files;
        one that answered before gets ten times as long
    :param wait_budget: seconds that one file may spend on 301 with ``Retry-After``, and on 429 and 503
    :param proxy: proxy for all hosts, overriding the environment
    :param ca_bundle: file of certificates, overriding the environment
    :param user_agent: value of the header ``User-Agent``
    :param fast: False keeps libcurl out of it
    :param disk_reserve: bytes of disk to leave free
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
