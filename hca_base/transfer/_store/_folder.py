"""Directories below a root, entered without following a symbolic link that somebody planted there."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections import OrderedDict
from pathlib import Path

from hca_base.errors import HCAError, RefusedError

#: True where every call that matters takes a directory descriptor (POSIX).
HAS_DIR_FD = {os.open, os.mkdir, os.stat, os.link, os.rename, os.unlink} <= os.supports_dir_fd
_CACHED = 64
_DIRECTORY = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class Place:
    """A directory that was entered safely: a descriptor, or a checked path where descriptors are not to be had."""

    __slots__ = ("fd", "path", "users")

    def __init__(self, path: str, fd: int | None) -> None:
        self.path = path
        self.fd = fd
        self.users = 0

    def name(self, leaf: str) -> str:
        """What to hand to a system call together with :attr:`fd`."""
        return leaf if self.fd is not None else os.path.join(self.path, leaf)


class Folder:
    """A root directory and what is below it.

    The root itself may be a symbolic link (the user's own choice); below it none is followed.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = os.fspath(root)
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, Place] = OrderedDict()

    def enter(self, directory: str) -> Place:
        """The place of ``directory`` (relative, ``/``-separated, checked before; empty for the root), made if need be.

        Give it back with :meth:`leave`.

        :raises RefusedError: a component is a symbolic link or no directory
        :raises OSError: it cannot be made
        """
        with self._lock:
            place = self._cache.get(directory)
            if place is None:
                place = self._open(directory)
                self._cache[directory] = place
                self._trim()
            else:
                self._cache.move_to_end(directory)
            place.users += 1
            return place

    def leave(self, place: Place) -> None:
        """End the use of a place."""
        with self._lock:
            place.users -= 1

    def _trim(self) -> None:
        if len(self._cache) <= _CACHED:
            return
        for name, place in list(self._cache.items()):
            if place.users == 0 and len(self._cache) > _CACHED and place is not next(reversed(self._cache.values())):
                del self._cache[name]
                if place.fd is not None:
                    os.close(place.fd)

    def _open(self, directory: str) -> Place:
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
        return Place(path, fd)

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
                        f"{component!r} in {directory!r} is a symbolic link or no directory; nothing was written there"
                    ) from error
                raise
        raise HCAError(f"the directory {directory!r} vanishes as soon as it is made")

    def _check_path(self, directory: str, path: str) -> Place:
        current = self.root
        for component in directory.split("/") if directory else ():
            current = os.path.join(current, component)
            try:
                mode = os.lstat(current).st_mode
            except FileNotFoundError:
                Path(current).mkdir(exist_ok=True)
                mode = os.lstat(current).st_mode
            if not stat.S_ISDIR(mode):
                raise RefusedError(f"{component!r} in {directory!r} is no directory; nothing was written there")
        return Place(path, None)

    def close(self) -> None:
        """Close the descriptors that nobody uses."""
        with self._lock:
            for name, place in list(self._cache.items()):
                if place.users == 0:
                    del self._cache[name]
                    if place.fd is not None:
                        os.close(place.fd)
