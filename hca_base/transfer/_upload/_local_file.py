"""One local file to upload: its bytes, its checksums, and the headers and tags that describe the object."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hca_base.errors import TransferError, UsageError, VerificationError
from hca_base.transfer._checksums import KNOWN, Hashes
from hca_base.transfer._model import UploadItem
from hca_base.transfer._store._disk import pread
from hca_base.transfer._upload._documents import tagging_header
from hca_base.transfer._upload._s3 import base64_of_hex, clean_etag

if TYPE_CHECKING:
    from hca_base.transfer._network._response import Response

BLOCK = 1024 * 1024


class ChangedError(TransferError):
    """Raised when a local file changes or disappears during the upload."""


@dataclass(slots=True)
class LocalFile:
    """A file to send, with its initial status."""

    item: UploadItem
    stream: IO[bytes]
    size: int
    identity: tuple[int, int, int, int] = field(default=(0, 0, 0, 0))

    @classmethod
    def open(cls, item: UploadItem) -> LocalFile:
        """Open the file of an item.

        :raises TransferError: it cannot be read
        """
        try:
            stream = Path(item.path).open("rb", buffering=0)  # noqa: SIM115 - closed by the caller
        except OSError as error:
            raise TransferError(f"cannot read {item.path}: {error.strerror or error}") from error
        status = os.fstat(stream.fileno())
        return cls(item, stream, status.st_size, _identity(status))

    def check(self) -> None:
        """Check that the file is unchanged.

        :raises ChangedError: the file has changed
        """
        try:
            now = os.stat(self.item.path)
        except OSError as error:
            raise ChangedError(f"{self.item.path} was deleted during the upload") from error
        if _identity(now) != self.identity or _identity(os.fstat(self.stream.fileno())) != self.identity:
            raise ChangedError(
                f"{self.item.path} changed during the upload", hint="upload it again when it no longer changes"
            )

    def blocks(self, start: int, end: int) -> Iterator[bytes]:
        """Return the bytes from ``start`` to ``end``.

        :raises ChangedError: the file has become shorter
        """
        fd = self.stream.fileno()
        while start < end:
            data = pread(fd, min(BLOCK, end - start), start)
            if not data:
                raise ChangedError(f"{self.item.path} became shorter during the upload")
            start += len(data)
            yield data


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev


def placeholders(item: UploadItem) -> set[str]:
    """Return the names of the checksums used in an item's tags and metadata."""
    texts = [*item.tags.values(), *item.metadata.values()]
    return {name for name in KNOWN for text in texts if f"{{{name}}}" in text}


def filled(values: dict[str, str], digests: dict[str, str], size: int) -> dict[str, str]:
    """Return tags or metadata with placeholders replaced by the file's values."""
    known = {**digests, "size": str(size)}
    done = {}
    for key, text in values.items():
        for name, value in known.items():
            text = text.replace(f"{{{name}}}", value)
        done[key] = text
    return done


def object_headers(item: UploadItem, digests: dict[str, str], size: int, *, tags: bool) -> dict[str, str]:
    """Return the headers that describe a new object."""
    headers = {}
    if item.content_type:
        headers["Content-Type"] = item.content_type
    if item.acl:
        headers["x-amz-acl"] = item.acl
    for name, value in filled(dict(item.metadata), digests, size).items():
        headers[f"x-amz-meta-{name}"] = value
    for name, value in headers.items():
        if not (name + value).isascii() or not (name + value).isprintable():
            raise UsageError(f"{item.path}: {name} is {value!a}, but S3 accepts only printable ASCII there")
    if tags and item.tags:
        headers["x-amz-tagging"] = tagging_header(filled(dict(item.tags), digests, size))
    return headers


def check_etag(item: UploadItem, reply_etag: str, expected: str, encrypted: bool) -> None:
    """Compare what the store reports with what was sent.

    :param encrypted: the store encrypts with its key or ours; the ETag is then not a checksum (S3 API reference,
        "Object"), and the ``Content-MD5`` that the store verified has to suffice
    :raises VerificationError: they differ
    """
    found = clean_etag(reply_etag)
    if found != expected and not (encrypted and found):
        raise VerificationError(f"{item.path}: the store reports the ETag {found or 'none'}, expected {expected}")


def is_encrypted(response: Response) -> bool:
    """Return True if a response shows encryption that changes the ETag."""
    kind = response.header("x-amz-server-side-encryption").lower()
    return kind.startswith("aws:kms") or bool(response.header("x-amz-server-side-encryption-customer-algorithm"))


def read_small(file: LocalFile) -> bytes:
    """Return all bytes of a small file, which must not change meanwhile."""
    data = b"".join(file.blocks(0, file.size)) if file.size > BLOCK else file.stream.read(file.size + 1)
    if len(data) != file.size:
        raise ChangedError(
            f"{file.item.path} changed while it was read", hint="upload it again when it no longer changes"
        )
    file.check()
    return data


def describe_small(item: UploadItem, data: bytes) -> tuple[dict[str, str], str]:
    """Return the headers (including tags) for a file in memory, and its sha256; set the item's digests."""
    hashes = Hashes({"sha256", "s3_etag"} | placeholders(item), len(data))
    hashes.update(data)
    item.digests = hashes.hexdigests()
    headers = object_headers(item, item.digests, len(data), tags=True)
    headers["Content-MD5"] = base64_of_hex(item.digests["s3_etag"])
    return headers, item.digests["sha256"]
