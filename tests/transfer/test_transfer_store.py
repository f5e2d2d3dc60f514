"""Existing files in the filestore, or under a name: when they are trusted, and what happens otherwise."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import ExitCode, HCAError
from hca_base.transfer import DirectoryDestination, FileStore, Item, TransferOptions, download
from hca_base.transfer._checksums import normalize_checksums
from hca_base.transfer._store._mark import has_stamp, stamp_mtime
from tests.lib import Runner
from tests.lib.fault_server import FaultServer

MIB = 1024 * 1024
QUICK = TransferOptions(min_delay=0.01, stall_timeout=5.0)
SIZES = [5000, 3 * MIB, 9 * MIB]


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def edit(path: Path) -> None:
    """Change a file in place, keeping its size."""
    with path.open("r+b") as stream:
        stream.seek(path.stat().st_size // 2)
        stream.write(b"edited")


# Files modified through one of their names


@pytest.mark.parametrize("size", SIZES)
def test_an_edit_through_a_link_does_not_spread(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    item, store = item_of("f", noise(size)), tmp_path / "store"
    assert download([item], DirectoryDestination(tmp_path / "one", store), options=QUICK).ok
    edit(tmp_path / "one" / "f")
    edited = (tmp_path / "one" / "f").read_bytes()
    assert len(edited) == size
    before = server.requests.total()
    dry = download([item], DirectoryDestination(tmp_path / "one", store), options=TransferOptions(dry_run=True))
    assert dry.counts == {"refused": 1}
    assert not (store / ".hca/v2/quarantine").exists()
    # The user's content stays; it is not reported as present.
    report = download([item], DirectoryDestination(tmp_path / "one", store), options=QUICK)
    assert report.counts == {"refused": 1}
    with pytest.raises(HCAError, match="different content"):
        report.raise_for_failures()
    assert (tmp_path / "one" / "f").read_bytes() == edited
    assert server.requests.total() == before
    assert "changed since it was stored" in caplog.text
    # Others get the right content, and so does the name once it is free.
    assert download([item], DirectoryDestination(tmp_path / "two", store), options=QUICK).counts == {"downloaded": 1}
    (tmp_path / "one" / "f").unlink()
    assert download([item], DirectoryDestination(tmp_path / "one", store), options=QUICK).counts == {"linked": 1}
    for directory in ("one", "two"):
        assert (tmp_path / directory / "f").read_bytes() == noise(size)
    assert [path.read_bytes() for path in (store / ".hca/v2/quarantine").iterdir()] == [edited]


@pytest.mark.parametrize("link", ["copy", "symlink"])
def test_an_edit_of_a_copy_or_through_a_symbolic_link(tmp_path: Path, item_of: Callable[..., Item], link: str) -> None:
    item, name = item_of("f", noise(5000)), tmp_path / "one" / "f"
    assert download([item], DirectoryDestination(tmp_path / "one", tmp_path, link=link), options=QUICK).ok
    edit(name)
    report = download([item], DirectoryDestination(tmp_path / "one", tmp_path, link=link), options=QUICK)
    # A copy belongs to the user; a symbolic link points to the filestore, which gets the right file again.
    assert report.counts == {"refused" if link == "copy" else "downloaded": 1}
    assert FileStore(tmp_path).path(sha256(noise(5000))).read_bytes() == noise(5000)
    assert (name.read_bytes() == noise(5000)) == (link == "symlink")


def test_files_are_read_again_only_when_they_were_written_to(
    tmp_path: Path, item_of: Callable[..., Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [item_of(f"f{size}", noise(size, size)) for size in (1000, *SIZES)]
    assert download(items, DirectoryDestination(tmp_path, tmp_path), options=QUICK).ok
    read: list[str] = []

    def count(path: str) -> str:
        from hca_base.transfer._store._disk import sha256_of

        read.append(Path(path).name)
        return sha256_of(path)

    monkeypatch.setattr("hca_base.transfer._store._filestore.sha256_of", count)
    for _ in range(2):
        assert download(items, DirectoryDestination(tmp_path, tmp_path), options=QUICK).counts == {"present": 4}
    assert read == []
    # A touch, or a restored backup, costs one verification.
    os.utime(tmp_path / "f1000", (1e9, 1e9))
    for _ in range(2):
        assert download(items, DirectoryDestination(tmp_path, tmp_path), options=QUICK).counts == {"present": 4}
    assert read == [sha256(noise(1000, 1000))]
    assert int((tmp_path / "f1000").stat().st_mtime) == 1e9


def test_marks_on_disks_with_whole_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest, path = sha256(b"x"), tmp_path / "x"
    path.write_bytes(b"x")
    real = os.utime
    monkeypatch.setattr(
        os, "utime", lambda file, ns: real(file, ns=tuple(n // 2_000_000_000 * 2_000_000_000 for n in ns))
    )
    before = path.stat().st_mtime
    stamp_mtime(str(path), digest)
    status = path.stat()
    assert has_stamp(status, digest)
    assert status.st_mtime_ns % 1_000_000_000 == 0
    assert 0 <= before - status.st_mtime <= 1020
    assert not has_stamp(status, sha256(b"y"))
    real(path, ns=(0, status.st_mtime_ns + 2_000_000_000))
    assert not has_stamp(path.stat(), digest)


def test_a_file_that_changes_while_it_is_taken_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hca_base.transfer._store import _filestore

    (tmp_path / "mine").write_bytes(b"one")
    real = _filestore.copy_file

    def copy(source: str, target: str) -> None:
        Path(source).write_bytes(b"two")
        real(source, target)

    monkeypatch.setattr(_filestore, "copy_file", copy)
    store = FileStore(tmp_path)
    assert store.add_file(tmp_path / "mine") == sha256(b"two")
    assert [name for name, _ in store] == [sha256(b"two")]
    assert store.path(sha256(b"two")).read_bytes() == b"two"


# Files left by a power failure


def test_a_right_file_in_the_store_is_not_replaced_by_another_of_the_same_content(tmp_path: Path) -> None:
    """A process that found the first and is about to link it would get a missing file error."""
    store, body = FileStore(tmp_path), noise(9 << 20)
    kept = set()
    for name in ("one", "two"):
        # For files whose sha256 is only known when all bytes are there.
        partial = store.staging.partial(name, {"name": name}, True)
        os.write(partial.fd, body)
        kept.add(Path(store.adopt(partial, sha256(body))).stat().st_ino)
    assert len(kept) == 1
    assert not list((tmp_path / ".hca" / "v2" / "partial").iterdir())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("left", ["empty", "short", "other"])
def test_a_damaged_file_in_the_store_is_replaced(
    tmp_path: Path, item_of: Callable[..., Item], size: int, left: str, fast: bool
) -> None:
    body = noise(size)
    store, item = FileStore(tmp_path), item_of("f", body)
    path = Path(store.prepare(sha256(body)))
    path.write_bytes({"empty": b"", "short": body[:-1], "other": bytes(size)}[left])
    options = TransferOptions(fast=fast, min_delay=0.01)
    report = download([item], DirectoryDestination(tmp_path / "to", tmp_path), options=options)
    assert report.counts == {"downloaded": 1}
    assert (tmp_path / "to" / "f").read_bytes() == body
    assert path.samefile(tmp_path / "to" / "f")


def test_a_damaged_file_in_the_store_and_a_right_one_under_the_name(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer
) -> None:
    body, store, item = noise(5000), FileStore(tmp_path), item_of("f", noise(5000))
    Path(store.prepare(sha256(body))).write_bytes(b"")
    (tmp_path / "f").write_bytes(body)
    assert download([item], DirectoryDestination(tmp_path, tmp_path), options=QUICK).counts == {"present": 1}
    assert store.path(sha256(body)).read_bytes() == body
    assert server.requests.total() == 0


@pytest.mark.parametrize("link", ["hard", "copy"])
def test_a_file_that_is_collected_before_it_is_linked(
    tmp_path: Path, item_of: Callable[..., Item], monkeypatch: pytest.MonkeyPatch, link: str
) -> None:
    item, store = item_of("f", noise(5000)), FileStore(tmp_path)
    store.put_bytes(sha256(noise(5000)), noise(5000))
    real = DirectoryDestination._link

    def collected(self: DirectoryDestination, *args: Any) -> Any:
        store.discard(sha256(noise(5000)))
        return real(self, *args)

    monkeypatch.setattr(DirectoryDestination, "_link", collected)
    report = download([item], DirectoryDestination(tmp_path / "to", tmp_path, link=link), options=QUICK)
    assert report.counts == {"downloaded": 1}
    assert (tmp_path / "to" / "f").read_bytes() == noise(5000)


# Dangling symbolic links


@pytest.mark.parametrize("again", ["symlink", "hard"])
@pytest.mark.parametrize("sums", ["sha256", "md5"])
def test_a_symbolic_link_to_a_file_that_was_collected(
    tmp_path: Path, item_of: Callable[..., Item], hca: Runner, again: str, sums: str
) -> None:
    body, name = noise(5000), tmp_path / "to" / "d" / "f"
    item = item_of("d/f", body, checksums={sums: hashlib.new(sums, body).hexdigest()})
    assert download([item], DirectoryDestination(tmp_path / "to", tmp_path, link="symlink"), options=QUICK).ok
    hca("transfer", "gc", tmp_path, "--yes", "--all-ages", check=0)
    assert name.exists(), "gc follows the link"
    FileStore(tmp_path).discard(hashlib.sha256(body).hexdigest())
    assert name.is_symlink()
    assert not name.exists()
    destination = DirectoryDestination(tmp_path / "to", tmp_path, link=again)
    assert download([item], destination, options=TransferOptions(dry_run=True)).counts == {"would-download": 1}
    destination = DirectoryDestination(tmp_path / "to", tmp_path, link=again)
    assert download([item], destination, options=QUICK).counts == {"downloaded": 1}
    assert name.read_bytes() == body
    destination = DirectoryDestination(tmp_path / "to", tmp_path, link=again)
    assert download([item], destination, options=QUICK).counts == {"present": 1}


def test_symbolic_links_that_are_not_ours_stay(tmp_path: Path, item_of: Callable[..., Item]) -> None:
    item, other = item_of("f", noise(500)), item_of("g", noise(600))
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "f").symlink_to(tmp_path / "nowhere")
    (tmp_path / "to" / "g").symlink_to(FileStore(tmp_path).path(sha256(noise(500))))
    report = download([item, other], DirectoryDestination(tmp_path / "to", tmp_path, link="symlink"), options=QUICK)
    assert report.counts == {"refused": 2}
    assert (tmp_path / "to" / "f").readlink() == tmp_path / "nowhere"
    assert report.errors[0].exit_code == ExitCode.REFUSED


# Checksums under any name


def test_the_names_of_checksums() -> None:
    told = {"SHA-1": " AA ", "sha256": "", "SHA_256": "Bb", "S3-ETag": "c-2", "CRC32C": "dd", "md5": "  ", "odd": "x"}
    assert normalize_checksums(told) == {"sha1": "aa", "sha256": "bb", "s3_etag": "c-2", "crc32c": "dd"}


@pytest.mark.parametrize("link", ["hard", "copy", "symlink", None])
@pytest.mark.parametrize("spelling", ["md5", "MD5", "SHA-1", "sha_256", "SHA256", "crc32c"])
def test_the_second_run_knows_files_by_any_checksum(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, link: str | None, spelling: str
) -> None:
    from hca_base.transfer._checksums import Hashes

    kind = spelling.lower().replace("-", "").replace("_", "")
    hashes = Hashes([kind])
    hashes.update(noise(5000))
    item = item_of("f", noise(5000), checksums={"sha256": "", spelling: hashes.hexdigests()[kind].upper()})
    for outcome in ("downloaded", "present"):
        store = tmp_path / "store" if link else None
        destination = DirectoryDestination(tmp_path / "to", store, link=link or "hard")
        assert download([item], destination, options=QUICK).counts == {outcome: 1}
    assert server.requests["/data/f"] == 1
    # If a comparison needs reading, wrong content of the right size must not pass.
    (tmp_path / "to" / "f").unlink()
    (tmp_path / "to" / "f").write_bytes(bytes(5000))
    report = download([item], DirectoryDestination(tmp_path / "to", store, link=link or "hard"), options=QUICK)
    assert report.counts == {"refused": 1}


def test_a_wrong_checksum_by_another_name_is_compared(tmp_path: Path, item_of: Callable[..., Item], fast: bool) -> None:
    item = item_of("f", noise(500), checksums={"SHA-1": "0" * 40})
    report = download([item], DirectoryDestination(tmp_path), options=TransferOptions(fast=fast, min_delay=0.01))
    assert report.counts == {"mismatch": 1}
    assert not (tmp_path / "f").exists()
