"""Ten times as many files cost ten times as much: requests, system calls and bytes read are counted, not seconds."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hca_base.commands import transfer as commands
from hca_base.transfer import DirectoryDestination, FileStore, Item, TransferOptions, download
from tests.lib.downloads import QUICK, noise
from tests.lib.fault_server import FaultServer

FEW, TIMES = 30, 10
CALLS = ("stat", "lstat", "open", "link", "mkdir", "rmdir", "unlink", "utime", "rename", "replace", "scandir")


class Calls(Counter[str]):
    """System calls by name, and bytes that were read; counted while it is installed."""

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
    """A job over a number of files, in a directory of its own."""

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
    """One at the stored file, one at its name; nothing is read."""
    work = Work(tmp_path, [item_of(f"file{number}", noise(500, number)) for number in range(200)], True, server)
    work.fetch()
    with pytest.MonkeyPatch.context() as monkeypatch:
        calls = Calls(monkeypatch)
        work.fetch()
    assert calls["stat"] + calls["lstat"] <= 2 * 200 + 20
    assert calls["open"] <= 20
    assert not calls["bytes read"]
