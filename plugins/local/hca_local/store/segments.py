"""Reads a blob with several files as a single stream."""

from __future__ import annotations

import bisect
import io
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO


class SegmentedReader(io.RawIOBase):
    """A seekable, read-only stream over the bytes of several files in order.

    :param segments: (path, size in bytes) of each; the files are opened only when they are reached
    """

    def __init__(self, segments: Sequence[tuple[Path, int]]) -> None:
        self._segments = segments
        self._ends = list(accumulate(size for _, size in segments))
        self._position = 0
        self._open: tuple[int, BinaryIO] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._ends[-1] if self._ends else 0}[whence]
        if base + offset < 0:
            raise ValueError(f"seek to {base + offset}")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        index = bisect.bisect_right(self._ends, self._position)
        if index >= len(self._segments):
            return 0
        path, size = self._segments[index]
        if self._open is None or self._open[0] != index:
            self._close_segment()
            self._open = (index, path.open("rb", buffering=0))
        file = self._open[1]
        file.seek(self._position - (self._ends[index] - size))
        count = file.readinto(buffer)  # type: ignore[attr-defined]
        if not count and len(buffer):
            raise OSError(f"{path} is shorter than it was")
        self._position += count
        return count

    def _close_segment(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def close(self) -> None:
        self._close_segment()
        super().close()
