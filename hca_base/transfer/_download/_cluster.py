"""Downloads on a Dask cluster: the same items, spread over its workers.

The driver (the process that runs the command) hands out batches of items; a worker fetches a batch with the same
engine, straight to the destination, which must be a directory that all machines share or an object store. A task may
run twice (Dask reruns the tasks of a lost worker), which is harmless because files appear atomically.

All workers share one connection budget per host: a semaphore at the scheduler counts open connections, and a variable
there holds the end of the pause that a host asked for.

The driver obtains credentials and sends them with the items, only as headers for the source's own host. If they expire
before a worker uses them, the item returns to the driver, which sends it out again with new ones.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from hca_base.errors import ExitCode, HCAError, TransferError, UnreachableError, UsageError, VerificationError
from hca_base.transfer._download._context import sources_of
from hca_base.transfer._model import Item, Source, TransferOptions
from hca_base.transfer._report import Report, Result, Row, cancelled, check_report
from hca_base.transfer._store._filestore import FileStore
from hca_base.transfer._store._interface import Destination, destination_of
from hca_base.transfer._watchers import make_reporter

#: A batch ends when either limit is reached.
BATCH_FILES = 64
BATCH_BYTES = 64 * 1024 * 1024
#: Connections per task, and the default for all tasks together.
_PER_TASK = 8
_TOGETHER = 64
_EXPIRED = frozenset({int(ExitCode.AUTH), int(ExitCode.NOT_FOUND)})
_RENEWALS = 2


def address_of(executor: str) -> str:
    """The scheduler's address for Dask, from ``dask://HOST:PORT``.

    :raises UsageError: the address is not valid
    """
    parts = urlsplit(executor)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != "dask" or not parts.hostname or port is None or parts.path.strip("/"):
        raise UsageError(f"{executor!r} is not a valid Dask address", hint="use dask://HOST:PORT")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"tcp://{host}:{port}"


def download_on_cluster(
    items: Iterable[Item],
    destination: Destination | FileStore,
    options: TransferOptions,
    progress: Any = None,
    session: Any = None,
    on_result: Callable[[Item, Row], None] | None = None,
    expected: tuple[int, int] | None = None,
) -> Report:
    """See :func:`hca_base.transfer.download`.

    :raises UsageError: the executor is unknown, or Dask is not installed
    :raises UnreachableError: no scheduler responds at the address
    """
    address = address_of(options.executor or "")
    check_report(options.report)
    if options.dry_run:
        from hca_base.transfer._download._scheduler import Download

        # A dry run fetches nothing, so workers would not help.
        return Download(destination, options, progress, session, on_result, expected).run(items)
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError(
            "a Dask cluster requires the package distributed", hint="pip install 'hca-base[dask]'"
        ) from error
    try:
        client = Client(address, timeout=options.connect_timeout)
    except (OSError, TimeoutError) as error:
        raise UnreachableError(f"no Dask scheduler at {address}: {error}") from error
    with client:
        return Cluster(client, destination, options, progress, on_result, expected).run(items)


class Cluster:
    """One run of a download on a cluster."""

    def __init__(
        self,
        client: Any,
        destination: Destination | FileStore,
        options: TransferOptions,
        progress: Any,
        on_result: Callable[[Item, Row], None] | None,
        expected: tuple[int, int] | None,
    ) -> None:
        self.client = client
        self.options = options
        self.destination = destination_of(destination, options.fsync)
        self.report = Report()
        self._on_result = on_result
        self._reporter, self._own_progress = make_reporter("download", options, progress, expected)
        self._renewals: dict[int, int] = {}
        self._stop = False
        together = max(1, (options.connections or _TOGETHER) // _PER_TASK)
        # Options for workers: progress, report file and executor belong to the driver.
        self._worker_options = dataclasses.replace(
            options,
            executor=None,
            progress="none",
            report=None,
            connections=min(options.connections or _PER_TASK, _PER_TASK),
            limit_rate=max(1, options.limit_rate // together) if options.limit_rate else None,
        )
        self._budget = (f"hca-{time.time_ns():x}", together)

    def run(self, items: Iterable[Item]) -> Report:
        """Download all items and return the report."""
        from concurrent.futures import FIRST_COMPLETED, wait

        started = time.monotonic()
        from distributed import Variable

        executor = self.client.get_executor(pure=False, retries=3)
        pauses = Variable(self._budget[0], client=self.client)
        pauses.set({})
        threads = sum(self.client.nthreads().values()) or 1
        batches = self._batches(iter(items))
        under_way: dict[Any, list[Item]] = {}
        again: list[Item] = []
        more = True
        try:
            while True:
                while (more or again) and not self._stop and len(under_way) < 3 * threads:
                    batch = again[:BATCH_FILES] if again else next(batches, None)
                    del again[:BATCH_FILES]
                    if batch is None:
                        more = False
                        break
                    under_way[self._submit(executor, batch)] = batch
                if not under_way:
                    break
                done, _ = wait(under_way, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in done:
                    again += self._collect(under_way.pop(future), future)
        finally:
            for future in under_way:
                future.cancel()
            executor.shutdown(wait=False)
            pauses.delete()
            for batch in under_way.values():
                for item in batch:
                    self._record(item, cancelled(item.name, item.key, "the run ended"))
            self.report.seconds = time.monotonic() - started
            if self._own_progress is not None:
                self._own_progress.close()
            if self.options.report is not None:
                self.report.write(self.options.report)
        return self.report

    def _batches(self, items: Iterator[Item]) -> Iterator[list[Item]]:
        batch: list[Item] = []
        size = 0
        for item in items:
            try:
                # Only the driver sees all names, so collisions are checked here.
                self.destination.check(item, item.expected_sha256())
            except HCAError as error:
                self._record(item, Result.failed(item.name, "refused", error, key=item.key))
                continue
            batch.append(item)
            size += item.size or 0
            if len(batch) >= BATCH_FILES or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _submit(self, executor: Any, batch: list[Item]) -> Any:
        plain = [_portable(item, number) for number, item in enumerate(batch)]
        return executor.submit(fetch_batch, plain, self.destination, self._worker_options, self._budget)

    def _collect(self, batch: list[Item], future: Any) -> list[Item]:
        """Record a batch's rows; return the items to send out again."""
        try:
            rows = future.result()
        except Exception as error:  # noqa: BLE001 - whatever the cluster says, these files were not fetched
            failure = TransferError(f"the cluster failed: {type(error).__name__}: {' '.join(str(error).split())[:300]}")
            for item in batch:
                self._record(item, Result.failed(item.name, "failed", failure, key=item.key))
            return []
        again = []
        unreported = set(range(len(batch)))
        for values, failed in rows:
            row = Row(*values)
            unreported.discard(row.key)
            item = batch[row.key]
            if failed is not None and failed.exit_code in _EXPIRED and self._renew(item):
                again.append(item)
                continue
            self._record(item, Result(row._replace(key=item.key), None if failed is None else failed.error()))
        for number in sorted(unreported):
            # The worker stopped before these items: at the first failure, or because its disk is full.
            item = batch[number]
            self._record(item, cancelled(item.name, item.key, "the run ended"))
        return again

    def _renew(self, item: Item) -> bool:
        """Return True if a retry with new credentials or a new address may succeed."""
        source = sources_of(item)[0]
        known = self._renewals.get(id(item), 0)
        if known >= _RENEWALS:
            return False
        self._renewals[id(item)] = known + 1
        if callable(source):
            return True
        return source.on_unauthorized is not None and source.on_unauthorized(source.url)

    def _record(self, item: Item, result: Result) -> None:
        self._renewals.pop(id(item), None)
        row = result.row
        self.report.add(row, result.error)
        if self._reporter is not None:
            self._reporter.done(item, row)
        if self._on_result is not None:
            self._on_result(item, row)
        if not row.good and row.outcome != "cancelled" and self.options.fail_fast:
            self._stop = True


