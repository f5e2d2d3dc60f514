"""Bodies that a server compressed, or sent only partially, without being asked to."""

from __future__ import annotations

import gzip
import hashlib
import random
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hca_base.transfer import DirectoryDestination, Item, Report, Source, TransferOptions, download
from hca_base.transfer._network._decoding import Unpacker
from tests.lib.fault_server import Fault, FaultServer

BLOCK = 512 * 1024
ONE, TWO = random.Random(1).randbytes(300_000), b"second member " * 20_000


def get(url: str, root: Path, fast: bool = False, **promise: object) -> Report:
    item = Item("file", promise.pop("size", None), promise, Source(url))  # type: ignore[arg-type]
    options = TransferOptions(fast=fast, min_delay=0.01, retries=1, verify=bool(promise) or item.size is None)
    return download([item], DirectoryDestination(root), options=options)


@pytest.fixture
def serve(request: pytest.FixtureRequest) -> Iterator[Callable[..., str]]:
    """Serves a compressed body unchanged."""
    servers: list[FaultServer] = []

    class Encoded(FaultServer):
        packed = b""
        chunked = False
        kind = "gzip"

        def _data(self, connection, path, body, headers, fault):  # type: ignore[no-untyped-def]
            head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {self.kind}\r\n"
            if self.chunked:
                connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
                for at in range(0, len(self.packed), 70_001):
                    piece = self.packed[at : at + 70_001]
                    connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                connection.sendall(b"0\r\n\r\n")
            else:
                connection.sendall(f"{head}Content-Length: {len(self.packed)}\r\n\r\n".encode() + self.packed)
            return True

    def start(packed: bytes, chunked: bool = False, kind: str = "gzip") -> str:
        made = Encoded()
        servers.append(made)
        made.files["x"] = b"x"
        made.packed, made.chunked, made.kind = packed, chunked, kind
        return f"{made.base}/data/x"

    yield start
    for server in servers:
        server.close()


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("padding", [0, 1, 700_000])
def test_all_members_arrive(tmp_path: Path, serve: Callable[..., str], chunked: bool, padding: int) -> None:
    url = serve(gzip.compress(ONE) + gzip.compress(TWO) + gzip.compress(b"") + bytes(padding), chunked)
    assert get(url, tmp_path).ok
    assert (tmp_path / "file").read_bytes() == ONE + TWO


def test_a_member_that_ends_with_a_block(tmp_path: Path, serve: Callable[..., str]) -> None:
    stored = gzip.compress(random.Random(2).randbytes(BLOCK - 123), compresslevel=0)
    size = BLOCK - 123 - (len(stored) - BLOCK)
    first = gzip.compress(random.Random(2).randbytes(size), compresslevel=0)
    assert len(first) == BLOCK
    assert get(serve(first + gzip.compress(TWO)), tmp_path).ok
    assert (tmp_path / "file").read_bytes() == gzip.decompress(first) + TWO


@pytest.mark.parametrize(
    "tail",
    [
        gzip.compress(TWO)[:-1],
        gzip.compress(TWO)[:-9],
        gzip.compress(TWO)[:5],
        b"garbage",
        b"\x1f",
        b"\x1f\x8b",
        b"\0x",
    ],
    ids=["no end", "no length", "no body", "garbage", "one byte", "two bytes", "after a zero"],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_what_is_no_whole_member_is_an_error(
    tmp_path: Path, serve: Callable[..., str], tail: bytes, chunked: bool
) -> None:
    report = get(serve(gzip.compress(ONE) + tail, chunked), tmp_path)
    assert report.counts == {"failed": 1}
    assert not (tmp_path / "file").exists()


def test_deflate_has_no_members(tmp_path: Path, serve: Callable[..., str]) -> None:
    assert get(serve(zlib.compress(ONE), kind="deflate"), tmp_path).ok
    assert (tmp_path / "file").read_bytes() == ONE
    report = get(serve(zlib.compress(ONE) + zlib.compress(TWO), kind="deflate"), tmp_path / "two")
    assert report.counts == {"failed": 1}


@pytest.mark.parametrize("size", [1, 5000, 1024 * 1024, 1024 * 1024 + 1, 5 * 1024 * 1024, 1024 * 1024 + 3000])
@pytest.mark.parametrize("step", [1, 7, 4096, 1 << 20])
def test_unpacking_in_pieces_of_any_size(size: int, step: int) -> None:
    packed = gzip.compress(bytes(size)) + bytes(3) + gzip.compress(b"end") + bytes(2)
    unpack = Unpacker()
    found = b"".join(piece for at in range(0, len(packed), step) for piece in unpack.feed(packed[at : at + step]))
    assert found == bytes(size) + b"end"
    assert unpack.complete


def test_without_verification_a_compressed_body_is_not_taken_for_the_file(
    tmp_path: Path, serve: Callable[..., str], fast: bool
) -> None:
    url = serve(gzip.compress(TWO[:5000]))
    assert get(url, tmp_path, fast, size=5000).ok
    assert (tmp_path / "file").read_bytes() == TWO[:5000]


def test_without_verification_a_longer_body_is_not_cut(tmp_path: Path, server: FaultServer, fast: bool) -> None:
    server.files["x"] = ONE[:6000]
    report = get(f"{server.base}/data/x", tmp_path, fast, size=5000)
    assert report.counts == {"mismatch": 1}
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("service", ["follow", "service"])
@pytest.mark.parametrize("told", ["bytes 0-99/300000", "bytes 5-104/100", "nonsense", ""])
def test_a_part_is_not_taken_for_the_whole(tmp_path: Path, server: FaultServer, told: str, service: str) -> None:
    server.files["x"] = ONE
    answer = (
        f"HTTP/1.1 206 Partial Content\r\nContent-Range: {told}\r\nContent-Length: 100\r\n\r\n".encode() + ONE[:100]
    )
    server._data = lambda connection, *_: connection.sendall(answer) or True  # type: ignore[method-assign,assignment]
    server._api = lambda connection, *_: connection.sendall(answer) or True  # type: ignore[method-assign,assignment]
    where = "api" if service == "service" else "data"
    item = Item("file", None, {}, Source(f"{server.base}/{where}/x", redirects=service))
    report = download([item], DirectoryDestination(tmp_path), options=TransferOptions(min_delay=0.01, retries=1))
    assert report.counts == {"failed": 1}
    assert "sent part of file" in report.failed[0].error
    assert not (tmp_path / "file").exists()


# Large files


class NoRanges(FaultServer):
    """Always sends the whole file, and breaks off at a given position."""

    def _data(self, connection, path, body, headers, fault):  # type: ignore[no-untyped-def]
        return super()._data(connection, path, body, {k: v for k, v in headers.items() if k != "range"}, fault)


@pytest.mark.parametrize("at", [0.2, 0.4, 0.9])
def test_a_server_without_ranges_that_breaks_off_beyond_the_first_block(tmp_path: Path, at: float) -> None:
    server = NoRanges()
    body = random.Random(3).randbytes(40 * 1024 * 1024)
    server.files["x"] = body
    server.faults["/data/x"].extend([Fault("cut", at=at), Fault("cut", at=at)])
    item = Item("file", len(body), {"sha256": hashlib.sha256(body).hexdigest()}, Source(f"{server.base}/data/x"))
    report = download([item], DirectoryDestination(tmp_path), options=TransferOptions(min_delay=0.01))
    server.close()
    assert report.ok, report.failed
    assert (tmp_path / "file").read_bytes() == body
    assert server.requests["/data/x"] == 3
