"""Upload one local file: read and checksum it once, send it, and compare with what the store reports."""

from __future__ import annotations

import time
from collections.abc import Iterator

from hca_base.errors import HCAError, TransferError, VerificationError
from hca_base.transfer._checksums import PART_SIZE, digest_file
from hca_base.transfer._model import UploadItem
from hca_base.transfer._network._limits import CancelledError
from hca_base.transfer._network._response import Response
from hca_base.transfer._report import Result, Row
from hca_base.transfer._upload._attempts import Attempts, UploadContext
from hca_base.transfer._upload._local_file import (
    BLOCK,
    LocalFile,
    check_etag,
    describe_small,
    is_encrypted,
    object_headers,
    placeholders,
    read_small,
)
from hca_base.transfer._upload._multipart import Multipart
from hca_base.transfer._upload._s3 import base64_of_hex, refuse_name
from hca_base.transfer._upload._tags import Tagging

#: Files up to this size are read once into memory, so that tags holding their checksums can go with the PUT.
IN_MEMORY = 8 * 1024 * 1024


class Sender:
    """Sends items; shared by the threads of a run."""

    def __init__(self, context: UploadContext) -> None:
        self.context = context
        self.tagging = Tagging(context)

    def run(self, item: UploadItem, attempts: int = 0) -> Result:
        """Send one item, with all its attempts."""
        started = time.monotonic()
        counter = Attempts(self.context, attempts)
        try:
            refuse_name(item.key)
            self.tagging.check_before(item)
            size = self._send(item, counter)
        except CancelledError:
            return _failed(item, "cancelled", TransferError("the run ended"), started, counter)
        except VerificationError as error:
            return _failed(item, "mismatch", error, started, counter)
        except HCAError as error:
            return _failed(item, "failed", error, started, counter)
        except OSError as error:
            failure = TransferError(f"cannot read {item.path}: {error.strerror or error}")
            return _failed(item, "failed", failure, started, counter)
        where = f"s3://{item.bucket or self.context.target.bucket}/{item.key}"
        checksum = item.digests.get("sha256") or f"s3_etag:{item.digests.get('s3_etag', '')}"
        row = Row.success(
            str(item.path), "uploaded", size, where,
            checksum=checksum, key=item.tag, seconds=time.monotonic() - started, attempts=counter.count,
        )  # fmt: skip
        return Result(row)

    def _send(self, item: UploadItem, counter: Attempts) -> int:
        file = LocalFile.open(item)
        with file.stream:
            if file.size <= IN_MEMORY:
                self._small(file, counter)
            elif file.size <= PART_SIZE:
                self._single(file, counter)
            else:
                Multipart(self.context, file, counter, self.tagging).run()
            if file.size <= PART_SIZE or self.tagging.with_put:
                self.tagging.check_put(item, counter, file.size)
            return file.size

    def _small(self, file: LocalFile, counter: Attempts) -> None:
        item = file.item
        data = read_small(file)
        headers, sha256 = describe_small(item, data)

        def send() -> Response:
            return self._put(item, headers, data, sha256, len(data))

        response = counter.run(send)
        with response:
            response.read(BLOCK)
            check_etag(item, response.header("ETag"), item.digests["s3_etag"], is_encrypted(response))
        self.context.moved(item, len(data))
        self.context.rate.pace(len(data), self.context.cancel)

    def _put(
        self, item: UploadItem, headers: dict[str, str], body: bytes | Iterator[bytes], payload: str, length: int
    ) -> Response:
        target = self.context.target
        bucket = item.bucket or target.bucket
        return target.request(
            self.context.connections,
            "PUT",
            bucket,
            item.key,
            headers=headers,
            body=body,
            payload=payload,
            length=length,
        )

    def _single(self, file: LocalFile, counter: Attempts) -> None:
        """Send a file of one part that is too large for memory: read it for its checksums, then again to send it."""
        item = file.item
        names = placeholders(item) | {"s3_etag"}
        item.digests, _ = digest_file(item.path, sorted(names))
        headers = object_headers(item, item.digests, file.size, tags=True)
        headers["Content-MD5"] = base64_of_hex(item.digests["s3_etag"])

        def body() -> Iterator[bytes]:
            for block in file.blocks(0, file.size):
                self.context.cancel.check()
                yield block
                self.context.moved(item, len(block))
                self.context.rate.pace(len(block), self.context.cancel)
            file.check()

        def send() -> Response:
            return self._put(item, headers, body(), "UNSIGNED-PAYLOAD", file.size)

        response = counter.run(send)
        with response:
            response.read(BLOCK)
            file.check()
            check_etag(item, response.header("ETag"), item.digests["s3_etag"], is_encrypted(response))


def _failed(item: UploadItem, outcome: str, error: HCAError, started: float, counter: Attempts) -> Result:
    seconds = time.monotonic() - started
    return Result.failed(str(item.path), outcome, error, key=item.tag, seconds=seconds, attempts=counter.count)
