"""The local page to which the issuer redirects the browser."""

from __future__ import annotations

import contextlib
import errno
import http.server
import secrets
import socket
import threading
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hca_base.errors import AuthError, TimedOutError
from hca_base.http import is_loopback, remember_secret

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>hca</title></head>
<body style="font-family: sans-serif; margin: 4em"><h1>{title}</h1><p>{text}</p></body></html>
"""
_DONE = ("You are logged in", "You can close this page and return to the terminal.")
_FAILED = ("The login failed", "The terminal shows the reason. You can close this page.")


class Receiver:
    """A context manager that waits on a loopback port for the redirect of the login page.

    :ivar state: random value that the redirect of this login must contain
    :param redirect_uris: URIs that the issuer accepts; a fixed port among them is tried first
    :param port: the port that the user chose
    """

    def __init__(self, redirect_uris: Iterable[str] = (), port: int | None = None) -> None:
        self.answer: dict[str, str] | None = None
        self._done = threading.Event()
        self.state = secrets.token_urlsafe(24)
        remember_secret(self.state)
        self._host, self._path = "127.0.0.1", "/"
        self._server = self._bind(list(redirect_uris), port)

    @property
    def redirect_uri(self) -> str:
        """The redirect URI for the issuer."""
        return f"http://{self._host}:{self._server.server_port}{self._path}"

    def __enter__(self) -> Receiver:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True, name="hca-login")
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, seconds: float) -> dict[str, str]:
        """Return the parameters of the redirect.

        :raises TimedOutError: no redirect arrived in time
        """
        deadline = time.monotonic() + seconds
        # Wait in short intervals, so that signals are handled on every platform.
        while not self._done.wait(min(0.5, max(0.0, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                raise TimedOutError(
                    f"the login was not completed within {seconds:.0f} s",
                    hint="try again; on a machine without a browser: hca login --remote",
                )
        assert self.answer is not None
        return self.answer

    def _bind(self, redirect_uris: list[str], port: int | None) -> _Server:
        candidates = [(self._host, port, self._path)] if port is not None else _loopback(redirect_uris)
        busy: list[str] = []
        for host, number, path in candidates:
            try:
                server = _Server(("127.0.0.1", number), _handler(self))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise AuthError(f"cannot open a port on this machine for the login: {error.strerror}") from None
                busy.append(str(number))
                continue
            self._host, self._path = host, path
            return server
        raise AuthError(
            f"port {', '.join(busy)} is in use, and the issuer redirects browsers to no other port",
            hint="close the program that uses it, set auth.redirect_port, or log in with --remote",
        )

    def take(self, target: str) -> bool | None:
        """Record the parameters of a request.

        :return: True for a valid redirect, False for an invalid one, None for another request (``/favicon.ico``)
        """
        parts = urlsplit(target)
        values = {name: found[0] for name, found in parse_qs(parts.query).items()}
        if parts.path != self._path or not ("code" in values or "error" in values) or self._done.is_set():
            return None
        self.answer = values
        return "code" in values and values.get("state") == self.state

    def settle(self) -> None:
        """Let :meth:`wait` continue after the browser has received its page."""
        self._done.set()


def _loopback(redirect_uris: list[str]) -> list[tuple[str, int, str]]:
    """Return (host in the URI, port, path) to try. Port 0, if the URI has no port, means any (RFC 8252, 7.3)."""
    found = []
    for uri in redirect_uris:
        try:
            parts = urlsplit(uri)
            number = parts.port
        except ValueError:
            continue
        if parts.scheme == "http" and parts.hostname and is_loopback(parts.hostname) and parts.hostname != "::1":
            found.append((parts.hostname, number or 0, parts.path or "/"))
    # An issuer that follows RFC 8252 accepts any port, even if the URI has one.
    host, _, path = found[0] if found else ("127.0.0.1", 0, "/")
    return [*found, (host, 0, path)]


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    # On Windows this option would let two programs share the port.
    allow_reuse_address = False

    def server_bind(self) -> None:
        exclusive: Any = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
        if exclusive is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, exclusive, 1)
        super().server_bind()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors of closed connections."""


def _handler(receiver: Receiver) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            outcome = receiver.take(self.path)
            if outcome is None:
                self.send_error(404)
                return
            title, words = _DONE if outcome else _FAILED
            page = _PAGE.format(title=title, text=words).encode()
            try:
                self.send_response(200)
                for name, value in (
                    ("Content-Type", "text/html; charset=utf-8"),
                    ("Content-Length", str(len(page))),
                    ("Cache-Control", "no-store"),
                    # The URL contains the code, so do not send it as a referrer.
                    ("Referrer-Policy", "no-referrer"),
                    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
                    ("Connection", "close"),
                ):
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(page)
            finally:
                receiver.settle()

        def log_message(self, format: str, *args: Any) -> None:
            """Do not log requests: the URL contains the code."""

    return Handler
