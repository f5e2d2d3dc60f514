"""Files that appear whole or not at all, and what disks answer when they cannot."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base.errors import HCAError, RefusedError
from hca_base.transfer._checksums import digest_file
from hca_base.transfer._store._mark import mark, mark_new

if TYPE_CHECKING:
    from hca_base.transfer._store._staging import Workshop

#: A link is not to be had here, for reasons that a copy does not share.
NO_LINK = frozenset(
    getattr(errno, name)
    for name in ("EMLINK", "EXDEV", "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EACCES", "EINVAL")
    if hasattr(errno, name)
)
#: Nothing more can be written anywhere on this disk; going on would only repeat the failure.
DISK_FULL = frozenset(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EROFS", "EIO") if hasattr(errno, name))
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
    """The local disk refuses. ``fatal`` is true when it will refuse every other file too."""

    def __init__(self, message: str, *, fatal: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.fatal = fatal


def disk_error(error: OSError, name: str) -> DiskError:
    """What an ``OSError`` of a file operation means to the user."""
    words = _WORDS.get(error.errno or 0, error.strerror or str(error))
    hint = "Free some space, then run the same command again: it goes on where it stopped."
    full = error.errno in DISK_FULL
    return DiskError(f"cannot write {name}: {words}", fatal=full, hint=hint if error.errno == errno.ENOSPC else None)


_seek = threading.Lock()


def _seek_write(fd: int, data: Any, offset: int) -> int:
    """``pwrite`` where the system has none (Windows): nobody else may move the file's position meanwhile."""
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
    """Read from ``offset`` into ``view``, as much as there is; how many bytes."""
    if hasattr(os, "preadv"):
        return os.preadv(fd, [view], offset)
    data = pread(fd, len(view), offset)
    view[: len(data)] = data
    return len(data)


def sync_directory(path: str, dir_fd: int | None = None) -> None:
    """Force a name that was just made to the disk, where the system can."""
    if dir_fd is not None:
        os.fsync(dir_fd)
        return
    try:
        fd = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    except OSError:
        # Windows opens no directories; its file system keeps names in a journal of its own.
        return
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: Any, offset: int | None = None) -> None:
    """Write all of ``data``, at ``offset`` or where the file stands; short writes are continued.

    :raises OSError: the disk refuses
    """
    view = memoryview(data)
    while True:
        done = os.write(fd, view) if offset is None else pwrite(fd, view, offset)
        if done == len(view):
            return
        view = view[done:]
        if offset is not None:
            offset += done


def write_new(
    path: str,
    data: Any,
    workshop: Workshop,
    *,
    fsync: bool = False,
    dir_fd: int | None = None,
    sha256: str | None = None,
) -> bool:
    """Make the file ``path`` with ``data`` in one step; False when a file of that name is there (it stays).

    On Linux the file has no name before it is complete (``O_TMPFILE``), so that not even a killed process leaves
    anything behind; elsewhere it is written in the workshop and moved.

    :param sha256: mark it as a stored file
    """
    fd = workshop.unnamed()
    if fd is not None:
        try:
            write_all(fd, data)
            if sha256 and workshop.fractions:
                mark_new(fd, sha256)
            elif sha256:
                workshop.fractions = mark(fd, sha256)
            if fsync:
                os.fsync(fd)
            # The source is the open file itself; naming a source descriptor makes Python call linkat(2), which can
            # follow the link in /proc (open(2), O_TMPFILE).
            os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=fd, dst_dir_fd=dir_fd, follow_symlinks=True)
            if fsync:
                sync_directory(path, dir_fd)
            return True
        except FileExistsError:
            return False
        finally:
            os.close(fd)
    temporary = workshop.temporary()
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            write_all(fd, data)
            if fsync:
                os.fsync(fd)
        finally:
            os.close(fd)
        if sha256:
            mark(temporary, sha256)
        made = move_new(temporary, path, dir_fd=dir_fd)
        if fsync:
            sync_directory(path, dir_fd)
        return made
    finally:
        Path(temporary).unlink(missing_ok=True)


