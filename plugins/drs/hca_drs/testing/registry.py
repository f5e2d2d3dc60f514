"""A prefix registry with the API of identifiers.org, on loopback."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class EmbeddedRegistry:
    """A prefix registry. A context manager; it listens from its creation until :meth:`close`.

    :param prefixes: prefix -> URL pattern with ``{$id}``
    :ivar requests: paths with query of all requests
    """

    def __init__(self, prefixes: dict[str, str]) -> None:
        self.prefixes = prefixes
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.requests.append(self.path)
                outer.headers.append(dict(self.headers))
                status, body = outer.answer(self.path)
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/hal+json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> EmbeddedRegistry:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, target: str) -> tuple[int, Any]:
        """Status and body of the response."""
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        names = sorted(self.prefixes)
        if parts.path == "/restApi/namespaces/search/findByPrefix":
            prefix = query.get("prefix", [""])[0]
            if prefix not in self.prefixes:
                return 404, {"message": "not found"}
            link = f"{self.url}/restApi/namespaces/{names.index(prefix) + 1}"
            return 200, {"prefix": prefix, "_links": {"self": {"href": link}, "namespace": {"href": link}}}
        if parts.path == "/restApi/resources/search/findAllByNamespaceId":
            prefix = names[int(query["id"][0]) - 1]
            resource = {"providerCode": "main", "official": True, "urlPattern": self.prefixes[prefix]}
            old = {"providerCode": "old", "deprecated": True, "urlPattern": "https://old.example/objects/{$id}"}
            return 200, {"_embedded": {"resources": [old, resource]}}
        return 404, {"message": "not found"}
