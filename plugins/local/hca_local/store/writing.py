"""Writes to disk: the bytes of a blob, and the entries of a folder."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from hca_local.store.blob import Blob
from hca_local.store.hashes import Digests, Hasher

#: Largest blob stored in its row, in bytes: below this size SQLite is faster than the file system.
INLINE_LIMIT = 16 * 1024


#: Stores content from a synced file, which is moved, or from memory.
Settle = Callable[[Path | None, Digests, bytes | None], Blob]


class BlobWriter:
    """Writes the bytes of one blob in order and hashes them; they are discarded unless committed.

    :param incoming: folder for incomplete content
    :param settle: stores the content once it is complete
    """

    def __init__(self, incoming: Path, settle: Settle) -> None:
        self._incoming = incoming
        self._settle = settle
        self._hasher = Hasher()
        self._buffer = bytearray()
        self._path: Path | None = None
        self._file: BinaryIO | None = None

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._hasher.size

    def write(self, data: bytes) -> None:
        """Take the next bytes.

        :raises OSError: the write failed
        """
        self._hasher.update(data)
        if self._file is None:
            self._buffer += data
            if len(self._buffer) <= INLINE_LIMIT:
                return
            self._path = self._incoming / uuid.uuid4().hex
            self._file = self._path.open("xb", buffering=0)
            write_all(self._file, self._buffer)
            self._buffer.clear()
        else:
            write_all(self._file, data)

    def digests(self) -> Digests:
        """Checksums of the bytes so far."""
        return self._hasher.digests()

    def commit(self) -> Blob:
        """Store the bytes."""
        digests = self._hasher.digests()
        if self._file is None:
            return self._settle(None, digests, bytes(self._buffer))
        os.fsync(self._file.fileno())
        self._file.close()
        path, self._path, self._file = self._path, None, None
        return self._settle(path, digests, None)

    def abort(self) -> None:
        """Discard the bytes; does nothing after :meth:`commit`."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self.abort()


def write_all(file: BinaryIO, data: bytes | bytearray | memoryview) -> None:
    """Write all bytes to an unbuffered file, which may write fewer at a time."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def sync_folder(path: Path) -> None:
    """Sync a folder's entries to disk, if the platform supports it."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
