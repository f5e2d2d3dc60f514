"""The connection pool: HTTP over the standard library with kept-alive connections, proxies and TLS."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from hca_base.errors import HCAError, TimedOutError, UsageError
from hca_base.http import BoundedResponse, Origin, answer_within, origin_of, proxy_for
from hca_base.transfer._network._limits import Cancel, CancelledError
from hca_base.transfer._network._response import Response, translate_error
from hca_base.transfer._network._tls import ConnectionSettings, ca_bundle

#: Receiving a response's header may take this many times the stall timeout.
_HEADER_STALLS = 3


def tls_context(setting: str | None) -> ssl.SSLContext:
    """A context that checks certificates and host names."""
    bundle = ca_bundle(setting)
    if Path(bundle).is_dir():
        return ssl.create_default_context(capath=bundle)
    return ssl.create_default_context(cafile=bundle)


class _TLSConnection(http.client.HTTPSConnection):
    """A connection that resumes an earlier TLS session with the same host, which saves most of the handshake.

    :ivar session: the session; None for a new one
    """

    session: ssl.SSLSession | None = None

    def __init__(self, host: str, port: int, timeout: float, context: ssl.SSLContext, name: str) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._tls, self._name = context, name

    def connect(self) -> None:
        """Connect, through a tunnel if there is one, and begin TLS."""
        http.client.HTTPConnection.connect(self)
        assert self.sock is not None
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name, session=self.session)


class ConnectionPool:
    """A pool of kept-alive connections, shared by the threads of a run."""

    def __init__(self, settings: ConnectionSettings, cancel: Cancel) -> None:
        self._settings = settings
        self.stall_timeout = settings.stall_timeout
        self._cancel = cancel
        self._lock = threading.Lock()
        self._idle: dict[Any, list[http.client.HTTPConnection]] = defaultdict(list)
        self._open: set[http.client.HTTPConnection] = set()
        self._context: ssl.SSLContext | None = None
        self._proxies: dict[Origin, str | None] = {}
        self._sessions: dict[tuple[Origin, str | None], ssl.SSLSession | None] = {}

    def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | Iterable[Any] | None = None
    ) -> Response:
        """Send one request; return the response with its body unread. Redirects are not followed.

        If a kept-alive connection was already closed, retry once on a new one: the server never saw the request.

        :raises UnreachableError: cannot connect, or the connection broke
        """
        origin = origin_of(url)
        proxy = self._proxy_of(origin)
        key = (origin, proxy)
        sent = {"User-Agent": self._settings.user_agent, "Accept-Encoding": "identity", **headers}
        through = proxy if origin.scheme == "http" else None
        if through:
            sent.update(_proxy_authorization(through))
        target = _request_target(url, bool(through))
        while True:
            connection, reused = self._take(key)
            stream = connection.sock
            try:
                _send_request(connection, method, target, sent, body, origin, reused)
                with answer_within(_HEADER_STALLS * self.stall_timeout, body=False):
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
                raise translate_error(error, origin.host) from error
            if not reused and isinstance(stream, ssl.SSLSocket):
                # Only now: since TLS 1.3 the server sends it after the handshake.
                self._sessions[key] = stream.session
            return Response(
                connection,
                answer,
                method,
                origin.host,
                self.stall_timeout,
                self._settings.min_rate,
                lambda connection: self._give_back(key, connection),
                self._drop,
            )

    def _proxy_of(self, origin: Origin) -> str | None:
        if origin not in self._proxies:
            self._proxies[origin] = proxy_for(origin, self._settings.proxy)
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
                raise UsageError(f"{parts.scheme} proxies require libcurl", hint="pip install 'hca-base[fast]'")
            host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
            headers = _proxy_authorization(proxy)
        timeout = self._settings.connect_timeout
        connection: http.client.HTTPConnection
        if origin.scheme == "https" or (proxy and urlsplit(proxy).scheme == "https"):
            with self._lock:
                # All threads share one context, because sessions belong to it.
                context = self._context = self._context or tls_context(self._settings.ca_bundle)
            name = origin.host if origin.scheme == "https" else host
            connection = _TLSConnection(host, port, timeout, context, name)
            connection.session = self._sessions.get((origin, proxy))
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
            raise translate_error(error, host) from error
        return connection

    def _give_back(self, key: Any, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._idle[key].append(connection)

    def _drop(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._open.discard(connection)
        connection.close()

    def abort(self) -> None:
        """Break all connections to wake up the threads waiting on them. Cancel the run first."""
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


def _request_target(url: str, absolute: bool) -> str:
    """Return the request target: a path, or the full URL for a proxy."""
    parts = urlsplit(url)
    target = url.split("#", 1)[0] if absolute else (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii() or " " in target:
        from urllib.parse import quote

        target = quote(target, safe="/?=&%:+,;@!$'()*~-._#[]")
    return target


def _send_request(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: Any,
    origin: Origin,
    reused: bool,
) -> None:
    try:
        connection.request(method, target, body=body, headers=headers)
    except (BrokenPipeError, ConnectionResetError):
        # A server that rejects the body usually responds before it closes the connection: read that.
        if body is None or reused:
            raise
    except (ValueError, http.client.InvalidURL) as error:
        if isinstance(error, OSError):
            raise
        # Show only the invalid character: a header's value may be secret.
        what = f" ({error.object[error.start]!a} in it)" if isinstance(error, UnicodeEncodeError) else ""
        raise UsageError(
            f"cannot send a request to {origin.host}: its URL or a header has characters that HTTP does not allow{what}"
        ) from error


def _proxy_authorization(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    import base64

    credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {"Proxy-Authorization": "Basic " + base64.b64encode(credentials).decode("ascii")}
