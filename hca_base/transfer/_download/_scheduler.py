"""The scheduler of downloads: items come in one by one, results go out one by one, little is kept in between."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from hca_base.errors import HCAError, RefusedError, TransferError, UsageError
from hca_base.transfer._download._fetch import Fetcher, Result, expected_sha256
from hca_base.transfer._download._locate import Context, Redirects
from hca_base.transfer._model import JOURNAL_FROM, SMALL_FILE, Item, Source, TransferOptions
from hca_base.transfer._network._limits import Cancel, Gates, RateLimit
from hca_base.transfer._network._settings import Settings
from hca_base.transfer._report import Report, Row, check_report
from hca_base.transfer._store._destination import Destination, destination_of
from hca_base.transfer._store._disk import DiskError, disk_error, free_bytes
from hca_base.transfer._store._filestore import FileStore
from hca_base.transfer._watchers import watch
from hca_base.transfer._workers import Lane

if TYPE_CHECKING:
    from hca_base.transfer._download._small import FastLane

_SHA256 = re.compile(r"[0-9a-f]{64}")
#: Items that wait for a thread, at most; memory stays flat however many there are.
_QUEUE_SMALL = 512
_QUEUE_LARGE = 32
#: Items that wait for another of the same content, at most.
_PARKED = 10_000
#: Free space is looked up again after this many bytes.
_LOOK_AT_DISK_EVERY = 64 * 1024 * 1024
_MAX_THREADS = 64
_MAX_LARGE = 8
_MAX_CONNECTIONS = 128

OnResult = Callable[[Item, Row], None]


class Download:
    """One run of :func:`hca_base.transfer.download`."""

    def __init__(
        self,
        destination: Destination | FileStore,
        options: TransferOptions,
        progress: Any = None,
        session: Any = None,
        on_result: OnResult | None = None,
        expected: tuple[int, int] | None = None,
        gates: Gates | None = None,
        observe: Callable[[Row, HCAError | None], None] | None = None,
    ) -> None:
        self.options = options
        self._observe = observe
        self.destination = destination_of(destination, options.fsync)
        self.report = Report()
        self.cancel = Cancel()
        self._on_result = on_result
        self._expected = expected
        self._watch, self._shown = watch("download", options, progress, expected)
        self._lock = threading.Lock()
        self._parked: dict[str, list[Item]] = {}
        self._parked_count = 0
        self._again: list[Item] = []
        self._under_way: set[str] = set()
        self._promised = 0
        settings = Settings(options, session)
        self._wire = settings.wire(options, self.cancel)
        self._context = Context(options, self._wire, gates or Gates(), Redirects(), self.cancel)
        self._fetcher = Fetcher(
            self._context,
            self.destination,
            RateLimit(options.limit_rate),
            self._moved,
            self._resumed,
            lambda: self._lane.large_pending > 1,
        )
        limit = options.connections or _MAX_THREADS
        self._lane: Lane[tuple[Item, str | None, int, str | None]] = Lane(
            self._work, limit, min(limit, options.connections or _MAX_LARGE), fixed=options.connections is not None
        )
        self._settings = settings
        self._fetcher.shows_progress = self._watch is not None
        self._fast: FastLane | None = None

    # -- the run -------------------------------------------------------------------------------------------------

    def run(self, items: Iterable[Item]) -> Report:
        """Do it."""
        started = time.monotonic()
        check_report(self.options.report)
        if not self.options.verify:
            _say_unverified()
        if not self.options.dry_run:
            self._check_room()
            self.destination.begin()
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
            for item in self._again:
                # It waited for another of the same content; a report lacks nothing that was taken on.
                left = _cancelled(item)
                self.report.add(left.row, left.error)
            self._wire.close()
            if not self.options.dry_run:
                self.destination.end()
            self.report.seconds = time.monotonic() - started
            if self.options.dry_run:
                self._plan()
            if self._shown is not None:
                self._shown.close()
            if self.options.report is not None:
                self.report.write(self.options.report)
        return self.report

    def _fast_lane(self) -> FastLane | None:
        """libcurl's lane, where there is libcurl."""
        loop = self._settings.curl(self.options, self._context.gates, max_size=2 * SMALL_FILE, most=_MAX_CONNECTIONS)
        if loop is None:
            return None
        from hca_base.transfer._download._small import FastLane

        return FastLane(self._fetcher, loop, self._finish, self._submit, self.options.connections)

    def _submit(self, item: Item, sha256: str | None, failures: int, wrong: str | None = None) -> None:
        """Hand an item to the threads."""
        self._lane.submit((item, sha256, failures, wrong), item.size is None or item.size > JOURNAL_FROM)

    def _stop(self) -> None:
        self.cancel.set()
        if self._fast is not None:
            for item in self._fast.drop():
                self._finish(item, _cancelled(item))
            self._fast = None
        for item, _, _, _ in self._lane.drop_waiting():
            self._finish(item, _cancelled(item))
        self._wire.abort()

    def _pump(self, items: Iterator[Item]) -> None:
        more = True
        stopped = False
        while True:
            if self.cancel.is_set():
                if not stopped:
                    stopped = True
                    self._stop()
                more = False
                while self._again:
                    item = self._again.pop()
                    self._finish(item, _cancelled(item))
            while self._again and self._room() > 0:
                self._admit(self._again.pop())
            if more:
                for _ in range(self._room()):
                    try:
                        item = next(items)
                    except StopIteration:
                        more = False
                        break
                    self._admit(item)
                    if self.cancel.is_set():
                        break
            fast = self._fast
            if fast is not None and fast.pending:
                # Threads finish on their own; the wait is short only while something waits for them.
                fast.step(0.02 if self._lane.pending else 0.2)
                self._lane.wait(0)
            elif self._lane.pending:
                self._lane.wait(0.1)
            elif not more and not self._again:
                return

    def _room(self) -> int:
        """How many items may be taken on, whichever queue they go to."""
        lane, fast = self._lane, self._fast
        room = min(_QUEUE_SMALL - lane.small_pending, _QUEUE_LARGE - lane.large_pending)
        if fast is not None:
            room = min(room, _QUEUE_SMALL - fast.pending)
        return room if self._parked_count < _PARKED else 0

    # -- one item ------------------------------------------------------------------------------------------------

    def _admit(self, item: Item) -> None:
        """Decide what an item needs; everything but the fetching itself is done here."""
        sha256 = expected_sha256(item)
        key = sha256 or item.name
        try:
            _check_item(item, sha256)
            self.destination.check(item, sha256)
            if self._is_under_way(key, item):
                return
            found = self.destination.present(item, sha256, self.options.dry_run)
        except HCAError as error:
            self._refuse(item, error)
            return
        except OSError as error:
            self._refuse(item, disk_error(error, item.name))
            return
        if found is not None:
            outcome, path = found
            row = Row(item.name, outcome, item.size or 0, 0.0, 0, sha256 or "", "", path, item.key)
            self._finish(item, Result(row), fetched=False)
            return
        if self.options.dry_run:
            row = Row(item.name, "would-download", item.size or 0, 0.0, 0, sha256 or "", "", "", item.key)
            self._finish(item, Result(row), fetched=False)
            return
        self._promised += item.size or 0
        if self._promised >= _LOOK_AT_DISK_EVERY and not self._still_room():
            self._refuse(item, DiskError(f"the disk is full: no room for {item.name}", fatal=True))
            return
        with self._lock:
            self._under_way.add(key)
        if self._fast is not None and item.size and item.size <= SMALL_FILE and not _is_local(item):
            self._fast.submit(item, sha256)
        else:
            self._submit(item, sha256, 0)

    def _is_under_way(self, key: str, item: Item) -> bool:
        """Park an item whose content another item is bringing."""
        with self._lock:
            if key in self._under_way:
                self._parked.setdefault(key, []).append(item)
                self._parked_count += 1
                return True
            return False

    def _refuse(self, item: Item, error: HCAError) -> None:
        outcome = "refused" if isinstance(error, (RefusedError, UsageError)) else "failed"
        self._finish(
            item, Result(Row(item.name, outcome, 0, 0.0, 0, "", str(error), "", item.key), error), fetched=False
        )

    def _work(self, task: tuple[Item, str | None, int, str | None]) -> None:
        item, sha256, failures, wrong = task
        try:
            result = self._fetcher.run(item, sha256, failures, wrong)
        except Exception as error:
            import logging

            logging.getLogger("hca.transfer").debug("unexpected", exc_info=True)
            told = HCAError(f"{type(error).__name__}: {error}")
            result = Result(Row(item.name, "failed", 0, 0.0, 0, "", str(told), "", item.key), told)
        self._finish(item, result)

    def _finish(self, item: Item, result: Result, fetched: bool = True) -> None:
        """An item is done: tell everybody, and let those go on that waited for the same content.

        :param fetched: it was under way, not decided at once
        """
        row, error = result.row, result.error
        key = expected_sha256(item) or item.name
        with self._lock:
            self.report.add(row, error)
            if self._watch is not None:
                self._watch.done(item, row)
            if fetched:
                self._under_way.discard(key)
                released = self._parked.pop(key, ())
                self._parked_count -= len(released)
                self._again.extend(released)
            if self._on_result is not None:
                self._on_result(item, row)
            if self._observe is not None:
                self._observe(row, error)
        if row.good or row.outcome == "cancelled":
            return
        if self.options.fail_fast or (isinstance(error, DiskError) and error.fatal):
            self.cancel.set()

    # -- bytes ---------------------------------------------------------------------------------------------------

    def _moved(self, item: Item, count: int) -> None:
        if self._watch is not None:
            self._watch.moved(item, count)

    def _resumed(self, item: Item, count: int) -> None:
        if self._watch is not None:
            self._watch.resumed(item, count)

    def _check_room(self) -> None:
        disk = self.destination.disk
        if self._expected is None or disk is None:
            return
        free = free_bytes(disk)
        if free is None or self._expected[1] <= free - self.options.disk_reserve:
            return
        # Only now is it worth looking how much of it is there already.
        need = self._expected[1] - self.destination.held_bytes()
        if need > free - self.options.disk_reserve:
            raise DiskError(
                f"at least {need:,} bytes are to be downloaded to {disk}, and {free:,} are free",
                fatal=True,
                hint="Free some space, or name another disk with --filestore.",
            )

    def _plan(self) -> None:
        """What a dry run found out."""
        counts, sizes = self.report.counts, self.report.sizes
        disk = self.destination.disk
        free = free_bytes(disk) if disk is not None else None
        self.report.plan = {
            "files": counts["would-download"],
            "bytes": sizes["would-download"],
            "present_files": counts["present"] + counts["would-link"],
            "present_bytes": sizes["present"] + sizes["would-link"],
        }
        if free is not None:
            self.report.plan["free_bytes"] = free

    def _still_room(self) -> bool:
        disk = self.destination.disk
        free = free_bytes(disk) if disk is not None else None
        self._promised = 0
        return free is None or free >= self.options.disk_reserve + _LOOK_AT_DISK_EVERY // 16


def _check_item(item: Item, sha256: str | None) -> None:
    if item.size is not None and (not isinstance(item.size, int) or item.size < 0):
        raise UsageError(f"{item.name!r} has the size {item.size!r}, which is none")
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise RefusedError(f"{item.name!r} has the sha256 {sha256[:80]!r}, which is none")


def _is_local(item: Item) -> bool:
    source = item.source
    return not callable(source) and (not isinstance(source, Source) or source.path is not None)


def _cancelled(item: Item) -> Result:
    error = TransferError("the run was ended before its turn")
    return Result(Row(item.name, "cancelled", 0, 0.0, 0, "", str(error), "", item.key), error)


def _say_unverified() -> None:
    import logging
    import sys

    told = "checksums are NOT compared (--no-verify): damaged or exchanged files will not be noticed"
    try:
        from hca_base.output import warn

        warn(told)
    except (ImportError, AttributeError):
        logging.getLogger("hca.transfer").warning(told)
        sys.stderr.write(f"hca: warning: {told}\n")
