"""The cost of TLS: handshakes, and records of 16 KiB."""

from __future__ import annotations

import hashlib
import http.server
import re
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hca_base.transfer import FileStore, Item, Report, Source, TransferOptions, download
from hca_base.transfer._store import _disk
from tests.lib.certificates import make_certificates
from tests.lib.downloads import MIB, QUICK, noise


class Site(http.server.ThreadingHTTPServer):
    """Serves files, with ranges, over TLS; records its connections."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.files: dict[str, bytes] = {}
        #: Whether each connection resumed the session of another one.
        self.resumed: list[bool] = []
        self.starts: list[int] = []
        #: Bytes after which to cut the next response, and whether to close each connection after its response.
        self.cut: int | None = None
        self.closes = False
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, name: str) -> str:
        return f"https://127.0.0.1:{self.server_port}/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def handle(self) -> None:
        self.connection.do_handshake()
        self.server.resumed.append(bool(self.connection.session_reused))
        super().handle()

    def do_GET(self) -> None:
        body = self.server.files[self.path[1:]]
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start, end = (int(asked[1]), int(asked[2] or len(body) - 1) + 1) if asked else (0, len(body))
        self.server.starts.append(start)
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(body)}")
        if self.server.closes:
            self.send_header("Connection", "close")
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        cut, self.server.cut = self.server.cut, None
        self.wfile.write(body[start:end][:cut])
        self.close_connection = self.server.closes or cut is not None

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Site, str]]:
    """The server, and its CA file."""
    ca, path = make_certificates(tmp_path)
    made = Site(path)
    yield made, str(ca)
    made.shutdown()
    made.server_close()


def get(site: Site, ca: str, root: Path, **options: Any) -> Report:
    items = [
        Item(name, len(body), {"sha256": hashlib.sha256(body).hexdigest()}, Source(site.url(name)))
        for name, body in site.files.items()
    ]
    report = download(items, FileStore(root), options=TransferOptions(ca_bundle=ca, **{**QUICK, **options}))
    assert report.ok, report.failed
    return report


def test_connections_to_a_host_share_a_session(site: tuple[Site, str], tmp_path: Path, fast: bool) -> None:
    """Only the first handshake of a run is a full one."""
    server, ca = site
    server.closes = True
    server.files = {f"file{number}": noise(100, number) for number in range(8)}
    get(server, ca, tmp_path / "to", fast=fast, connections=1)
    assert server.resumed == [False] + [True] * 7


def test_large_files_over_tls_are_not_written_in_small_pieces(
    site: tuple[Site, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, ca = site
    server.files["large"] = noise(8 * MIB)
    sizes: list[int] = []
    pwrite = _disk.pwrite

    def counted(fd: int, data: Any, offset: int) -> int:
        sizes.append(len(data))
        return int(pwrite(fd, data, offset))

    monkeypatch.setattr(_disk, "pwrite", counted)
    get(server, ca, tmp_path / "to")
    assert sum(sizes) >= 8 * MIB
    # TLS has records of 16 KiB; this is 512 of them.
    assert len(sizes) <= 150


def test_what_came_before_a_broken_connection_is_kept(site: tuple[Site, str], tmp_path: Path) -> None:
    server, ca = site
    server.files["large"] = noise(4 * MIB)
    server.cut = 3 * MIB + 5
    get(server, ca, tmp_path / "to")
    assert server.starts == [0, 3 * MIB + 5]
