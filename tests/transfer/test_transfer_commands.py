"""The options shared by all transfers, and ``hca transfer``."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import ConfigError
from hca_base.transfer import (
    DirectoryDestination,
    FileStore,
    Item,
    TransferOptions,
    add_transfer_options,
    download,
    options_from_args,
)
from tests.lib import Runner


def parse(*args: str, config: Any = None, upload: bool = False) -> TransferOptions:
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    add_transfer_options(parser, upload=upload)
    return options_from_args(parser.parse_args(args), config)


def test_defaults() -> None:
    assert parse() == TransferOptions()
    assert parse(upload=True) == TransferOptions()


def test_flags() -> None:
    options = parse(
        "--dry-run", "--connections", "7", "--limit-rate", "1.5MiB/s", "--fail-fast", "--retries", "3", "--no-verify",
        "--filestore", "/x", "--link", "copy", "--executor", "dask://h:1", "--report", "r.tsv", "--progress", "jsonl",
        "--fsync",
    )  # fmt: skip
    assert options == TransferOptions(
        dry_run=True, connections=7, limit_rate=1_572_864, fail_fast=True, retries=3, verify=False,
        filestore=Path("/x"), link="copy", executor="dask://h:1", report=Path("r.tsv"), progress="jsonl", fsync=True,
    )  # fmt: skip
    assert parse("--no-progress").progress == "none"
    assert parse("--executor", "threads").executor is None


@pytest.mark.parametrize("flag", ["--connections=0", "--connections=many", "--limit-rate=fast", "--limit-rate=0"])
def test_flags_that_make_no_sense(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((argparse.ArgumentError, SystemExit)):
        parse(flag)


class Config(dict[str, Any]):
    """A minimal Config."""


def test_settings() -> None:
    config = Config({"transfer.connections": 5, "transfer.limit_rate": "2M", "transfer.filestore": "~/store"})
    options = parse(config=config)
    assert (options.connections, options.limit_rate) == (5, 2_000_000)
    assert options.filestore == Path("~/store").expanduser()
    assert parse("--connections", "9", config=config).connections == 9
    assert parse("--keep-going", config=Config({"transfer.fail_fast": True})).fail_fast is False
    assert parse("--verify", config=Config({"transfer.verify": False})).verify is True


@pytest.mark.parametrize(
    "settings",
    [{"transfer.connections": "x"}, {"transfer.link": "soft"}, {"transfer.retries": [1]}, {"transfer.limit_rate": -1}],
)
def test_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="transfer"):
        parse(config=Config(settings))


# hca transfer


@pytest.fixture
def root(tmp_path: Path, item_of: Callable[..., Item]) -> Path:
    items = [item_of(f"d/f{n}", random.Random(n).randbytes(1000 + n)) for n in range(30)]
    assert download(items, DirectoryDestination(tmp_path / "root", tmp_path / "root")).ok
    return tmp_path / "root"


def test_verify_finds_what_changed(hca: Runner, root: Path) -> None:
    done = hca("transfer", "verify", root, check=0)
    assert json.loads(done.stdout) == {"files": 30, "bytes": sum(range(1000, 1030)), "damaged": 0}
    victim = next(iter(FileStore(root)))[0]
    path = FileStore(root).path(victim)
    path.write_bytes(b"x" * path.stat().st_size)
    done = hca("transfer", "verify", root, "--report", root, check=2)
    assert "is a directory" in done.stderr and "verified" not in done.stderr
    done = hca("transfer", "verify", root, "--report", root / "report.json", check=7)
    assert victim in done.stderr
    assert "Traceback" not in done.stderr
    assert not path.exists()
    assert len(list((root / ".hca/v2/quarantine").iterdir())) == 1
    assert json.loads((root / "report.json").read_text())["counts"] == {"present": 29, "mismatch": 1}
    hca("transfer", "verify", root, check=0)


def test_there_is_no_filestore(hca: Runner, tmp_path: Path) -> None:
    for command in ("verify", "gc"):
        done = hca("transfer", command, tmp_path / "nowhere", check=4)
        assert "no filestore" in done.stderr


def test_gc_removes_what_nobody_refers_to(hca: Runner, root: Path) -> None:
    for number in range(10):
        (root / "d" / f"f{number}").unlink()
    # Recently downloaded: another process may be about to link them.
    assert json.loads(hca("transfer", "gc", root, "--yes", check=0).stdout)["files"] == 0
    old = time.time() - 7200
    for digest, _ in list(FileStore(root)):
        os.utime(FileStore(root).path(digest), (old, old))
    done = hca("transfer", "gc", root, "--dry-run", check=0)
    assert json.loads(done.stdout) == {
        "files": 10,
        "bytes": sum(range(1000, 1010)),
        "unfinished_files": 0,
        "removed": False,
    }
    hca("transfer", "gc", root, check=2)
    assert len(list(FileStore(root))) == 30
    done = hca("transfer", "gc", root, "--yes", check=0)
    assert json.loads(done.stdout)["removed"] is True
    assert len(list(FileStore(root))) == 20
    assert len(list((root / "d").iterdir())) == 20
    hca("transfer", "verify", root, check=0)


def test_gc_removes_unfinished_files_that_are_not_in_use(hca: Runner, root: Path) -> None:
    store = FileStore(root)
    digest = hashlib.sha256(b"never").hexdigest()
    partial = store.partial(digest, 10_000_000)
    os.ftruncate(partial.fd, 10_000_000)
    found = json.loads(hca("transfer", "gc", root, "--yes", "--all-ages", check=0).stdout)
    assert found["unfinished_files"] == 0
    partial.close()
    found = json.loads(hca("transfer", "gc", root, "--yes", "--all-ages", check=0).stdout)
    assert (found["unfinished_files"], found["removed"]) == (1, True)
    assert not list((root / ".hca/v2/partial").iterdir())


def test_the_store_by_hand(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    (tmp_path / "file").write_bytes(b"content")
    digest = store.add_file(tmp_path / "file")
    assert digest == hashlib.sha256(b"content").hexdigest()
    assert store.path(digest.upper()) == tmp_path / ".hca/v2/files_2_4" / digest[:2] / digest[2:6] / digest
    assert store.has(digest)
    assert store.has(digest, 7)
    assert not store.has(digest, 8)
    assert store.link(digest, tmp_path / "a" / "b").read_bytes() == b"content"
    assert store.link(digest, tmp_path / "a" / "b") == tmp_path / "a" / "b"
    with pytest.raises(Exception, match="is not a valid SHA-256"):
        store.path("../../etc/passwd")
    with pytest.raises(Exception, match="not in the filestore"):
        store.link("0" * 64, tmp_path / "c")
    store.discard(digest)
    assert not list((tmp_path / ".hca/v2/files_2_4").iterdir())


def old_files(root: Path) -> None:
    """Set the mtime of all stored files to long ago."""
    old = time.time() - 7200
    for digest, _ in list(FileStore(root)):
        os.utime(FileStore(root).path(digest), (old, old))


@pytest.fixture
def linked(tmp_path: Path, item_of: Callable[..., Item]) -> Path:
    items = [item_of(f"d/f{n}", random.Random(n).randbytes(1000 + n)) for n in range(6)]
    root = tmp_path / "linked"
    assert download(items, DirectoryDestination(root / "names", FileStore(root), link="symlink")).ok
    old_files(root)
    return root


def test_gc_follows_symbolic_links(hca: Any, linked: Path) -> None:
    """They are the only copies: the stored file's link count does not include them."""
    stray = hashlib.sha256(b"stray").hexdigest()
    FileStore(linked).put_bytes(stray, b"stray")
    assert json.loads(hca("transfer", "gc", linked, "--yes", "--all-ages", check=0).stdout)["files"] == 1
    assert not FileStore(linked).has(stray)
    for number in range(6):
        data = random.Random(number).randbytes(1000 + number)
        assert (linked / f"names/d/f{number}").read_bytes() == data


