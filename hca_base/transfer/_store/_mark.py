"""A mark on stored files that reveals changes made through another name, without reading the files.

Users may write to the hard links of a stored file, which changes the stored content. Every write also changes the
modification time. So before a stored file is moved into place, hca sets a modification time whose fraction of a second
is computed from its sha256: while that time is present, the file is unchanged. A file without it (changed, touched,
restored from a backup without fractions, stored by hca 7) may be valid, but is read before it is trusted.

If the disk only stores whole seconds, the time is set back by up to 17 minutes instead, to a matching second.

Removing the write permission instead is no alternative: root ignores it, Windows then refuses to remove or replace the
file, and the user's own names would become read-only too.
"""

from __future__ import annotations

import os
import time

_SECOND = 1_000_000_000
#: NTFS counts in steps of 100 ns; disks without fractions report 0.
_STEP = 100
_STEPS = _SECOND // _STEP - 1
#: FAT counts in steps of two seconds.
_COARSE = 2
_WHEEL = 509


def _fraction(sha256: str) -> int:
    return (int(sha256[-8:], 16) % _STEPS + 1) * _STEP


def _coarse(sha256: str, seconds: int) -> int:
    """Return the last matching time before ``seconds``, in whole steps of a coarse disk."""
    steps = seconds // _COARSE
    return (steps - (steps - int(sha256[-8:], 16)) % _WHEEL) * _COARSE


def has_stamp(status: os.stat_result, sha256: str) -> bool:
    """Return True if the file was not modified since it was marked with this sha256 (lower case)."""
    seconds, fraction = divmod(status.st_mtime_ns, _SECOND)
    if fraction == _fraction(sha256):
        return True
    return fraction == 0 and seconds == _coarse(sha256, seconds)


def stamp_mtime(file: int | str, sha256: str) -> bool:
    """Mark a file that was just verified; if that fails, the file is read again before it is trusted.

    :param file: path, or a descriptor if the system supports it
    :return: True if this shows that the disk stores times as precisely as marks need
    """
    try:
        status = os.stat(file)
        seconds = status.st_mtime_ns // _SECOND
        for when in (seconds * _SECOND + _fraction(sha256), _coarse(sha256, seconds) * _SECOND):
            os.utime(file, ns=(status.st_atime_ns, when))
            if os.stat(file).st_mtime_ns == when:
                # A disk that counts in microseconds can represent one mark in ten exactly.
                return when % 1000 != 0
    except OSError:
        # Another user's file in a shared store, or a disk without modification times.
        pass
    return False


def stamp_new(file: int, sha256: str) -> None:
    """Mark a new file on a disk known to store fractions, with a third of the system calls."""
    now = time.time_ns()
    try:
        os.utime(file, ns=(now, now - now % _SECOND + _fraction(sha256)))
    except OSError:
        pass
