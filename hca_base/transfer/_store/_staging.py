"""The directories of unfinished and of rejected files."""

from __future__ import annotations

import errno
import itertools
import os
import re
import stat
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hca_base._fork import reset_after_fork
from hca_base.transfer._store._partial import NoLocksError, Partial, open_locked


class StagingArea:
    """The directories of unfinished and of rejected files; they exist only while something is in them.

    :ivar fractions: the disk is known to store file times with fractions of a second
    """

    def __init__(self, directory: Path | str, quarantine: Path | str) -> None:
        self.directory = os.fspath(directory)
        self.quarantine_directory = os.fspath(quarantine)
        self.fractions = False
        self._unnamed: bool | None = None
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._ready = False
        self._runs = 0
        reset_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        # Active runs belong to the parent process.
        self._runs = 0

    def number(self) -> int:
        """Return a number that this process has not used here."""
        return next(self._numbers)

    def begin(self) -> bool:
        """Start a run and remove leftovers that cannot be resumed; return True for the outermost run."""
        with self._lock:
            self._runs += 1
            first = self._runs == 1
        if first and Path(self.directory).is_dir():
            self.prepare()
        return first

    def end(self) -> bool:
        """End a run; the last one removes empty directories. Return True for it, or if no run was started."""
        with self._lock:
            self._runs = max(0, self._runs - 1)
            if self._runs:
                return False
            self._ready = False
            for directory in (self.directory, self.quarantine_directory):
                try:
                    os.rmdir(directory)
                except OSError:
                    pass
            return True

    def prepare(self) -> None:
        """Create the directory, and clean it up once."""
        if self._ready:
            return
        with self._lock:
            if not self._ready:
                Path(self.directory).mkdir(parents=True, exist_ok=True)
                self._sweep()
                self._ready = True

    def _sweep(self) -> None:
        with os.scandir(self.directory) as found:
            entries = {entry.name: entry for entry in found}
        for name, entry in entries.items():
            if name.startswith("tmp-"):
                if _is_stale(name, entry):
                    Path(entry.path).unlink(missing_ok=True)
            elif name.endswith(".journal"):
                if name.removesuffix(".journal") not in entries:
                    Path(entry.path).unlink(missing_ok=True)
            elif not entry.is_file(follow_symlinks=False):
                continue
            elif entry.stat(follow_symlinks=False).st_nlink > 1:
                # It also has its final name.
                for path in (entry.path, entry.path + ".journal"):
                    Path(path).unlink(missing_ok=True)
            elif f"{name}.journal" not in entries:
                self._remove_unlocked(entry.path)

    @staticmethod
    def _remove_unlocked(path: str) -> None:
        try:
            fd = open_locked(path)
        except OSError:
            return
        try:
            Path(path).unlink(missing_ok=True)
        finally:
            os.close(fd)

    def leftovers(self, older_than: float = 0.0, remove: bool = False) -> list[str]:
        """Yield unlocked partial files last changed before the Unix time ``older_than`` (0: any)."""
        found = []
        try:
            with os.scandir(self.directory) as entries:
                paths = [entry.path for entry in entries if entry.is_file(follow_symlinks=False)]
        except OSError:
            return []
        for path in sorted(paths):
            if path.endswith(".journal"):
                continue
            try:
                if older_than and os.stat(path).st_mtime >= older_than:
                    continue
                fd = open_locked(path)
            except OSError:
                continue
            found.append(path)
            try:
                if remove:
                    for name in (path, path + ".journal"):
                        Path(name).unlink(missing_ok=True)
            finally:
                os.close(fd)
        return found

    def unnamed(self) -> int | None:
        """Return a new unnamed file, or None if the system does not support them."""
        if self._unnamed is False or not hasattr(os, "O_TMPFILE"):
            return None
        self.prepare()
        try:
            fd = os.open(self.directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            Path(self.directory).mkdir(parents=True, exist_ok=True)
            fd = os.open(self.directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666)
        except OSError as error:
            if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS):
                self._unnamed = False
                return None
            raise
        if self._unnamed is None:
            # Naming such a file also requires /proc and permission, so try it once.
            probe = self.temporary()
            try:
                os.link(f"/proc/self/fd/{fd}", probe, src_dir_fd=fd, follow_symlinks=True)
                os.unlink(probe)
                self._unnamed = True
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                    os.close(fd)
                    raise
                self._unnamed = False
                os.close(fd)
                return None
            # A file whose only name was removed cannot be linked again.
            os.close(fd)
            return self.unnamed()
        return fd

    def temporary(self) -> str:
        """Return the path for a new temporary file, which the caller removes."""
        self.prepare()
        return f"{self.directory}/tmp-{_host()}-{os.getpid()}-{self.number()}"

    def partial(self, name: str, identity: Mapping[str, Any], journal: bool = True) -> Partial:
        """Return the partial file ``name`` (a checked name of at most 200 bytes), locked.

        :raises BlockingIOError: another process has locked it
        """
        self.prepare()
        if not journal:
            fd = self.unnamed()
            if fd is not None:
                return Partial(None, fd, identity)
            path = self.temporary()
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            return Partial(path, os.open(path, flags, 0o666), identity)
        path = f"{self.directory}/{name}"
        try:
            fd = open_locked(path)
        except FileNotFoundError:
            Path(self.directory).mkdir(parents=True, exist_ok=True)
            fd = open_locked(path)
        except NoLocksError:
            # Two writers of one partial file could corrupt a finished file, so without locks each gets its own.
            path = self.temporary()
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
            return Partial(path, fd, identity)
        partial = Partial(path, fd, identity)
        try:
            partial.open_journal()
        except BaseException:
            partial.close()
            raise
        return partial

    def quarantine_path(self, label: str) -> str:
        """Return a new path in the quarantine."""
        Path(self.quarantine_directory).mkdir(parents=True, exist_ok=True)
        return f"{self.quarantine_directory}/{label[:120]}-{time.strftime('%Y%m%d%H%M%S')}-{os.urandom(3).hex()}"

    def quarantine_partial(self, partial: Partial, label: str) -> str:
        """Move a partial file into the quarantine; return its new path."""
        target = self.quarantine_path(label)
        partial.finish(target)
        return target

    def quarantine_file(self, path: str, label: str) -> str:
        """Move a file into the quarantine; return its new path."""
        target = self.quarantine_path(label)
        os.replace(path, target)
        return target

    def quarantine_bytes(self, data: Any, label: str) -> str:
        """Keep rejected bytes in the quarantine; return their path."""
        target = self.quarantine_path(label)
        Path(target).write_bytes(data)
        return target


def _host() -> str:
    import socket

    return re.sub(r"[^A-Za-z0-9.]", "_", socket.gethostname())[:40] or "host"


def _is_stale(name: str, entry: os.DirEntry[str]) -> bool:
    """Return True if a temporary file is abandoned: its process on this machine is dead, or it is a day old."""
    _, _, rest = name.partition("-")
    host, _, rest = rest.rpartition("-")[0].rpartition("-")
    try:
        if host == _host() and rest.isdigit():
            if int(rest) == os.getpid():
                return False
            os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime > 86400
