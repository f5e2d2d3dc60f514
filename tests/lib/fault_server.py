"""A loopback server with faults: each path has a list of faults, one for each request, then none.

``/data/NAME`` returns a file's bytes, ``/api/NAME`` redirects there like a DSS (with a signature that can expire).
Requests and body bytes are counted, so that tests can detect repeated downloads.
"""

from __future__ import annotations

import collections
import dataclasses
import gzip
import random
import socket
import struct
import threading
import time
import urllib.parse
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass
class Fault:
    """A fault of one response.

    :ivar kind: cut, reset, status, stall, drip, longer, shorter, corrupt, ignore-range, wrong-range, wrong-total,
        loop, expired, changed, gzip, garbage, wait, inline, trickle, crawl (``number`` bytes a second)
    :ivar at: position in the body, as a share of its length
    :ivar number: status, or seconds
    :ivar retry_after: header, if any
    """

    kind: str
    at: float = 0.5
    number: float = 0
    retry_after: str | None = None


class FaultServer:
    """The server. Multithreaded; one request per connection at a time."""

    def __init__(self, family: int = socket.AF_INET) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, collections.deque[Fault]] = collections.defaultdict(collections.deque)
        self.requests: collections.Counter[str] = collections.Counter()
        self.ranges: dict[str, list[tuple[int, int]]] = collections.defaultdict(list)
        self.headers: dict[str, list[dict[str, str]]] = collections.defaultdict(list)
        self.sent: collections.Counter[str] = collections.Counter()
        #: Called with each path and the number of its bytes sent so far, after each piece.
        self.on_sent: Callable[[str, int], None] | None = None
        #: Bytes after which a path's response pauses until ``released`` is set.
        self.hold_at: dict[str, int] = {}
        self.released = threading.Event()
        #: What requests with expired URLs, and for unsupported ranges, wait for before they are refused.
        self.refused_together: threading.Barrier | None = None
        self.without_ranges = False
        self.generation = 0
        self.bytes_per_second: float | None = None
        #: Seconds before each response with data, to simulate a distant server.
        self.latency = 0.0
        self.etags = True
        self.busy_until = 0.0
        self.turned_away = 0
        self.refused = "nobody"
        self._lock = threading.Lock()
        self._stop = False
        self._connections: set[socket.socket] = set()
        self.most_connections = 0
        self._family = family
        self._listen()

    def _listen(self, port: int = 0) -> None:
        self._socket = socket.socket(self._family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("::1" if self._family == socket.AF_INET6 else "127.0.0.1", port))
        self._socket.listen(512)
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()

    @property
    def base(self) -> str:
        host = "[::1]" if self._family == socket.AF_INET6 else "127.0.0.1"
        return f"http://{host}:{self.port}"

    def close(self) -> None:
        self._stop = True
        self.released.set()
        self.refuse()

    def refuse(self) -> None:
        """Close everything; later connections are refused."""
        try:
            # Closing alone would let a pending accept take one more.
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def resume(self) -> None:
        """Listen again, on the same port."""
        self._listen(self.port)

    def _accept(self, listener: socket.socket) -> None:
        while not self._stop:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self._connections.add(connection)
            self.most_connections = max(self.most_connections, len(self._connections))
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                stream = connection.makefile("rb")
                while line := stream.readline(65536):
                    method, target, _ = line.decode("latin-1").split(" ", 2)
                    headers = {}
                    while (line := stream.readline(65536)) not in (b"\r\n", b""):
                        name, _, value = line.decode("latin-1").partition(":")
                        headers[name.strip().lower()] = value.strip()
                    if not self._answer(connection, method, target, headers):
                        return
        except (OSError, ValueError):
            pass
        finally:
            self._connections.discard(connection)

    def _answer(self, connection: socket.socket, method: str, target: str, headers: dict[str, str]) -> bool:
        path, _, query = target.partition("?")
        if path.startswith("http://"):
            # A proxy request: only the path matters here.
            path = "/" + path.split("/", 3)[3]
        path = urllib.parse.unquote(path)
        _, kind, name = path.split("/", 2)
        with self._lock:
            self.requests[path] += 1
            self.headers[path].append(headers)
            queue = self.faults[path]
            fault = queue.popleft() if queue else None
        body = self.files.get(name)
        if body is None:
            return self._simple(connection, 404)
        if headers.get("authorization") == self.refused:
            return self._simple(connection, 401)
        if time.monotonic() < self.busy_until:
            self.turned_away += 1
            return self._simple(connection, 429, "1")
        if fault is not None and fault.kind == "status":
            return self._simple(connection, int(fault.number), fault.retry_after)
        if fault is not None and fault.kind == "garbage":
            connection.sendall(b"\x00\x01SSH-2.0-OpenSSH\r\n\r\n")
            return False
        if fault is not None and fault.kind == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if kind == "api":
            return self._api(connection, name, query, fault)
        if kind == "data" and "sig=" in query and int(query.rpartition("sig=")[2]) < self.generation:
            if self.refused_together is not None:
                self.refused_together.wait()
            return self._simple(connection, 403)
        if "range" in headers and self.without_ranges:
            if self.refused_together is not None:
                self.refused_together.wait()
            return self._simple(connection, 501)
        if fault is not None and fault.kind == "expired":
            if "sig=" not in query:
                return self._data(connection, path, body, headers, None)
            self.generation += 1
            return self._simple(connection, 403)
        if fault is not None and fault.kind == "loop":
            return self._redirect(connection, 302, f"{path}?again={random.random()}")
        return self._data(connection, path, body, headers, fault)

    def _api(self, connection: socket.socket, name: str, query: str, fault: Fault | None) -> bool:
        if fault is not None and fault.kind == "wait":
            return self._redirect(connection, 301, f"/api/{name}?token={random.random()}", fault.retry_after or "0")
        if fault is not None and fault.kind == "ask-again":
            return self._redirect(connection, 307, f"/api/{name}", fault.retry_after)
        if fault is not None and fault.kind == "loop":
            return self._redirect(connection, 302, f"/api/{name}?again")
        if fault is not None and fault.kind == "inline":
            return self._data(connection, f"/api/{name}", self.files[name], {}, None)
        return self._redirect(connection, 302, f"{self.base}/data/{urllib.parse.quote(name)}?sig={self.generation}")

    @staticmethod
    def _redirect(connection: socket.socket, status: int, where: str, retry_after: str | None = None) -> bool:
        wait = f"Retry-After: {retry_after}\r\n" if retry_after is not None else ""
        connection.sendall(f"HTTP/1.1 {status} X\r\nLocation: {where}\r\n{wait}Content-Length: 0\r\n\r\n".encode())
        return True

    @staticmethod
    def _simple(connection: socket.socket, status: int, retry_after: str | None = None) -> bool:
        wait = f"Retry-After: {retry_after}\r\n" if retry_after is not None else ""
        connection.sendall(f"HTTP/1.1 {status} X\r\n{wait}Content-Length: 2\r\n\r\nno".encode())
        return True

    def _data(
        self, connection: socket.socket, path: str, body: bytes, headers: dict[str, str], fault: Fault | None
    ) -> bool:
        kind = fault.kind if fault else ""
        etag = f'"{len(body)}-{hash(body)}"'
        if kind == "changed":
            body = bytes(reversed(body)) + b"!"
            etag = '"other"'
        if kind == "corrupt" and body:
            position = int(fault.at * (len(body) - 1)) if fault else 0
            body = body[:position] + bytes([body[position] ^ 0x55]) + body[position + 1 :]
        total, start, end = len(body), 0, len(body)
        ranged = False
        if "range" in headers and kind not in ("ignore-range", "gzip", "changed"):
            first, _, last = headers["range"].removeprefix("bytes=").partition("-")
            if headers.get("if-range", etag) == etag:
                ranged = True
                start, end = int(first), min(int(last) + 1, total) if last else total
                if start >= total:
                    return self._simple(connection, 416)
        with self._lock:
            self.ranges[path].append((start, end))
        extra = f"ETag: {etag}\r\n" if self.etags else ""
        if ranged:
            told = start + 7 if kind == "wrong-range" else start
            told_total = total + 1 if kind == "wrong-total" else total
            extra += f"Content-Range: bytes {told}-{end - 1}/{told_total}\r\n"
        data = memoryview(body)[start:end]
        if kind == "gzip":
            data = memoryview(gzip.compress(body))
            extra += "Content-Encoding: gzip\r\n"
        length = len(data)
        if kind == "longer":
            length += 10
        if kind == "shorter":
            length = max(0, length - 10)
            data = data[:length]
        status = "206 Partial Content" if ranged else "200 OK"
        if self.latency:
            time.sleep(self.latency)
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{extra}\r\n".encode())
        stop = int(fault.at * len(data)) if fault else 0
        if kind == "cut":
            self._send(connection, path, data[:stop])
            return False
        if kind == "stall":
            self._send(connection, path, data[:stop])
            time.sleep(fault.number if fault else 0)
            return False
        if kind == "crawl":
            for position in range(0, len(data), 10_000):
                self._send(connection, path, data[position : position + 10_000])
                time.sleep(10_000 / (fault.number if fault else 1))
            return True
        if kind == "trickle":
            for position in range(len(data)):
                self._send(connection, path, data[position : position + 1])
                time.sleep(fault.number if fault else 0)
            return True
        if kind == "drip":
            for position in range(min(3, len(data))):
                self._send(connection, path, data[position : position + 1])
                time.sleep(0.02)
            self._send(connection, path, data[3:])
            return True
        self._send(connection, path, data)
        return kind != "longer"

    def _send(self, connection: socket.socket, path: str, data: Any) -> None:
        step = 64 * 1024
        for position in range(0, len(data), step):
            piece = data[position : position + step]
            if self.sent[path] >= self.hold_at.get(path, len(data) + self.sent[path]):
                self.released.wait()
            connection.sendall(piece)
            with self._lock:
                self.sent[path] += len(piece)
            if self.on_sent is not None:
                self.on_sent(path, self.sent[path])
            if self.bytes_per_second:
                time.sleep(len(piece) / self.bytes_per_second)


def raw_server(answer: bytes) -> tuple[str, Callable[[], None]]:
    """A server with the same response to every request: its URL, and a function that stops it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(1 << 20)
                    connection.sendall(answer)
                except OSError:
                    pass

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", listener.close
