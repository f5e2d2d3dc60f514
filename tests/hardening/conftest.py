"""Fixtures for attack tests: a server that sends arbitrary bytes, and runs under resource limits."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import resource
import socket
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.lib import Runner

#: A run that needs more address space than this has unbounded memory use.
MEMORY = 2 * 2**30


class HostileServer:
    """Speaks no protocol: each request's path selects a function that gets the connection.

    :ivar attacks: path -> function of (connection, head of the request)
    """

    def __init__(self) -> None:
        self.attacks: dict[str, Callable[[socket.socket, bytes], None]] = {}
        self.seen: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.closing = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, ValueError, IndexError):
            connection.settimeout(60)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            self.seen.append(head)
            path = head.split(b" ", 2)[1].decode("latin-1").partition("?")[0]
            attack = self.attacks.get(path)
            if attack is None:
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            else:
                attack(connection, head)
            # Closing with unread bytes of the request would reset the connection, and lose sent data.
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(1)
            while connection.recv(65536):
                pass

    def close(self) -> None:
        self.closing.set()
        self._socket.close()


@pytest.fixture
def hostile() -> Iterator[HostileServer]:
    """A hostile server."""
    server = HostileServer()
    yield server
    server.close()


def answer(body: bytes = b"{}", *headers: str, status: str = "200 OK", length: bool = True) -> bytes:
    """The bytes of a response."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if not any(each.lower().startswith("content-type") for each in headers):
        lines.append("Content-Type: application/json")
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body


def sends(data: bytes) -> Callable[[socket.socket, bytes], None]:
    """An attack that sends fixed bytes."""
    return lambda connection, head: connection.sendall(data)


@dataclasses.dataclass
class Run:
    """The result of a command."""

    code: int
    out: str
    err: str


Limited = Callable[..., Run]


@pytest.fixture
def limited(hca: Runner) -> Limited:
    """Runs ``hca`` with little memory, and checks every run: no traceback, no escape sequence, few lines."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def run(*args: Any, stdin: str = "", env: dict[str, str] | None = None, timeout: float = 60, lines: int = 8) -> Run:
        done = subprocess.run(
            [sys.executable, "-m", "hca_base", *map(str, args)],
            input=stdin.encode(),
            capture_output=True,
            env={**hca.env, **(env or {})},
            cwd=hca.cwd,
            timeout=timeout,
            preexec_fn=limit,
            check=False,
        )
        out, err = done.stdout.decode("utf-8", "backslashreplace"), done.stderr.decode("utf-8")
        assert "Traceback" not in err and "Warning" not in err, err[-4000:]
        assert done.returncode in (0, 1, 2, 3, 4, 5, 6, 7), (done.returncode, err[-2000:])
        assert len(err.splitlines()) <= lines and len(err) < 8000, err[:4000]
        assert harmless(err), err
        if done.returncode:
            assert "hca: error:" in err
            assert "unexpected" not in err, err
        return Run(done.returncode, out, err)

    return run


def harmless(text: str) -> bool:
    """The text contains no terminal control sequence."""
    return not any(
        (unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t") or c in "\u061c\u200e\u200f" for c in text
    ) and not any("\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069" for c in text)


@pytest.fixture
def victim(hca: Runner, hostile: HostileServer) -> HostileServer:
    """The hostile server, as the service ``evil`` with the commands get-thing (JSON) and get-pages (paged)."""
    parameters = [{"name": "per_page", "in": "query", "schema": {"type": "integer"}}]
    document = {
        "openapi": "3.0.3",
        "info": {"title": "Evil", "version": "1"},
        "servers": [{"url": hostile.url}],
        "paths": {
            "/thing": {"get": {"responses": {"200": {"description": "", "content": {"application/json": {}}}}}},
            "/pages": {
                "get": {
                    "parameters": parameters,
                    "responses": {
                        "200": {"description": "", "content": {"application/json": {}}},
                        "206": {"description": "", "headers": {"Link": {"schema": {"type": "string"}}}},
                    },
                }
            },
        },
    }
    path = hca.home / "evil.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    quick = {"timeout": [1, 2], "answer_timeout": 2, "wait_budget": 2, "retries": 1, "retry_budget": 3}
    hca.configure({"http": quick, "services": {"evil": {"url": str(path)}}})
    return hostile
