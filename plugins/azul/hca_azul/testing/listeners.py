"""The HTTP side of an embedded Azul: its listeners, and how they send responses."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from hca_azul.testing.answers import Answer
from hca_azul.testing.faults import Faults


class Site(Protocol):
    """The interface for a listener's owner: see :class:`hca_azul.testing.server.EmbeddedAzul`."""

    faults: Faults
    requests: list[tuple[str, str, str, dict[str, str]]]
    arrivals: list[tuple[str, float]]

    def answer(self, listener: str, method: str, target: str, headers: dict[str, str], body: bytes) -> Any:
        """A response, or an object of the storage: (its bytes, a name for it that is always the same)."""

    def first_time(self, name: str) -> bool:
        """Whether this is the first call with ``name``."""


class Listener(ThreadingHTTPServer):
    """A listener on a free port of loopback."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, site: Site, name: str) -> None:
        self.site = site
        self.name = name
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True, name=f"azul-{name}").start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Responses in one packet; otherwise delayed acknowledgements slow every small response down.
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True

    def _handle(self) -> None:
        server: Any = self.server
        site: Site = server.site
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.title(): value for name, value in self.headers.items()}
        site.requests.append((server.name, self.command, self.path, headers))
        site.arrivals.append((f"{self.command} {server.url}{self.path}", time.monotonic()))
        if server.name == "service" and site.faults.happens(site.faults.api_drop):
            self._cut()
            return
        found = site.answer(server.name, self.command, self.path, headers, body)
        if isinstance(found, Answer):
            self._send(found)
        else:
            self._send_object(site, *found)

    do_GET = do_POST = do_PUT = do_HEAD = _handle

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _send_object(self, site: Site, content: bytes, name: str) -> None:
        faults = site.faults
        start, end, status = 0, len(content), 200
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        etag = f'"{hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()}"'
        if asked and self.headers.get("If-Range", etag) == etag and not faults.happens(faults.ignore_range):
            start, end, status = int(asked[1]), min(int(asked[2] or len(content)) + 1, len(content)), 206
            if start >= len(content):
                self._send(Answer(416, b"", {"Content-Range": f"bytes */{len(content)}"}))
                return
        part = content[start:end]
        if faults.happens(faults.truncate):
            part = part[: int(len(part) * faults.number())]
        self.send_response(status)
        self.send_header("ETag", etag)
        self.send_header("Accept-Ranges", "bytes")
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = None
        if faults.happens(faults.drop):
            cut = int(len(part) * faults.number())
        elif faults.cut_at and len(part) > faults.cut_at and site.first_time(name):
            cut = faults.cut_at
        step = 64 * 1024 if faults.chunk_pause else len(part) or 1
        whole = part if cut is None else part[:cut]
        for place in range(0, len(whole), step):
            self.wfile.write(whole[place : place + step])
            if faults.chunk_pause:
                self.wfile.flush()
                time.sleep(faults.chunk_pause)
        if cut is not None:
            self._cut()

    def _cut(self) -> None:
        import socket

        self.close_connection = True
        try:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def log_message(self, *args: Any) -> None:
        """Do not log."""
