"""A storage that behaves like servers in public bug reports: odd ranges, inconsistent ETags, compression."""

from __future__ import annotations

import collections
import dataclasses
import gzip
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclasses.dataclass
class Oddity:
    """Behaviour for one file.

    :ivar refuse_ranges: status for every request with a Range
    :ivar refuse_later: refuse only ranges that start after the first byte
    :ivar ignore_ranges: always send the whole file
    :ivar earlier: ranges start up to this many bytes earlier than requested
    :ivar etags: the backends' ETags, used in turn
    :ivar minds_if_range: send the whole file if If-Range does not match
    :ivar encoding: Content-Encoding of every response
    :ivar stored_encoded: the expected bytes are the encoded ones, and are sent unchanged
    :ivar chunked: no Content-Length
    :ivar cuts: number of responses that break off in the middle
    :ivar no_content: number of 204 responses
    """

    refuse_ranges: int = 0
    refuse_later: bool = False
    ignore_ranges: bool = False
    earlier: int = 0
    etags: tuple[str, ...] = ('"fixed"',)
    minds_if_range: bool = False
    encoding: str = ""
    stored_encoded: bool = False
    chunked: bool = False
    cuts: int = 0
    no_content: int = 0


class OddStorage:
    """The server.

    :ivar requests: number of requests by name
    :ivar ranges: the Range headers of the requests by name
    """

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, Oddity]] = {}
        self.requests: collections.Counter[str] = collections.Counter()
        self.ranges: dict[str, list[str | None]] = collections.defaultdict(list)
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Do not log."""

            def do_GET(self) -> None:
                outer._answer(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        name = request.path.lstrip("/")
        body, odd = self.files[name]
        asked = request.headers.get("Range")
        with self._lock:
            number = self.requests[name]
            self.requests[name] += 1
            self.ranges[name].append(asked)
        if number < odd.no_content:
            self._head(request, 204, {})
            return
        start, end, status = 0, len(body), 200
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", asked or "")
        if match and odd.refuse_ranges and (int(match[1]) or not odd.refuse_later):
            self._head(request, odd.refuse_ranges, {"Content-Length": "0"})
            return
        etag = odd.etags[number % len(odd.etags)]
        other = odd.minds_if_range and request.headers.get("If-Range", etag) != etag
        if match and not odd.ignore_ranges and not odd.encoding and not other:
            start, status = int(match[1]), 206
            end = min(int(match[2] or len(body)) + 1, len(body))
            start = max(0, start - odd.earlier)
        part = body[start:end]
        headers = {"ETag": etag}
        if odd.encoding:
            headers["Content-Encoding"] = odd.encoding
            part = part if odd.stored_encoded else _encoded(part, odd.encoding)
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(body)}"
        headers |= {"Transfer-Encoding": "chunked"} if odd.chunked else {"Content-Length": str(len(part))}
        self._head(request, status, headers)
        cut = number < odd.cuts
        self._send(request, part[: len(part) // 2 + 12345] if cut else part, odd.chunked and not cut)
        if cut:
            request.close_connection = True
            request.connection.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _head(request: BaseHTTPRequestHandler, status: int, headers: dict[str, str]) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()

    @staticmethod
    def _send(request: BaseHTTPRequestHandler, data: bytes, chunked: bool) -> None:
        try:
            for at in range(0, len(data), 256 * 1024):
                piece = data[at : at + 256 * 1024]
                request.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            if chunked:
                request.wfile.write(b"0\r\n\r\n")
        except ConnectionError:
            request.close_connection = True


def _encoded(data: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.compress(data, 1)
    if encoding == "br":
        import brotli

        return bytes(brotli.compress(data, quality=1))
    return data
