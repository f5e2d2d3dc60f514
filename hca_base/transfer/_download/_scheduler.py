"""The run of a download: decides what each item needs, and hands it to libcurl or to the threads."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from hca_base.errors import HCAError, RefusedError, UsageError
from hca_base.http import WaitNotes
from hca_base.transfer._download._context import Context
from hca_base.transfer._download._fetch import FetchTask, fetch
from hca_base.transfer._model import JOURNAL_FROM, SMALL_FILE, Item, Source, TransferOptions
from hca_base.transfer._network._limits import HostLimiters
from hca_base.transfer._network._redirect_checks import RedirectChecker
from hca_base.transfer._network._settings import curl_loop
from hca_base.transfer._report import Result, Row, cancelled
from hca_base.transfer._run import TransferRun
from hca_base.transfer._store._disk import DiskError, disk_error, free_bytes, room_in_words
from hca_base.transfer._store._filestore import FileStore
from hca_base.transfer._store._interface import Destination, StoreDestination

_SHA256 = re.compile(r"[0-9a-f]{64}")
#: Maximum number of items that wait for a thread or a connection, so that memory use is constant.
_QUEUE_SMALL = 512
_QUEUE_LARGE = 32
#: Maximum number of items that wait for another item with the same content.
_MAX_PARKED = 10_000
#: Check the free space again after this many bytes …
_CHECK_DISK_EVERY = 64 * 1024 * 1024
#: … and treat the disk as full if less than this is free beyond the reserve.
_MIN_FREE = 4 * 1024 * 1024
#: More threads than this only wait for the interpreter lock.
_MAX_THREADS = 64
#: More connections than this were no faster on the fastest server measured, and cost it memory.
_MAX_CONNECTIONS = 128
#: Connections for one large file: more were no faster at 80 ms round trips, and servers are shared.
_MAX_RECEIVERS = 16
#: Large files at once; each may use several connections.
_MAX_LARGE = 8
_UNVERIFIED = "checksums are NOT verified (--no-verify): damaged or replaced files will not be detected"

OnResult = Callable[[Item, Row], None]


class Download(TransferRun[Item, FetchTask]):
    """One run of :func:`hca_base.transfer.download`.

    :param observe: called with every row and its error, as ``on_result`` is with the item
    """

    def __init__(
        self,
        destination: Destination | FileStore,
        options: TransferOptions,
        progress: Any = None,
        session: Any = None,
        on_result: OnResult | None = None,
        expected: tuple[int, int] | None = None,
        limiters: HostLimiters | None = None,
        observe: Callable[[Row, HCAError | None], None] | None = None,
    ) -> None:
        super().__init__(
            "download", options, progress=progress, session=session, on_result=on_result, expected=expected,
            limiters=limiters, max_threads=_MAX_THREADS, max_large=_MAX_LARGE,
        )  # fmt: skip
        self.destination = (
            StoreDestination(destination, options.fsync) if isinstance(destination, FileStore) else destination
        )
        self._observe = observe
        #: Items that wait for another item's content, by its key; and those that may continue now.
        self._parked: dict[str, list[Item]] = {}
        self._parked_count = 0
        self._released: list[Item] = []
        #: The item that fetches the content, by key.
        self._under_way: dict[str, Item] = {}
        self._bytes_since_disk_check = 0
        self._context = Context(
            options, self.connections, self.limiters, RedirectChecker(), self.cancel, self.destination, self.rate,
            self._moved, self._resumed, lambda: self._workers.large_pending > 1,
            max(1, min(options.connections or _MAX_RECEIVERS, self.descriptors // 32)),
            self._reporter is not None,
            WaitNotes(options.wait_budget) if options.progress == "auto" else None,
        )  # fmt: skip

    def _begin(self) -> None:
        if not self.options.verify:
            from hca_base.output import warn

            warn(_UNVERIFIED)
        if self.options.dry_run:
            return
        self._check_expected_room()
        self.destination.begin()
        most = self._max_connections(_MAX_CONNECTIONS)
        loop = curl_loop(self.settings, self.options, self.limiters, max_size=2 * SMALL_FILE, max_connections=most)
        if loop is not None:
            from hca_base.transfer._download._small import CurlDownloader

            self._curl = CurlDownloader(self._context, loop, self._finish, self._submit, most)

    def _end(self) -> None:
        for item in self._released:
            # These waited for the same content; every admitted item needs a row.
            left = cancelled(item.name, item.key)
            self.report.add(left.row, left.error)
        if not self.options.dry_run:
            self.destination.end()

    def _submit(self, item: Item, sha256: str | None, failures: int = 0, bad_digest: str | None = None) -> None:
        """Queue an item for the threads."""
        large = item.size is None or item.size > JOURNAL_FROM
        self._workers.submit(FetchTask(item, sha256, failures, bad_digest), large)

    def _room(self) -> int:
        workers, curl = self._workers, self._curl
        room = min(_QUEUE_SMALL - workers.small_pending, _QUEUE_LARGE - workers.large_pending)
        if curl is not None:
            room = min(room, _QUEUE_SMALL - curl.pending)
        return room if self._parked_count < _MAX_PARKED else 0

    def _is_waiting(self) -> bool:
        return bool(self._released)

    def _admit_waiting(self) -> None:
        while self._released and self._room() > 0:
            self._admit(self._released.pop())

    def _stop(self) -> None:
        super()._stop()
        while self._released:
            self._finish_cancelled(self._released.pop())

    def _admit(self, item: Item) -> None:
        sha256 = item.expected_sha256()
        key = sha256 or item.name
        try:
            _check_item(item, sha256)
            self.destination.check(item, sha256)
            if key in self._under_way and self._park(key, item):
                return
            found = self.destination.present(item, sha256, self.options.dry_run)
        except HCAError as error:
            self._refuse(item, error)
            return
        except OSError as error:
            self._refuse(item, disk_error(error, item.name))
            return
        if found is not None or self.options.dry_run:
            outcome, path = found or ("would-download", "")
            self._finish_at_once(
                item, Row(item.name, outcome, item.size or 0, 0.0, 0, sha256 or "", "", path, item.key)
            )
            return
        self._bytes_since_disk_check += item.size or 0
        if self._bytes_since_disk_check >= _CHECK_DISK_EVERY and not self._has_disk_room():
            self._refuse(item, DiskError(self._full_disk(item), fatal=True))
            return
        with self._lock:
            self._under_way[key] = item
        if self._curl is not None and item.size and item.size <= SMALL_FILE and not _is_local(item):
            self._curl.submit(item, sha256)  # type: ignore[attr-defined]
        else:
            self._submit(item, sha256)

    def _park(self, key: str, item: Item) -> bool:
        """Make an item wait for one with the same content; return False if that one has just finished."""
        with self._lock:
            if key not in self._under_way:
                return False
            self._parked.setdefault(key, []).append(item)
            self._parked_count += 1
            return True

    def _refuse(self, item: Item, error: HCAError) -> None:
        outcome = "refused" if isinstance(error, (RefusedError, UsageError)) else "failed"
        self._finish(item, Result.failed(item.name, outcome, error, key=item.key))

    def _finish_at_once(self, item: Item, row: Row) -> None:
        """Record an item that was never started: a fast :meth:`_finish`, for 100,000 of them."""
        with self._lock:
            self.report.add(row)
            if self._reporter is not None:
                self._reporter.done(item, row)
            if self._observe is not None:
                self._observe(row, None)
            if self._on_result is not None:
                self._on_result(item, row)

    def _execute(self, task: FetchTask) -> Result:
        return fetch(self._context, task)

    def _finished(self, item: Item, result: Result) -> None:
        key = item.expected_sha256() or item.name
        if self._under_way.get(key) is item:
            del self._under_way[key]
            released = self._parked.pop(key, ())
            self._parked_count -= len(released)
            self._released.extend(released)
        if self._observe is not None:
            self._observe(result.row, result.error)

    def _is_fatal(self, result: Result) -> bool:
        return isinstance(result.error, DiskError) and result.error.fatal

    def _item_of(self, task: FetchTask) -> Item:
        return task.item

    def _name_of(self, item: Item) -> str:
        return item.name

    def _key_of(self, item: Item) -> Any:
        return item.key

    def _check_expected_room(self) -> None:
        """Check that the disk has room for what is expected.

        :raises DiskError: the disk does not
        """
        disk = self.destination.disk
        if self._expected is None or disk is None:
            return
        free = free_bytes(disk)
        if free is None or self._expected[1] <= free - self.options.disk_reserve:
            return
        # Counting what is already downloaded is slow, so only do it now.
        need = self._expected[1] - self.destination.held_bytes()
        if need > free - self.options.disk_reserve:
            words = room_in_words(need, free, self.options.disk_reserve)
            raise DiskError(
                f"not enough space on {disk}: at least {words}",
                fatal=True,
                hint="free some space, or choose another disk with --filestore",
            )

    def _has_disk_room(self) -> bool:
        disk = self.destination.disk
        free = free_bytes(disk) if disk is not None else None
        self._bytes_since_disk_check = 0
        return free is None or free >= self.options.disk_reserve + _MIN_FREE

    def _full_disk(self, item: Item) -> str:
        free = free_bytes(self.destination.disk) if self.destination.disk is not None else None
        words = room_in_words(item.size or 0, free or 0, self.options.disk_reserve)
        return f"the disk is full, not enough space for {item.name}: {words}"

    def _plan(self) -> dict[str, int]:
        counts, sizes = self.report.counts, self.report.sizes
        plan = {
            "files": counts["would-download"],
            "bytes": sizes["would-download"],
            "present_files": counts["present"] + counts["would-link"],
            "present_bytes": sizes["present"] + sizes["would-link"],
        }
        disk = self.destination.disk
        free = free_bytes(disk) if disk is not None else None
        return plan if free is None else {**plan, "free_bytes": free}


def _check_item(item: Item, sha256: str | None) -> None:
    if item.size is not None and (not isinstance(item.size, int) or item.size < 0):
        raise UsageError(f"invalid size {item.size!r} for {item.name!r}")
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise RefusedError(f"invalid sha256 {sha256[:80]!r} for {item.name!r}")


def _is_local(item: Item) -> bool:
    source = item.source
    return not callable(source) and (not isinstance(source, Source) or source.path is not None)
