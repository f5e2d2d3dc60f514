"""Disk operations: positioned reads and writes, moves that never overwrite, free space, error messages."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from pathlib import Path
from typing import Any

from hca_base.errors import HCAError

#: Errors of linking after which a copy may still succeed.
NO_LINK = frozenset(
    getattr(errno, name)
    for name in ("EMLINK", "EXDEV", "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EACCES", "EINVAL")
    if hasattr(errno, name)
)
#: Errors after which every other write to this disk would fail too.
DISK_FULL = frozenset(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EROFS", "EIO") if hasattr(errno, name))
#: Bytes of the first read, which covers most small files, and of further reads.
_SMALL_READ, _LARGE_READ = 32 * 1024, 1024 * 1024
_WORDS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is larger than the file system or the file size limit (ulimit -f) allows",
    errno.EROFS: "the file system is read-only",
    errno.ENAMETOOLONG: "the name is too long for the file system",
    errno.EACCES: "permission denied",
    errno.EMFILE: "too many open files (ulimit -n)",
}


class DiskError(HCAError):
    """A write to the local disk failed. ``fatal`` is true if every other file would fail too."""

    def __init__(self, message: str, *, fatal: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.fatal = fatal


def room_in_words(need: int, free: int, reserve: int) -> str:
    """Describe missing disk space; the reserve is only mentioned if it is the reason.

    :param need: bytes that are needed
    :param reserve: bytes that are to stay free
    """
    kept = f", of which {reserve:,} are reserved (transfer.disk_reserve)" if need <= free else ""
    return f"{need:,} bytes are needed, {free:,} are free{kept}"


def disk_error(error: OSError, name: str) -> DiskError:
    """Convert the ``OSError`` of a file operation to an error for the user."""
    words = _WORDS.get(error.errno or 0, error.strerror or str(error))
    hint = "free some space, then run the same command again: it resumes where it stopped"
    full = error.errno in DISK_FULL
    return DiskError(f"cannot write {name}: {words}", fatal=full, hint=hint if error.errno == errno.ENOSPC else None)


_seek = threading.Lock()


def _seek_write(fd: int, data: Any, offset: int) -> int:
    """``pwrite`` for systems without it (Windows); other threads must not seek in the file meanwhile."""
    with _seek:
        os.lseek(fd, offset, os.SEEK_SET)
        return os.write(fd, data)


def _seek_read(fd: int, length: int, offset: int) -> bytes:
    with _seek:
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, length)


pwrite = getattr(os, "pwrite", _seek_write)
pread = getattr(os, "pread", _seek_read)


def read_into(fd: int, view: memoryview, offset: int) -> int:
    """Read as many bytes as available from ``offset`` into ``view``; return their number."""
    if hasattr(os, "preadv"):
        return os.preadv(fd, [view], offset)
    data = pread(fd, len(view), offset)
    view[: len(data)] = data
    return len(data)


def sync_directory(path: str, dir_fd: int | None = None) -> None:
    """Sync the directory entry of a new file to disk, if the system supports it."""
    if dir_fd is not None:
        os.fsync(dir_fd)
        return
    try:
        fd = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    except OSError:
        # Windows cannot open directories; NTFS journals its directory entries.
        return
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: Any, offset: int | None = None) -> None:
    """Write all of ``data``, at ``offset`` or the current position, and continue after short writes.

    :raises OSError: the write failed
    """
    view = memoryview(data)
    while True:
        done = os.write(fd, view) if offset is None else pwrite(fd, view, offset)
        if done == len(view):
            return
        view = view[done:]
        if offset is not None:
            offset += done


def move_new(temporary: str, path: str, *, dir_fd: int | None = None) -> bool:
    """Move a complete file to its final name atomically; return False if that name is taken."""
    try:
        os.link(temporary, path, dst_dir_fd=dir_fd)
        os.unlink(temporary)
        return True
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
    # The file system has no links, and a rename overwrites. Between the check and the rename, another process can
    # only put the same content there in the filestore; elsewhere the name was free a moment ago.
    try:
        os.stat(path, dir_fd=dir_fd, follow_symlinks=False)
        return False
    except FileNotFoundError:
        os.replace(temporary, path, dst_dir_fd=dir_fd)
        return True


def same_file(one: os.stat_result, other: os.stat_result) -> bool:
    """Return True if both are the same file."""
    return one.st_ino == other.st_ino and one.st_dev == other.st_dev and one.st_ino != 0


def copy_file(source: str, target: str, dir_fd: int | None = None) -> None:
    """Copy the bytes of a file to a new one.

    :raises OSError: the copy failed, or ``target`` exists
    """
    import shutil

    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    fd = os.open(target, flags, 0o666, dir_fd=dir_fd)
    with os.fdopen(fd, "wb") as stream, Path(source).open("rb") as origin:
        shutil.copyfileobj(origin, stream, 1024 * 1024)


def free_bytes(path: Path | str) -> int | None:
    """Return the bytes available to this user on the disk of ``path`` or its nearest parent; None if unknown."""
    import shutil

    place = Path(path)
    for candidate in (place, *place.absolute().parents):
        try:
            return shutil.disk_usage(candidate).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def sha256_of(path: str) -> str:
    """Return the sha256 of a local file, reading it once.

    :raises HCAError: the file cannot be read
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            # One call reads a small file completely; the second one, which returns nothing, confirms the end.
            data = os.read(descriptor, _SMALL_READ)
            value = hashlib.sha256(data)
            while data:
                data = os.read(descriptor, _SMALL_READ if len(data) < _SMALL_READ else _LARGE_READ)
                value.update(data)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise HCAError(f"cannot read {path}: {error.strerror or error}") from error
    return value.hexdigest()
