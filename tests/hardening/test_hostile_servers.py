"""Hostile servers, through the installed command: one line, an exit code, bounded time and memory."""

from __future__ import annotations

import functools
import json
import socket
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest

Attack = Callable[[socket.socket, bytes], None]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def answer(body: bytes = b"{}", *headers: str, status: str = "200 OK", length: bool = True) -> bytes:
    """The bytes of a response."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if not any(each.lower().startswith("content-type") for each in headers):
        lines.append("Content-Type: application/json")
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body


def sends(data: bytes) -> Attack:
    """An attack that sends fixed bytes."""
    return lambda connection, head: connection.sendall(data)


def redirects(location: str, status: str = "302 Found", *headers: str) -> Attack:
    return sends(answer(b"", f"Location: {location}", *headers, status=status))


def floods(start: bytes, piece: bytes, seconds: float = 40) -> Attack:
    """Sends without end, as fast as it is read."""

    def attack(connection: socket.socket, head: bytes) -> None:
        connection.sendall(start)
        block = piece * max(1, 65536 // len(piece))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            connection.sendall(block)

    return attack


def drips(start: bytes, piece: bytes, pause: float = 0.2, seconds: float = 40) -> Attack:
    """Sends without end, in small pieces, so that no single read times out."""

    def attack(connection: socket.socket, head: bytes) -> None:
        connection.sendall(start)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            connection.sendall(piece)
            time.sleep(pause)

    return attack


def silent(connection: socket.socket, head: bytes) -> None:
    connection.settimeout(40)
    connection.recv(1)


def half(connection: socket.socket, head: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200")


@functools.cache
def zeros(count: int) -> bytes:
    """A gzip body of ``count`` MiB of zeros, compressed to about a thousandth of that."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush there are no back references: the block can be repeated.
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + block * count + b"\x03\x00" + bytes(8)


def circle(connection: socket.socket, head: bytes) -> None:
    connection.sendall(redirects_bytes("/thing"))


def redirects_bytes(where: str) -> bytes:
    return answer(b"", f"Location: {where}", status="302 Found")


def elsewhere(connection: socket.socket, head: bytes) -> None:
    """A new URL each time."""
    connection.sendall(redirects_bytes(f"/thing?{time.monotonic_ns()}"))


def wait_for_ever(connection: socket.socket, head: bytes) -> None:
    where = f"Location: /thing?token={time.monotonic_ns()}"
    connection.sendall(answer(b"", where, "Retry-After: 0", status="301 Moved"))


EVIL = "\x1b]0;owned\x07\x1b[2J\u202e\r\n"