def rename_link(names: Path) -> Path:
    return (names / "d/f0").rename(names / "d/other")


def rename_directory(names: Path) -> Path:
    return (names / "d").rename(names / "e") / "f0"


def move_everything(names: Path) -> Path:
    return names.rename(names.parent.parent / "elsewhere") / "d/f0"


def copy_and_delete(names: Path) -> Path:
    (names / "d/copy").symlink_to((names / "d/f0").readlink())
    (names / "d/f0").unlink()
    return names / "d/copy"


def replace(names: Path) -> Path:
    rename_link(names)
    (names / "d/f0").write_bytes(b"something else")
    return names / "d/other"


def link_to_other_content(names: Path) -> Path:
    rename_link(names)
    (names / "d/f0").symlink_to((names / "d/f1").readlink())
    return names / "d/other"


@pytest.mark.parametrize(
    "change", [rename_link, rename_directory, move_everything, copy_and_delete, replace, link_to_other_content]
)
def test_gc_keeps_files_whose_links_are_elsewhere(hca: Any, linked: Path, change: Callable[[Path], Path]) -> None:
    """Renaming or copying a link does not inform the filestore."""
    moved = change(linked / "names")
    for arguments in (["--yes"], ["--yes", "--all-ages"], ["--dry-run"]):
        done = hca("transfer", "gc", linked, *arguments, check=5)
        assert "is not there any more" in done.stderr and "--assume-unlinked" in done.stderr
        assert str(linked / "names/d/f") in done.stderr
    assert moved.read_bytes() == random.Random(0).randbytes(1000)
    assert len(list(FileStore(linked))) == 6


