"""Downloads on a Dask cluster: the same items, spread over its workers.

The driver (the process that runs the command) hands out batches of items; a worker fetches a batch with the same
engine, straight to the destination, which must be a directory that all machines share or an object store. A task may
run twice (Dask repeats what a lost worker was doing), which does no harm: files appear atomically.

All workers together keep one budget for each host: a semaphore at the scheduler counts the connections that are open,
and a variable there tells everybody when a host that asked for a pause may be asked again.

Credentials are asked for by the driver and travel with the items, only as headers for the source's own host; where they
lapse on the way, the item comes back and is handed out again with new ones.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from hca_base.errors import ExitCode, HCAError, TransferError, UnreachableError, UsageError
from hca_base.transfer._download._fetch import expected_sha256
from hca_base.transfer._download._locate import sources_of
from hca_base.transfer._model import Item, Source, TransferOptions
from hca_base.transfer._network._limits import Gates, HostGate
from hca_base.transfer._report import Report, Row, check_report
from hca_base.transfer._store._destination import Destination, destination_of
from hca_base.transfer._store._filestore import FileStore
from hca_base.transfer._watchers import watch

#: A batch ends with either.
BATCH_FILES = 64
BATCH_BYTES = 64 * 1024 * 1024
#: Connections of one task, and of all together when the user does not say.
_PER_TASK = 8
_TOGETHER = 64
_LAPSED = frozenset({int(ExitCode.AUTH), int(ExitCode.NOT_FOUND)})
_RENEWALS = 2


def address_of(executor: str) -> str:
    """The scheduler's address for Dask, from ``dask://HOST:PORT``.

    :raises UsageError: it is none
    """
    parts = urlsplit(executor)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != "dask" or not parts.hostname or port is None or parts.path.strip("/"):
        raise UsageError(f"no executor {executor!r}; there are threads, and dask://HOST:PORT")
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

    :raises UsageError: no such executor, or Dask is not installed
    :raises UnreachableError: no scheduler there
    """
    address = address_of(options.executor or "")
    check_report(options.report)
    if options.dry_run:
        from hca_base.transfer._download._scheduler import Download

        # Nothing is fetched: there is nothing to spread.
        return Download(destination, options, progress, session, on_result, expected).run(items)
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError("a Dask cluster needs the package distributed", hint="pip install 'hca-base[dask]'") from error
    try:
        client = Client(address, timeout=options.connect_timeout)
    except (OSError, TimeoutError) as error:
        raise UnreachableError(f"no Dask scheduler at {address}: {error}") from error
    with client:
        return Cluster(client, destination, options, progress, on_result, expected).run(items)


