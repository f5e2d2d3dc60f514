"""Content-addressed storage: content is stored once, under its sha256, and never changes.

A small blob is stored in its database row, a larger one in a file ``blobs/ab/<sha256>``, and one uploaded in parts
in a folder of that name, with a file for each part: joining the parts takes a rename, not a copy. Names appear only
when the bytes are on disk. Content is checked when it is read and when the same content is put again; damaged content
is moved to ``quarantine/`` and never served.
"""

from __future__ import annotations

import hashlib
import io
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from hca_local.store.blob import Blob, DamagedBlobError
from hca_local.store.database import Database
from hca_local.store.files import BlobFiles, open_places, places_of, same_bytes
from hca_local.store.hashes import Digests
from hca_local.store.writing import BlobWriter

logger = logging.getLogger("hca_local.store")

#: Content of up to so many bytes is read and checked completely before it is used; of larger content, the size.
CHECKED = 1 << 20
_COLUMNS = "sha256, size, md5, sha1, crc32c, s3_etag, segments"
# A blob is only written again to repair it; the MD5 from an earlier upload is kept.
_INSERT = """
INSERT INTO blobs VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sha256) DO UPDATE SET
    md5 = CASE WHEN excluded.md5 = '' THEN md5 ELSE excluded.md5 END, segments = excluded.segments, data = excluded.data
"""


