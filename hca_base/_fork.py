"""What a forked process must not share with its parent: connections, locks and threads."""

from __future__ import annotations

import os
import weakref
from typing import Any

_objects: weakref.WeakSet[Any] = weakref.WeakSet()


def reset_after_fork(thing: Any) -> None:
    """Call ``thing._after_fork()`` in every process that is forked from this one, as long as ``thing`` is alive.

    Two processes that read from one connection get each other's responses, and a lock that another thread held at
    the time of the fork is never released in the child.
    """
    _objects.add(thing)


def _reset() -> None:
    for thing in list(_objects):
        thing._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset)