def _portable(item: Item, number: int) -> Item:
    """Return a picklable item: plain sources, with the current headers."""
    sources = []
    for source in sources_of(item):
        now = source() if callable(source) else source
        sources.append(Source(now.url, dict(now.headers_now()), now.redirects, now.expires, path=now.path))
    return Item(item.name, item.size, dict(item.checksums), sources if len(sources) > 1 else sources[0], number)


class Failure(NamedTuple):
    """An error in picklable form, because exceptions of libraries may not pickle."""

    exit_code: int
    message: str
    hint: str | None

    def error(self) -> HCAError:
        """Return the error as an exception."""
        if self.exit_code == int(ExitCode.VERIFICATION):
            return VerificationError(self.message, hint=self.hint)
        return TransferError(self.message, exit_code=ExitCode(self.exit_code), hint=self.hint)


class BatchRow(NamedTuple):
    """A row's values, and the error of a file that failed."""

    values: tuple[Any, ...]
    failure: Failure | None


def fetch_batch(
    items: list[Item], destination: Destination, options: TransferOptions, budget: tuple[str, int]
) -> list[BatchRow]:
    """Fetch a batch; this is what a worker runs."""
    from distributed import Semaphore, get_client

    from hca_base.transfer._download._scheduler import Download
    from hca_base.transfer._download._shared_limiters import SharedLimiters

    name, together = budget
    rows: list[BatchRow] = []

    def observe(row: Row, error: HCAError | None) -> None:
        failure = None if error is None else Failure(int(error.exit_code), error.message, error.hint)
        rows.append(BatchRow(tuple(row), failure))

    with Semaphore(max_leases=together, name=name):
        limiters = SharedLimiters(name, get_client())
        Download(destination, options, limiters=limiters, observe=observe).run(items)
    return rows
