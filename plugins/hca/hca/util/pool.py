"""A thread pool with the interface of hca 7's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from hca._moved import moved
from hca.util import DEFAULT_THREAD_COUNT

moved(__name__, "concurrent.futures of the standard library does the same")


class ThreadPool:
    """Calls functions in threads.

    :ivar thread_failure: the last exception of a call, or None
    """

    def __init__(self, num_threads: int = DEFAULT_THREAD_COUNT) -> None:
        self._executor = ThreadPoolExecutor(num_threads)
        self._calls: list[Future[Any]] = []
        self.thread_failure: BaseException | None = None

    def add_task(self, func: Callable[..., Any], *args: Any, **kargs: Any) -> None:
        """Submit a call."""
        self._calls.append(self._executor.submit(func, *args, **kargs))

    def wait_for_completion(self) -> None:
        """Wait for all calls."""
        wait(self._calls)
        for call in self._calls:
            self.thread_failure = call.exception() or self.thread_failure
        self._calls.clear()
