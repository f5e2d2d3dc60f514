"""A real HTTP server on loopback with scripted responses."""

from __future__ import annotations

import dataclasses
import http.server
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from hca_base.errors import AuthError


@dataclasses.dataclass
class Asked:
    """A request received by the server."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)


@dataclasses.dataclass
class Answer:
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    #: Called with the handler instead of everything else: for responses that violate HTTP.
    raw: Callable[[http.server.BaseHTTPRequestHandler], None] | None = None


def answer_json(data: Any, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(data).encode(), {"Content-Type": "application/json", **named})


def cut_off(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Close the connection without a response."""
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


Script = Callable[[Asked], Answer]


class ScriptedServer:
    """Responds to each request by calling ``script``; records the requests."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.script: Script = lambda asked: Answer()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _handle(self) -> None:
                length = self.headers.get("Content-Length")
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = self._chunks()
                else:
                    body = self.rfile.read(int(length)) if length else b""
                asked = Asked(self.command, self.path, dict(self.headers.items()), body)
                outer.asked.append(asked)
                answer = outer.script(asked)
                if answer.raw is not None:
                    answer.raw(self)
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in answer.headers:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body)

            def _chunks(self) -> bytes:
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _handle

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self.scheme = "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def answers(self, *answers: Answer) -> None:
        """Send these responses in order; repeat the last one."""
        waiting = list(answers)
        self.script = lambda asked: waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    one = ScriptedServer()
    yield one
    one.stop()


@pytest.fixture
def other_server() -> Iterator[ScriptedServer]:
    """A second one: another port is another origin."""
    one = ScriptedServer()
    yield one
    one.stop()


@pytest.fixture
def tls_server(certificate: tuple[Path, Path]) -> Iterator[ScriptedServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1])
    one = ScriptedServer(context)
    yield one
    one.stop()


class TestCredentials:
    """Credentials scripted by a test."""

    __test__ = False

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.refreshed = 0

    def headers_for(self, url: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[0]}"} if self.tokens else {}

    def params_for(self, url: str) -> dict[str, str]:
        return {}

    def certificate_for(self, url: str) -> None:
        return None

    def refusal(self, host: str) -> AuthError:
        return AuthError(f"{host} requires credentials, and none are stored", hint="hca auth status")

    def for_operation(self, security: Any, given: Any = ()) -> Any:
        return self

    def on_unauthorized(self, url: str) -> bool:
        self.refreshed += 1
        if len(self.tokens) > 1:
            self.tokens.pop(0)
            return True
        return False


@pytest.fixture
def credentials() -> TestCredentials:
    return TestCredentials("canary-token-1", "canary-token-2")


class Kit:
    """Response builders for the test modules of this folder."""

    Answer = Answer
    Credentials = TestCredentials
    json = staticmethod(answer_json)
    cut_off = staticmethod(cut_off)


@pytest.fixture
def kit() -> Kit:
    return Kit()
