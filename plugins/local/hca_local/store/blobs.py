"""Content-addressed storage: bytes are kept once, under their sha256, and never change.

A small blob lives in its row in the database, a larger one in a file ``blobs/ab/<sha256>``, and one that came in parts
in a folder of that name, a file for each part: putting the parts together costs a rename, not a copy. Names appear only
when the bytes are on disk. Files that no row names, and rows that no component names, are swept at the next start.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from hca_local.store.hashes import Digests
from hca_local.store.segments import SegmentedReader
from hca_local.store.writing import BlobWriter, sync_folder

if TYPE_CHECKING:
    from hca_local.store.database import Store

#: Seconds for which a blob that was just put is safe from the sweep though nothing names it yet.
GRACE = 3600.0


@dataclass(frozen=True)
class Blob:
    """What is known of a blob; checksums in lower-case hexadecimal.

    :ivar md5: of the whole; empty for an object that was uploaded in parts
    :ivar s3_etag: by the platform's rule, with parts of 64 MiB, however the bytes came
    :ivar segments: sizes of its files if it lies in several, else empty
    """

    sha256: str
    size: int
    md5: str
    sha1: str
    crc32c: str
    s3_etag: str
    segments: tuple[int, ...] = ()

    @classmethod
    def of(cls, digests: Digests, segments: Sequence[int] = ()) -> Blob:
        return cls(
            digests.sha256, digests.size, digests.md5, digests.sha1, digests.crc32c, digests.s3_etag, tuple(segments)
        )


class BlobStore:
    """The blobs of a :class:`~hca_local.store.Store`.

    A blob that was put belongs to the next transaction: ``store.write()`` names it in the same commit as the rows that
    use it. So put first, then write.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.root = store.data_dir / "blobs"
        self.incoming = store.data_dir / "incoming"
        self._lock = threading.Lock()
        self._pending: dict[str, tuple[Blob, bytes | None]] = {}
        self._recent: dict[str, float] = {}
        for folder in (self.root, self.incoming):
            folder.mkdir(mode=0o700, exist_ok=True)

    def writer(self) -> BlobWriter:
        """A sink for the bytes of one blob; use it as a context manager, and ``commit`` it."""
        return BlobWriter(self)

    def put_stream(self, chunks: Iterable[bytes]) -> Blob:
        """Keep the concatenation of some bytes."""
        with self.writer() as writer:
            for chunk in chunks:
                writer.write(chunk)
            return writer.commit()

    def put_bytes(self, data: bytes) -> Blob:
        """Keep some bytes."""
        return self.put_stream([data])

    def put_parts(self, folder: Path, digests: Digests) -> Blob:
        """Keep the concatenation of the files of a folder, in the order of their names.

        The folder becomes the blob, unless that is known already: then it stays, for the caller to remove once its rows
        are written (a kill before that must not lose the parts).

        :param digests: of the concatenation; the caller has read it. The files must have been synced.
        """
        names = sorted(path.name for path in folder.iterdir())
        sizes = [(folder / name).stat().st_size for name in names]
        if sum(sizes) != digests.size:
            raise ValueError(f"{folder} holds {sum(sizes)} bytes, not {digests.size}")
        blob = Blob.of(digests, sizes)
        with self._lock:
            known = self._known(blob.sha256)
            if known:
                self._recent[blob.sha256] = time.monotonic()
            else:
                self._place(folder, blob, None)
        return known or blob

    def adopt_parts(self, digests: Digests, sizes: Sequence[int]) -> Blob:
        """What :meth:`put_parts` was doing when the process was killed: the folder has its place, but no row yet.

        :raises FileNotFoundError: it has not
        """
        blob = Blob.of(digests, sizes)
        with self._lock:
            known = self._known(blob.sha256)
            if known:
                return known
            if not self.path(blob.sha256).exists():
                raise FileNotFoundError(f"no blob {blob.sha256}")
            self._place(None, blob, None)
            return blob

    def get(self, sha256: str) -> Blob | None:
        """What is known of a blob, or None if there is none of that name."""
        pending = self._pending.get(sha256)
        if pending:
            return pending[0]
        with self._store.read() as db:
            row = db.execute(
                "SELECT sha256, size, md5, sha1, crc32c, s3_etag, segments FROM blobs WHERE sha256 = ?", (sha256,)
            ).fetchone()
        return _blob(row) if row else None

    def locate(self, sha256: str) -> bytes | list[tuple[Path, int]]:
        """Where the bytes are: themselves, for a small blob, or (path, size) of the files that hold them in order.

        :raises FileNotFoundError: there is no such blob
        """
        pending = self._pending.get(sha256)
        if pending:
            blob, data = pending
        else:
            with self._store.read() as db:
                row = db.execute("SELECT * FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()
            if row is None:
                raise FileNotFoundError(f"no blob {sha256}")
            blob, data = _blob(row), row["data"]
        if data is not None:
            return data
        path = self.path(sha256)
        if not blob.segments:
            return [(path, blob.size)]
        return [(path / _segment_name(number), size) for number, size in enumerate(blob.segments)]

    def open(self, sha256: str) -> BinaryIO:
        """A seekable stream of the bytes.

        :raises FileNotFoundError: there is no such blob
        """
        where = self.locate(sha256)
        if isinstance(where, bytes):
            return io.BytesIO(where)
        if len(where) == 1:
            return where[0][0].open("rb")
        return io.BufferedReader(SegmentedReader(where), 256 * 1024)

    def read(self, sha256: str) -> bytes:
        """All the bytes; for blobs that fit into memory."""
        with self.open(sha256) as stream:
            return stream.read()

    def chunks(self, sha256: str, start: int = 0, stop: int | None = None, size: int = 1 << 20) -> Iterator[bytes]:
        """The bytes from ``start`` up to ``stop`` (exclusive), in pieces of at most ``size``."""
        with self.open(sha256) as stream:
            stream.seek(start)
            left = None if stop is None else stop - start
            while left is None or left > 0:
                chunk = stream.read(size if left is None else min(size, left))
                if not chunk:
                    return
                if left is not None:
                    left -= len(chunk)
                yield chunk

    def copy_to(self, sha256: str, path: Path) -> None:
        """Write the bytes to a file of the caller's."""
        with path.open("wb") as out:
            for chunk in self.chunks(sha256):
                out.write(chunk)

    def path(self, sha256: str) -> Path:
        """Where a blob that is not in its row lies: a file, or a folder of segments."""
        return self.root / sha256[:2] / sha256

    # What the store calls around its transactions

    def flush(self, db: sqlite3.Connection) -> list[str]:
        """Give the blobs that were put since the last commit their rows; they stay pending until :meth:`flushed`."""
        rows = list(self._pending.items())
        db.executemany(
            "INSERT OR IGNORE INTO blobs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (b.sha256, b.size, b.md5, b.sha1, b.crc32c, b.s3_etag, json.dumps(b.segments), data)
                for _, (b, data) in rows
            ],
        )
        return [sha256 for sha256, _ in rows]

    def flushed(self, names: list[str]) -> None:
        """The commit of :meth:`flush` is on disk."""
        for name in names:
            self._pending.pop(name, None)

    def sweep_files(self) -> int:
        """Remove files that no row names: what a killed run left. Only for the one process that owns the directory.

        :return: the number of files and folders removed
        """
        with self._store.read() as db:
            known = {row[0] for row in db.execute("SELECT sha256 FROM blobs WHERE data IS NULL")}
        doomed = [path for path in self.root.glob("*/*") if path.name not in known and path.name not in self._pending]
        doomed += self.incoming.iterdir()
        for path in doomed:
            _remove(path)
        return len(doomed)

    def collect_garbage(self, grace: float = GRACE) -> int:
        """Remove the blobs that no component names (see ``Store.add_references``).

        :param grace: keep what was put within so many seconds: its row may be about to be written
        :return: the number of blobs removed
        """
        limit = time.monotonic() - grace
        # The order of the locks is that of a put inside a transaction: the store's, then ours.
        with self._store.exclusive(), self._lock:
            self._recent = {name: put for name, put in self._recent.items() if put > limit}
            with self._store.write() as db:
                queries = [row["query"] for row in db.execute("SELECT query FROM blob_references")]
                dead = "SELECT sha256, data IS NULL AS filed FROM blobs"
                if queries:
                    used = " UNION ALL ".join(f"SELECT * FROM ({query})" for query in queries)
                    dead = (
                        f"WITH used(sha256) AS ({used}) {dead} "
                        "WHERE sha256 NOT IN (SELECT sha256 FROM used WHERE sha256 IS NOT NULL)"
                    )
                rows = [row for row in db.execute(dead) if row["sha256"] not in self._recent]
                db.executemany("DELETE FROM blobs WHERE sha256 = ?", [(row["sha256"],) for row in rows])
            for row in rows:
                if row["filed"]:
                    _remove(self.path(row["sha256"]))
        return len(rows)

    # What the writers call

    def _known(self, sha256: str) -> Blob | None:
        """The blob, if it is here and its files are."""
        blob = self.get(sha256)
        if blob is None or not blob.size:
            return blob
        try:
            where = self.locate(sha256)
        except FileNotFoundError:
            return None
        if isinstance(where, bytes) or all(path.exists() for path, _ in where):
            return blob
        return None

    def _place(self, source: Path | None, blob: Blob, data: bytes | None) -> None:
        """Put synced content under its name, and let the next commit know of it. Call with the lock held."""
        if source is not None:
            target = self.path(blob.sha256)
            target.parent.mkdir(mode=0o700, exist_ok=True)
            if source.is_dir():
                for number, path in enumerate(sorted(source.iterdir())):
                    if path.name != _segment_name(number):
                        path.rename(source / _segment_name(number))
                sync_folder(source)
            if target.exists():
                _remove(target)
            source.replace(target)
            sync_folder(target.parent)
        self._pending[blob.sha256] = (blob, data)
        self._recent[blob.sha256] = time.monotonic()

    def settle(self, source: Path | None, digests: Digests, data: bytes | None) -> Blob:
        """Keep content that is in a synced file (which is taken away), or in memory."""
        blob = Blob.of(digests)
        with self._lock:
            known = self._known(blob.sha256)
            if known is None:
                self._place(source, blob, data)
                return blob
            self._recent[blob.sha256] = time.monotonic()
        if source is not None:
            source.unlink()
        if blob.md5 and not known.md5:
            # It came in parts before, and whole now: the whole's MD5 is this object's ETag.
            return replace(known, md5=blob.md5)
        return known


def _segment_name(number: int) -> str:
    return f"{number:05d}"


def _blob(row: sqlite3.Row) -> Blob:
    return Blob(
        row["sha256"],
        row["size"],
        row["md5"],
        row["sha1"],
        row["crc32c"],
        row["s3_etag"],
        tuple(json.loads(row["segments"])),
    )


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
