"""Partial files: preallocated, locked, with a journal from which a killed run resumes.

The journal of ``NAME`` is ``NAME.journal``, JSON lines. The first describes the complete file; each further one
is ``[offset, sha256]``, the sha256 of all bytes before ``offset`` as they were received. They are free (the hash is
already computed). A resumed run rehashes the bytes anyway, and the lines show up to which offset the file on disk
matches what was received. An incomplete last line is ignored. The journal alone is never proof of the bytes.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hca_base._fork import reset_after_fork
from hca_base.transfer._checksums import Hashes
from hca_base.transfer._store._disk import move_new, read_into, sync_directory
from hca_base.transfer._store._mark import stamp_mtime

#: Bytes between two lines of a journal.
CHECKPOINT = 4 * 1024 * 1024
_BLOCK = 1024 * 1024
_FORMAT = 1
_NO_LOCKS = frozenset(
    getattr(errno, name) for name in ("ENOSYS", "ENOTSUP", "EOPNOTSUPP", "ENOLCK", "EINVAL") if hasattr(errno, name)
)


class NoLocksError(OSError):
    """Raised when the file system does not support locks."""


def lock(fd: int) -> None:
    """Lock an open file against other processes, without waiting, until the descriptor is closed.

    :raises BlockingIOError: another process has locked it
    :raises NoLocksError: the file system does not support locks
    """
    try:
        import fcntl
    except ImportError:
        _lock_windows(fd)
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise NoLocksError(error.errno, "no locks here") from error
        raise


def _lock_windows(fd: int) -> None:
    msvcrt: Any = __import__("msvcrt")
    position = os.lseek(fd, 0, os.SEEK_CUR)
    try:
        # Lock a byte far beyond any data: on Windows a lock also blocks reads of the locked range.
        os.lseek(fd, 1 << 42, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
    except OSError as error:
        raise BlockingIOError(errno.EAGAIN, "locked") from error
    finally:
        os.lseek(fd, position, os.SEEK_SET)


def open_locked(path: str) -> int:
    """Open or create ``path`` for reading and writing, and lock it; do not follow symbolic links.

    :raises BlockingIOError: another process has locked it
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    flags |= getattr(os, "O_BINARY", 0)
    while True:
        fd = os.open(path, flags, 0o666)
        try:
            lock(fd)
            # Between open and lock, its last owner may have moved the file to its final name: then this descriptor
            # refers to a finished file, and must not be written to.
            try:
                there = os.stat(path, follow_symlinks=False)
            except FileNotFoundError:
                there = None
            here = os.fstat(fd)
            if there is not None and (there.st_ino, there.st_dev) == (here.st_ino, here.st_dev):
                if here.st_nlink < 2:
                    return fd
                # It also has its final name: its last owner was killed before it removed this one.
                os.unlink(path)
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


