"""Limits of disks, memory and systems: they are reported, and leave nothing wrong behind."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import HCAError
from hca_base.transfer import DirectoryDestination, FileStore, Item, Report, TransferOptions, download
from tests.lib.downloads import MIB, QUICK, SIZES, files_below, noise, traces
from tests.lib.fault_server import FaultServer


def test_a_long_report_stays_out_of_memory() -> None:
    from hca_base.transfer import Row

    report = Report()
    for number in range(12_000):
        report.add(Row(f"ä{number}", "downloaded", 1, 0.5, 1, "", "", "/x"))
    assert [row.name for row in report.rows] == [f"ä{number}" for number in range(12_000)]
    report.add(Row("last", "downloaded", 1, 0.5, 1, "", "", "/x"))
    assert list(report.rows)[-1].name == "last"
    assert len(report._rows) < 6000


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux")
@pytest.mark.parametrize("count", [40_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_memory_is_flat(tmp_path: Path, count: int) -> None:
    """A long list, almost all of it present; then the same with every name checked."""
    code = f"""
import hashlib, os, sys, time
from hca_base.transfer import DirectoryDestination, Item, Source, TransferOptions, download
def peak():
    # Not getrusage: its peak counts the memory of the process that this one was forked from.
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
root = {str(tmp_path)!r}
body = b"x" * 100
digest = hashlib.sha256(body).hexdigest()
(store := DirectoryDestination(root, root)).put_bytes(Item("first", 100, {{"sha256": digest}}), digest, body)
before = peak()
def items():
    for number in range({count}):
        yield Item(f"first/../{{number}}" if number % 2 else f"bundle{{number % 50}}/name{{number:09}}", 100,
                   {{"sha256": digest}}, Source("http://127.0.0.1:1/"))
report = download(items(), DirectoryDestination(root, root), options=TransferOptions(dry_run=True))
after = peak()
assert report.files == {count}, report.counts
print((after - before) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 40, f"{done.stdout} MiB"


def test_too_little_room_is_told_before_anything_is_written(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer
) -> None:
    item = item_of("large", noise(MIB), size=1 << 60)
    report = download([item], FileStore(tmp_path), options=TransferOptions(**QUICK))
    assert "not enough space" in report.failed[0].error
    assert server.requests["/data/large"] == 0


def test_a_full_disk(tmp_path: Path, item_of: Callable[..., Item], monkeypatch: pytest.MonkeyPatch, fast: bool) -> None:
    from hca_base.transfer._download import _stream
    from hca_base.transfer._store import _placing

    def full(fd: int, data: Any, offset: int | None = None) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_placing, "write_all", full)
    monkeypatch.setattr(_stream, "write_all", full)
    items = [item_of("small", noise(100)), item_of("large", noise(9 * MIB)), item_of("x", noise(300))]
    report = download(items, DirectoryDestination(tmp_path, tmp_path), options=TransferOptions(fast=fast, **QUICK))
    assert not report.ok
    with pytest.raises(HCAError, match="the disk is full"):
        report.raise_for_failures()
    assert files_below(tmp_path) == {}
    assert traces(tmp_path) == []


@pytest.mark.parametrize("size", [100_000, 9 * MIB])
def test_the_reserve_is_named_where_it_matters(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool, size: int
) -> None:
    """There is enough free space, but writing fails anyway."""
    items = [item_of("file", noise(size))]
    options = TransferOptions(fast=fast, disk_reserve=1 << 60, **QUICK)
    destination = DirectoryDestination(tmp_path, tmp_path)
    with pytest.raises(HCAError, match=r"are reserved \(transfer.disk_reserve\)"):
        download(items, destination, options=options, expected=(1, size)).raise_for_failures()
    assert not server.requests
    with pytest.raises(HCAError, match=r"bytes are needed, .* are free$"):
        download(items, destination, options=options, expected=(1, 1 << 61)).raise_for_failures()
    assert files_below(tmp_path) == {}


def test_a_file_size_limit(tmp_path: Path, item_of: Callable[..., Item]) -> None:
    items = [item_of("small", noise(100)), item_of("large", noise(9 * MIB))]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5 * MIB, hard))
    try:
        report = download(items, DirectoryDestination(tmp_path, tmp_path), options=TransferOptions(**QUICK))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [row.name for row in report.failed] == ["large"]
    assert "limit" in report.failed[0].error
    assert set(files_below(tmp_path)) == {"small"}
    assert traces(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="running as root")
def test_a_directory_that_is_read_only(tmp_path: Path, item_of: Callable[..., Item]) -> None:
    tmp_path.chmod(0o500)
    try:
        report = download([item_of("small", noise(100))], DirectoryDestination(tmp_path, tmp_path))
    finally:
        tmp_path.chmod(0o700)
    assert "permission" in report.failed[0].error.lower()


def test_names_of_255_bytes(tmp_path: Path, item_of: Callable[..., Item]) -> None:
    items = [item_of("n" * 255, noise(100)), item_of("é" * 127, noise(9 * MIB)), item_of("n" * 256, noise(50))]
    report = download(items, DirectoryDestination(tmp_path, tmp_path), options=TransferOptions(**QUICK))
    assert {row.name[0]: row.outcome for row in report.failed} == {"n": "refused"}
    assert set(files_below(tmp_path)) == {"n" * 255, "é" * 127}


@pytest.mark.parametrize("missing", ["pwrite", "O_TMPFILE", "fcntl"])
def test_systems_that_have_less(
    tmp_path: Path, item_of: Callable[..., Item], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Features missing on Windows, disabled one at a time on this system."""
    from hca_base.transfer._store import _disk, _folder

    if missing == "pwrite":
        monkeypatch.setattr(_disk, "pwrite", _disk._seek_write)
        monkeypatch.setattr(_disk, "pread", _disk._seek_read)
        monkeypatch.delattr(os, "preadv")
        monkeypatch.setattr(_folder, "HAS_DIR_FD", False)
    elif missing == "fcntl":
        monkeypatch.setitem(sys.modules, "fcntl", None)
        fake = type(sys)("msvcrt")
        fake.LK_NBLCK, fake.locking = 2, lambda fd, mode, count: None  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "msvcrt", fake)
    else:
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    items = [item_of(f"d/f{size}", noise(size, size)) for size in SIZES]
    (tmp_path / "outside").mkdir()
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "planted").symlink_to(tmp_path / "outside")
    items.append(item_of("planted/x", b"evil"))
    report = download(items, DirectoryDestination(tmp_path / "to", tmp_path / "to"), options=TransferOptions(**QUICK))
    assert [row.name for row in report.failed] == ["planted/x"]
    assert {f"d/f{size}": noise(size, size) for size in SIZES} == {
        name: body for name, body in files_below(tmp_path / "to").items() if name.startswith("d/")
    }
    assert traces(tmp_path / "to") == []
    assert not list((tmp_path / "outside").iterdir())


def test_fsync(tmp_path: Path, item_of: Callable[..., Item]) -> None:
    items = [item_of("small", noise(500)), item_of("large", noise(9 * MIB))]
    for number, destination in enumerate(
        (
            DirectoryDestination(tmp_path / "0", tmp_path / "0", fsync=True),
            DirectoryDestination(tmp_path / "1", fsync=True),
        )
    ):
        assert download(items, destination, options=TransferOptions(fsync=True, **QUICK)).ok
        assert files_below(tmp_path / str(number)) == {"small": noise(500), "large": noise(9 * MIB)}
