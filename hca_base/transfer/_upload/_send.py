"""One local file, to an object: read and checksummed once, sent, and compared with what the store says it has."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hca_base.errors import HCAError, TransferError, UnreachableError, UsageError, VerificationError
from hca_base.transfer._checksums import KNOWN, PART_SIZE, Hashes, digest_file
from hca_base.transfer._download._fetch import Result
from hca_base.transfer._download._locate import backoff
from hca_base.transfer._model import TransferOptions, UploadItem
from hca_base.transfer._network._limits import CancelledError
from hca_base.transfer._report import Row
from hca_base.transfer._store._disk import pread
from hca_base.transfer._upload._s3 import S3Error, S3Target, clean_etag, refuse_name, tagging_header

if TYPE_CHECKING:
    from hca_base.transfer._network._connections import Reply
    from hca_base.transfer._network._limits import Cancel, Gates, RateLimit
    from hca_base.transfer._network._settings import LazyWire

#: Up to this a file is held in memory: its tags, which tell its checksums, then go with the bytes after one reading.
IN_MEMORY = 8 * 1024 * 1024
BLOCK = 1024 * 1024


class ChangedError(TransferError):
    """A local file changed, or vanished, while it was sent."""


@dataclass(slots=True)
class UploadContext:
    """What every upload of a run shares."""

    options: TransferOptions
    target: S3Target
    wire: LazyWire
    gates: Gates
    cancel: Cancel
    rate: RateLimit
    moved: Callable[[UploadItem, int], None]
    resumed: Callable[[UploadItem, int], None]
    crowd: Callable[[], int]


@dataclass(slots=True)
class LocalFile:
    """A file to send, and what it was like at first sight."""

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
        """Make sure that it is still the same file, unchanged.

        :raises ChangedError: it is not
        """
        try:
            now = os.stat(self.item.path)
        except OSError as error:
            raise ChangedError(f"{self.item.path} vanished while it was sent") from error
        if _identity(now) != self.identity or _identity(os.fstat(self.stream.fileno())) != self.identity:
            raise ChangedError(f"{self.item.path} changed while it was sent", hint="Upload it again when it rests.")

    def blocks(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from ``start`` to ``end``.

        :raises ChangedError: there are fewer
        """
        fd = self.stream.fileno()
        while start < end:
            data = pread(fd, min(BLOCK, end - start), start)
            if not data:
                raise ChangedError(f"{self.item.path} became shorter while it was sent")
            start += len(data)
            yield data


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev


def placeholders(item: UploadItem) -> set[str]:
    """The checksums that an item's tags and metadata tell."""
    texts = [*item.tags.values(), *item.metadata.values()]
    return {name for name in KNOWN for text in texts if f"{{{name}}}" in text}


def filled(values: dict[str, str], digests: dict[str, str], size: int) -> dict[str, str]:
    """Tags or metadata with the file's own values in place of their names."""
    known = {**digests, "size": str(size)}
    done = {}
    for key, text in values.items():
        for name, value in known.items():
            text = text.replace(f"{{{name}}}", value)
        done[key] = text
    return done


def object_headers(item: UploadItem, digests: dict[str, str], size: int, *, tags: bool) -> dict[str, str]:
    """The headers that describe an object when it is made."""
    headers = {}
    if item.content_type:
        headers["Content-Type"] = item.content_type
    if item.acl:
        headers["x-amz-acl"] = item.acl
    for name, value in filled(dict(item.metadata), digests, size).items():
        headers[f"x-amz-meta-{name}"] = value
    for name, value in headers.items():
        if not (name + value).isascii() or not (name + value).isprintable():
            raise UsageError(f"{item.path}: {name} is {value!a}, and S3 takes printable ASCII alone there")
    if tags and item.tags:
        headers["x-amz-tagging"] = tagging_header(filled(dict(item.tags), digests, size))
    return headers


def check_etag(item: UploadItem, reply_etag: str, expected: str, encrypted: bool) -> None:
    """Compare what the store says it has with what was sent.

    :param encrypted: the store encrypts with a key of its own or ours; its ETag then is no checksum (S3 API reference,
        "Object"), and what vouches is the ``Content-MD5`` that it checked on arrival
    :raises VerificationError: it has something else
    """
    found = clean_etag(reply_etag)
    if found != expected and not (encrypted and found):
        raise VerificationError(f"{item.path}: the store has the ETag {found or 'none'}, sent was {expected}")


def is_encrypted(reply: Reply) -> bool:
    """True when an answer speaks of encryption that changes the ETag."""
    kind = reply.header("x-amz-server-side-encryption").lower()
    return kind.startswith("aws:kms") or bool(reply.header("x-amz-server-side-encryption-customer-algorithm"))


