"""The server of an embedded CELLxGENE: the API below ``/curation``, and the storage of its files."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from hca_cellxgene.testing.contract import Contract
from hca_cellxgene.testing.model import Library, sample


@dataclass
class Faults:
    """Faults to inject.

    :ivar drop_every: drop the connection of every N-th file request within the body; 0 is never
    :ivar busy_every: respond to every N-th file request with 503 and ``Retry-After: 0``
    :ivar corrupt: names of files that are sent with one byte changed
    :ivar down: the API responds with 503
    :ivar happened: number of file requests that met ``drop`` and ``busy``
    :ivar part_size: part size of stored objects, which determines their ETags; 0: not multipart
    """

    drop_every: int = 0
    busy_every: int = 0
    corrupt: set[str] = field(default_factory=set)
    down: bool = False
    part_size: int = 0
    happened: Counter[str] = field(default_factory=Counter)


class EmbeddedCellxgene:
    """A CELLxGENE Discover API on loopback. A context manager; it listens from its creation until :meth:`close`.

    :param library: its data
    :param faults: faults to inject
    :ivar requests: (method, path, headers) of all requests
    :ivar sent: body bytes sent, by file name
    """

    def __init__(self, library: Library | None = None, faults: Faults | None = None) -> None:
        self.library = library if library is not None else sample()
        self.faults = faults or Faults()
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.counts: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = _Listener(("127.0.0.1", 0), type("Handler", (_Handler,), {"service": self}))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def settings(self) -> dict[str, Any]:
        """Settings for ``hca cellxgene`` to use this service."""
        return {"cellxgene": {"url": f"{self.origin}/curation/openapi.json"}}

    @cached_property
    def document(self) -> dict[str, Any]:
        """The plugin's OpenAPI document, with this service's URL."""
        text = resources.files("hca_cellxgene").joinpath("document.json").read_text(encoding="utf-8")
        return {**json.loads(text), "servers": [{"url": f"{self.origin}/curation"}]}

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> EmbeddedCellxgene:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def count(self, name: str) -> int:
        """Increment a counter, and return its value."""
        with self._lock:
            self.counts[name] += 1
            return self.counts[name]

    def problems(self) -> list[str]:
        """Return how the responses so far violate the plugin's document."""
        contract = Contract(self.document)
        asked = {urlsplit(path).path.removeprefix("/curation") for _, path, _ in self.requests if "/curation/" in path}
        found = []
        for path in sorted(asked - {"/openapi.json"}):
            status, body = self.answer(path)
            if status != 404:
                found += contract.problems("GET", path, status, body)
        return found

    def answer(self, path: str) -> tuple[int, Any]:
        """Return status and body of a request to the API."""
        library = self.library
        match path.strip("/").split("/"):
            case ["openapi.json"]:
                return 200, self.document
            case ["v1", "datasets"]:
                return 200, [self._dataset(dataset) for dataset in library.datasets()]
            case ["v1", "datasets", name, "versions"] if name in library.versions:
                return 200, [self._dataset(one) for one in library.versions[name]]
            case ["v1", "dataset_versions", name]:
                found = [one for versions in library.versions.values() for one in versions]
                for version in found:
                    if version["dataset_version_id"] == name:
                        return 200, self._dataset(version)
                return 403, {"title": "Forbidden", "detail": "no such version"}
            case ["v1", "collections"]:
                return 200, [self._collection(name) for name in library.collections]
            case ["v1", "collections", name] if name in library.collections:
                return 200, self._collection(name)
            case ["v1", "collections", name, "versions"] if name in library.collections:
                return 200, [self._collection(name)]
            case ["v1", "collections", _, *_]:
                return 403, {"title": "Forbidden", "detail": "no such collection"}
        return 404, {"title": "Not Found", "detail": f"no such resource: {path}"}

    def _dataset(self, dataset: dict[str, Any]) -> dict[str, Any]:
        assets = [{**one, "url": one["url"].format(storage=f"{self.origin}/files")} for one in dataset["assets"]]
        return {**dataset, "assets": assets}

    def _collection(self, name: str) -> dict[str, Any]:
        datasets = [self._dataset(one) for one in self.library.datasets() if one["collection_id"] == name]
        return {**self.library.collections[name], "datasets": datasets}


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect."""


class _Handler(BaseHTTPRequestHandler):
    service: EmbeddedCellxgene
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Do not log."""

    def do_GET(self) -> None:
        service = self.service
        path = urlsplit(self.path).path
        service.requests.append((self.command, self.path, dict(self.headers)))
        if path.startswith("/files/"):
            self._file(path.removeprefix("/files/"))
        elif service.faults.down:
            self._send_json(503, {"title": "Service Unavailable"})
        elif path.startswith("/curation/"):
            self._send_json(*service.answer(path.removeprefix("/curation")))
        else:
            self._send_json(404, {})

    do_HEAD = do_GET

    def _file(self, name: str) -> None:
        service, faults = self.service, self.service.faults
        content = service.library.files.get(name)
        if content is None:
            self._send(404, b"", {})
            return
        number = service.count("files") if self.command == "GET" else 0
        if number and faults.busy_every and number % faults.busy_every == 0:
            faults.happened["busy"] += 1
            self._send(503, b"", {"Retry-After": "0"})
            return
        headers = {"ETag": f'"{_etag(content, faults.part_size)}"', "Accept-Ranges": "bytes"}
        if name in faults.corrupt:
            content = bytes([content[0] ^ 1]) + content[1:]
        status, start, end = 200, 0, len(content)
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes=") and self.command == "GET":
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last) + 1 if last else end, end)
            status = 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
        drop = bool(number and faults.drop_every and number % faults.drop_every == 0)
        faults.happened["drop"] += drop
        if self.command == "GET":
            with service._lock:
                service.sent[name] += (end - start) // (2 if drop else 1)
        self._send(status, content[start:end], headers, drop=drop)

    def _send_json(self, status: int, body: Any) -> None:
        kind = "application/json" if status == 200 else "application/problem+json"
        self._send(status, json.dumps(body).encode(), {"Content-Type": kind})

    def _send(self, status: int, body: bytes, headers: dict[str, str], *, drop: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if drop:
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return
        self.wfile.write(body)


def _etag(content: bytes, part_size: int) -> str:
    """The ETag that S3 assigns to an object."""
    if not part_size:
        return hashlib.md5(content).hexdigest()
    parts = [hashlib.md5(content[at : at + part_size]).digest() for at in range(0, len(content), part_size)]
    return f"{hashlib.md5(b''.join(parts)).hexdigest()}-{len(parts)}"