class BlobStore:
    """The blobs of a data directory.

    A new blob belongs to the next transaction: ``database.write()`` adds its row in the same commit as the rows
    that use it. So put first, then write.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.files = BlobFiles(database.data_dir)
        self.lock = threading.Lock()
        self.pending: dict[str, tuple[Blob, bytes | None]] = {}
        #: When each blob was last put: recently put blobs are about to be referenced.
        self.recent: dict[str, float] = {}
        database.on_write(self._flush)

    def writer(self) -> BlobWriter:
        """A writer for one blob; use it as a context manager, and call ``commit``."""
        return BlobWriter(self.files.incoming, self._settle)

    def put_stream(self, chunks: Iterable[bytes]) -> Blob:
        """Store the concatenation of some bytes."""
        with self.writer() as writer:
            for chunk in chunks:
                writer.write(chunk)
            return writer.commit()

    def put_bytes(self, data: bytes) -> Blob:
        """Store some bytes."""
        return self.put_stream([data])

    def put_parts(self, folder: Path, digests: Digests) -> Blob:
        """Store the concatenation of the files of a folder, in the order of their names.

        The folder becomes the blob, unless the blob exists already: then the caller removes the folder once its rows
        are written (a crash before that must not lose the parts).

        :param digests: of the concatenation, computed by the caller. The files must have been synced.
        """
        sizes = [size for _, size in places_of(folder)]
        if sum(sizes) != digests.size:
            raise ValueError(f"{folder} holds {sum(sizes)} bytes, not {digests.size}")
        return self._keep(Blob.of(digests, sizes), folder, None)

    def adopt_parts(self, digests: Digests, sizes: Sequence[int]) -> Blob:
        """Recover :meth:`put_parts` after a crash: the folder is in its place, but has no row yet.

        :raises FileNotFoundError: the folder does not exist, or its files have other sizes
        """
        blob = Blob.of(digests, sizes)
        with self.lock:
            known = self.get(blob.sha256)
            if known and self._problem(known) is None:
                return known
            if self.files.problem(blob) is not None:
                raise FileNotFoundError(f"no blob {blob.sha256}")
            self._note(blob, None)
            return blob

    def get(self, sha256: str) -> Blob | None:
        """A blob's metadata, or None if it does not exist."""
        pending = self.pending.get(sha256)
        if pending:
            return pending[0]
        with self._database.read() as db:
            row = db.execute(f"SELECT {_COLUMNS} FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()
        return Blob.from_row(row) if row else None

    def require(self, sha256: str) -> Blob:
        """The metadata of a blob whose content is about to be used.

        :raises FileNotFoundError: the blob does not exist
        :raises DamagedBlobError: its content is missing or damaged
        """
        self.locate(sha256)
        blob = self.get(sha256)
        assert blob is not None
        return blob

    def locate(self, sha256: str, start: int = 0, stop: int | None = None) -> bytes | list[tuple[Path, int]]:
        """The location of the bytes: the bytes themselves up to 1 MiB, or (path, size) of its files in order.

        :param start: of a larger blob, check only the range that is read, from here up to ``stop``
        :raises FileNotFoundError: the blob does not exist
        :raises DamagedBlobError: its content is missing or damaged
        """
        blob, data = self._find(sha256)
        problem, content = self._examine(blob, data, start, stop)
        if problem is not None:
            self._refuse(blob, data)
            raise DamagedBlobError(sha256, problem)
        return self.files.places(blob) if content is None else content

    def open(self, sha256: str) -> BinaryIO:
        """A seekable stream of the bytes; errors as of :meth:`locate`."""
        where = self.locate(sha256)
        return io.BytesIO(where) if isinstance(where, bytes) else open_places(where)

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
        """Write the bytes to a file opened by the caller."""
        with path.open("wb") as out:
            for chunk in self.chunks(sha256):
                out.write(chunk)

    def _find(self, sha256: str) -> tuple[Blob, bytes | None]:
        """A blob, and its content if stored in its row. Raises FileNotFoundError."""
        pending = self.pending.get(sha256)
        if pending:
            return pending
        with self._database.read() as db:
            row = db.execute(f"SELECT {_COLUMNS}, data FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()
        if row is None:
            raise FileNotFoundError(f"no blob {sha256}")
        return Blob.from_row(row), row["data"]

    def _problem(self, blob: Blob) -> str | None:
        """What is wrong with a blob's content, as far as :meth:`_examine` finds it."""
        return self._examine(blob, self._find(blob.sha256)[1])[0]

    def _examine(
        self, blob: Blob, data: bytes | None, start: int = 0, stop: int | None = None
    ) -> tuple[str | None, bytes | None]:
        """What is wrong with a blob's content, and the content if it was read; larger files are judged by size.

        :param data: the content if stored in its row
        """
        if data is not None:
            wrong = hashlib.sha256(data).hexdigest() != blob.sha256
            return (f"its row holds {len(data)} other bytes" if wrong else None), data
        if blob.size > CHECKED:
            return self.files.problem(blob, start, stop), None
        problem = self.files.problem(blob)
        if problem is not None:
            return problem, None
        with open_places(self.files.places(blob)) as stream:
            content = stream.read()
        # CRC32C is enough against damage, and takes a fraction of the time of SHA-256.
        wrong = google_crc32c.Checksum(content).digest().hex() != blob.crc32c
        return ("its bytes were changed" if wrong else None), content

    def _refuse(self, blob: Blob, data: bytes | None) -> None:
        """Move damaged files to quarantine. Damaged content in a row stays there: each read refuses it."""
        if data is not None:
            return
        with self.lock:
            # Another thread may have repaired it meanwhile.
            if self._problem(blob) is not None:
                self._set_aside(blob)

    def _set_aside(self, blob: Blob) -> None:
        """Move a blob's files to quarantine. Call with the lock held."""
        data = self._find(blob.sha256)[1]
        moved = self.files.set_aside(blob.sha256) if data is None else self.files.set_aside_bytes(blob.sha256, data)
        if moved is not None:
            logger.error("the stored content %s is damaged and was moved to %s", blob.sha256, moved)

    # Storing content

    def _keep(self, blob: Blob, source: Path | None, data: bytes | None) -> Blob:
        """Store content, or compare it with the stored one, byte for byte; damaged content is replaced.

        :return: the existing blob, then ``source`` still exists; else ``blob``
        """
        with self.lock:
            known = self.get(blob.sha256)
            if known is None:
                self._place(blob, source, data)
                return blob
            self.recent[blob.sha256] = time.monotonic()
        if self._problem(known) is None and self._holds(known, source, data):
            return known
        with self.lock:
            self._set_aside(known)
            self._place(blob, source, data)
        return blob

    def _holds(self, known: Blob, source: Path | None, data: bytes | None) -> bool:
        """Whether the stored content equals the given one, byte for byte."""
        try:
            with self.open(known.sha256) as stored, _open(source, data) as given:
                return same_bytes(stored, given)
        except (OSError, DamagedBlobError):
            return False

    def _place(self, blob: Blob, source: Path | None, data: bytes | None) -> None:
        """Move synced content to its name, and register it for the next commit. Call with the lock held."""
        if source is not None:
            self.files.place(source, blob)
        self._note(blob, data)

    def _note(self, blob: Blob, data: bytes | None) -> None:
        self.pending[blob.sha256] = (blob, data)
        self.recent[blob.sha256] = time.monotonic()

    def _settle(self, source: Path | None, digests: Digests, data: bytes | None) -> Blob:
        """Store content from a synced file (which is moved), or from memory."""
        blob = Blob.of(digests)
        kept = self._keep(blob, source, data)
        if kept is blob:
            return blob
        if source is not None:
            source.unlink()
        if blob.md5 and not kept.md5:
            # It was uploaded in parts before, and in one piece now: its MD5 is this object's ETag.
            return replace(kept, md5=blob.md5)
        return kept

    def _flush(self, db: sqlite3.Connection) -> Callable[[], None]:
        """Insert the rows of new blobs; they stay pending until the commit is on disk."""
        rows = list(self.pending.items())
        db.executemany(_INSERT, [blob.row(data) for _, (blob, data) in rows])

        def flushed() -> None:
            for name, _ in rows:
                self.pending.pop(name, None)

        return flushed


def _open(source: Path | None, data: bytes | None) -> BinaryIO:
    return io.BytesIO(data or b"") if source is None else open_places(places_of(source))
