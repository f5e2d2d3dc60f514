"""A mark on stored files, by which a change through another name shows without reading them.

The hard links of a stored file are names that users write to, and a write changes what is stored. Every write also
changes the time of the last change. So a stored file gets, before it gets its name, a time whose fraction of a second
is computed from its sha256: as long as it is there, the file is what it was. A file without it (changed, touched,
restored from a backup without fractions, put there by hca 7) is not wrong, but has to be read before it is trusted.

Where the disk keeps whole seconds alone, the time is set back by up to 17 minutes instead, to one that fits.

Why not take away the permission to write: root ignores it, Windows then refuses to remove or replace the file, and the
user's own names would become read-only too.
"""

from __future__ import annotations

import os
import time

_SECOND = 1_000_000_000
#: NTFS counts in steps of 100 ns; 0 is what disks without fractions tell.
_STEP = 100
_STEPS = _SECOND // _STEP - 1
#: FAT counts in steps of two seconds.
_COARSE = 2
_WHEEL = 509


def _fraction(sha256: str) -> int:
    return (int(sha256[-8:], 16) % _STEPS + 1) * _STEP


def _coarse(sha256: str, seconds: int) -> int:
    """The last time before ``seconds`` that fits, in whole steps of a coarse disk."""
    steps = seconds // _COARSE
    return (steps - (steps - int(sha256[-8:], 16)) % _WHEEL) * _COARSE


def has_stamp(status: os.stat_result, sha256: str) -> bool:
    """True when nobody wrote to the file since it was marked as the one with this sha256 (lower case)."""
    seconds, fraction = divmod(status.st_mtime_ns, _SECOND)
    if fraction == _fraction(sha256):
        return True
    return fraction == 0 and seconds == _coarse(sha256, seconds)


def stamp_mtime(file: int | str, sha256: str) -> bool:
    """Mark a file that was just verified; where that cannot be done, it will be read again before it is trusted.

    :param file: path, or descriptor where the system takes one
    :return: whether this shows that the disk keeps fractions of a second as fine as marks are
    """
    try:
        status = os.stat(file)
        seconds = status.st_mtime_ns // _SECOND
        for when in (seconds * _SECOND + _fraction(sha256), _coarse(sha256, seconds) * _SECOND):
            os.utime(file, ns=(status.st_atime_ns, when))
            if os.stat(file).st_mtime_ns == when:
                # A disk that counts in microseconds keeps one time in ten.
                return when % 1000 != 0
    except OSError:
        # Somebody else's file in a store that several people share, or a disk that keeps no times.
        pass
    return False


def stamp_new(file: int, sha256: str) -> None:
    """Mark a file that was just made, on a disk that is known to keep fractions: a third of the system calls."""
    now = time.time_ns()
    try:
        os.utime(file, ns=(now, now - now % _SECOND + _fraction(sha256)))
    except OSError:
        pass
