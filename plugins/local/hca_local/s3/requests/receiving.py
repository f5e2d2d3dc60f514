"""Receives the bodies of requests: documents into memory, objects and parts to disk in a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from hca_local.s3.answers import Answer
from hca_local.s3.checksums import MAX_UPLOAD, Promise
from hca_local.s3.errors import S3Error
from hca_local.s3.requests.call import Call, Operation
from hca_local.s3.requests.chunked import ChunkedBody
from hca_local.s3.xml import MAX_DOCUMENT
from hca_local.store import Hasher
from hca_local.store.hashes import Digests

#: Bytes passed to a thread at a time.
_BATCH = 1 << 20

Run = Callable[..., Awaitable[Any]]


class Disconnected(Exception):
    """The client disconnected before its request was complete."""


class Sink(Protocol):
    """A body's destination: a ``BlobWriter`` or a ``PartWriter``."""

    def write(self, data: bytes) -> None: ...

    def digests(self) -> Digests: ...


class Intake:
    """Decodes one body, passes it to its sink, and checks it against its checksums."""

    def __init__(self, call: Call, sink: Sink, promise: Promise) -> None:
        self._sink = sink
        self._promise = promise
        self._frames: ChunkedBody | None = None
        if promise.streaming:
            signed, trailers = promise.streaming
            signer = call.verified.signing
            if signed and signer is None:
                raise S3Error("InvalidRequest", "A presigned URL cannot have a body of signed chunks.")
            self._frames = ChunkedBody(signer if signed else None, trailers=trailers)
        name = "x-amz-decoded-content-length" if self._frames else "content-length"
        self._length = _length(call.request.header(name))
        if self._length is None and self._frames:
            raise S3Error("MissingContentLength")
        if (self._length or 0) > MAX_UPLOAD:
            raise S3Error("EntityTooLarge", MaxSizeAllowed=str(MAX_UPLOAD))
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        pieces = self._frames.feed(data) if self._frames else [data]
        for piece in pieces:
            self._size += len(piece)
            if self._size > MAX_UPLOAD:
                raise S3Error("EntityTooLarge", MaxSizeAllowed=str(MAX_UPLOAD))
            self._promise.update(piece)
            self._sink.write(piece)

    def finish(self) -> None:
        """Finish the body.

        :raises S3Error: the body is incomplete, or a checksum or signature does not match
        """
        if self._frames:
            trailers = self._frames.finish()
            if self._promise.streaming and self._promise.streaming[1]:
                self._promise.add_trailers(trailers)
        if self._length is not None and self._size != self._length:
            raise S3Error("IncompleteBody")
        self._promise.check(self._sink.digests())


async def receive_upload(call: Call, operation: Operation, receive: Any, run: Run) -> Answer:
    """Receive an object or a part.

    :raises Disconnected: the client disconnected; nothing is stored
    """
    promise = Promise(call.request.headers, call.verified.payload)
    data, more = await _receive(receive, _BATCH)
    if not more:
        return await run(_take_whole, call, operation, promise, data)
    manager: AbstractContextManager[Any] = await run(operation.handler, call, promise)
    sink = manager.__enter__()
    try:
        intake = Intake(call, sink, promise)
        while True:
            # While a thread hashes and writes one batch, the next one is received.
            work = asyncio.ensure_future(run(intake.feed, data))
            try:
                if more:
                    data, more = await _receive(receive, _BATCH)
                    last = False
                else:
                    last = True
            finally:
                await work
            if last:
                break
        return await run(_finish, call, operation, intake, sink, promise)
    finally:
        await run(manager.__exit__, None, None, None)


def _take_whole(call: Call, operation: Operation, promise: Promise, data: bytes) -> Answer:
    with operation.handler(call, promise) as sink:
        intake = Intake(call, sink, promise)
        intake.feed(data)
        return _finish(call, operation, intake, sink, promise)


def _finish(call: Call, operation: Operation, intake: Intake, sink: Any, promise: Promise) -> Answer:
    intake.finish()
    assert operation.commit is not None
    return operation.commit(call, sink, promise)


async def receive_document(call: Call, operation: Operation, receive: Any) -> bytes:
    """Receive an XML document, and check its checksums.

    :raises Disconnected: the client disconnected
    """
    promise = Promise(call.request.headers, call.verified.payload, of_body=not operation.about_object)
    body = b""
    more = True
    while more:
        data, more = await _receive(receive, MAX_DOCUMENT)
        body += data
        if len(body) > MAX_DOCUMENT:
            raise S3Error("MalformedXML", "The document is too large.")

    class _Memory:
        def __init__(self) -> None:
            self.data = bytearray()
            self.hasher = Hasher()

        def write(self, data: bytes) -> None:
            self.data += data
            self.hasher.update(data)

        def digests(self) -> Digests:
            return self.hasher.digests()

    memory = _Memory()
    intake = Intake(call, memory, promise)
    intake.feed(body)
    intake.finish()
    return bytes(memory.data)


async def _receive(receive: Any, enough: int) -> tuple[bytes, bool]:
    """At least so many bytes of the body, or the rest of it; and whether more follow."""
    pieces = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        more = message.get("more_body", False)
        if not more or size >= enough:
            return b"".join(pieces), more


def _length(header: str | None) -> int | None:
    if header is None:
        return None
    if not header.isascii() or not header.isdigit() or len(header) > 15:
        raise S3Error("InvalidArgument", "The length of the body is not a number.", ArgumentValue=header[:100])
    return int(header)
