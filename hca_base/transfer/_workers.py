"""Threads that fetch items or parts of one; more are started while they add throughput."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

#: Initial number of threads, and seconds between checks whether more would help.
_FIRST = 4
_LOOK_AT_THREADS_EVERY = 0.1
#: Below this share of processor time the threads mostly wait for the network, so more of them would help.
_IDLE_BELOW = 0.7
#: Seconds between checks whether one file needs more receivers: several round trips to a distant server.
LOOK_EVERY = 0.25
#: Keep adding receivers if bytes per second grow by this factor …
_WORTHWHILE_GAIN = 1.15
#: … and the hashing thread waits for them for this share of the time.
_MOSTLY_WAITING = 1 / 3
#: Quadruple them if it waits almost all of the time.
_ONLY_WAITING = 0.8
#: Stop adding receivers after this many checks in a row without a gain: a single one may be noise.
_LOOKS_WITHOUT_GAIN = 3


class WorkerPool(Generic[T]):
    """A pool of threads with two queues: small tasks, and large ones, of which fewer run at once.

    :param run: runs one task; must not raise
    :param limit: maximum number of threads; fewer while the cores are busy
    :param large_limit: maximum number of large tasks at once
    :param fixed: start with all of them
    """

    def __init__(self, run: Callable[[T], None], limit: int, large_limit: int, fixed: bool = False) -> None:
        self._run = run
        self._limit = max(1, limit)
        self._large_limit = max(1, large_limit)
        self._allowed = self._limit if fixed else min(_FIRST, self._limit)
        self._large_allowed = self._large_limit if fixed else min(_FIRST, self._large_limit)
        self._condition = threading.Condition()
        self._small: deque[T] = deque()
        self._large: deque[T] = deque()
        self._active = 0
        self._active_large = 0
        self._threads: list[threading.Thread] = []
        self._closed = False
        #: An unexpected exception from a task, which ends the run.
        self.error: BaseException | None = None
        self._looked = time.monotonic()
        self._cpu = time.process_time()

    @property
    def small_pending(self) -> int:
        """Number of small tasks that wait or run."""
        return len(self._small) + self._active - self._active_large

    @property
    def large_pending(self) -> int:
        """Number of large tasks that wait or run."""
        return len(self._large) + self._active_large

    @property
    def pending(self) -> int:
        """Number of tasks that wait or run."""
        return len(self._small) + len(self._large) + self._active

    @property
    def threads(self) -> int:
        """Number of threads."""
        return len(self._threads)

    def submit(self, task: T, large: bool) -> None:
        """Queue a task."""
        with self._condition:
            (self._large if large else self._small).append(task)
            if len(self._threads) < self._allowed and len(self._threads) < self.pending:
                self._start()
            self._condition.notify()

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name=f"hca-transfer-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while True:
            with self._condition:
                while True:
                    if self._large and self._active_large < self._large_allowed:
                        task, large = self._large.popleft(), True
                        break
                    if self._small:
                        task, large = self._small.popleft(), False
                        break
                    if self._closed:
                        return
                    self._condition.wait()
                self._active += 1
                self._active_large += large
            try:
                self._run(task)
            except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
                self.error = self.error or error
            finally:
                with self._condition:
                    self._active -= 1
                    self._active_large -= large
                    self._condition.notify_all()

    def wait(self, timeout: float) -> None:
        """Wait until a task ends, at most ``timeout`` seconds; add threads if they would help."""
        with self._condition:
            if self.pending and timeout:
                self._condition.wait(timeout)
        if self.error is not None:
            raise self.error
        self.adapt()

    def adapt(self) -> None:
        """Add threads if all are busy and the cores are not."""
        now = time.monotonic()
        if now - self._looked < _LOOK_AT_THREADS_EVERY:
            return
        cpu = time.process_time()
        busy = (cpu - self._cpu) / (now - self._looked) / (os.cpu_count() or 1)
        self._looked, self._cpu = now, cpu
        if busy > _IDLE_BELOW:
            return
        with self._condition:
            if self._large and self._active_large >= self._large_allowed < self._large_limit:
                self._large_allowed += 1
            if (self._small or self._large) and self._active >= self._allowed < self._limit:
                self._allowed = min(self._limit, self._allowed * 2)
            while len(self._threads) < min(self._allowed, self.pending):
                self._start()

    def drop_waiting(self) -> list[T]:
        """Take back all tasks that have not started."""
        with self._condition:
            dropped = [*self._small, *self._large]
            self._small.clear()
            self._large.clear()
            return dropped

    def close(self) -> None:
        """Wait for the tasks to finish, and end the threads."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        for thread in self._threads:
            while thread.is_alive():
                thread.join(0.2)


class Growth:
    """Decides how many receivers one file has: doubles or quadruples them while bytes per second increase.

    :ivar waited: seconds that the hashing thread has waited for bytes since the last check
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.looked = time.monotonic()
        self.waited = 0.0
        self._seen = 0
        self._best = 0.0
        self._misses = 0

    def step(self, now: float, received: int, receivers: int) -> int:
        """Return how many receivers to start.

        :param received: bytes received by all of them
        """
        elapsed = now - self.looked
        rate, idle = (received - self._seen) / elapsed, self.waited / elapsed
        self.looked, self.waited, self._seen = now, 0.0, received
        gained = rate > self._best * _WORTHWHILE_GAIN
        self._best = max(self._best, rate)
        self._misses = 0 if gained else self._misses + 1
        if not gained or idle < _MOSTLY_WAITING or self._misses > _LOOKS_WITHOUT_GAIN:
            return 0
        return min(receivers * (3 if idle > _ONLY_WAITING else 1), self._most - receivers)
