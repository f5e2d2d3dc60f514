"""Upload a large file to S3 in parts: sent and checksummed in one pass, and resumable after an interrupted run.

The MD5s of parts are computed while their bytes are sent, the other checksums in a separate thread. Tags may contain
checksums, which are only known at the end, so tags are set in one request once the object is complete. Metadata must
be set at the start, so the checksums that *it* uses are computed first (as are those of tags that are sent with the
bytes: ``TransferOptions.tags``).

The parts sent are recorded in ``STATE/hca/uploads`` (JSON lines: a head, then one line per part). The next run asks
the store for the parts that it has, and sends the others. All bytes are read again to compute the checksums of the
whole file, and a part that differs from the one sent is sent again.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hca_base.errors import HCAError, TransferError
from hca_base.transfer._checksums import Hashes, digest_file, etag_of_parts, part_size_of
from hca_base.transfer._upload._attempts import Attempts, UploadContext
from hca_base.transfer._upload._documents import completion_document, tag_of
from hca_base.transfer._upload._journal import UploadJournal
from hca_base.transfer._upload._local_file import (
    ChangedError,
    LocalFile,
    check_etag,
    is_encrypted,
    object_headers,
    placeholders,
)
from hca_base.transfer._upload._s3 import S3Error, clean_etag
from hca_base.transfer._upload._tags import Tagging

if TYPE_CHECKING:
    from hca_base.transfer._network._response import Response

_MAX_SENDERS = 4


class Multipart:
    """One multipart upload."""

    def __init__(self, context: UploadContext, file: LocalFile, counter: Attempts, tagging: Tagging) -> None:
        self.context = context
        self.file = file
        self.item = file.item
        self.counter = counter
        self._tagging = tagging
        self.bucket = file.item.bucket or context.target.bucket
        self.part_size = part_size_of(file.size)
        self.count = -(-file.size // self.part_size)
        self.upload_id = ""
        self._journal = UploadJournal(
            (context.target.endpoint_url, self.bucket, self.item.key, os.path.abspath(self.item.path)),
            # The two modes cannot resume each other's uploads, because one starts them with tags and one without.
            {"part_size": self.part_size, "file": list(file.identity)} | ({"tags": "put"} if self._with_tags else {}),
        )
        self._lock = threading.Lock()
        self._next = 1
        self._digests: dict[int, bytes] = {}
        self._there: dict[int, str] = {}
        self._error: BaseException | None = None

    def run(self) -> None:
        """Send it.

        :raises HCAError: the upload failed; its parts are kept for the next run, unless the file changed
        """
        names = placeholders(self.item)
        texts = [*self.item.metadata.values(), *(self.item.tags.values() if self._with_tags else ())]
        in_headers = {name for name in names if any(f"{{{name}}}" in text for text in texts)}
        known: dict[str, str] = {}
        if in_headers:
            known, _ = digest_file(self.item.path, sorted(in_headers))
        self._begin(known)
        try:
            digests = {**known, **self._send_all(names - set(known) - {"s3_etag"})}
            etag = etag_of_parts([self._digests[number] for number in range(1, self.count + 1)])
            self.file.check()
            if known.get("s3_etag", etag) != etag:
                raise ChangedError(f"{self.item.path} changed during the upload")
            self._complete(etag)
        except ChangedError:
            self._abort()
            raise
        self.item.digests = {**digests, "s3_etag": etag}
        # The upload no longer exists at the store, so a later run could not resume it.
        self._journal.remove()
        if self.item.tags and not self._with_tags:
            self._tagging.tag(self.item, self.counter, self.file.size)

    @property
    def _with_tags(self) -> bool:
        return self._tagging.with_put and bool(self.item.tags)

    def _request(self, method: str, query: dict[str, str], **more: Any) -> Response:
        return self.counter.run(
            lambda: self.context.target.request(
                self.context.connections, method, self.bucket, self.item.key, query=query, **more
            )
        )

    # Start or resume

    def _begin(self, known: dict[str, str]) -> None:
        upload_id, noted = self._journal.read()
        if upload_id:
            there = self._parts_there(upload_id, noted)
            if there is not None:
                self.upload_id, self._there = upload_id, there
                return
        headers = object_headers(self.item, known, self.file.size, tags=self._with_tags)
        with self._request("POST", {"uploads": ""}, headers=headers, body=b"", length=0) as response:
            self.upload_id = tag_of(response.read(1 << 20), "UploadId")
        if not self.upload_id:
            raise HCAError(f"cannot start the upload of s3://{self.bucket}/{self.item.key}: the store sent no UploadId")
        self._journal.begin(self.upload_id)

    def _parts_there(self, upload_id: str, noted: dict[int, str]) -> dict[int, str] | None:
        """Return numbers and ETags of the parts at the store; None if the upload no longer exists."""
        found: dict[int, str] = {}
        marker = "0"
        while True:
            try:
                query = {"uploadId": upload_id, "part-number-marker": marker, "max-parts": "1000"}
                with self._request("GET", query) as response:
                    body = response.read(16 << 20)
            except S3Error as error:
                if error.reason == "NoSuchUpload" or error.status == 404:
                    return None
                if error.status in (401, 403, 405, 501):
                    # Restricted credentials may not list parts; use the acknowledged parts in the journal.
                    return noted
                raise
            for piece in body.split(b"<Part>")[1:]:
                number, size = tag_of(piece, "PartNumber"), tag_of(piece, "Size")
                if number.isdigit() and size == str(self._length(int(number))):
                    found[int(number)] = clean_etag(tag_of(piece, "ETag"))
            marker = tag_of(body, "NextPartNumberMarker")
            if tag_of(body, "IsTruncated") != "true" or not marker:
                return found

    def _length(self, number: int) -> int:
        start = (number - 1) * self.part_size
        return max(0, min(self.part_size, self.file.size - start))

    # Send

    def _send_all(self, names: set[str]) -> dict[str, str]:
        hashes = Hashes(names, self.file.size)
        threads = [
            threading.Thread(target=self._guarded, args=(self._send_parts,), name="hca-part", daemon=True)
            for _ in range(min(self.count, max(1, _MAX_SENDERS // max(1, self.context.crowd()))))
        ]
        for thread in threads:
            thread.start()
        try:
            if names:
                self._guarded(lambda: self._hash(hashes))
        finally:
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.1)
        if self._error is not None:
            raise self._error
        return hashes.hexdigests()

    def _guarded(self, work: Any) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that started the others
            with self._lock:
                self._error = self._error or error

    def _hash(self, hashes: Hashes) -> None:
        for block in self.file.blocks(0, self.file.size):
            self.context.cancel.check()
            if self._error is not None:
                return
            hashes.update(block)

    def _claim(self) -> int | None:
        with self._lock:
            if self._error is not None or self._next > self.count:
                return None
            number, self._next = self._next, self._next + 1
            return number

    def _send_parts(self) -> None:
        while (number := self._claim()) is not None:
            start = (number - 1) * self.part_size
            end = start + self._length(number)
            if number in self._there:
                digest = self._digest(start, end)
                if digest.hex() == self._there[number]:
                    self._digests[number] = digest
                    self.context.resumed(self.item, end - start)
                    continue
            self._digests[number] = self._send_part(number, start, end)
            self._journal.note(number, self._digests[number].hex())

    def _digest(self, start: int, end: int) -> bytes:
        value = hashlib.md5(usedforsecurity=False)
        for block in self.file.blocks(start, end):
            self.context.cancel.check()
            value.update(block)
        return value.digest()

    def _send_part(self, number: int, start: int, end: int) -> bytes:
        digest = b""

        def body() -> Iterator[bytes]:
            nonlocal digest
            value = hashlib.md5(usedforsecurity=False)
            for block in self.file.blocks(start, end):
                self.context.cancel.check()
                if self._error is not None:
                    # Not a broken connection, so a retry cannot help.
                    raise TransferError("another part failed")
                value.update(block)
                yield block
                self.context.moved(self.item, len(block))
                self.context.rate.pace(len(block), self.context.cancel)
            digest = value.digest()

        def send() -> Response:
            # Each attempt needs a new body, read from the file.
            query = {"partNumber": str(number), "uploadId": self.upload_id}
            response = self.context.target.request(
                self.context.connections,
                "PUT",
                self.bucket,
                self.item.key,
                query=query,
                body=body(),
                length=end - start,
            )
            with response:
                response.read(1 << 16)
            if clean_etag(response.header("ETag")) != digest.hex() and not is_encrypted(response):
                raise S3Error(f"{self.item.path}: part {number} was damaged in transit", status=500, reason="BadDigest")
            return response

        self.counter.run(send)
        return digest

    # Finish

    def _complete(self, etag: str) -> None:
        body = completion_document({number: digest.hex() for number, digest in self._digests.items()})
        tried = 0

        def send() -> Response | None:
            nonlocal tried
            tried += 1
            try:
                response = self.context.target.request(
                    self.context.connections,
                    "POST",
                    self.bucket,
                    self.item.key,
                    query={"uploadId": self.upload_id},
                    headers={"Content-Type": "application/xml"},
                    body=body,
                    payload=hashlib.sha256(body).hexdigest(),
                )
            except S3Error as error:
                # If an earlier response was lost, the upload may already be complete.
                if tried > 1 and error.reason == "NoSuchUpload" and self._is_there(etag):
                    return None
                raise
            with response:
                answer = response.read(1 << 20)
            if b"<Error>" in answer:
                # S3 may begin with 200 and fail afterwards (CompleteMultipartUpload, API reference).
                raise self.context.target.error_of(self.bucket, self.item.key, 500, answer)
            check_etag(self.item, tag_of(answer, "ETag"), etag, is_encrypted(response))
            return response

        try:
            self.counter.run(send)
        except S3Error as error:
            if error.reason in ("InvalidPart", "NoSuchUpload", "InvalidPartOrder", "EntityTooSmall"):
                self._abort()
            raise

    def _is_there(self, etag: str) -> bool:
        try:
            with self._request("HEAD", {}) as response:
                return clean_etag(response.header("ETag")) == etag
        except HCAError:
            return False

    def _abort(self) -> None:
        self._journal.remove()
        try:
            with self._request("DELETE", {"uploadId": self.upload_id}) as response:
                response.read(1 << 16)
        except HCAError:
            # The store removes incomplete uploads according to its own rules.
            pass
