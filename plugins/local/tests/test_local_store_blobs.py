"""The store: content stored once, by its hash; durable transactions; no leftovers of unfinished work."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from pathlib import Path

import pytest
from hca_local.store import Hasher, Store, StoreError
from hca_local.store import hashes as hashes_module

SIZES = [0, 1, 4096, 16 * 1024, 16 * 1024 + 1, 3_000_000]


@pytest.fixture
def store(tmp_path: Path):
    with Store(tmp_path / "data") as store:
        store.migrate("test", ["CREATE TABLE test_uses (sha256 TEXT)"])
        store.add_references("test", "SELECT sha256 FROM test_uses")
        yield store


def use(store: Store, sha256: str) -> None:
    with store.write() as db:
        db.execute("INSERT INTO test_uses VALUES (?)", (sha256,))


def files_of(store: Store) -> list[Path]:
    return [
        path
        for folder in (store.blobs.files.root, store.blobs.files.incoming)
        for path in folder.rglob("*")
        if path.is_file()
    ]


@pytest.mark.parametrize("size", SIZES)
def test_a_blob_is_read_as_it_was_put_and_again_after_reopening(store, size):
    data = os.urandom(size)
    blob = store.blobs.put_stream([data[: size // 3], data[size // 3 :]])
    assert blob.size == size
    assert blob.sha256 == hashlib.sha256(data).hexdigest()
    assert blob.sha1 == hashlib.sha1(data).hexdigest()
    assert blob.md5 == blob.s3_etag == hashlib.md5(data).hexdigest()
    assert store.blobs.read(blob.sha256) == data
    use(store, blob.sha256)
    assert store.blobs.read(blob.sha256) == data
    store.close()
    with Store(store.data_dir) as again:
        again.recover()
        assert again.blobs.get(blob.sha256) == blob
        assert again.blobs.read(blob.sha256) == data
        assert b"".join(again.blobs.chunks(blob.sha256, size // 4, size // 2, size=1000)) == data[size // 4 : size // 2]


def test_crc32c_of_nothing_and_of_a_known_string(store):
    assert store.blobs.put_bytes(b"").crc32c == "00000000"
    assert store.blobs.put_bytes(b"123456789").crc32c == "e3069283"


@pytest.mark.parametrize(("md5", "s3_etag"), [(True, True), (False, True), (True, False), (False, False)])
@pytest.mark.parametrize("size", [0, 999, 1000, 1001, 2000, 3500])
def test_the_etag_of_parts_follows_the_rule_at_every_boundary(monkeypatch, size, md5, s3_etag):
    monkeypatch.setattr(hashes_module, "ETAG_PART_SIZE", 1000)
    data = os.urandom(size)
    hasher = Hasher({"sha256"} | ({"md5"} if md5 else set()) | ({"s3_etag"} if s3_etag else set()))
    for start in range(0, size, 700):
        hasher.update(data[start : start + 700])
    digests = hasher.digests()
    whole = hashlib.md5(data).hexdigest()
    parts = [hashlib.md5(data[i : i + 1000]).digest() for i in range(0, size, 1000)]
    rule = whole if size <= 1000 else f"{hashlib.md5(b''.join(parts)).hexdigest()}-{len(parts)}"
    assert digests.md5 == (whole if md5 else "")
    assert digests.s3_etag == (rule if s3_etag else "")
    assert digests.sha256 == hashlib.sha256(data).hexdigest()


def test_the_same_content_takes_its_place_once(store):
    data = os.urandom(100_000)
    first = store.blobs.put_bytes(data)
    assert store.blobs.put_bytes(data) == first
    use(store, first.sha256)
    assert store.blobs.put_bytes(data) == first
    assert len(files_of(store)) == 1


def test_a_blob_of_parts_is_read_as_one(store, tmp_path):
    folder = store.data_dir / "parts"
    folder.mkdir()
    parts = [os.urandom(70_000), os.urandom(1), b"", os.urandom(30_000)]
    for number, part in enumerate(parts):
        (folder / f"part-{number}").write_bytes(part)
    whole = b"".join(parts)
    hasher = Hasher()
    hasher.update(whole)
    blob = store.blobs.put_parts(folder, hasher.digests())
    use(store, blob.sha256)
    assert not folder.exists()
    assert store.blobs.read(blob.sha256) == whole
    with store.blobs.open(blob.sha256) as stream:
        stream.seek(69_999)
        assert stream.read(3) == whole[69_999:70_002]
        stream.seek(-5, os.SEEK_END)
        assert stream.read() == whole[-5:]
    assert store.blobs.put_bytes(whole).sha256 == blob.sha256
    store.blobs.copy_to(blob.sha256, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == whole


def test_what_nothing_names_is_swept_at_the_next_start(store):
    kept, dropped = (store.blobs.put_bytes(os.urandom(50_000)) for _ in range(2))
    small = store.blobs.put_bytes(b"small and unused")
    use(store, kept.sha256)
    unfinished = store.blobs.writer()
    unfinished.write(os.urandom(50_000))
    (store.blobs.files.root / "ab").mkdir(exist_ok=True)
    (store.blobs.files.root / "ab" / "abcd").write_bytes(b"named but never committed")
    store.close()
    with Store(store.data_dir) as again:
        again.recover()
        assert again.blobs.get(dropped.sha256) is None
        assert again.blobs.get(small.sha256) is None
        assert again.blobs.read(kept.sha256)
        assert [path.name for path in files_of(again)] == [kept.sha256]


def test_a_blob_just_put_is_safe_from_the_sweep(store):
    blob = store.blobs.put_bytes(os.urandom(50_000))
    with store.write():
        pass
    assert store.collect_garbage() == 0
    assert store.blobs.read(blob.sha256)
    assert store.collect_garbage(grace=0) == 1
    with pytest.raises(FileNotFoundError):
        store.blobs.open(blob.sha256)


def test_an_aborted_transaction_changes_nothing_and_keeps_the_blob_for_the_next(store):
    blob = store.blobs.put_bytes(os.urandom(50_000))
    with pytest.raises(ZeroDivisionError), store.write() as db:
        db.execute("INSERT INTO test_uses VALUES (?)", (blob.sha256,))
        with store.write():
            1 / 0  # noqa: B018
    with store.read() as db:
        assert db.execute("SELECT count(*) FROM test_uses").fetchone()[0] == 0
    use(store, blob.sha256)
    store.close()
    with Store(store.data_dir) as again:
        again.recover()
        assert again.blobs.get(blob.sha256) == blob


def test_a_read_sees_one_state_and_a_write_sees_its_own(store):
    with store.read() as db:
        assert db.execute("SELECT count(*) FROM test_uses").fetchone()[0] == 0
        thread = threading.Thread(target=use, args=(store, "x"))
        thread.start()
        thread.join()
        assert db.execute("SELECT count(*) FROM test_uses").fetchone()[0] == 0
    with store.write() as db:
        db.execute("INSERT INTO test_uses VALUES ('y')")
        with store.read() as inner:
            assert inner.execute("SELECT count(*) FROM test_uses").fetchone()[0] == 2


def test_many_threads_put_and_name_the_same_and_different_blobs(store):
    same = os.urandom(30_000)
    errors: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for number in range(10):
                for data in (same, f"{seed}-{number}".encode() * 9000):
                    blob = store.blobs.put_bytes(data)
                    use(store, blob.sha256)
                    assert store.blobs.read(blob.sha256) == data
                store.collect_garbage()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(files_of(store)) == 61


def test_schema_steps_run_once_and_a_later_version_is_refused(store):
    steps = ["CREATE TABLE later (a TEXT); INSERT INTO later VALUES ('x;y')"]
    store.migrate("later", steps)
    store.migrate("later", steps)
    store.migrate("later", [*steps, "INSERT INTO later VALUES ('z')"])
    with store.read() as db:
        assert [row["a"] for row in db.execute("SELECT a FROM later")] == ["x;y", "z"]
    with pytest.raises(StoreError, match="later version"):
        store.migrate("later", steps)
    with pytest.raises(sqlite3.Error):
        store.migrate("broken", ["CREATE TABLE half (a); CREATE TABEL other (b)"])
    with store.read() as db:
        assert not db.execute("SELECT * FROM sqlite_master WHERE name = 'half'").fetchall()


def test_settings_are_kept(store):
    assert store.get_setting("key", "none") == "none"
    store.set_setting("key", {"a": [1, None]})
    store.close()
    with Store(store.data_dir) as again:
        assert again.get_setting("key") == {"a": [1, None]}


def test_a_directory_that_cannot_be_used_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path / "file")
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "store.sqlite").write_bytes(b"not a database" * 500)
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path / "dir")