def test_gc_cannot_know_of_deleted_links(hca: Any, linked: Path) -> None:
    (linked / "names/d/f0").unlink()
    hca("transfer", "gc", linked, "--yes", check=5)
    assert len(list(FileStore(linked))) == 6
    done = hca("transfer", "gc", linked, "--yes", "--assume-unlinked", check=0)
    assert json.loads(done.stdout)["files"] == 1
    assert (linked / "names/d/f1").is_file()


def test_gc_follows_links_made_by_hand(hca: Any, root: Path, tmp_path: Path) -> None:
    store = FileStore(root)
    digest = next(iter(store))[0]
    store.link(digest, tmp_path / "elsewhere" / "x", how="symlink")
    for path in (root / "d").iterdir():
        path.unlink()
    old_files(root)
    assert json.loads(hca("transfer", "gc", root, "--yes", check=0).stdout)["files"] == 29
    assert (tmp_path / "elsewhere" / "x").is_file()


def test_gc_refuses_where_it_cannot_know(hca: Any, linked: Path, tmp_path: Path) -> None:
    # As if the disk with the names were not mounted: its directory is empty.
    (linked / "names").rename(tmp_path / "away")
    (linked / "names").mkdir()
    done = hca("transfer", "gc", linked, "--yes", check=5)
    assert "mount its disk" in done.stderr and "--assume-unlinked" in done.stderr
    assert len(list(FileStore(linked))) == 6
    hca("transfer", "gc", linked, "--assume-unlinked", check=2)
    assert json.loads(hca("transfer", "gc", linked, "--yes", "--assume-unlinked", check=0).stdout)["files"] == 6


def test_gc_refuses_where_files_have_no_name_at_all(hca: Any, tmp_path: Path, item_of: Callable[..., Item]) -> None:
    assert download([item_of("a", b"content")], FileStore(tmp_path / "alone")).ok
    old_files(tmp_path / "alone")
    done = hca("transfer", "gc", tmp_path / "alone", "--yes", check=5)
    assert "has files without links" in done.stderr
    assert len(list(FileStore(tmp_path / "alone"))) == 1
    hca("transfer", "gc", tmp_path / "alone", "--yes", "--assume-unlinked", check=0)
    assert not list(FileStore(tmp_path / "alone"))
