"""The scheduler of uploads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from hca_base.errors import HCAError, TransferError, UsageError
from hca_base.transfer._download._fetch import Result
from hca_base.transfer._model import SMALL_FILE, TransferOptions, UploadItem
from hca_base.transfer._network._limits import Cancel, Gates, RateLimit
from hca_base.transfer._network._settings import Settings
from hca_base.transfer._report import Report, Row, check_report
from hca_base.transfer._upload._s3 import S3Target
from hca_base.transfer._upload._send import IN_MEMORY, Sender, UploadContext
from hca_base.transfer._watchers import watch
from hca_base.transfer._workers import Lane

if TYPE_CHECKING:
    from hca_base.transfer._upload._small import FastUploads

_QUEUE = 256
_MAX_THREADS = 32
_MAX_LARGE = 4

OnUploaded = Callable[[UploadItem, Row], None]


def upload(
    items: Iterable[UploadItem],
    target: S3Target,
    *,
    options: TransferOptions | None = None,
    progress: Any = None,
    session: Any = None,
    on_result: OnUploaded | None = None,
    expected: tuple[int, int] | None = None,
) -> Report:
    """Upload local files to an S3 store, in parallel, each read and checksummed once and compared afterwards.

    A file of one part (up to 64 MiB) gets its tags with its bytes; a larger one is sent in parts, resumes where an
    earlier run was cut off, and gets its tags when it is complete.

    :param items: pulled one by one, in the calling thread
    :param on_result: called for every item when it is done, one call at a time; ``item.digests`` holds its checksums
    :param expected: number of files and of bytes, where known beforehand
    :returns: what became of each item; failed items are in it, and raise nothing
    :raises KeyboardInterrupt: after everything under way was stopped
    """
    options = options or TransferOptions()
    if options.executor and options.executor != "threads":
        raise UsageError("uploads run on this machine alone: the files are here", hint="Leave --executor out.")
    return Upload(target, options, progress, session, on_result, expected).run(items)


class Upload:
    """One run of :func:`upload`."""

    def __init__(
        self,
        target: S3Target,
        options: TransferOptions,
        progress: Any = None,
        session: Any = None,
        on_result: OnUploaded | None = None,
        expected: tuple[int, int] | None = None,
    ) -> None:
        self.options = options
        self.report = Report()
        self.cancel = Cancel()
        self._on_result = on_result
        self._expected = expected
        self._watch, self._shown = watch("upload", options, progress, expected)
        self._lock = threading.Lock()
        settings = Settings(options, session)
        self._wire = settings.wire(options, self.cancel)
        context = UploadContext(
            options,
            target,
            self._wire,
            Gates(),
            self.cancel,
            RateLimit(options.limit_rate),
            self._moved,
            self._resumed,
            lambda: self._lane.large_pending,
        )
        self._target = target
        self._sender = Sender(context)
        limit = options.connections or _MAX_THREADS
        self._lane: Lane[tuple[UploadItem, int]] = Lane(
            self._work, limit, min(limit, options.connections or _MAX_LARGE), fixed=options.connections is not None
        )
        self._fast: FastUploads | None = None
        self._settings = settings
        self._context = context

    def run(self, items: Iterable[UploadItem]) -> Report:
        """Do it."""
        started = time.monotonic()
        check_report(self.options.report)
        if not self.options.dry_run:
            self._fast = self._fast_lane()
        try:
            self._pump(iter(items))
        except BaseException:
            self._stop()
            raise
        finally:
            if self._fast is not None:
                self._fast.drop()
            self._lane.close()
            self._wire.close()
            self.report.seconds = time.monotonic() - started
            if self.options.dry_run:
                self.report.plan = {
                    "files": self.report.counts["would-upload"],
                    "bytes": self.report.sizes["would-upload"],
                }
            if self._shown is not None:
                self._shown.close()
            if self.options.report is not None:
                self.report.write(self.options.report)
        return self.report

    def _fast_lane(self) -> FastUploads | None:
        """libcurl's lane, where there is libcurl."""
        from hca_base.transfer._upload._small import MOST, FastUploads

        loop = self._settings.curl(self.options, self._context.gates, max_size=1 << 20, most=MOST, with_headers=True)
        if loop is None:
            return None
        return FastUploads(self._context, loop, self._finish, self._careful, self.options.connections)

    def _careful(self, item: UploadItem, attempts: int) -> None:
        self._lane.submit((item, attempts), False)

    def _stop(self) -> None:
        self.cancel.set()
        if self._fast is not None:
            for item in self._fast.drop():
                self._cancelled(item)
            self._fast = None
        for item, _ in self._lane.drop_waiting():
            self._cancelled(item)
        self._wire.abort()

    def _cancelled(self, item: UploadItem) -> None:
        error = TransferError("the run was ended before its turn")
        self._finish(item, Result(Row(str(item.path), "cancelled", 0, 0.0, 0, "", str(error), "", item.tag), error))

    def _pump(self, items: Iterator[UploadItem]) -> None:
        more = True
        stopped = False
        while True:
            if self.cancel.is_set():
                if not stopped:
                    stopped = True
                    self._stop()
                more = False
            while more and not self.cancel.is_set() and self._room():
                try:
                    item = next(items)
                except StopIteration:
                    more = False
                    break
                self._admit(item)
            fast = self._fast
            if fast is not None and fast.pending:
                fast.step(0.02 if self._lane.pending else 0.2)
                self._lane.wait(0)
            elif self._lane.pending:
                self._lane.wait(0.1)
            elif not more:
                return

    def _room(self) -> bool:
        return self._lane.pending < _QUEUE and (self._fast is None or self._fast.pending < _QUEUE)

    def _admit(self, item: UploadItem) -> None:
        import os
        import stat

        try:
            status = os.stat(item.path)
            size = status.st_size
            # Of a pipe neither size nor bytes are known before somebody writes to it, if anybody ever does.
            what = None if stat.S_ISREG(status.st_mode) else "it is no regular file"
        except OSError as error:
            what = error.strerror or str(error)
        if what is not None:
            told = TransferError(f"cannot read {item.path}: {what}")
            self._finish(item, Result(Row(str(item.path), "failed", 0, 0.0, 0, "", str(told), "", item.tag), told))
            return
        if self.options.dry_run:
            where = f"s3://{item.bucket or self._target.bucket}/{item.key}"
            self._finish(item, Result(Row(str(item.path), "would-upload", size, 0.0, 0, "", "", where, item.tag)))
            return
        if self._fast is not None and size <= SMALL_FILE:
            self._fast.submit(item)
        else:
            self._lane.submit((item, 0), size > IN_MEMORY)

    def _work(self, task: tuple[UploadItem, int]) -> None:
        item, attempts = task
        try:
            result = self._sender.run(item, attempts)
        except Exception as error:
            import logging

            logging.getLogger("hca.transfer").debug("unexpected", exc_info=True)
            told = HCAError(f"{type(error).__name__}: {error}")
            result = Result(Row(str(item.path), "failed", 0, 0.0, 0, "", str(told), "", item.tag), told)
        self._finish(item, result)

    def _finish(self, item: UploadItem, result: Result) -> None:
        row = result.row
        with self._lock:
            self.report.add(row, result.error)
            if self._watch is not None:
                self._watch.done(item, row)
            if self._on_result is not None:
                self._on_result(item, row)
        if not row.good and row.outcome != "cancelled" and self.options.fail_fast:
            self.cancel.set()

    def _moved(self, item: UploadItem, count: int) -> None:
        if self._watch is not None:
            self._watch.moved(item, count)

    def _resumed(self, item: UploadItem, count: int) -> None:
        if self._watch is not None:
            self._watch.resumed(item, count)
