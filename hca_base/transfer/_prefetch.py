"""Items, pulled as they are needed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
_END = object()


def prefetch(items: Iterable[T], depth: int = 256) -> Iterator[T]:
    """``items``, pulled by a thread of their own, at most ``depth`` ahead.

    For iterables that wait for a server between items, so that files go on arriving meanwhile. An exception of the
    iterable comes out in its place.
    """
    feed: queue.Queue[object] = queue.Queue(depth)
    stop = threading.Event()

    def put(entry: object) -> bool:
        while not stop.is_set():
            try:
                feed.put(entry, timeout=0.2)
                return True
            except queue.Full:
                continue
        return False

    def pull() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(_END)
        except BaseException as error:  # noqa: BLE001 - raised again by the consumer
            put(_Failure(error))

    thread = threading.Thread(target=pull, name="hca-items", daemon=True)
    thread.start()
    try:
        while (entry := feed.get()) is not _END:
            if isinstance(entry, _Failure):
                raise entry.error
            yield entry  # type: ignore[misc]
    finally:
        stop.set()
        thread.join(2)


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error