class Partial:
    """One partial file. Only :meth:`write` is thread-safe.

    :ivar resumable: it has a journal
    """

    def __init__(self, path: str | None, fd: int, identity: Mapping[str, Any]) -> None:
        self.path = path
        self.fd = fd
        self.identity = dict(identity)
        self._journal: int | None = None
        self._points: list[tuple[int, str]] = []
        self._written = -1
        #: Of the contiguous bytes from the start.
        self._hashes: Hashes | None = None
        self.etag: str | None = None
        reset_after_fork(self)

    def _after_fork(self) -> None:
        # A fork shares the open file and its lock, which would last as long as the child lives.
        self.close()

    @property
    def resumable(self) -> bool:
        """True if a later run can use the bytes received now."""
        return self._journal is not None

    def open_journal(self) -> None:
        """Read an earlier run's journal, and prepare to append to it."""
        assert self.path is not None
        head = {"format": _FORMAT, **self.identity}
        lines = self._read_journal(self.path + ".journal")
        known = next(lines, None)
        if isinstance(known, dict) and {**known, "etag": None} == {**head, "etag": None}:
            self.etag = known.get("etag")
            for line in lines:
                if not (isinstance(line, list) and len(line) == 2 and isinstance(line[0], int)):
                    break
                self._points.append((line[0], str(line[1])))
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        self._journal = os.open(self.path + ".journal", flags, 0o666)
        if not self._points:
            self.restart(self.etag)

    @staticmethod
    def _read_journal(path: str) -> Iterator[Any]:
        try:
            text = Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        for line in text.splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                return

    def restart(self, etag: str | None = None) -> None:
        """Discard the contents and start over, from an object with this ETag."""
        self.etag = etag
        self._points = []
        self._written = -1
        self._hashes = None
        if self._journal is not None:
            os.ftruncate(self._journal, 0)
            self._note({"format": _FORMAT, **self.identity, "etag": etag})

    def _note(self, line: Any) -> None:
        assert self._journal is not None
        os.write(self._journal, json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def resume(self, hashes: Hashes) -> int:
        """Rehash the existing bytes as far as they match the journal; return their number.

        ``hashes`` must be new and include sha256; afterwards it contains exactly those bytes.
        """
        good = 0
        saved = hashes.copy()
        buffer = memoryview(bytearray(_BLOCK if self._points else 0))
        for offset, digest in self._points:
            position = hashes.size
            while position < offset:
                count = read_into(self.fd, buffer[: min(len(buffer), offset - position)], position)
                if not count:
                    break
                hashes.update(buffer[:count])
                position += count
            if position < offset or hashes.hexdigests()["sha256"] != digest:
                break
            good, saved = offset, hashes.copy()
        hashes.become(saved)
        self._points = [point for point in self._points if point[0] <= good]
        if self._journal is not None and self._points:
            # Rewrite the journal, so that nothing follows an incomplete line.
            points = self._points
            self.restart(self.etag)
            for point in points:
                self._note(point)
            self._points = points
        self._written = good
        return good

    def checkpoint(self, hashes: Hashes) -> None:
        """Record the hashed bytes as written in the journal, if enough of them are new."""
        self._hashes = hashes
        if self._journal is not None and hashes.size - max(self._written, 0) >= CHECKPOINT:
            self._note([hashes.size, hashes.hexdigests()["sha256"]])
            self._written = hashes.size

    def _last_checkpoint(self) -> None:
        """Record the bytes after the journal's last line; otherwise a later run receives them again."""
        hashes, self._hashes = self._hashes, None
        if hashes is not None and hashes.size > max(self._written, 0):
            try:
                self._note([hashes.size, hashes.hexdigests()["sha256"]])
                self._written = hashes.size
            except OSError:
                # For example a full disk: keep the journal as it is; an incomplete line is ignored.
                pass

    def finish(
        self,
        path: str,
        *,
        fsync: bool = False,
        dir_fd: int | None = None,
        sha256: str | None = None,
    ) -> bool:
        """Move the verified file into place; return False if the name is taken (that file stays).

        :param sha256: mark it as a stored file
        """
        if sha256 and self.path is None:
            stamp_mtime(self.fd, sha256)
        if fsync:
            os.fsync(self.fd)
        if os.name == "nt":
            # Windows cannot rename an open file.
            self.close()
        if sha256 and self.path is not None:
            stamp_mtime(self.path, sha256)
        try:
            return self._name(path, dir_fd)
        finally:
            if fsync:
                sync_directory(path, dir_fd)
            self.discard()

    def _name(self, path: str, dir_fd: int | None) -> bool:
        if self.path is None:
            try:
                os.link(f"/proc/self/fd/{self.fd}", path, src_dir_fd=self.fd, dst_dir_fd=dir_fd, follow_symlinks=True)
                return True
            except FileExistsError:
                return False
        return move_new(self.path, path, dir_fd=dir_fd)

    def discard(self) -> None:
        """Remove the file (unless it was moved into place) and its journal."""
        if self.path is not None:
            for path in (self.path, self.path + ".journal"):
                try:
                    os.unlink(path)
                except FileNotFoundError:
                    pass
        self.close()

    def close(self) -> None:
        """Close the file; a partial file with a journal stays for the next run."""
        for fd in (self._journal, self.fd):
            if fd is not None and fd >= 0:
                os.close(fd)
        self._journal, self.fd = None, -1

    def leave(self) -> None:
        """Close an unfinished file: keep it if a later run can resume it, otherwise remove it."""
        if self._journal is not None:
            self._last_checkpoint()
        if self._journal is not None and self._written > 0:
            self.close()
        else:
            self.discard()
