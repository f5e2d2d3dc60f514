"""What a forked process must not share with its parent: connections, locks and threads."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

_objects: weakref.WeakSet[Any] = weakref.WeakSet()


def reset_after_fork(thing: Any) -> None:
    """Call ``thing._after_fork()`` in every process that is forked from this one, as long as ``thing`` is alive.

    Two processes that read from one connection get each other's responses, and a lock that another thread held at
    the time of the fork is never released in the child.
    """
    _objects.add(thing)


class ForkLock:
    """A lock for threads that is free in a forked child, and in a copy by pickle.

    :param reentrant: whether the thread that holds it may take it again
    """

    def __init__(self, reentrant: bool = False) -> None:
        self._reentrant = reentrant
        self._after_fork()
        reset_after_fork(self)

    def _after_fork(self) -> None:
        self._lock: Any = threading.RLock() if self._reentrant else threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *exception: object) -> None:
        try:
            self._lock.release()
        except RuntimeError:
            # The thread that held it forked: the child's lock is a new one.
            return

    def __reduce__(self) -> tuple[type[ForkLock], tuple[bool]]:
        return ForkLock, (self._reentrant,)


def _reset() -> None:
    for thing in list(_objects):
        thing._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset)
