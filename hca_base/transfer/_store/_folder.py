"""Directories below a root, opened without following symbolic links inside it."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections import OrderedDict
from pathlib import Path

from hca_base._fork import reset_after_fork
from hca_base.errors import HCAError, RefusedError

#: True if all required calls accept a directory descriptor (POSIX).
HAS_DIR_FD = {os.open, os.mkdir, os.stat, os.link, os.rename, os.unlink} <= os.supports_dir_fd
#: Directories kept open: a bundle has one, a tree of projects a few dozen.
_CACHED = 64
#: With fewer descriptors than this (``ulimit -n``) only a few stay open.
_FEW_DESCRIPTORS, _CACHED_OF_FEW = 512, 6
_DIRECTORY = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class DirectoryHandle:
    """A directory opened without following symlinks: a descriptor, or a checked path on platforms without dir_fd."""

    __slots__ = ("fd", "path", "users")

    def __init__(self, path: str, fd: int | None) -> None:
        self.path = path
        self.fd = fd
        self.users = 0

    def name(self, leaf: str) -> str:
        """Return the path to pass to a system call together with :attr:`fd`."""
        return leaf if self.fd is not None else os.path.join(self.path, leaf)


class DirectoryInUse:
    """A context that keeps a directory of a tree open (a class, because a generator takes three times as long)."""

    __slots__ = ("_directory", "_handle", "_tree")

    def __init__(self, tree: SafeDirectoryTree, directory: str) -> None:
        self._tree = tree
        self._directory = directory

    def __enter__(self) -> DirectoryHandle:
        self._handle = self._tree.take(self._directory)
        return self._handle

    def __exit__(self, *_: object) -> None:
        self._tree.give_back(self._handle)


def _descriptor_limit() -> float:
    try:
        import resource
    except ImportError:
        return float("inf")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return float("inf") if limit == resource.RLIM_INFINITY else limit


class SafeDirectoryTree:
    """A root directory and the directories below it.

    The root itself may be a symbolic link (chosen by the user); links below it are not followed.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = os.fspath(root)
        self._lock = threading.Lock()
        self._cached = _CACHED_OF_FEW if _descriptor_limit() < _FEW_DESCRIPTORS else _CACHED
        self._cache: OrderedDict[str, DirectoryHandle] = OrderedDict()
        reset_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        for handle in self._cache.values():
            # Its users are threads of the parent process.
            handle.users = 0

    def open(self, directory: str) -> DirectoryInUse:
        """Open a directory below the root, creating it if necessary; it stays open while the context lasts.

        :param directory: relative, ``/``-separated, already checked; empty for the root
        :raises RefusedError: a component is a symbolic link or not a directory
        :raises OSError: it cannot be created
        """
        return DirectoryInUse(self, directory)

    def take(self, directory: str) -> DirectoryHandle:
        """Open a directory as :meth:`open` does; it stays open until :meth:`give_back`."""
        with self._lock:
            handle = self._cache.get(directory)
            if handle is None:
                handle = self._cache[directory] = self._open(directory)
                self._trim()
            else:
                self._cache.move_to_end(directory)
            handle.users += 1
            return handle

    def give_back(self, handle: DirectoryHandle) -> None:
        """End one use of a directory."""
        with self._lock:
            handle.users -= 1

    def _trim(self) -> None:
        if len(self._cache) <= self._cached:
            return
        newest = next(reversed(self._cache.values()))
        for name, handle in list(self._cache.items()):
            if handle.users == 0 and len(self._cache) > self._cached and handle is not newest:
                del self._cache[name]
                if handle.fd is not None:
                    os.close(handle.fd)

    def _open(self, directory: str) -> DirectoryHandle:
        Path(self.root).mkdir(parents=True, exist_ok=True)
        path = os.path.join(self.root, directory) if directory else self.root
        if not HAS_DIR_FD:
            return self._check_path(directory, path)
        fd = os.open(self.root, getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0))
        try:
            for component in directory.split("/") if directory else ():
                fd, parent = self._step(fd, component, directory), fd
                os.close(parent)
        except BaseException:
            os.close(fd)
            raise
        return DirectoryHandle(path, fd)

    @staticmethod
    def _step(parent: int, component: str, directory: str) -> int:
        for _ in range(2):
            try:
                return os.open(component, _DIRECTORY, dir_fd=parent)
            except FileNotFoundError:
                try:
                    os.mkdir(component, dir_fd=parent)
                except FileExistsError:
                    pass
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
                    raise RefusedError(
                        f"{component!r} in {directory!r} is a symlink or not a directory; nothing was written there"
                    ) from error
                raise
        raise HCAError(f"the directory {directory!r} is removed as soon as it is created")

    def _check_path(self, directory: str, path: str) -> DirectoryHandle:
        current = self.root
        for component in directory.split("/") if directory else ():
            current = os.path.join(current, component)
            try:
                mode = os.lstat(current).st_mode
            except FileNotFoundError:
                Path(current).mkdir(exist_ok=True)
                mode = os.lstat(current).st_mode
            if not stat.S_ISDIR(mode):
                raise RefusedError(f"{component!r} in {directory!r} is not a directory; nothing was written there")
        return DirectoryHandle(path, None)

    def close(self) -> None:
        """Close the descriptors that are not in use."""
        with self._lock:
            for name, handle in list(self._cache.items()):
                if handle.users == 0:
                    del self._cache[name]
                    if handle.fd is not None:
                        os.close(handle.fd)
