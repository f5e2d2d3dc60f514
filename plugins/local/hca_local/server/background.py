"""Background work, stopped with the deployment."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

logger = logging.getLogger("hca_local")


class Background:
    """A small thread pool, and a timer for delayed work.

    Nothing here is durable: components keep the state of their work in the store, and resume it at the next start.
    """

    def __init__(self, threads: int = 4) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="hca-local-work")
        self._due: list[tuple[float, int, Callable[[], Any]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._running: set[Future[Any]] = set()
        self._clock = threading.Thread(target=self._run, name="hca-local-clock", daemon=True)
        self._clock.start()

    @property
    def stopped(self) -> bool:
        """True once the deployment is stopping; long work should check this and return."""
        return self._stopped

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any] | None:
        """Run a function soon, in a thread; errors are logged."""
        if self._stopped:
            return None
        try:
            future = self._pool.submit(self._guarded, function, args)
        except RuntimeError:  # shut down in between
            return None
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        return future

    def later(self, seconds: float, function: Callable[..., Any], *args: Any) -> None:
        """Run a function in a thread after so many seconds."""
        with self._changed:
            entry = (time.monotonic() + seconds, next(self._order), lambda: self.submit(function, *args))
            heapq.heappush(self._due, entry)
            self._changed.notify()

    def every(self, seconds: float, function: Callable[..., Any], *args: Any) -> None:
        """Run a function in a thread repeatedly, with so many seconds between the end of one run and the next."""

        def once() -> None:
            try:
                function(*args)
            finally:
                self.later(seconds, once)

        self.later(seconds, once)

    def stop(self, timeout: float = 10.0) -> None:
        """Accept no more work, and wait at most so many seconds for running work: longer work checks
        :attr:`stopped`, or is resumed at the next start."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._clock.join()
        self._pool.shutdown(wait=False, cancel_futures=True)
        wait(list(self._running), timeout)

    @staticmethod
    def _guarded(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        try:
            return function(*args)
        except Exception:
            logger.exception("background work failed: %s", getattr(function, "__qualname__", function))
            raise

    def _run(self) -> None:
        with self._changed:
            while not self._stopped:
                now = time.monotonic()
                while self._due and self._due[0][0] <= now:
                    heapq.heappop(self._due)[2]()
                self._changed.wait(self._due[0][0] - now if self._due else None)
