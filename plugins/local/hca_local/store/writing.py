"""Putting bytes on disk: one blob's, as they come, and the names in a folder."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from hca_local.store.blob import Blob
from hca_local.store.hashes import Digests, Hasher

#: Largest blob kept in its row, in bytes: below this size SQLite writes and reads faster than the file system.
INLINE_LIMIT = 16 * 1024


#: Keeps content that lies in a synced file, which it takes away, or in memory.
Settle = Callable[[Path | None, Digests, bytes | None], Blob]


class BlobWriter:
    """Takes the bytes of one blob in order, hashing as they come; what is not committed vanishes.

    :param incoming: folder for content that is still arriving
    :param settle: keeps the content once it is complete
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
        """Bytes taken so far."""
        return self._hasher.size

    def write(self, data: bytes) -> None:
        """Take the next bytes.

        :raises OSError: the disk refuses them
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
        """Keep the bytes."""
        digests = self._hasher.digests()
        if self._file is None:
            return self._settle(None, digests, bytes(self._buffer))
        os.fsync(self._file.fileno())
        self._file.close()
        path, self._path, self._file = self._path, None, None
        return self._settle(path, digests, None)

    def abort(self) -> None:
        """Forget the bytes; does nothing after :meth:`commit`."""
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
    """Write all bytes to an unbuffered file, which may take fewer at a time."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable, where the platform can."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
