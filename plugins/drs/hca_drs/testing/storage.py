"""The storage of an embedded server: bytes at signed URLs, and buckets."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from hca_drs.testing.faults import Faults
from hca_drs.testing.model import Blob, Repository

_PAYS = (
    b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>UserProjectMissing</Code><Message>User project specified in "
    b"the request is invalid.</Message><Details>Bucket is a requester pays bucket but no user project provided."
    b"</Details></Error>"
)


class Answer(Exception):
    """A response."""

    def __init__(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.json = None if isinstance(body, bytes) else body
        self.headers = headers or {}
        self.body = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        if self.json is not None:
            self.headers.setdefault("Content-Type", "application/json")


def error(status: int, message: str) -> Answer:
    """An error in the format of DRS."""
    return Answer(status, {"msg": message, "status_code": status})


class Storage:
    """Bytes of objects, at signed URLs.

    :param key: signs URLs
    :ivar data_token: required value of the header ``X-Data-Token``, if any
    """

    def __init__(
        self, repository: Repository, faults: Faults, key: bytes, data_token: str, requester_pays: set[str]
    ) -> None:
        self.repository = repository
        self.faults = faults
        self.data_token = data_token
        self.requires_header = False
        self.requester_pays = requester_pays
        self._key = key
        self._cut: set[str] = set()
        self._lock = threading.Lock()

    def signature(self, identifier: str, expires: str) -> str:
        """The signature of a URL."""
        return hmac.new(self._key, f"{identifier} {expires}".encode(), "sha256").hexdigest()

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """Respond to a request for bytes."""
        parts = urlsplit(target)
        faults = self.faults
        words = parts.path.strip("/").split("/", 1 if parts.path.startswith("/data/") else 2)
        if words[0] in ("s3", "gs") and len(words) == 3:
            if words[1] in self.requester_pays:
                return Answer(400, _PAYS, {"Content-Type": "application/xml"})
            identifier = unquote(words[2])
        elif words[0] == "data" and len(words) == 2:
            identifier = unquote(words[1])
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            expires = query.get("Expires") or query.get("t") or "0"
            if query.get("Signature") != self.signature(identifier, expires) or float(expires) < time.time():
                faults.note("url_life")
                return Answer(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
            if self.requires_header and headers.get("X-Data-Token") != self.data_token:
                return Answer(401, b"the header is missing")
        else:
            return Answer(404, b"")
        found = self.repository.objects.get(identifier)
        if not isinstance(found, Blob):
            return Answer(404, b"")
        if faults.happens("busy"):
            return Answer(429, b"", {"Retry-After": str(faults.retry_after)})
        return self._bytes(identifier, found, headers)

    def _bytes(self, identifier: str, found: Blob, headers: dict[str, str]) -> Answer:
        faults = self.faults
        data = found.data if found.bytes_sent is None else found.bytes_sent
        if faults.happens("flipped") and data:
            place = int(faults.number() * len(data))
            data = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        etag = {"ETag": f'"{hashlib.md5(found.data).hexdigest()}"', "Accept-Ranges": "bytes"}
        wanted = headers.get("Range", "")
        if not wanted.startswith("bytes=") or faults.happens("ignore_range"):
            return Answer(200, data, etag)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last) + 1 if last else len(data), len(data))
        if start >= len(data):
            return Answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        return Answer(206, data[start:end], {**etag, "Content-Range": f"bytes {start}-{end - 1}/{len(data)}"})

    def cut_of(self, target: str, length: int) -> int | None:
        """The number of body bytes after which to close the connection; None for not at all."""
        faults = self.faults
        key = urlsplit(target).path
        with self._lock:
            if faults.cut_at and length > faults.cut_at and key not in self._cut:
                self._cut.add(key)
                return faults.cut_at
        return int(faults.number() * length) if faults.happens("drop") else None


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, owner: Any, name: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body in one write: otherwise delayed acknowledgements slow every small response down.
            wbufsize = -1
            disable_nagle_algorithm = True

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                owner.requests.append((name, self.command, self.path, dict(self.headers)))
                if name == "api" and owner.faults.happens("api_drop"):
                    self.close_connection = True
                    return
                found = getattr(owner, name)(self.command, self.path, dict(self.headers), body)
                self.send_response(found.status)
                for key, value in found.headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(found.body)))
                self.end_headers()
                cut = (
                    owner.bytes.cut_of(self.path, len(found.body)) if name == "storage" and found.status < 300 else None
                )
                self.wfile.write(found.body if cut is None else found.body[:cut])
                self.wfile.flush()
                if cut is not None:
                    self.close_connection = True
                    if owner.faults.pause:
                        time.sleep(owner.faults.pause)

            do_GET = do_POST = do_OPTIONS = do_HEAD = answer

            def log_message(self, *args: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect."""
