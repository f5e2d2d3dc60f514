"""Forks of a process that downloads or uploads: nothing is shared, nothing hangs, no byte is wrong."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hca_base.transfer import DirectoryDestination, FileStore, Item, S3Target, Source, TransferOptions, download
from tests.lib.downloads import files_below, noise
from tests.lib.fault_server import FaultServer

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="only on POSIX")
OPTIONS = TransferOptions(min_delay=0.01, retries=2, stall_timeout=10.0)


def in_fork(work: Callable[[], Any], seconds: float = 30) -> int | None:
    """Run something in a forked process; return its exit code, None if it hung."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
        return None
    return process.exitcode


@contextlib.contextmanager
def held_elsewhere(*locks: Any) -> Iterator[None]:
    """Hold locks in another thread, like a thread interrupted by a fork."""
    ready, done = threading.Event(), threading.Event()

    def hold() -> None:
        with contextlib.ExitStack() as stack:
            for lock in locks:
                stack.enter_context(lock)
            ready.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    ready.wait(10)
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_lock_that_a_thread_of_the_parent_holds(tmp_path: Path, item_of: Callable[..., Item]) -> None:
    items = [item_of(f"d{n}/f{n}", noise(1000, n)) for n in range(5)]
    destination = DirectoryDestination(tmp_path, FileStore(tmp_path))
    with held_elsewhere(destination.staging._lock, destination._tree._lock):
        assert in_fork(lambda: os._exit(0 if download(items, destination, options=OPTIONS).ok else 9)) == 0
    assert len(files_below(tmp_path)) == 5


def test_an_upload_target_whose_lock_is_held() -> None:
    target = S3Target("b", endpoint_url="http://127.0.0.1:9", credentials=("k", "s"))  # type: ignore[arg-type]
    with held_elsewhere(target._lock):
        assert in_fork(lambda: target.sign("PUT", "http://127.0.0.1:9/b/k", {}, "b") and os._exit(0)) == 0


def test_a_partial_file_stays_the_parents(tmp_path: Path) -> None:
    """An open file's lock is shared with forks, which would hold it as long as the longest of them lives."""
    destination = DirectoryDestination(tmp_path, FileStore(tmp_path))
    item = Item("x", 10 << 20, {"sha256": "ab" * 32})
    partial = destination.partial(item, "ab" * 32, True)
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    process.start()
    try:
        partial.close()
        deadline = time.monotonic() + 20
        while True:
            try:
                destination.partial(item, "ab" * 32, True).leave()
                break
            except BlockingIOError:
                # The child has not run yet.
                assert time.monotonic() < deadline, "the child keeps the parent's lock"
                time.sleep(0.05)
    finally:
        process.kill()
        process.join()


@pytest.mark.parametrize("size", [1000, 9 << 20])
def test_a_fork_that_ends_does_not_end_the_parents_run(tmp_path: Path, server: FaultServer, size: int) -> None:
    """The connections belong to the parent: a child that unwinds must not close them."""
    pid, children = os.getpid(), []

    def items() -> Iterator[Item]:
        for number in range(6):
            server.files[f"f{number}"] = noise(size, number)
            yield Item(f"f{number}", size, {}, Source(f"{server.base}/data/f{number}"))
        time.sleep(0.2)
        children.append(os.fork())
        if not children[0]:
            raise SystemExit(0)

    server.bytes_per_second = 20e6
    options = TransferOptions(fast=False, connections=3, min_delay=0.01)
    try:
        report = download(items(), DirectoryDestination(tmp_path), options=options)
    finally:
        if os.getpid() != pid:
            os._exit(0)
    deadline = time.monotonic() + 20
    while os.waitpid(children[0], os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(children[0], signal.SIGKILL)
            os.waitpid(children[0], 0)
            pytest.fail("the child hangs")
        time.sleep(0.05)
    assert report.ok, report.failed
    assert {row.attempts for row in report.rows} == {1}
    assert files_below(tmp_path) == {f"f{n}": server.files[f"f{n}"] for n in range(6)}


@pytest.mark.parametrize("fast", [False, True])
def test_pools_that_download_while_the_parent_does(tmp_path: Path, server: FaultServer, fast: bool) -> None:
    for number in range(400):
        server.files[f"f{number}"] = noise(500 + number, number)
    destination = DirectoryDestination(tmp_path, FileStore(tmp_path))
    options = TransferOptions(fast=fast, min_delay=0.01, retries=3, stall_timeout=20.0)

    def items(start: int, step: int) -> Iterator[Item]:
        for number in range(start, 400, step):
            name = f"f{number}"
            yield Item(name, len(server.files[name]), {}, Source(f"{server.base}/data/{name}"))

    def work(start: int) -> None:
        os._exit(0 if download(items(start, 5), destination, options=options).ok else 9)

    # An import in progress in another thread never finishes in a fork: that is Python's limitation.
    assert download(items(399, 400), destination, options=options).ok
    reports = []
    parent = threading.Thread(target=lambda: reports.append(download(items(0, 5), destination, options=options)))
    parent.start()
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=work, args=(number,)) for number in range(1, 5)]
    for child in children:
        child.start()
    for child in children:
        child.join(150)
        if child.exitcode is None:
            child.kill()
    parent.join(150)
    assert [child.exitcode for child in children] == [0] * 4
    assert reports[0].ok
    assert files_below(tmp_path) == server.files
