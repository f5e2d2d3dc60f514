"""Shared code for download tests: content to serve, options with short delays, and the files on disk afterwards."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

MIB = 1024 * 1024
SIZES = [0, 1, 4096, 256 * 1024, 256 * 1024 + 1, 3 * MIB, 9 * MIB, 40 * MIB]
QUICK: dict[str, Any] = {"min_delay": 0.01, "stall_timeout": 5.0}


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def files_below(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".hca" not in path.relative_to(root).parts
    }


def traces(root: Path) -> list[str]:
    """Leftover partial and rejected files."""
    base = root / ".hca" / "v2"
    return [str(path) for place in ("partial", "quarantine") for path in (base / place).rglob("*")]