class Sender:
    """Sends items; shared by the threads of a run."""

    def __init__(self, context: UploadContext) -> None:
        self.context = context

    def run(self, item: UploadItem, attempts: int = 0) -> Result:
        """Send one item, with all its attempts."""
        started = time.monotonic()
        counter = Attempts(self.context, attempts)
        try:
            refuse_name(item.key)
            size, outcome = self._send(item, counter)
        except CancelledError:
            return _result(item, "cancelled", TransferError("the run was ended"), started, counter)
        except VerificationError as error:
            return _result(item, "mismatch", error, started, counter)
        except HCAError as error:
            return _result(item, "failed", error, started, counter)
        except OSError as error:
            told = TransferError(f"cannot read {item.path}: {error.strerror or error}")
            return _result(item, "failed", told, started, counter)
        seconds = time.monotonic() - started
        where = f"s3://{item.bucket or self.context.target.bucket}/{item.key}"
        checksum = item.digests.get("sha256") or f"s3_etag:{item.digests.get('s3_etag', '')}"
        return Result(Row(str(item.path), outcome, size, seconds, counter.count, checksum, "", where, item.tag))

    def _send(self, item: UploadItem, counter: Attempts) -> tuple[int, str]:
        file = LocalFile.open(item)
        with file.stream:
            if file.size <= IN_MEMORY:
                self._small(file, counter)
            elif file.size <= PART_SIZE:
                self._single(file, counter)
            else:
                from hca_base.transfer._upload._multipart import Multipart

                Multipart(self.context, file, counter).run()
            return file.size, "uploaded"

    def _small(self, file: LocalFile, counter: Attempts) -> None:
        item = file.item
        data = read_small(file)
        headers, sha256 = describe_small(item, data)

        def send() -> Reply:
            return self._put(item, headers, data, sha256, len(data))

        reply = counter.run(send)
        with reply:
            reply.read(BLOCK)
            check_etag(item, reply.header("ETag"), item.digests["s3_etag"], is_encrypted(reply))
        self.context.moved(item, len(data))
        self.context.rate.pace(len(data), self.context.cancel)

    def _put(
        self, item: UploadItem, headers: dict[str, str], body: bytes | Iterator[bytes], payload: str, length: int
    ) -> Reply:
        target = self.context.target
        bucket = item.bucket or target.bucket
        return target.request(
            self.context.wire,
            "PUT",
            bucket,
            item.key,
            headers=headers,
            body=body,
            payload=payload,
            length=length,
        )

    def _single(self, file: LocalFile, counter: Attempts) -> None:
        """A file of one part that is too large for memory: read for its checksums, then read again and sent."""
        item = file.item
        names = placeholders(item) | {"s3_etag"}
        item.digests, _ = digest_file(item.path, sorted(names))
        headers = object_headers(item, item.digests, file.size, tags=True)
        headers["Content-MD5"] = _base64_of_hex(item.digests["s3_etag"])

        def body() -> Iterator[bytes]:
            for block in file.blocks(0, file.size):
                self.context.cancel.check()
                yield block
                self.context.moved(item, len(block))
                self.context.rate.pace(len(block), self.context.cancel)
            file.check()

        def send() -> Reply:
            return self._put(item, headers, body(), "UNSIGNED-PAYLOAD", file.size)

        reply = counter.run(send)
        with reply:
            reply.read(BLOCK)
            file.check()
            check_etag(item, reply.header("ETag"), item.digests["s3_etag"], is_encrypted(reply))


def read_small(file: LocalFile) -> bytes:
    """All bytes of a small file, which must rest meanwhile."""
    data = b"".join(file.blocks(0, file.size)) if file.size > BLOCK else file.stream.read(file.size + 1)
    if len(data) != file.size:
        raise ChangedError(f"{file.item.path} changed while it was read", hint="Upload it again when it rests.")
    file.check()
    return data


def describe_small(item: UploadItem, data: bytes) -> tuple[dict[str, str], str]:
    """The headers for a file in memory, tags and all, and its sha256; the item keeps its digests."""
    hashes = Hashes({"sha256", "s3_etag"} | placeholders(item), len(data))
    hashes.update(data)
    item.digests = hashes.hexdigests()
    headers = object_headers(item, item.digests, len(data), tags=True)
    headers["Content-MD5"] = _base64_of_hex(item.digests["s3_etag"])
    return headers, item.digests["sha256"]


def _base64_of_hex(digest: str) -> str:
    import base64

    return base64.b64encode(bytes.fromhex(digest)).decode("ascii")


def _result(item: UploadItem, outcome: str, error: HCAError, started: float, counter: Attempts) -> Result:
    seconds = time.monotonic() - started
    return Result(Row(str(item.path), outcome, 0, seconds, counter.count, "", str(error), "", item.tag), error)


class Attempts:
    """Repeats a request as long as that may help; one file's requests share the count in the report, not the limit."""

    def __init__(self, context: UploadContext, count: int = 0) -> None:
        self.context = context
        self.count = count
        self._store = context.gates.store()

    def run(self, send: Callable[[], Reply]) -> Reply:
        """The answer of ``send``, called until it succeeds.

        :raises HCAError: the last failure
        """
        failures = 0
        renewed = 0
        while True:
            self.context.cancel.check()
            self._store.check()
            self.count += 1
            try:
                reply = send()
                self._store.answered()
                return reply
            except S3Error as error:
                self._store.answered()
                # Keys that were revoked are refused in other words than keys that lapsed; one renewal shows it.
                if (error.lapsed and renewed < 3) or (
                    error.status in (401, 403) and self.context.target.renewable and not renewed
                ):
                    renewed += 1
                    self.context.target.refresh()
                    self.context.cancel.sleep(0.0 if renewed == 1 else backoff(self.context.options, renewed))
                    continue
                if not error.passing:
                    raise
                failures += 1
                if failures > self.context.options.retries:
                    raise
            except UnreachableError as error:
                failures += 1
                self._store.silent(error, self.context.options.patience)
                if failures > self.context.options.retries or self._store.given_up is not None:
                    raise
            self.context.cancel.sleep(backoff(self.context.options, failures))
