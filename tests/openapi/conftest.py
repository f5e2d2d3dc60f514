"""Fixtures for tests of documents and clients: the recorded contracts, a web server on loopback, a client of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from hca_base.openapi import Client
from tests.openapi.store_service import store

CONTRACTS = Path(__file__).resolve().parents[3] / "shared" / "contracts"


@pytest.fixture
def contract() -> Callable[[str], Path]:
    """The path of a recorded document; the test is skipped if there are none."""

    def path(name: str) -> Path:
        if not CONTRACTS.is_dir():
            pytest.skip("the recorded contracts are not beside this checkout")
        return CONTRACTS / name

    return path


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A separate home for the test, with an empty cache."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HCA_SITE_CONFIG", str(home / "none.json"))
    for name in ("CONFIG", "CACHE", "STATE", "DATA"):
        monkeypatch.delenv(f"XDG_{name}_HOME", raising=False)
    return home


class Seen:
    """A request received by the server.

    :ivar connection: the client's address and port
    """

    def __init__(
        self, method: str, target: str, headers: dict[str, str], body: bytes, connection: tuple[str, int] = ("", 0)
    ) -> None:
        self.connection = connection
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.path = urlsplit(target).path
        self.query = parse_qsl(urlsplit(target).query, keep_blank_values=True)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"{self.method} {self.target}"


class Web:
    """A server on loopback whose responses come from a function.

    :ivar answer: takes a request; returns JSON data, or (status, headers, body)
    :ivar documents: path -> document served there, with an ETag
    :ivar seen: the requests except those for documents
    :ivar fetched: the requests for documents, with the status of the response
    """

    def __init__(self) -> None:
        self.answer: Callable[[Seen], Any] = lambda request: {}
        self.documents: dict[str, Any] = {}
        self.seen: list[Seen] = []
        self.fetched: list[tuple[str, int]] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = b""
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Seen(self.command, self.path, dict(self.headers), body, self.client_address)
                status, headers, content = web.respond(request)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = handle_any

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def respond(self, request: Seen) -> tuple[int, dict[str, str], bytes]:
        if request.path in self.documents:
            document = self.documents[request.path]
            content = document if isinstance(document, bytes) else json.dumps(document).encode()
            etag = f'"{hash(content)}"'
            status = 304 if request.headers.get("If-None-Match") == etag else 200
            self.fetched.append((request.path, status))
            return status, {"ETag": etag, "Content-Type": "application/json"}, content if status == 200 else b""
        self.seen.append(request)
        found = self.answer(request)
        if isinstance(found, tuple):
            return found
        return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def web() -> Iterator[Web]:
    """A web server on loopback."""
    server = Web()
    yield server
    server.stop()


@pytest.fixture
def other_web() -> Iterator[Web]:
    """A second one: another port is another origin."""
    server = Web()
    yield server
    server.stop()


@pytest.fixture
def client(web: Any) -> Client:
    """A client of a service like the DSS, on the web server."""
    web.documents["/v1/swagger.json"] = store()
    return Client(swagger_url=f"{web.url}/v1/swagger.json")
