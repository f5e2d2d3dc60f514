"""The files of blobs: their locations, completeness checks, and quarantine."""

from __future__ import annotations

import contextlib
import io
import shutil
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from hca_local.store.blob import Blob
from hca_local.store.segments import SegmentedReader
from hca_local.store.writing import sync_folder

#: (path, size in bytes) of a content's files, in order.
Places = Sequence[tuple[Path, int]]
_CHUNK = 1 << 20


class BlobFiles:
    """The folders ``blobs``, ``incoming`` and ``quarantine`` of a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.root = data_dir / "blobs"
        self.incoming = data_dir / "incoming"
        self.quarantine = data_dir / "quarantine"
        for folder in (self.root, self.incoming):
            folder.mkdir(mode=0o700, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """A blob's path: a file, or a folder of segments."""
        return self.root / sha256[:2] / sha256

    def places(self, blob: Blob) -> list[tuple[Path, int]]:
        """A blob's files."""
        path = self.path(blob.sha256)
        if not blob.segments:
            return [(path, blob.size)]
        return [(path / segment_name(number), size) for number, size in enumerate(blob.segments)]

    def problem(self, blob: Blob, start: int = 0, stop: int | None = None) -> str | None:
        """What is wrong with a blob's files, judged by their sizes, or None.

        :param start: check only files with bytes from here up to ``stop``
        """
        position = 0
        for path, size in self.places(blob):
            begin, position = position, position + size
            if position <= start < blob.size or (stop is not None and begin >= stop > start):
                continue
            try:
                found = path.stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                moved = self.quarantined(blob.sha256)
                return f"{path.name} is missing" if moved is None else f"it was moved to quarantine/{moved.name}"
            if found != size:
                return f"{path.name} has {found} bytes instead of {size}"
        return None

    def place(self, source: Path, blob: Blob) -> None:
        """Move synced content, a file or a folder of parts, to its place."""
        target = self.path(blob.sha256)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        if source.is_dir():
            for number, path in enumerate(sorted(source.iterdir())):
                if path.name != segment_name(number):
                    path.rename(source / segment_name(number))
            sync_folder(source)
        if target.exists():
            remove(target)
        source.replace(target)
        sync_folder(target.parent)

    def quarantined(self, sha256: str) -> Path | None:
        """The newest damaged content in quarantine of a blob that has no files; None if there is none."""
        if self.path(sha256).exists():
            return None
        return max(self.quarantine.glob(f"{sha256}-*"), default=None)

    def set_aside(self, sha256: str) -> Path | None:
        """Move a blob's files to quarantine; None if there are none."""
        target = self._free_name(sha256)
        try:
            self.path(sha256).rename(target)
        except FileNotFoundError:
            return None
        return target

    def set_aside_bytes(self, sha256: str, data: bytes) -> Path:
        """Write the content of a row to quarantine."""
        target = self._free_name(sha256)
        target.write_bytes(data)
        return target

    def _free_name(self, sha256: str) -> Path:
        self.quarantine.mkdir(mode=0o700, exist_ok=True)
        return self.quarantine / f"{sha256}-{time.time_ns()}"


def open_places(places: Places) -> BinaryIO:
    """A seekable stream over files in order."""
    if len(places) == 1:
        return places[0][0].open("rb")
    return io.BufferedReader(SegmentedReader(places), 256 * 1024)


def places_of(source: Path) -> list[tuple[Path, int]]:
    """The files of a content: a single file, or the files of a folder sorted by name."""
    paths: Iterable[Path] = sorted(source.iterdir()) if source.is_dir() else [source]
    return [(path, path.stat().st_size) for path in paths]


def same_bytes(one: BinaryIO, other: BinaryIO) -> bool:
    """Whether two streams have the same bytes."""
    while True:
        left, right = one.read(_CHUNK), other.read(_CHUNK)
        if left != right:
            return False
        if not left:
            return True


def segment_name(number: int) -> str:
    return f"{number:05d}"


def remove(path: Path) -> None:
    """Remove a file or a folder, if it exists."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