#: name -> (attack, expected exit codes)
ATTACKS: dict[str, tuple[Attack, set[int]]] = {
    # Heads
    "one endless header": (floods(HEAD + b"X: ", b"a"), {6}),
    "endless headers": (floods(HEAD, b"X: a\r\n"), {6}),
    "a header of 10 MB": (sends(HEAD + b"X: " + b"a" * 10_000_000 + b"\r\n\r\n{}"), {6}),
    "headers that drip": (drips(HEAD, b"X: a\r\n", 0.3), {6}),
    "a header that drips": (drips(HEAD + b"X: ", b"a"), {6}),
    "endless 100 Continue": (floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), {6}),
    "100 Continue, slowly": (drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), {6}),
    "an endless status line": (floods(b"HTTP/1.1 200 ", b"O"), {6}),
    "half a head": (half, {6}),
    "no HTTP at all": (sends(b"SSH-2.0-OpenSSH_9.6\r\n"), {6}),
    "zero bytes": (sends(bytes(100_000)), {6}),
    "a status of four digits": (sends(answer(status="2000 OK")), {1, 6}),
    "a negative status": (sends(answer(status="-20 OK")), {1, 6}),
    "status 999": (sends(answer(status="999 ?")), {1}),
    "silence": (silent, {6}),
    "nothing": (sends(b""), {6}),
    "reason with escapes": (sends(answer(b"", status="500 \x1b[31mred\x07")), {1, 6}),
    # Bodies
    "an endless chunk size": (floods(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1", b"0"), {6}),
    "an endless chunk extension": (floods(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x"), {6}),
    "a chunk extension that drips": (drips(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x"), {6}),
    "a chunk that never ends": (floods(HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffff\r\n", b"x"), {6}),
    "a chunk that drips": (drips(HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffff\r\n", b" "), {6}),
    "endless chunks": (floods(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), {6}),
    "endless trailers": (floods(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X: a\r\n"), {0, 6}),
    "a negative chunk": (sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n"), {6}),
    "a chunk of words": (sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n"), {6}),
    "a body that drips": (drips(HEAD + b"Content-Length: 60000\r\n\r\n", b" "), {6}),
    "a body without end": (floods(HEAD + b"\r\n", b" " * 1000), {6}),
    "a promise of exabytes": (sends(HEAD + b"Content-Length: 9999999999999999999\r\n\r\n{}"), {6}),
    "a negative length": (sends(HEAD + b"Content-Length: -5\r\n\r\n{}"), {0, 6}),
    "two lengths": (sends(HEAD + b"Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}"), {6}),
    "a length of words": (sends(HEAD + b"Content-Length: many\r\n\r\n{}"), {0, 6}),
    "a gzip bomb of 8 GB": (lambda c, h: c.sendall(answer(zeros(8192), "Content-Encoding: gzip")), {6}),
    "a gzip bomb as an error": (
        lambda c, h: c.sendall(answer(zeros(8192), "Content-Encoding: gzip", status="404 No")),
        {1, 4, 6},
    ),
    "gzip in gzip in gzip": (
        lambda c, h: c.sendall(answer(zeros(64), "Content-Encoding: " + ", ".join(["gzip"] * 2000))),
        {6},
    ),
    "broken gzip": (sends(answer(b"\x1f\x8b\x08nonsense", "Content-Encoding: gzip")), {6}),
    "an unknown encoding": (sends(answer(b"\x00\x01", "Content-Encoding: rot13")), {1, 6}),
    "JSON 100,000 deep": (sends(answer(b"[" * 100_000 + b"]" * 100_000)), {1}),
    "JSON 5,000,000 deep": (sends(answer(b'{"a":' * 5_000_000)), {1}),
    "JSON just not too deep": (sends(answer(b"[" * 900 + b"]" * 900)), {0, 1}),
    "a number of a million digits": (sends(answer(b"9" * 1_000_000)), {0, 1}),
    "numbers that are none": (sends(answer(b'[NaN, Infinity, -Infinity, 1e999, -0.0, "\\ud800"]')), {0}),
    "NUL": (sends(answer(b'{"\\u0000": "\\u0000"}')), {0}),
    "UTF-16": (sends(answer('{"a": "ü"}'.encode("utf-16"))), {1}),
    "Latin-1": (sends(answer(b'{"a": "\xfc"}')), {1}),
    "an image": (sends(answer(b"\x89PNG\r\n\x1a\n" * 100, "Content-Type: image/png")), {0, 1}),
    "a web page": (sends(answer(b"<html><script>alert(1)</script>", "Content-Type: text/html")), {0, 1}),
    "a character set that is none": (sends(answer(b"{}", "Content-Type: application/json; charset=x\x00y")), {0, 1, 6}),
    "a character set that is a codec": (sends(answer(b"x", "Content-Type: text/plain; charset=rot13")), {0, 1}),
    "an endless content type": (sends(answer(b"{}", "Content-Type: " + "a/b;" * 10_000)), {0, 1, 6}),
    "an empty body": (sends(answer(b"")), {0, 1}),
    "304 to nobody's question": (sends(answer(b"", status="304 Not Modified")), {0, 1}),
    "206 of nothing": (sends(answer(b"[]", "Content-Range: bytes 5-1/0", status="206 Partial")), {0}),
    # Errors
    "an error of 100 MB": (lambda c, h: c.sendall(answer(b"x" * 100_000_000, status="404 No")), {1, 4, 6}),
    "an error with a title of 3 MB": (
        sends(answer(json.dumps({"code": "c" * 1_000_000, "title": "t" * 2_000_000}).encode(), status="404 No")),
        {4},
    ),
    "an error with escapes": (
        sends(answer(json.dumps({"code": EVIL, "title": EVIL, "details": EVIL}).encode(), status="409 No")),
        {5},
    ),
    "an error of lists": (sends(answer(b'[[[{"title": {"code": []}}]]]', status="400 No")), {5}),
    "an error 100,000 deep": (sends(answer(b"[" * 100_000, status="400 No")), {5}),
    "503 until the end of time": (sends(answer(b"", "Retry-After: 9" + "9" * 30, status="503 No")), {1, 6}),
    "503 until a year that is none": (
        sends(answer(b"", "Retry-After: Fri, 31 Dec 99999 23:59:59 GMT", status="503 No")),
        {1, 6},
    ),
    "503 until nan": (sends(answer(b"", "Retry-After: nan", status="503 No")), {1, 6}),
    "a request id with escapes": (
        sends(answer(b"{}", "X-AWS-REQUEST-ID: \x1b[31m" + "a" * 5000, status="404 No")),
        {4},
    ),
    "401 for ever": (sends(answer(b"", "WWW-Authenticate: " + "x" * 60_000, status="401 No")), {3}),
    # Redirects
    "a circle": (circle, {6}),
    "somewhere new each time": (elsewhere, {6}),
    "301 for ever": (wait_for_ever, {6}),
    "301 in a thousand years": (redirects("/thing", "301 Moved", "Retry-After: 31536000000"), {6}),
    "to a file": (redirects("file:///etc/passwd"), {5}),
    "to ftp": (redirects("ftp://127.0.0.1/x"), {5}),
    "to a script": (redirects("javascript:alert(1)"), {5}),
    "to data": (redirects("data:application/json,{}"), {5}),
    "to the metadata address": (redirects("http://169.254.169.254/latest/meta-data/"), {5}),
    "to the metadata address as a number": (redirects("http://2852039166/latest/"), {5}),
    "to the metadata address in IPv6": (redirects("http://[::ffff:169.254.169.254]/"), {5}),
    "to Google's metadata": (redirects("http://metadata.google.internal/computeMetadata/v1/"), {5}),
    "to another name of it": (redirects("http://metadata.google.internal./x"), {5}),
    "to nothing": (redirects(""), {0, 1}),
    "to half an address": (redirects("http://[::1"), {5}),
    "to a port that is none": (redirects("http://127.0.0.1:99999/"), {5}),
    "to a place with a password": (redirects("http://user:pass@127.0.0.1/"), {5}),
    "to a place of a megabyte": (sends(answer(b"", "Location: /" + "a" * 60_000, status="302 Found")), {4, 6}),
    "to a place with escapes": (redirects("http://\x1b[31m.example/"), {5, 6}),
}

#: The subset that runs by default; it covers every code path that one of the attacks above broke or could break.
SEED = [
    "endless headers",
    "a header that drips",
    "endless 100 Continue",
    "an endless chunk extension",
    "a body that drips",
    "endless trailers",
    "a gzip bomb of 8 GB",
    "gzip in gzip in gzip",
    "JSON 100,000 deep",
    "numbers that are none",
    "an error with escapes",
    "301 for ever",
    "to a file",
    "to the metadata address as a number",
]


def against(victim: Any, limited: Any, name: str) -> None:
    attack, codes = ATTACKS[name]
    victim.attacks["/thing"] = attack
    began = time.monotonic()
    done = limited("evil", "get-thing", timeout=50)
    assert done.code in codes, (done.code, done.err)
    # Not a speed test: the configured limits add up to less, and without them it runs forever.
    assert time.monotonic() - began < 35
    assert len(done.out) < 2_000_000
    if done.code:
        assert done.out == ""


@pytest.mark.parametrize("name", SEED)
def test_one_line_and_an_exit_code(victim: Any, limited: Any, name: str) -> None:
    against(victim, limited, name)


@pytest.mark.hardening
@pytest.mark.parametrize("name", sorted(set(ATTACKS) - set(SEED)))
def test_one_line_and_an_exit_code_for_each_attack(victim: Any, limited: Any, name: str) -> None:
    against(victim, limited, name)


@pytest.mark.hardening
@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_a_document_that_is_an_attack(victim: Any, limited: Any, name: str) -> None:
    """The same for an OpenAPI document: it is rejected, and nothing is cached."""
    victim.attacks["/thing"] = ATTACKS[name][0]
    done = limited("service", "add", "other", f"{victim.url}/thing", timeout=50)
    assert done.code, done.out
    listed = json.loads(limited("service", "list", "-f", "json").out)
    assert "other" not in json.dumps(listed)
