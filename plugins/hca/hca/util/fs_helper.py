"""File functions of hca 7."""

from __future__ import annotations

import os
import time
from pathlib import Path

from hca._moved import moved

moved(__name__, "hca_base.config.write_atomic writes a file completely or not at all")


class FSHelper:
    """Two functions."""

    @staticmethod
    def atomic_write(filename: str | os.PathLike[str], content: bytes) -> None:
        """Write a file atomically."""
        from hca_base.config import write_atomic

        write_atomic(Path(filename), content)

    @staticmethod
    def get_days_since_last_modified(filename: str | os.PathLike[str]) -> int:
        """Whole days since a file was modified."""
        return int((time.time() - Path(filename).stat().st_mtime) // 86400)
