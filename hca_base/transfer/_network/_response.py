"""One response of the connection pool; its body is read without copying."""

from __future__ import annotations

import functools
import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

from hca_base.errors import HCAError, TimedOutError, UnreachableError
from hca_base.transfer._network._tls import TruncatedError

#: Read up to this many remaining bytes to reuse the connection, which is cheaper than opening a new one.
_DRAIN = 256 * 1024
#: TLS returns at most 16 KiB per read, and writing and hashing have a fixed cost per piece: join pieces up to this many
#: bytes, for at most this many seconds (received bytes that are not yet written are lost when the process is killed).
_JOINED, _JOINED_FOR = 128 * 1024, 0.05
#: Period in seconds over which the rate of a connection is checked; shorter pauses do not count.
_RATE_WINDOW = 30.0


class Response:
    """A response whose body is still to be read; used by one thread.

    :ivar status: HTTP status
    :ivar length: bytes of the body; None if unknown before its end
    """

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        answer: Any,
        method: str,
        host: str,
        stall_timeout: float,
        min_rate: int,
        keep: Callable[[http.client.HTTPConnection], None],
        drop: Callable[[http.client.HTTPConnection], None],
    ) -> None:
        self._host = host
        self._window = min(stall_timeout, _RATE_WINDOW)
        self._min_rate = min_rate
        self._keep = keep
        self._drop = drop
        self._connection: http.client.HTTPConnection | None = connection
        self._answer = answer
        self.status: int = answer.status
        self.reason: str = answer.reason or ""
        self.headers: Mapping[str, str] = answer.headers
        self.length: int | None = None if answer.chunked else answer.length
        self._left = self.length
        self._direct = not answer.chunked and method != "HEAD"
        #: Reads from the socket directly, once the buffered reader is empty.
        self._receive: Callable[[memoryview], int] | None = None
        self._is_drained = False
        self._is_tls = isinstance(connection.sock, ssl.SSLSocket)
        if isinstance(connection.sock, ssl.SSLSocket):
            self._receive = functools.partial(_read_tls, connection.sock)
        elif connection.sock is not None:
            self._receive = connection.sock.recv_into
        self._late_error: Exception | None = None
        self._waited = 0.0
        self._lately = 0

    def header(self, name: str) -> str:
        """Return a header's value, or an empty string."""
        return self.headers.get(name) or ""

    def readinto(self, view: memoryview) -> int:
        """Read some bytes; 0 at the end of the body.

        :raises TruncatedError: the connection closed before the end of the body
        :raises TimedOutError: no data arrived within the stall timeout
        """
        if self._left == 0:
            return 0
        try:
            began = time.monotonic()
            if self._left is not None and self._direct:
                view = view[: self._left] if self._left < len(view) else view
                count = self._read_pieces(view, began) if self._is_tls else self._read_piece(view)
                if count == 0:
                    raise TruncatedError(f"the connection ended {self._left:,} bytes early")
                self._left -= count
                self._pace(count, time.monotonic() - began)
                return int(count)
            data = self._answer.read1(len(view))
            self._pace(len(data), time.monotonic() - began)
        except HCAError:
            self.close()
            raise
        except Exception as error:
            self.close()
            raise translate_error(error, self._host) from error
        view[: len(data)] = data
        if not data:
            self._left = 0
        return len(data)

    def _read_piece(self, view: memoryview) -> int:
        """Read the available bytes, up to the view's length; wait if there are none."""
        if self._is_drained and self._receive is not None:
            return self._receive(view)
        count: int = self._answer.fp.readinto1(view)
        # A view longer than the reader's buffer gets all that the buffer holds, then reads from the socket.
        self._is_drained = len(view) > io.DEFAULT_BUFFER_SIZE
        return count

    def _read_pieces(self, view: memoryview, began: float) -> int:
        """Read at least one piece, until there is enough to write, the connection ends or fails, or time is up."""
        if self._late_error is not None:
            raise self._late_error
        count = self._read_piece(view)
        enough = min(_JOINED, len(view))
        try:
            while 0 < count < enough and time.monotonic() - began < _JOINED_FOR:
                more = self._read_piece(view[count:])
                if not more:
                    break
                count += more
        except Exception as error:  # noqa: BLE001 - raised by the next call: what came before it is good
            self._late_error = error
        return count

    def _pace(self, count: int, waited: float) -> None:
        """Close a connection that trickles: each byte resets the stall timeout, so it would never expire.

        :param waited: seconds spent waiting for the bytes, without our own pauses
        :raises TimedOutError: they arrived below the minimum rate
        """
        self._lately += count
        self._waited += waited
        if self._waited < self._window:
            return
        if self._lately < self._min_rate * self._waited and self._left != 0:
            raise TimedOutError(f"{self._host} sent {self._lately:,} bytes in {self._waited:.0f} s")
        self._waited, self._lately = 0.0, 0

    def read(self, limit: int) -> bytes:
        """Return the whole body if it has at most ``limit`` bytes, else its first ``limit`` + 1 bytes."""
        if self._left is not None and self._direct and self._left <= limit:
            body = bytearray(self._left)
            view, position = memoryview(body), 0
            while position < len(body):
                position += self.readinto(view[position:])
            return bytes(body)
        pieces, total = [], 0
        buffer = memoryview(bytearray(64 * 1024))
        while total <= limit and (count := self.readinto(buffer)):
            pieces.append(bytes(buffer[:count]))
            total += count
        return b"".join(pieces)[: limit + 1]

    def release(self) -> None:
        """Finish: keep the connection if the body was read to its end (or little is left), otherwise close it."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if self._left is not None and 0 < self._left <= _DRAIN and self._direct:
                while self._left and (data := self._answer.fp.read1(self._left)):
                    self._left -= len(data)
            keep = self._left == 0 and not self._answer.will_close
            if self._direct and keep:
                # The body was not read through http.client; this marks the response as complete.
                self._answer.length = 0
                self._answer._close_conn()
            self._answer.close()
        except Exception:  # noqa: BLE001 - whatever it was, the connection is not used again
            keep = False
        if keep:
            self._keep(connection)
        else:
            self._drop(connection)

    def close(self) -> None:
        """Discard the body and close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                self._answer.close()
            finally:
                self._drop(connection)

    def __enter__(self) -> Response:
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        if kind is None:
            self.release()
        else:
            self.close()


def _read_tls(connection: ssl.SSLSocket, view: memoryview) -> int:
    return connection.read(len(view), view)  # type: ignore[return-value]


def translate_error(error: BaseException, host: str) -> HCAError:
    """Convert an exception of the connection to one of hca's."""
    if isinstance(error, TimeoutError):
        return TimedOutError(f"{host} sent no data for too long")
    if isinstance(error, ssl.SSLCertVerificationError):
        return UnreachableError(
            f"the certificate of {host} is not trusted: {error.verify_message}",
            hint="if your network uses its own CA, set http.ca_bundle or REQUESTS_CA_BUNDLE to its file",
        )
    if isinstance(error, socket.gaierror):
        return UnreachableError(f"the name {host} is not known: {error.strerror or error}")
    if isinstance(error, (http.client.IncompleteRead, http.client.RemoteDisconnected, ConnectionError, EOFError)):
        return TruncatedError(f"{host} closed the connection")
    if isinstance(error, http.client.HTTPException):
        return UnreachableError(f"{host} sent an invalid HTTP response: {type(error).__name__}")
    if isinstance(error, OSError):
        return UnreachableError(f"cannot reach {host}: {error.strerror or error}")
    return UnreachableError(f"cannot communicate with {host}: {error}")
