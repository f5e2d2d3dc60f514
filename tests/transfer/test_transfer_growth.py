"""Costs are linear in the number of files: requests, system calls and bytes read are counted, not seconds."""

from __future__ import annotations

import hashlib
import http.server
import os
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hca_base.commands import transfer as commands
from hca_base.transfer import (
    DirectoryDestination,
    FileStore,
    Item,
    S3Credentials,
    S3Target,
    TransferOptions,
    UploadItem,
    download,
    upload,
)  # fmt: skip
from tests.lib.downloads import QUICK, noise
from tests.lib.fault_server import FaultServer

FEW, TIMES = 30, 10
CALLS = ("stat", "lstat", "open", "link", "mkdir", "rmdir", "unlink", "utime", "rename", "replace", "scandir")


class Calls(Counter[str]):
    """Counts system calls by name, and bytes read, while it is installed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        for name in CALLS:
            monkeypatch.setattr(os, name, self._counted(name, getattr(os, name)))
        read = os.read

        def counted_read(*arguments: Any) -> bytes:
            data = read(*arguments)
            self["bytes read"] += len(data)
            return data

        monkeypatch.setattr(os, "read", counted_read)

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **more: Any) -> Any:
            self[name] += 1
            return call(*arguments, **more)

        return counted


class Work:
    """A job with a number of files, in its own directory."""

    def __init__(self, root: Path, items: list[Item], fast: bool, server: FaultServer) -> None:
        self.root, self.items, self.fast, self.server = root, items, fast, server

    def fetch(self, **more: Any) -> Any:
        options = TransferOptions(fast=self.fast, connections=4, **QUICK, **more)
        report = download(self.items, DirectoryDestination(self.root, FileStore(self.root)), options=options)
        assert report.ok and report.files == len(self.items)
        return report

    def verify(self) -> None:
        assert len(list(commands._verified(FileStore(self.root)))) == len(self.items)

    def collect(self) -> None:
        assert not list(FileStore(self.root).unreferenced())


JOBS: dict[str, tuple[Callable[[Work], Any], bool]] = {
    "new": (lambda work: work.fetch(), False),
    "would-be-new": (lambda work: work.fetch(dry_run=True), False),
    "present": (lambda work: work.fetch(), True),
    "would-be-present": (lambda work: work.fetch(dry_run=True), True),
    "verify": (Work.verify, True),
    "gc": (Work.collect, True),
}


@pytest.mark.parametrize("job", JOBS)
def test_ten_times_as_many_files_cost_ten_times_as_much(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool, job: str
) -> None:
    run, there = JOBS[job]
    costs: list[dict[str, int]] = []
    for count in (FEW, FEW * TIMES):
        items = [item_of(f"d{number % 5}/file{number}", noise(500, number)) for number in range(count)]
        work = Work(tmp_path / str(count), items, fast, server)
        if there:
            work.fetch()
        server.requests.clear()
        with pytest.MonkeyPatch.context() as monkeypatch:
            calls = Calls(monkeypatch)
            run(work)
        costs.append({**calls, "requests": server.requests.total()})
    few, many = costs
    grown = {name: (few.get(name, 0), count) for name, count in many.items() if count > 11 * max(few.get(name, 0), 1)}
    assert not grown
    assert many["requests"] == (0 if there or "would" in job else 2 * FEW * TIMES)


def test_a_file_that_is_present_costs_two_looks(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer
) -> None:
    """One call for the stored file, one for its name; nothing is read."""
    work = Work(tmp_path, [item_of(f"file{number}", noise(500, number)) for number in range(200)], True, server)
    work.fetch()
    with pytest.MonkeyPatch.context() as monkeypatch:
        calls = Calls(monkeypatch)
        work.fetch()
    assert calls["stat"] + calls["lstat"] <= 2 * 200 + 20
    assert calls["open"] <= 20
    assert not calls["bytes read"]


class Store(http.server.ThreadingHTTPServer):
    """An S3 server that stores nothing, and counts its connections and requests."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), StoreHandler)
        self.requests = self.connections = 0
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class StoreHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Store

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests += 1
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


def test_ten_times_as_many_uploads_cost_ten_times_as_much(tmp_path: Path, fast: bool) -> None:
    """Each file is opened, read and sent once, over persistent connections."""
    costs: list[dict[str, int]] = []
    store = Store()
    try:
        target = S3Target(
            "b", endpoint_url=f"http://127.0.0.1:{store.server_port}", credentials=S3Credentials("a", "b")
        )
        for count in (FEW, FEW * TIMES):
            items = []
            for number in range(count):
                path = tmp_path / f"{count}-{number}"
                path.write_bytes(noise(500, number))
                items.append(UploadItem(path, path.name, metadata={"sha1": "{sha1}"}))
            store.requests = store.connections = 0
            with pytest.MonkeyPatch.context() as monkeypatch:
                calls = Calls(monkeypatch)
                report = upload(items, target, options=TransferOptions(fast=fast, connections=4, min_delay=0.01))
            assert report.ok, report.failed
            assert store.requests == count
            assert store.connections <= 8
            costs.append({**calls, "requests": store.requests})
    finally:
        store.shutdown()
        store.server_close()
    few, many = costs
    grown = {name: (few.get(name, 0), count) for name, count in many.items() if count > 11 * max(few.get(name, 0), 1)}
    assert not grown
