"""One run of downloads or uploads: a stream of items in, a stream of results out, in bounded memory."""

from __future__ import annotations

import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from hca_base.errors import HCAError
from hca_base.transfer._model import TransferOptions
from hca_base.transfer._network._limits import Cancel, HostLimiters, RateLimit, descriptors_left
from hca_base.transfer._network._settings import LazyConnectionPool, connection_settings
from hca_base.transfer._report import Report, Result, Row, cancelled, check_report
from hca_base.transfer._watchers import make_reporter
from hca_base.transfer._workers import WorkerPool

if TYPE_CHECKING:
    from hca_base.transfer._network._curl_queue import CurlQueue

ItemT = TypeVar("ItemT")
TaskT = TypeVar("TaskT")
#: Seconds to wait: for libcurl while threads work too, for libcurl alone, and for threads alone.
_CURL_WAIT_BESIDE_THREADS, _CURL_WAIT, _THREADS_WAIT = 0.02, 0.2, 0.1


class TransferRun(ABC, Generic[ItemT, TaskT]):
    """Base of downloads and uploads: the report, the threads, libcurl's queue, cancellation.

    :param label: ``download`` or ``upload``, for the progress display
    :param on_result: called for every finished item, one call at a time
    :param expected: number of files and of bytes, if known
    :param max_threads: maximum number of threads, unless the options set the number of connections
    :param max_large: maximum number of large files at once, with the same exception
    """

    def __init__(
        self,
        label: str,
        options: TransferOptions,
        *,
        progress: Any,
        session: Any,
        on_result: Callable[[ItemT, Row], None] | None,
        expected: tuple[int, int] | None,
        limiters: HostLimiters | None,
        max_threads: int,
        max_large: int,
    ) -> None:
        self.options = options
        self.report = Report()
        self.cancel = Cancel()
        self.settings = connection_settings(options, session)
        self.connections = LazyConnectionPool(self.settings, self.cancel)
        self.limiters = limiters or HostLimiters()
        self.rate = RateLimit(options.limit_rate)
        self._on_result = on_result
        self._expected = expected
        self._reporter, self._own_progress = make_reporter(label, options, progress, expected)
        self._lock = threading.Lock()
        #: Bytes that an earlier run transferred, for items in progress (by identity).
        self._resumed_bytes: dict[int, int] = {}
        # Connections use at most half of the available descriptors: a quarter for libcurl, and a quarter for the
        # threads, each of which may have a connection, a partial file and its journal open.
        self.descriptors = descriptors_left()
        max_threads = max(1, min(max_threads, self.descriptors // 12))
        fixed = None if options.connections is None else max(1, min(options.connections, self.descriptors // 12))
        self._workers: WorkerPool[TaskT] = WorkerPool(
            self._work, fixed or max_threads, min(fixed or max_threads, fixed or max_large), fixed=fixed is not None
        )
        self._curl: CurlQueue[Any] | None = None
        self._stopped = False
        self._process = os.getpid()

    def run(self, items: Iterable[ItemT]) -> Report:
        """Transfer all items and return the report."""
        started = time.monotonic()
        check_report(self.options.report)
        self._begin()
        try:
            self._pump(iter(items))
        except BaseException as error:
            if os.getpid() == self._process:
                self._stop()
            if isinstance(error, KeyboardInterrupt) and not self.options.dry_run:
                error.hint = "run the same command again to continue"  # type: ignore[attr-defined]
            raise
        finally:
            if os.getpid() == self._process:
                self._close(started)
        return self.report

    def _close(self, started: float) -> None:
        """Clean up, but only in the process that started the run: a fork does not own its resources."""
        if self._curl is not None:
            self._curl.drop()
        self._workers.close()
        self.connections.close()
        self._end()
        self.report.seconds = time.monotonic() - started
        if self.options.dry_run:
            self.report.plan = self._plan()
        if self._own_progress is not None:
            self._own_progress.close()
        if self.options.report is not None:
            self.report.write(self.options.report)

    def _pump(self, items: Iterator[ItemT]) -> None:
        more = True
        while True:
            if self.cancel.is_set():
                self._stop()
                more = False
            if not self.cancel.is_set():
                self._admit_waiting()
            if more:
                more = self._admit_some(items)
            curl = self._curl
            if curl is not None and curl.pending:
                # Threads work without this loop, so wait only briefly while items are waiting for them.
                curl.step(_CURL_WAIT_BESIDE_THREADS if self._workers.pending else _CURL_WAIT)
                self._workers.wait(0)
            elif self._workers.pending:
                self._workers.wait(_THREADS_WAIT)
            elif not more and not self._is_waiting():
                return

    def _admit_some(self, items: Iterator[ItemT]) -> bool:
        """Admit as many items as the limits allow; return False if there are no more."""
        for _ in range(self._room()):
            try:
                item = next(items)
            except StopIteration:
                return False
            self._admit(item)
            if self.cancel.is_set():
                break
        return True

    def _stop(self) -> None:
        """Stop all transfers in progress, once; every admitted item gets its row."""
        self.cancel.set()
        if not self._stopped:
            self._stopped = True
            items: list[ItemT] = []
            if self._curl is not None:
                items += self._curl.drop()
                self._curl = None
            items += [self._item_of(task) for task in self._workers.drop_waiting()]
            for item in items:
                self._finish_cancelled(item)
            self.connections.abort()

    def _finish_cancelled(self, item: ItemT) -> None:
        self._finish(item, cancelled(self._name_of(item), self._key_of(item)))

    def _work(self, task: TaskT) -> None:
        """Run one task in a thread."""
        item = self._item_of(task)
        try:
            result = self._execute(task)
        except Exception as error:
            import logging

            logging.getLogger("hca.transfer").debug("unexpected", exc_info=True)
            failure = HCAError(f"{type(error).__name__}: {error}")
            result = Result.failed(self._name_of(item), "failed", failure, key=self._key_of(item))
        self._finish(item, result)

    def _finish(self, item: ItemT, result: Result) -> None:
        """Record an item's result, and report it."""
        row = result.row
        with self._lock:
            self.report.add(row, result.error, self._resumed_bytes.pop(id(item), 0))
            if self._reporter is not None:
                self._reporter.done(item, row)
            self._finished(item, result)
            if self._on_result is not None:
                self._on_result(item, row)
        if not row.good and row.outcome != "cancelled" and (self.options.fail_fast or self._is_fatal(result)):
            self.cancel.set()

    def _moved(self, item: ItemT, count: int) -> None:
        if self._reporter is not None:
            self._reporter.moved(item, count)

    def _resumed(self, item: ItemT, count: int) -> None:
        with self._lock:
            self._resumed_bytes[id(item)] = self._resumed_bytes.get(id(item), 0) + count
        if self._reporter is not None:
            self._reporter.resumed(item, count)

    def _admit_waiting(self) -> None:
        """Admit items that waited for others."""

    def _is_waiting(self) -> bool:
        """Return True if items wait for others."""
        return False

    def _finished(self, item: ItemT, result: Result) -> None:
        """Hook for a result; called with the lock held."""

    def _is_fatal(self, result: Result) -> bool:
        """Return True if no other item can succeed."""
        return False

    def _max_connections(self, most: int) -> int:
        """Return libcurl's maximum number of connections: from the options, ``most``, or the free descriptors."""
        return max(1, min(self.options.connections or most, self.descriptors // 4))

    @abstractmethod
    def _begin(self) -> None:
        """Prepare the run."""

    @abstractmethod
    def _end(self) -> None:
        """Clean up after the run."""

    @abstractmethod
    def _plan(self) -> dict[str, int]:
        """Return what a dry run found."""

    @abstractmethod
    def _room(self) -> int:
        """Return how many items may be admitted now."""

    @abstractmethod
    def _admit(self, item: ItemT) -> None:
        """Decide what an item needs, and queue it."""

    @abstractmethod
    def _execute(self, task: TaskT) -> Result:
        """Run one task, with retries."""

    @abstractmethod
    def _item_of(self, task: TaskT) -> ItemT:
        """Return the item of a task."""

    @abstractmethod
    def _name_of(self, item: ItemT) -> str:
        """Return the name of an item in the report."""

    @abstractmethod
    def _key_of(self, item: ItemT) -> Any:
        """Return the caller's key of an item."""
