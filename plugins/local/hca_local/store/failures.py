"""Failures of the store, not of a request: a full disk, damaged content. All services handle them alike."""

from __future__ import annotations

import errno
import sqlite3
from dataclasses import dataclass

from hca_local.store.blob import DamagedBlobError


@dataclass(frozen=True)
class StorageFailure:
    """A service's response when the store fails.

    :ivar status: HTTP status
    :ivar code: for programs
    :ivar message: one line for people
    """

    status: int
    code: str
    message: str


DISK_FULL = StorageFailure(507, "insufficient_storage", "The disk of the embedded deployment is full.")
_FULL = frozenset([errno.ENOSPC, errno.EDQUOT])
_FULL_NAMES = frozenset(["SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"])


def is_disk_full(error: BaseException) -> bool:
    """Whether an error means that the disk is full."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    # SQLite has one code for a full disk, and another if the shared memory file cannot grow.
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorname", "") in _FULL_NAMES


def storage_failure(error: BaseException) -> StorageFailure | None:
    """The response to an error of the store, or None for other errors."""
    if is_disk_full(error):
        return DISK_FULL
    if isinstance(error, DamagedBlobError):
        return StorageFailure(500, "damaged_content", str(error))
    return None
