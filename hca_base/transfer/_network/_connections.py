"""HTTP for bulk bodies over the standard library: kept-alive connections, proxies, TLS; bodies read without a copy."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from hca_base.errors import HCAError, TimedOutError, UnreachableError, UsageError
from hca_base.http import BoundedResponse, Origin, answer_within, origin_of, proxy_for
from hca_base.transfer._network._limits import Cancel, CancelledError
from hca_base.transfer._network._tls import Truncated, ca_bundle

#: A connection idle for longer is not used again: the other side has often closed it by then.
_MAX_HEADERS_BYTES = 64 * 1024
#: The head of an answer may take this many times the longest pause within it.
_HEAD_TIMES = 3
_DRAIN = 256 * 1024
_LEAST = 1024


def tls_context(setting: str | None) -> ssl.SSLContext:
    """A context that checks certificates and host names."""
    bundle = ca_bundle(setting)
    if Path(bundle).is_dir():
        return ssl.create_default_context(capath=bundle)
    return ssl.create_default_context(cafile=bundle)


class Reply:
    """An answer whose body is still to be read. One thread uses it.

    :ivar status: HTTP status
    :ivar length: bytes of the body, None when only its end will tell
    """

    def __init__(self, wire: Wire, key: Any, connection: http.client.HTTPConnection, answer: Any, method: str) -> None:
        self._wire = wire
        self._key = key
        self._connection: http.client.HTTPConnection | None = connection
        self._answer = answer
        self.status: int = answer.status
        self.reason: str = answer.reason or ""
        self.headers: Mapping[str, str] = answer.headers
        self.length: int | None = None if answer.chunked else answer.length
        self._left = self.length
        self._direct = not answer.chunked and method != "HEAD"
        self._waited = 0.0
        self._lately = 0

    def header(self, name: str) -> str:
        """A header's value, or an empty text."""
        return self.headers.get(name) or ""

    def readinto(self, view: memoryview) -> int:
        """Read some bytes; 0 at the end of the body.

        :raises Truncated: the connection ended too early
        :raises TimedOutError: nothing came for too long
        """
        if self._left == 0:
            return 0
        try:
            began = time.monotonic()
            if self._left is not None and self._direct:
                count = self._answer.fp.readinto1(view[: self._left] if self._left < len(view) else view)
                if count == 0:
                    raise Truncated(f"the connection ended {self._left:,} bytes early")
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
            raise _translate(error, self._key[0].host) from error
        view[: len(data)] = data
        if not data:
            self._left = 0
        return len(data)

    def _pace(self, count: int, waited: float) -> None:
        """Give up a connection that drips: it keeps the time-out from coming, and never ends.

        :param waited: seconds that the bytes took to come
        :raises TimedOutError: fewer than :data:`_LEAST` bytes came in as long as nothing may come
        """
        self._lately += count
        self._waited += waited
        if self._waited < self._wire.stall_timeout:
            return
        if self._lately < _LEAST and self._left != 0:
            raise TimedOutError(f"{self._key[0].host} sent {self._lately} bytes in {self._waited:.0f} s")
        self._waited, self._lately = 0.0, 0

    def read(self, limit: int) -> bytes:
        """The whole body, when it is no longer than ``limit`` bytes; else its first ``limit`` + 1 bytes."""
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
        """Done: keep the connection when the body was read to its end (or little is left), else close it."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if self._left is not None and 0 < self._left <= _DRAIN and self._direct:
                while self._left and (data := self._answer.fp.read1(self._left)):
                    self._left -= len(data)
            keep = self._left == 0 and not self._answer.will_close
            if self._direct and keep:
                # The body went past http.client's own count; this is how it learns that it is at its end.
                self._answer.length = 0
                self._answer._close_conn()
            self._answer.close()
        except Exception:  # noqa: BLE001 - whatever it was, the connection is not used again
            keep = False
        if keep:
            self._wire._give_back(self._key, connection)
        else:
            self._wire._drop(connection)

    def close(self) -> None:
        """Give up the body and the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                self._answer.close()
            finally:
                self._wire._drop(connection)

    def __enter__(self) -> Reply:
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        if kind is None:
            self.release()
        else:
            self.close()


def _translate(error: BaseException, host: str) -> HCAError:
    """An exception of the connection, as one of ours."""
    if isinstance(error, TimeoutError):
        return TimedOutError(f"{host} sent nothing for too long")
    if isinstance(error, ssl.SSLCertVerificationError):
        return UnreachableError(
            f"the certificate of {host} is not trusted: {error.verify_message}",
            hint="Where your network has a CA of its own, name its file in http.ca_bundle or REQUESTS_CA_BUNDLE.",
        )
    if isinstance(error, socket.gaierror):
        return UnreachableError(f"the name {host} is not known: {error.strerror or error}")
    if isinstance(error, (http.client.IncompleteRead, http.client.RemoteDisconnected, ConnectionError, EOFError)):
        return Truncated(f"{host} closed the connection")
    if isinstance(error, http.client.HTTPException):
        return UnreachableError(f"{host} does not speak HTTP as it should: {type(error).__name__}")
    if isinstance(error, OSError):
        return UnreachableError(f"cannot reach {host}: {error.strerror or error}")
    return UnreachableError(f"cannot talk to {host}: {error}")


