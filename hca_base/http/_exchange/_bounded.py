"""Read a response from the socket with limits on time, header size and line length.

The underlying libraries only limit the time between two reads. A server that sends one byte per second, endless status
lines 100, or an endless line for a chunk's size blocks them forever or fills the memory (``http.client`` limits the
length of a line and the number of headers; older releases of urllib3 read a chunk's size without any limit).
"""

from __future__ import annotations

import contextlib
import http.client
import io
import threading
import time
from collections.abc import Iterator
from typing import Any

#: Bytes of a status line and headers, 100 Continue included. Browsers stop at 256 KiB or less.
MAX_HEAD = 1 << 20
#: Bytes of a line within a body (a chunk's size, a trailer); http.client's limit for headers.
MAX_LINE = 1 << 16
#: Consecutive lines without body data between them: trailers.
MAX_LINES = 1000

_allowed = threading.local()


@contextlib.contextmanager
def answer_within(seconds: float, *, body: bool) -> Iterator[None]:
    """Limit the time of responses read in the block, in this thread; nested blocks cannot extend it.

    :param body: include the body; False: only limit the time for the header
    """
    before = getattr(_allowed, "terms", None)
    deadline = time.monotonic() + seconds
    _allowed.terms = (deadline if before is None else min(deadline, before[0]), body)
    try:
        yield
    finally:
        _allowed.terms = before


class _Socket(io.RawIOBase):
    """The socket's bytes, until the deadline.

    :ivar head: remaining bytes allowed for the header; None after it
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.head: int | None = MAX_HEAD
        terms: tuple[float, bool] | None = getattr(_allowed, "terms", None)
        self.deadline: float | None = terms[0] if terms else None
        self.body = terms is not None and terms[1]

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def readinto(self, buffer: Any) -> int | None:
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise TimeoutError("the response took too long")
        count: int | None = self._raw.readinto(buffer)
        if self.head is not None and count:
            self.head -= count
            if self.head < 0:
                raise http.client.LineTooLong("head")
        return count

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._raw.close()


class _Reader(io.BufferedReader):
    """A reader with limits on the length and number of lines."""

    _lines = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        self._lines += 1
        if self._lines > MAX_LINES:
            raise http.client.LineTooLong("trailer")
        if size is not None and size >= 0:
            line = super().readline(size)
            if self._lines > 1 and len(line) < size and not line.endswith(b"\n"):
                # http.client treats the end of the connection as the end of the headers.
                raise http.client.IncompleteRead(line)
            return line
        line = super().readline(MAX_LINE + 1)
        if len(line) > MAX_LINE:
            raise http.client.LineTooLong("chunk size")
        return line

    def read(self, size: int | None = -1, /) -> bytes:
        self._lines = 0
        return super().read(size)

    def read1(self, size: int = -1, /) -> bytes:
        self._lines = 0
        return super().read1(size)

    def readinto(self, buffer: Any, /) -> int:
        self._lines = 0
        return super().readinto(buffer)

    def readinto1(self, buffer: Any, /) -> int:
        self._lines = 0
        return super().readinto1(buffer)


class BoundedResponse(http.client.HTTPResponse):
    """A response whose time and size are limited."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._socket = _Socket(self.fp.detach())
        self.fp = _Reader(self._socket)

    def begin(self) -> None:
        """Read the header."""
        super().begin()
        self._socket.head = None
        if not self._socket.body:
            self._socket.deadline = None

    def bound(self, seconds: float) -> None:
        """Set the time limit for the rest of the response."""
        self._socket.deadline = time.monotonic() + seconds


def bound_body(response: Any, seconds: float) -> None:
    """Set the time limit for the rest of a streamed ``requests`` response."""
    answer = getattr(response.raw, "_original_response", None)
    if isinstance(answer, BoundedResponse):
        answer.bound(seconds)
