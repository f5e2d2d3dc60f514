"""Responses of the S3 endpoint, and a fast path for sending an object's bytes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

Send = Callable[[Any], Awaitable[None]]

#: Bytes read and sent at a time, where sendfile is not available.
CHUNK = 1 << 20

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]+")


@dataclass
class Content:
    """Bytes of a blob, from ``start`` up to ``stop``; ``where`` is the result of ``BlobStore.locate``."""

    where: bytes | list[tuple[Path, int]]
    start: int
    stop: int


@dataclass
class Answer:
    """An HTTP response: with a body in memory, or with the content of a blob."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    content: Content | None = None

    @property
    def length(self) -> int:
        return self.content.stop - self.content.start if self.content else len(self.body)


def encode_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers for ASGI. Values come from clients and must not be able to inject line breaks."""
    return [(name.encode("ascii", "replace"), _value(_CONTROL.sub(" ", value))) for name, value in headers.items()]


def _value(text: str) -> bytes:
    """Encode as latin-1, HTTP's own encoding; other text as UTF-8, as clients send it."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8")


async def send_content(content: Content, send: Send) -> None:
    """Send the bytes of a blob as the body of a response that has started.

    :raises OSError: reading failed; the response stays incomplete, and the client sees a closed connection
    """
    if isinstance(content.where, bytes):
        await send({"type": "http.response.body", "body": content.where[content.start : content.stop]})
        return
    slices = []
    position = 0
    for path, size in content.where:
        first, last = max(0, content.start - position), min(size, content.stop - position)
        if first < last:
            slices.append((path, first, last - first))
        position += size
    if len(slices) == 1 and slices[0][2] <= CHUNK:
        path, first, count = slices[0]
        with path.open("rb", buffering=0) as file:
            file.seek(first)
            await send({"type": "http.response.body", "body": _read(file, count)})
        return
    for path, first, count in slices:
        with path.open("rb", buffering=0) as file:
            if not await _send_file(file, first, count, send):
                await _send_pieces(file, first, count, send)
    await send({"type": "http.response.body", "body": b""})


async def _send_pieces(file: BinaryIO, first: int, count: int, send: Send) -> None:
    loop = asyncio.get_running_loop()
    file.seek(first)
    while count:
        piece = await loop.run_in_executor(None, _read, file, min(CHUNK, count))
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        if getattr(getattr(send, "__self__", None), "disconnected", False):
            return
        count -= len(piece)


def _gone(cycle: Any) -> bool:
    """Tell uvicorn that the client disconnected, so that it does not log the incomplete body as an error."""
    cycle.disconnected = True
    return True


async def _send_file(file: BinaryIO, first: int, count: int, send: Send) -> bool:
    """Send the file with sendfile, bypassing ASGI, which has no such extension that uvicorn supports.

    This relies on the internals of uvicorn's ``send``; if they differ, it returns False and sends nothing.
    """
    cycle = getattr(send, "__self__", None)
    transport = getattr(cycle, "transport", None)
    if (
        cycle is None
        or not isinstance(transport, asyncio.Transport)
        or getattr(cycle, "chunked_encoding", None) is not False
        or not isinstance(getattr(cycle, "expected_content_length", None), int)
    ):
        return False
    if transport.is_closing():
        return _gone(cycle)
    try:
        sent = await asyncio.get_running_loop().sendfile(transport, file, first, count, fallback=False)
    except (asyncio.SendfileNotAvailableError, NotImplementedError):
        return False
    except (ConnectionError, RuntimeError):  # the client disconnected; RuntimeError: while the transport was closing
        transport.close()
        return _gone(cycle)
    if sent != count:
        raise OSError(f"{file.name} is shorter than it was")
    cycle.expected_content_length -= sent
    return True


def _read(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    while len(data) < count:
        more = file.read(count - len(data))
        if not more:
            raise OSError(f"{file.name} is shorter than it was")
        data += more
    return data
