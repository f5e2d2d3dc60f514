"""Write files atomically: readers see either the old or the new content."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def write_atomic(path: str | os.PathLike[str], data: bytes | str, mode: int | None = None) -> None:
    """Replace the content of a file in one step that survives a crash or a power cut.

    A symbolic link is followed: its target is replaced, the link stays. Text is written as UTF-8.

    :param mode: permissions of the file; default: those that it has, 0600 for a new one
    :raises OSError: as ``open`` and ``rename`` do; the old file is then untouched
    """
    with open_atomic(path, mode=mode) as stream:
        stream.write(data.encode("utf-8") if isinstance(data, str) else data)


@contextlib.contextmanager
def open_atomic(path: str | os.PathLike[str], *, mode: int | None = None, new_mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open a stream whose bytes become the file ``path`` when the block ends without an exception.

    Bytes go to a temporary file in the same folder, to disk, and under the final name in one step. With an exception
    the temporary file is removed and ``path`` stays as it was. A device or a pipe (``/dev/null``) is written to
    directly.

    :param mode: permissions to give the file, whatever it had
    :param new_mode: permissions of a file that did not exist, before the process's umask
    :raises IsADirectoryError: ``path`` is a folder
    :raises OSError: as ``open`` and ``rename`` do
    """
    target = Path(os.path.realpath(path))
    try:
        old: os.stat_result | None = target.stat()
    except FileNotFoundError:
        old = None
    if old is not None and stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError(21, os.strerror(21), str(path))
    if old is not None and not stat.S_ISREG(old.st_mode):
        with target.open("wb") as device:
            yield device
        return

    temporary = target.with_name(f".{target.name[:200]}.{os.urandom(6).hex()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    # Other users must not read it before it has its final permissions.
    fd = os.open(temporary, flags, new_mode if old is None and mode is None else 0o600)
    try:
        with os.fdopen(fd, "wb") as stream:
            yield stream
            stream.flush()
            _take_over(temporary, old, mode)
            os.fsync(stream.fileno())
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)


def remove_leftovers(path: Path, *, older_than: float = 3600.0) -> None:
    """Remove temporary files of ``path`` left by killed processes, if older than the given seconds."""
    import time

    for leftover in path.parent.glob(f".{path.name[:200]}.*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - leftover.stat().st_mtime > older_than:
                leftover.unlink()


def _take_over(temporary: Path, old: os.stat_result | None, mode: int | None) -> None:
    """Give the new file the owner and permissions of the old one."""
    if old is not None and hasattr(os, "chown"):
        made = temporary.stat()
        if (made.st_uid, made.st_gid) != (old.st_uid, old.st_gid):
            # Requires privileges; without them the file becomes ours, as with any editor.
            with contextlib.suppress(OSError):
                os.chown(temporary, old.st_uid, old.st_gid)
    if mode is None and old is not None:
        mode = stat.S_IMODE(old.st_mode)
    if mode is not None:
        # Some file systems have no permissions.
        with contextlib.suppress(OSError):
            temporary.chmod(mode)


def _sync_folder(folder: Path) -> None:
    """Sync a rename in ``folder`` to disk; do nothing if folders cannot be opened (Windows)."""
    try:
        fd = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(fd)
    except OSError:
        pass
    finally:
        os.close(fd)