class Cluster:
    """One run."""

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
        self._watch, self._shown = watch("download", options, progress, expected)
        self._renewals: dict[int, int] = {}
        self._stop = False
        together = max(1, (options.connections or _TOGETHER) // _PER_TASK)
        # What a worker gets: no display, no report file, no cluster of its own.
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
        """Do it."""
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
                    self._tell(
                        item, Row(item.name, "cancelled", 0, 0.0, 0, "", "the run was ended", "", item.key), None
                    )
            self.report.seconds = time.monotonic() - started
            if self._shown is not None:
                self._shown.close()
            if self.options.report is not None:
                self.report.write(self.options.report)
        return self.report

    def _batches(self, items: Iterator[Item]) -> Iterator[list[Item]]:
        batch: list[Item] = []
        size = 0
        for item in items:
            try:
                # Names are checked here, where all of them come by.
                self.destination.check(item, expected_sha256(item))
            except HCAError as error:
                self._tell(item, Row(item.name, "refused", 0, 0.0, 0, "", str(error), "", item.key), error)
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
        """Take a batch's rows; the items to hand out again."""
        try:
            rows = future.result()
        except Exception as error:  # noqa: BLE001 - whatever the cluster says, these files were not fetched
            told = TransferError(f"the cluster failed: {type(error).__name__}: {' '.join(str(error).split())[:300]}")
            for item in batch:
                self._tell(item, Row(item.name, "failed", 0, 0.0, 0, "", str(told), "", item.key), told)
            return []
        again = []
        untold = set(range(len(batch)))
        for values, failure in rows:
            row = Row(*values)
            untold.discard(row.key)
            item = batch[row.key]
            row = row._replace(key=item.key)
            told_error: HCAError | None = None
            if failure is not None:
                code, message, hint = failure
                if code in _LAPSED and self._renew(item):
                    again.append(item)
                    continue
                told_error = _told(code, message, hint)
            self._tell(item, row, told_error)
        for number in sorted(untold):
            # The worker stopped before it came to these: at the first failure, or with its disk full.
            item = batch[number]
            self._tell(item, Row(item.name, "cancelled", 0, 0.0, 0, "", "the run was ended", "", item.key), None)
        return again

    def _renew(self, item: Item) -> bool:
        """Whether new credentials, or a new address, are worth another try."""
        source = sources_of(item)[0]
        known = self._renewals.get(id(item), 0)
        if known >= _RENEWALS:
            return False
        self._renewals[id(item)] = known + 1
        if callable(source):
            return True
        return source.on_unauthorized is not None and source.on_unauthorized(source.url)

    def _tell(self, item: Item, row: Row, error: HCAError | None) -> None:
        self._renewals.pop(id(item), None)
        self.report.add(row, error)
        if self._watch is not None:
            self._watch.done(item, row)
        if self._on_result is not None:
            self._on_result(item, row)
        if not row.good and row.outcome != "cancelled" and self.options.fail_fast:
            self._stop = True


def _portable(item: Item, number: int) -> Item:
    """An item that can travel: plain sources, with the headers that hold now."""
    sources = []
    for source in sources_of(item):
        now = source() if callable(source) else source
        sources.append(Source(now.url, dict(now.headers_now()), now.redirects, now.expires, path=now.path))
    return Item(item.name, item.size, dict(item.checksums), sources if len(sources) > 1 else sources[0], number)


def _told(code: int, message: str, hint: str | None) -> HCAError:
    from hca_base.errors import VerificationError

    if code == int(ExitCode.VERIFICATION):
        return VerificationError(message, hint=hint)
    return TransferError(message, exit_code=ExitCode(code), hint=hint)


Failure = tuple[int, str, str | None]


def fetch_batch(
    items: list[Item], destination: Destination, options: TransferOptions, budget: tuple[str, int]
) -> list[tuple[tuple[Any, ...], Failure | None]]:
    """What a worker does: fetch a batch; rows, each with exit code, message and hint of its error."""
    from distributed import Semaphore, get_client

    from hca_base.transfer._download._scheduler import Download

    name, together = budget
    rows: list[tuple[tuple[Any, ...], Failure | None]] = []

    def observe(row: Row, error: HCAError | None) -> None:
        rows.append((tuple(row), None if error is None else (int(error.exit_code), error.message, error.hint)))

    with Semaphore(max_leases=together, name=name):
        gates = SharedGates(name, get_client())
        Download(destination, options, gates=gates, observe=observe).run(items)
    return rows


class SharedGates(Gates):
    """Gates that all workers of a run share, through one variable at the scheduler.

    :param name: of the variable, which the driver made: host and port to the Unix time of the end of the pause
    """

    #: Seconds between two looks at what others were told.
    LOOK_EVERY = 1.0

    def __init__(self, name: str, client: Any) -> None:
        from distributed import Variable

        super().__init__()
        self._variable = Variable(name, client=client)
        self._looked = 0.0
        self._pauses: dict[str, float] = {}

    def of(self, host: str, port: int) -> HostGate:
        """The gate of one host and port."""
        gate = self._gates.get((host, port))
        if gate is None:
            with self._lock:
                gate = self._gates.setdefault((host, port), SharedGate(self, f"{host} {port}"))
        return gate

    def pause_of(self, host: str) -> float:
        """Unix time until which a host is to be left alone."""
        now = time.monotonic()
        if now - self._looked >= self.LOOK_EVERY:
            self._looked = now
            try:
                self._pauses = self._variable.get(timeout=2)
            except Exception:  # noqa: BLE001 - the scheduler is busy; the host itself tells, then
                pass
        return self._pauses.get(host, 0.0)

    def tell(self, host: str, until: float) -> None:
        """Tell all workers."""
        try:
            self._pauses = {**self._variable.get(timeout=2), host: until}
            self._variable.set(self._pauses)
        except Exception:  # noqa: BLE001 - the host itself tells the others, then
            pass


class SharedGate(HostGate):
    """A gate that hears of the pauses that others were asked for, and tells its own."""

    def __init__(self, gates: SharedGates, host: str) -> None:
        super().__init__()
        self._gates = gates
        self._host = host

    def try_enter(self) -> float:
        """See :class:`HostGate`."""
        wait = self._gates.pause_of(self._host) - time.time()
        return wait if wait > 0 else super().try_enter()

    def throttled(self, retry_after: float | None) -> None:
        """See :class:`HostGate`."""
        super().throttled(retry_after)
        self._gates.tell(self._host, time.time() + (1.0 if retry_after is None else retry_after))
