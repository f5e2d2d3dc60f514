"""CRC-32C (Castagnoli, :rfc:`3720` appendix B.4): google-crc32c if installed, otherwise a table in Python."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

_POLYNOMIAL = 0x82F63B78  # reflected


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE: list[int] = []


def extend_slowly(crc: int, data: Any) -> int:
    """Continue ``crc`` with ``data`` in pure Python, at a few MiB per second."""
    if not _TABLE:
        _TABLE.extend(_table())
    table = _TABLE
    crc ^= 0xFFFFFFFF
    for byte in memoryview(data).cast("B"):
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _fast() -> Callable[[int, Any], int] | None:
    try:
        import google_crc32c
    except ImportError:
        return None
    if google_crc32c.implementation != "c":
        return None
    extend = google_crc32c.extend
    # The C function only accepts bytes; other buffers have to be copied.
    return lambda crc, data: extend(crc, data if type(data) is bytes else bytes(data))


_chosen: Callable[[int, Any], int] | None = None


def extend(crc: int, data: Any) -> int:
    """Continue ``crc`` (0 at the start) with ``data``, using the fastest implementation available."""
    global _chosen
    if _chosen is None:
        _chosen = _fast() or extend_slowly
    return _chosen(crc, data)


def is_fast() -> bool:
    """Return True if google-crc32c is installed."""
    extend(0, b"")
    return _chosen is not extend_slowly and "google_crc32c" in sys.modules
