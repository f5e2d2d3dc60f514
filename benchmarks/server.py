"""A loopback server for the benchmarks: deterministic files, the two requests of a DSS file, an S3 that keeps nothing.

It runs in a process of its own, on one thread, with as little work per request as Python allows, so that what is
measured is the client. Files need no disk: their first 4 KiB tell the file's number, the rest is common to all and goes
out with ``sendfile``.

* ``GET /data/SIZE/NUMBER`` with ``Range``: the bytes of a file
* ``GET /v1/files/UUID``: 302 to those bytes; the UUID tells size and number (:func:`uuid_of`)
* ``GET /v1/swagger.json``: as much of a document as clients of a DSS need for that
* ``PUT``/``POST``/``DELETE`` on ``/null/KEY``: an S3 that takes everything and keeps nothing
* ``GET /stats``: requests, bytes and seconds of processor time so far

Run it: ``python benchmarks/server.py [--port N] [--latency SECONDS] [--fail SHARE]``; it prints its port.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HEAD = 4096
MIB = 1024 * 1024
_RANGE = re.compile(rb"\r\nrange: *bytes=(\d+)-(\d*)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_MD5 = re.compile(rb"\r\ncontent-md5: *([A-Za-z0-9+/=]+)", re.IGNORECASE)


def head_of(size: int, number: int) -> bytes:
    """The first bytes of a file, which no other file has."""
    seed = hashlib.sha256(b"%d/%d" % (size, number)).digest()
    return (seed * (HEAD // len(seed)))[: min(size, HEAD)]


def tile() -> bytes:
    """What the rest of all files is made of."""
    return random.Random(7).randbytes(MIB)


def content_of(size: int, number: int, body: bytes = b"") -> bytes:
    """All bytes of a small file."""
    rest = size - min(size, HEAD)
    body = body or tile()
    return (
        head_of(size, number) + (body * (rest // len(body) + 1))[HEAD : HEAD + rest] if rest else head_of(size, number)
    )


def sha256_of(size: int, number: int) -> str:
    """The sha256 of a file."""
    value = hashlib.sha256(head_of(size, number))
    body, position = tile(), min(size, HEAD)
    while position < size:
        offset = position % len(body)
        piece = body[offset : offset + size - position]
        value.update(piece)
        position += len(piece)
    return value.hexdigest()


def uuid_of(size: int, number: int) -> str:
    """The UUID under which the DSS side knows a file."""
    return f"{size >> 8:08x}-{size & 0xFF:04x}-4000-8000-{number:012x}"


def _of_uuid(uuid: str) -> tuple[int, int]:
    parts = uuid.split("-")
    return int(parts[0], 16) << 8 | int(parts[1], 16), int(parts[4], 16)


def swagger(host: str) -> bytes:
    """A document with the one operation that downloads need."""
    parameters = [
        {"name": "uuid", "in": "path", "required": True, "type": "string", "description": "File."},
        {
            "name": "replica", "in": "query", "required": True, "type": "string", "enum": ["aws", "gcp"],
            "description": "Replica.",
        },
        {"name": "version", "in": "query", "required": False, "type": "string", "description": "Version."},
    ]  # fmt: skip
    document = {
        "swagger": "2.0",
        "info": {"title": "Benchmark", "version": "1", "description": "Files."},
        "host": host,
        "basePath": "/v1",
        "schemes": ["http", "https"],
        "paths": {
            "/files/{uuid}": {
                "get": {
                    "summary": "Get a file",
                    "description": "Redirects to its bytes.",
                    "parameters": parameters,
                    "responses": {"200": {"description": "Bytes."}, "302": {"description": "Elsewhere."}},
                }
            }
        },
    }
    return json.dumps(document).encode()


class Site:
    """What all connections share."""

    def __init__(self, latency: float, fail: float) -> None:
        self.latency = latency
        self.fail = fail
        self.random = random.Random(1)
        self.requests = 0
        self.sent = 0
        self.taken = 0
        self.tile = tile()
        # The common part, long enough for large files to go out in long stretches.
        self.file = tempfile.TemporaryFile()  # noqa: SIM115
        for _ in range(64):
            self.file.write(self.tile)
        self.file.flush()
        self.file_size = 64 * MIB
        self.small: dict[tuple[int, int], bytes] = {}

    def stats(self) -> bytes:
        return json.dumps(
            {"requests": self.requests, "sent": self.sent, "taken": self.taken, "cpu": time.process_time()}
        ).encode()


class Connection(asyncio.Protocol):
    """One connection, requests one after the other."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.buffer = b""
        self.to_skip = 0
        self.reply_after: bytes | None = None
        self.busy = False
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.to_skip:
            taken = min(self.to_skip, len(data))
            self.to_skip -= taken
            self.site.taken += taken
            if self.to_skip:
                return
            reply, self.reply_after = self.reply_after, None
            if reply:
                self.send(reply)
            data = data[taken:]
            if not data:
                return
        self.buffer = self.buffer + data if self.buffer else data
        self.serve()

    def serve(self) -> None:
        while not self.busy:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head, self.buffer = self.buffer[: end + 2], self.buffer[end + 4 :]
            self.site.requests += 1
            method, target, _ = head.split(b" ", 2)
            if self.site.fail and self.site.random.random() < self.site.fail:
                self.send(b"HTTP/1.1 503 Slow Down\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n")
            elif method == b"GET":
                self.get(target, head)
            else:
                self.take(method, target, head)

    def send(self, reply: bytes) -> None:
        if self.site.latency:
            asyncio.get_running_loop().call_later(self.site.latency, self.transport.write, reply)
        else:
            self.transport.write(reply)

    def get(self, target: bytes, head: bytes) -> None:
        if target.startswith(b"/data/"):
            _, _, size, number = target.partition(b"?")[0].split(b"/")
            self.data(int(size), int(number), head)
        elif target.startswith(b"/v1/files/"):
            size, number = _of_uuid(target[10:46].decode())
            host = head[head.lower().index(b"\r\nhost:") + 7 :].split(b"\r\n", 1)[0].strip()
            # As a signed URL is: another name for the host, and a long query.
            location = b"http://%s/data/%d/%d?X-Amz-Signature=%s" % (host, size, number, b"0" * 400)
            self.send(
                b"HTTP/1.1 302 Found\r\nLocation: %s\r\nX-DSS-SIZE: %d\r\nContent-Length: 0\r\n\r\n" % (location, size)
            )
        elif target.startswith(b"/v1/swagger.json"):
            host = head[head.lower().index(b"\r\nhost:") + 7 :].split(b"\r\n", 1)[0].strip().decode()
            self.send_json(swagger(host))
        elif target.startswith(b"/stats"):
            self.send_json(self.site.stats())
        else:
            self.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    def send_json(self, body: bytes) -> None:
        self.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )

    def data(self, size: int, number: int, head: bytes) -> None:
        found = _RANGE.search(head)
        start, end = 0, size
        if found:
            start = int(found[1])
            end = min(size, int(found[2]) + 1) if found[2] else size
        if start >= max(size, 1):
            self.send(b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n")
            return
        status = (
            b"206 Partial Content\r\nContent-Range: bytes %d-%d/%d" % (start, end - 1, size) if found else b"200 OK"
        )
        answer = b'HTTP/1.1 %s\r\nContent-Length: %d\r\nETag: "%d-%d"\r\nAccept-Ranges: bytes\r\n\r\n' % (
            status, end - start, size, number,
        )  # fmt: skip
        self.site.sent += end - start
        if size <= 64 * 1024:
            body = self.site.small.get((size, number))
            if body is None:
                body = content_of(size, number, self.site.tile)
                self.site.small[size, number] = body
            self.send(answer + body[start:end])
            return
        if start < HEAD:
            answer += head_of(size, number)[start : min(end, HEAD)]
            start = min(end, HEAD)
        self.busy = True
        task = asyncio.ensure_future(self.send_long(answer, start, end))
        task.add_done_callback(self.sent_long)

    async def send_long(self, answer: bytes, start: int, end: int) -> None:
        if self.site.latency:
            await asyncio.sleep(self.site.latency)
        self.transport.write(answer)
        loop = asyncio.get_running_loop()
        while start < end:
            offset = start % self.site.file_size
            count = min(end - start, self.site.file_size - offset)
            await loop.sendfile(self.transport, self.site.file, offset, count)
            start += count

    def sent_long(self, task: asyncio.Task[None]) -> None:
        self.busy = False
        if task.exception() is not None:
            self.transport.abort()
            return
        self.serve()

    def take(self, method: bytes, target: bytes, head: bytes) -> None:
        """S3, as far as clients look at its answers."""
        length = int(found[1]) if (found := _LENGTH.search(head)) else 0
        _, _, query = target.partition(b"?")
        body, extra = b"", b""
        if method == b"POST" and query.startswith(b"uploads"):
            body = b"<InitiateMultipartUploadResult><UploadId>one</UploadId></InitiateMultipartUploadResult>"
        elif method == b"POST":
            body = b'<CompleteMultipartUploadResult><ETag>"0-0"</ETag></CompleteMultipartUploadResult>'
        if found := _MD5.search(head):
            import base64

            extra = b'ETag: "%s"\r\n' % base64.b64decode(found[1]).hex().encode()
        else:
            # What it does not keep it does not digest either: it says that its ETags are no checksums.
            extra = b'ETag: "0"\r\nx-amz-server-side-encryption: aws:kms\r\n'
        status = b"204 No Content" if method == b"DELETE" else b"200 OK"
        answer = b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, extra, len(body), body)
        if b"\r\nexpect: 100-continue" in head.lower():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        here = min(length, len(self.buffer))
        self.buffer = self.buffer[here:]
        self.site.taken += here
        if here == length:
            self.send(answer)
        else:
            self.to_skip, self.reply_after = length - here, answer


async def main(arguments: argparse.Namespace) -> None:
    site = Site(arguments.latency, arguments.fail)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(site), "127.0.0.1", arguments.port, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    if arguments.port_file:
        Path(arguments.port_file).write_text(str(server.sockets[0].getsockname()[1]))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--fail", type=float, default=0.0, help="share of requests answered with 503")
    asyncio.run(main(parser.parse_args()))
