"""Files under way: preallocated, locked, with a journal from which a killed run is taken up again.

The journal of ``NAME`` is ``NAME.journal``, JSON lines. The first holds what the file is to become; each further one
is ``[offset, sha256]``, the sha256 of all bytes before ``offset`` as they were received. They cost nothing (the hash
is at hand), and on resumption, where the bytes must be hashed again anyway, they tell how far the file on disk is
still what was received. A torn last line is ignored. Bytes are not trusted because a journal says so.
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
    """This file system has no locks."""


def lock(fd: int) -> None:
    """Lock an open file against other processes, without waiting; the lock ends with the descriptor.

    :raises BlockingIOError: somebody else has it
    :raises NoLocksError: the file system knows no locks
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
        # A byte far beyond any data: on Windows a lock also keeps others from reading what it covers.
        os.lseek(fd, 1 << 42, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
    except OSError as error:
        raise BlockingIOError(errno.EAGAIN, "locked") from error
    finally:
        os.lseek(fd, position, os.SEEK_SET)


def open_locked(path: str) -> int:
    """Open (or make) ``path`` for reading and writing, and lock it; never through a symbolic link.

    :raises BlockingIOError: another process has it
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    flags |= getattr(os, "O_BINARY", 0)
    while True:
        fd = os.open(path, flags, 0o666)
        try:
            lock(fd)
            # Between open and lock, its last owner may have moved the file to its final name: then this descriptor
            # is of a finished file, and must not be written to.
            try:
                there = os.stat(path, follow_symlinks=False)
            except FileNotFoundError:
                there = None
            here = os.fstat(fd)
            if there is not None and (there.st_ino, there.st_dev) == (here.st_ino, here.st_dev):
                if here.st_nlink < 2:
                    return fd
                # It has its final name too: its last owner was killed between giving it one and removing this.
                os.unlink(path)
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


class Partial:
    """One file under way. Use it from one thread, but for :meth:`write`.

    :ivar resumable: it keeps a journal
    """

    def __init__(self, path: str | None, fd: int, identity: Mapping[str, Any]) -> None:
        self.path = path
        self.fd = fd
        self.identity = dict(identity)
        self._journal: int | None = None
        self._points: list[tuple[int, str]] = []
        self._written = -1
        #: Of the bytes that are written without a gap.
        self._hashes: Hashes | None = None
        self.etag: str | None = None
        reset_after_fork(self)

    def _after_fork(self) -> None:
        # The lock is the open file's, which a fork shares: it would be held as long as the child lives.
        self.close()

    @property
    def resumable(self) -> bool:
        """True when what is received now will be of use to a later run."""
        return self._journal is not None

    def open_journal(self) -> None:
        """Read what an earlier run noted, and make ready to add to it."""
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
        """Forget what is there: the file begins anew, from an object with this ETag."""
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
        """Hash what is there again, as far as it is what the journal says; how many bytes that is.

        ``hashes`` must be new and hold sha256; it is left with just those bytes.
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
            # Write the journal anew, so that nothing stands behind a torn line.
            points = self._points
            self.restart(self.etag)
            for point in points:
                self._note(point)
            self._points = points
        self._written = good
        return good

    def checkpoint(self, hashes: Hashes) -> None:
        """Note that all bytes that ``hashes`` has seen are written, when enough of them are new."""
        self._hashes = hashes
        if self._journal is not None and hashes.size - max(self._written, 0) >= CHECKPOINT:
            self._note([hashes.size, hashes.hexdigests()["sha256"]])
            self._written = hashes.size

    def _last_checkpoint(self) -> None:
        """Note what came after the last line of the journal; without it, those bytes are received again."""
        hashes, self._hashes = self._hashes, None
        if hashes is not None and hashes.size > max(self._written, 0):
            try:
                self._note([hashes.size, hashes.hexdigests()["sha256"]])
                self._written = hashes.size
            except OSError:
                # A full disk, say: the journal stays as it is, and a torn line is ignored.
                pass

    def finish(
        self,
        path: str,
        *,
        fsync: bool = False,
        dir_fd: int | None = None,
        sha256: str | None = None,
    ) -> bool:
        """Give the verified file its name; False when one of that name is there (it stays).

        :param sha256: mark it as a stored file
        """
        if sha256 and self.path is None:
            stamp_mtime(self.fd, sha256)
        if fsync:
            os.fsync(self.fd)
        if os.name == "nt":
            # There, an open file cannot be renamed.
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
        """Remove the file (unless it got its name) and its journal."""
        if self.path is not None:
            for path in (self.path, self.path + ".journal"):
                try:
                    os.unlink(path)
                except FileNotFoundError:
                    pass
        self.close()

    def close(self) -> None:
        """Let go; a partial with a journal stays for the next run."""
        for fd in (self._journal, self.fd):
            if fd is not None and fd >= 0:
                os.close(fd)
        self._journal, self.fd = None, -1

    def leave(self) -> None:
        """Let go without having finished: keep it when a later run can take it up, else remove it."""
        if self._journal is not None:
            self._last_checkpoint()
        if self._journal is not None and self._written > 0:
            self.close()
        else:
            self.discard()
