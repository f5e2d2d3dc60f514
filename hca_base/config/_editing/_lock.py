"""A lock between processes, on a file beside the protected one."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from hca_base.errors import HCAError

_STALE_AFTER = 60.0  # seconds after which a marker file without a living holder is taken over


class LockTimeout(HCAError):
    """Raised if another process holds the lock for too long."""


class FileLock:
    """An exclusive lock between processes and threads for work on ``path``; a context manager.

    The lock is a separate file (``.NAME.lock`` beside ``path``), because each write replaces ``path``. It is kept after
    the lock is released: removing it would let two processes lock two files with the same name. The system releases
    the lock of a dead process. If the file system does not support locks, a file that only one process can create is
    used instead; if that fails too, the work continues without a lock, and a message is logged. Not reentrant.

    :param path: the file to protect, which may not exist; its folder is created
    :param timeout: seconds to wait for another holder
    :raises LockTimeout: another process held it for longer
    :raises OSError: the folder cannot be created
    """

    def __init__(self, path: str | os.PathLike[str], timeout: float = 60.0) -> None:
        self.path = Path(os.path.realpath(path))
        self.lock_path = self.path.with_name(f".{self.path.name}.lock")
        self.timeout = timeout
        self._fd: int | None = None
        self._held = False
        self._marker: Path | None = None

    def acquire(self) -> None:
        """Wait for the lock, and acquire it."""
        if self._held:
            raise RuntimeError(f"the lock of {self.path} is already held by this object")
        self.lock_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd: int | None = None
        with contextlib.suppress(OSError):
            fd = os.open(self.lock_path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            self._wait(fd)
        except BaseException:
            if fd is not None:
                os.close(fd)
            raise
        self._fd = fd
        self._held = True

    def release(self) -> None:
        """Release the lock, if it is held."""
        fd, self._fd = self._fd, None
        self._held = False
        with contextlib.suppress(OSError):
            if self._marker is not None:
                self._marker.unlink(missing_ok=True)
            elif fd is not None:
                _unlock(fd)
        self._marker = None
        if fd is not None:
            os.close(fd)

    def _wait(self, fd: int | None) -> None:
        deadline = time.monotonic() + self.timeout
        while True:
            if self._try(fd):
                return
            if time.monotonic() >= deadline:
                raise LockTimeout(
                    f"{self.path} is being changed by another process (waited {self.timeout:g} s)",
                    hint=f"if no other hca is running, remove {self.lock_path}",
                )
            # Random pauses, so that many waiters do not wake up at the same time.
            time.sleep(0.002 + os.urandom(1)[0] / 255 * 0.018)

    def _try(self, fd: int | None) -> bool:
        if fd is not None:
            # Network and overlay file systems refuse locks with various errors.
            with contextlib.suppress(OSError):
                return _try_lock(fd)
        try:
            return self._try_marker()
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                raise
            import logging

            logging.getLogger("hca.config").warning(
                "%s cannot be locked (%s); continuing without a lock", self.lock_path, error.strerror or error
            )
            return True

    def _try_marker(self) -> bool:
        marker = self.lock_path.with_name(self.lock_path.name + ".held")
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            try:
                if time.time() - marker.stat().st_mtime > _STALE_AFTER:
                    marker.unlink()
            except FileNotFoundError:
                pass
            return False
        self._marker = marker
        return True

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def supports_locks(folder: Path) -> bool:
    """Return True if a folder's file system supports locks, to distinguish refused locks from held ones."""
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return _try_lock(file.fileno())
    except OSError:
        return False


def _try_lock(fd: int) -> bool:
    """Lock an open file without waiting; return False if another process holds the lock."""
    try:
        import fcntl
    except ImportError:  # Windows
        return _windows_lock(fd, True)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unlock(fd: int) -> None:
    try:
        import fcntl
    except ImportError:
        _windows_lock(fd, False)
        return
    fcntl.flock(fd, fcntl.LOCK_UN)


def _windows_lock(fd: int, take: bool) -> bool:
    import msvcrt

    windows: Any = msvcrt  # type checkers on other systems do not know its functions
    os.lseek(fd, 0, os.SEEK_SET)
    try:
        windows.locking(fd, windows.LK_NBLCK if take else windows.LK_UNLCK, 1)
    except OSError as error:
        if take and error.errno in (errno.EACCES, errno.EDEADLK):
            return False
        raise
    return True