class Wire:
    """A pool of connections, shared by the threads of a run.

    :param proxy: URL, or URLs by scheme; None for the environment's
    :param ca: file or directory of trusted certificates; None for the environment's
    """

    def __init__(
        self,
        *,
        connect_timeout: float,
        stall_timeout: float,
        user_agent: str,
        cancel: Cancel,
        proxy: str | Mapping[str, str] | None = None,
        ca: str | None = None,
    ) -> None:
        self._connect_timeout = connect_timeout
        self.stall_timeout = stall_timeout
        self.user_agent = user_agent
        self._proxy = proxy
        self._ca = ca
        self._cancel = cancel
        self._lock = threading.Lock()
        self._idle: dict[Any, list[http.client.HTTPConnection]] = defaultdict(list)
        self._open: set[http.client.HTTPConnection] = set()
        self._context: ssl.SSLContext | None = None
        self._proxies: dict[Origin, str | None] = {}

    def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | Iterable[Any] | None = None
    ) -> Reply:
        """Send one request; the answer with its body unread. Nothing is followed or repeated, but for one thing.

        A kept-alive connection that turns out to be closed already is replaced once: the server never saw the request.

        :raises UnreachableError: no connection, or it broke
        """
        origin = origin_of(url)
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        proxy = self._proxy_of(origin)
        key = (origin, proxy)
        sent = {"User-Agent": self.user_agent, "Accept-Encoding": "identity", **headers}
        if proxy and origin.scheme == "http":
            target = url.split("#", 1)[0]
            sent.update(_proxy_authorization(proxy))
        if not target.isascii() or " " in target:
            from urllib.parse import quote

            target = quote(target, safe="/?=&%:+,;@!$'()*~-._#[]")
        while True:
            connection, reused = self._take(key)
            try:
                try:
                    connection.request(method, target, body=body, headers=sent)
                except (BrokenPipeError, ConnectionResetError):
                    # Who refuses a body often says why before hanging up.
                    if body is None or reused:
                        raise
                except (ValueError, http.client.InvalidURL) as error:
                    if isinstance(error, OSError):
                        raise
                    # The text of a header or of the address; the value may be secret.
                    what = f"the {error.object[error.start]!a} in it" if isinstance(error, UnicodeEncodeError) else ""
                    raise UsageError(
                        f"no request can be made to {origin.host}: its address or a header has what HTTP does not allow"
                        + (f" ({what})" if what else "")
                    ) from error
                with answer_within(_HEAD_TIMES * self.stall_timeout, body=False):
                    answer = connection.getresponse()
            except Exception as error:
                self._drop(connection)
                self._cancel.check()
                replayable = body is None or isinstance(body, bytes)
                gone = isinstance(error, (ConnectionError, http.client.BadStatusLine))
                if reused and gone and replayable:
                    continue
                if isinstance(error, HCAError):
                    raise
                raise _translate(error, origin.host) from error
            return Reply(self, key, connection, answer, method)

    def _proxy_of(self, origin: Origin) -> str | None:
        if origin not in self._proxies:
            self._proxies[origin] = proxy_for(origin, self._proxy)
        return self._proxies[origin]

    def _take(self, key: tuple[Origin, str | None]) -> tuple[http.client.HTTPConnection, bool]:
        self._cancel.check()
        with self._lock:
            if self._idle[key]:
                return self._idle[key].pop(), True
        connection = self._connect(*key)
        with self._lock:
            self._open.add(connection)
        if self._cancel.is_set():
            self._drop(connection)
            raise CancelledError
        return connection, False

    def _connect(self, origin: Origin, proxy: str | None) -> http.client.HTTPConnection:
        host, port, headers = origin.host, origin.port, {}
        if proxy:
            parts = urlsplit(proxy)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise UsageError(
                    f"a proxy of the kind {parts.scheme}: is not known here", hint="Install hca-base[fast]; libcurl is."
                )
            host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
            headers = _proxy_authorization(proxy)
        timeout = self._connect_timeout
        connection: http.client.HTTPConnection
        if origin.scheme == "https" or (proxy and urlsplit(proxy).scheme == "https"):
            if self._context is None:
                self._context = tls_context(self._ca)
            connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=self._context)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=timeout)
        connection.response_class = BoundedResponse
        if proxy and origin.scheme == "https":
            connection.set_tunnel(origin.host, origin.port, headers)
        try:
            connection.connect()
            assert connection.sock is not None
            connection.sock.settimeout(self.stall_timeout)
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except TimeoutError as error:
            connection.close()
            raise TimedOutError(f"no connection to {origin.host} within {timeout:g} s") from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _translate(error, host) from error
        return connection

    def _give_back(self, key: Any, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._idle[key].append(connection)

    def _drop(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._open.discard(connection)
        connection.close()

    def abort(self) -> None:
        """Break all connections, so that threads that wait on them wake up. The run must be cancelled before."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            raw = connection.sock
            if raw is not None:
                try:
                    raw.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            connections = list(self._open)
            self._open.clear()
            self._idle.clear()
        for connection in connections:
            connection.close()


def _proxy_authorization(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    import base64

    told = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {"Proxy-Authorization": "Basic " + base64.b64encode(told).decode("ascii")}