def move_new(temporary: str, path: str, *, dir_fd: int | None = None) -> bool:
    """Give a complete file its final name, in one step; False when that name is taken."""
    try:
        os.link(temporary, path, dst_dir_fd=dir_fd)
        os.unlink(temporary)
        return True
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
    # No links on this file system. A rename would replace; between the look and the rename another process can only
    # put the same content there in the filestore, and elsewhere the name was free a moment ago.
    try:
        os.stat(path, dir_fd=dir_fd, follow_symlinks=False)
        return False
    except FileNotFoundError:
        os.replace(temporary, path, dst_dir_fd=dir_fd)
        return True


def same_file(one: os.stat_result, other: os.stat_result) -> bool:
    """True when both are one file."""
    return one.st_ino == other.st_ino and one.st_dev == other.st_dev and one.st_ino != 0


def link_or_copy(
    source: str, leaf: str, *, how: str, workshop: Workshop, dir_fd: int | None = None, sha256: str | None = None
) -> None:
    """Make the stored file ``source`` appear as ``leaf`` too (relative to ``dir_fd``, where given).

    :param how: hard, copy or symlink
    :raises RefusedError: another file is there, with other content
    :raises OSError: the disk refuses
    """
    try:
        if how == "symlink":
            os.symlink(os.path.abspath(source), leaf, dir_fd=dir_fd)
            return
        if how == "hard":
            try:
                os.link(source, leaf, dst_dir_fd=dir_fd)
                return
            except FileExistsError:
                raise
            except OSError as error:
                if error.errno not in NO_LINK:
                    raise
        if copy_into(source, leaf, workshop, dir_fd=dir_fd):
            return
        raise FileExistsError
    except FileExistsError:
        if not _same_content(source, leaf, dir_fd, sha256 or os.path.basename(source)):
            raise RefusedError(
                f"{leaf} is there already, with other content; it was left as it is",
                hint="Move it away, or download to another directory.",
            ) from None


def _same_content(source: str, leaf: str, dir_fd: int | None, sha256: str) -> bool:
    there = os.stat(leaf, dir_fd=dir_fd, follow_symlinks=False)
    if stat.S_ISLNK(there.st_mode):
        return os.readlink(leaf, dir_fd=dir_fd) in (source, os.path.abspath(source))
    ours = os.stat(source)
    if same_file(there, ours):
        return True
    if not stat.S_ISREG(there.st_mode) or there.st_size != ours.st_size:
        return False
    digests, _ = digest_file(leaf, ("sha256",), dir_fd)
    return digests["sha256"] == sha256


def copy_into(source: str, leaf: str, workshop: Workshop, *, dir_fd: int | None = None) -> bool:
    """Copy a file to a new name, which appears when the copy is complete; False when the name is taken."""
    temporary = workshop.temporary()
    try:
        copy_file(source, temporary)
        try:
            return move_new(temporary, leaf, dir_fd=dir_fd)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
    finally:
        Path(temporary).unlink(missing_ok=True)
    # The name is on another disk than the workshop: the copy is made beside its final name.
    beside = f".hca-copy-{os.getpid()}-{workshop.number()}"
    if dir_fd is None:
        beside = os.path.join(os.path.dirname(leaf), beside)
    try:
        copy_file(source, beside, dir_fd)
        try:
            os.stat(leaf, dir_fd=dir_fd, follow_symlinks=False)
            return False
        except FileNotFoundError:
            os.replace(beside, leaf, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
            return True
    finally:
        try:
            os.unlink(beside, dir_fd=dir_fd)
        except FileNotFoundError:
            pass


def copy_file(source: str, target: str, dir_fd: int | None = None) -> None:
    """Copy the bytes of a file to a new one.

    :raises OSError: the disk refuses, or ``target`` is there
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    import shutil

    fd = os.open(target, flags, 0o666, dir_fd=dir_fd)
    with os.fdopen(fd, "wb") as stream, Path(source).open("rb") as origin:
        shutil.copyfileobj(origin, stream, 1024 * 1024)


def free_bytes(path: Path | str) -> int | None:
    """Bytes that this user may still write on the disk of ``path`` (or its nearest existing parent); None: unknown."""
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
