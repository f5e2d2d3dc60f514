"""A service on loopback with scripted responses."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, Mapping[str, str], bytes]


class Loopback:
    """A service on loopback.

    :ivar requests: (method, path with query, headers, body) of all requests
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.routes: dict[tuple[str, str], Callable[[dict[str, list[str]], bytes], Any]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                outer.requests.append((self.command, self.path, dict(self.headers), body))
                parts = urlsplit(self.path)
                route = outer.routes.get((self.command, parts.path))
                status, headers, content = 404, {}, b'{"status": 404, "code": "not_found", "title": "no such thing"}'
                if route is not None:
                    found = route(parse_qs(parts.query, keep_blank_values=True), body)
                    if isinstance(found, tuple):
                        status, headers, content = found
                    else:
                        status, headers, content = 200, {}, json.dumps(found).encode()
                self.send_response(status)
                given = {name.lower() for name in headers}
                if "content-type" not in given:
                    self.send_header("Content-Type", "application/json")
                if "content-length" not in given:
                    self.send_header("Content-Length", str(len(content)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def route(self, method: str, path: str, answer: Any) -> None:
        """Respond with: a JSON value, (status, headers, bytes), or a function of (query, body) that returns one."""
        self.routes[method, path] = answer if callable(answer) else lambda query, body: answer

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
