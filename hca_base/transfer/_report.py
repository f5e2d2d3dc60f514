"""The outcome of each file of a run, kept in bounded memory."""

from __future__ import annotations

import os
import pickle
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from hca_base.errors import ExitCode, HCAError, TransferError, UsageError, VerificationError

if TYPE_CHECKING:
    import pandas

#: Outcomes that count as success.
GOOD = frozenset(
    {
        "downloaded",
        "present",
        "linked",
        "uploaded",
        "would-download",
        "would-upload",
        "would-link",
        "duplicate",
        "left-out",
    }
)
#: Fields of a row that a report shows; the others are only in the Python object.
_SHOWN = 8
#: Rows kept in memory; further rows go to an unnamed temporary file.
IN_MEMORY = 5000
#: Rows per batch in that file.
_BATCH = 500
#: Failures whose exceptions are kept, so that a single one can be raised unchanged.
KEPT_ERRORS = 20


class Row(NamedTuple):
    """The outcome for one file; :meth:`success` and :meth:`failure` make one.

    :param outcome: downloaded, present, linked, uploaded, would-download, would-link, would-upload; or mismatch,
        refused, failed, cancelled
    :param bytes: size of the file
    :param seconds: wall time from its first request to its final name
    :param attempts: requests started for its data
    :param checksum: sha256 if known, else ``NAME:DIGEST`` of the checksum that was compared, else empty
    :param error: one line; empty on success
    :param path: where the file is
    :param key: the item's own key (None in rows that a long report reads back from disk)
    :param status: HTTP status of the response that failed the file, if one did
    """

    name: str
    outcome: str
    bytes: int
    seconds: float
    attempts: int
    checksum: str
    error: str
    path: str = ""
    key: Any = None
    status: int | None = None

    @classmethod
    def success(
        cls,
        name: str,
        outcome: str,
        size: int,
        path: str = "",
        *,
        checksum: str = "",
        key: Any = None,
        seconds: float = 0.0,
        attempts: int = 0,
    ) -> Row:
        """Make the row of a file that is, or would be, in place."""
        return cls(name, outcome, size, seconds, attempts, checksum, "", path, key)

    @classmethod
    def failure(
        cls,
        name: str,
        outcome: str,
        error: Exception | str,
        *,
        key: Any = None,
        seconds: float = 0.0,
        attempts: int = 0,
        checksum: str = "",
        path: str = "",
        size: int = 0,
    ) -> Row:
        """Make the row of a file that failed; an HTTP status comes from the error.

        :param checksum: the expected one, if the report includes it
        """
        status = getattr(error, "status", None)
        return cls(name, outcome, size, seconds, attempts, checksum, str(error), path, key, status)

    def shown(self) -> dict[str, Any]:
        """Return the fields that a report shows, by name."""
        return dict(zip(self._fields[:_SHOWN], self, strict=False))

    @property
    def good(self) -> bool:
        """True if the file is, or would be, where it belongs."""
        return self.outcome in GOOD


@dataclass(slots=True)
class Result:
    """A finished item: its row, and the exception if it failed."""

    row: Row
    error: HCAError | None = None

    @classmethod
    def failed(
        cls, name: str, outcome: str, error: HCAError, *, key: Any = None, seconds: float = 0.0, attempts: int = 0
    ) -> Result:
        """Make the result of an item that failed with ``error``."""
        return cls(Row.failure(name, outcome, error, key=key, seconds=seconds, attempts=attempts), error)


def cancelled(name: str, key: Any, why: str = "the run ended before this file's turn") -> Result:
    """Make the result of an item that the run did not reach."""
    return Result.failed(name, "cancelled", TransferError(why), key=key)


class Report:
    """Collects the rows of a run in bounded memory.

    Rows beyond the first few thousand are spooled to a temporary file; :attr:`rows` reads them all back in order.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: list[Row] = []
        self._spool: IO[bytes] | None = None
        #: Rows not yet written to it.
        self._batch: list[tuple[Any, ...]] = []
        #: Offsets: 0, then the end of each batch.
        self._ends = [0]
        self._failed: list[Row] = []
        self.counts: Counter[str] = Counter()
        #: Bytes by outcome.
        self.sizes: Counter[str] = Counter()
        self.codes: Counter[int] = Counter()
        #: Number of rows that are failures.
        self.failures = 0
        self.bytes = 0
        #: Bytes of successful files that this run transferred, and those transferred by an earlier run.
        self.bytes_moved = 0
        self.bytes_resumed = 0
        self.seconds = 0.0
        self.errors: list[HCAError] = []
        #: Result of a dry run: files and bytes to transfer, present_files, present_bytes, free_bytes.
        self.plan: dict[str, int] = {}

    def add(self, row: Row, error: HCAError | None = None, resumed: int = 0) -> None:
        """Add one row.

        :param error: the exception of a row that is not good
        :param resumed: bytes of the file that an earlier run had moved
        """
        with self._lock:
            outcome, size = row.outcome, row.bytes
            self.counts[outcome] += 1
            self.sizes[outcome] += size
            self.bytes += size
            if outcome == "downloaded" or outcome == "uploaded":
                self.bytes_moved += max(0, size - resumed)
                self.bytes_resumed += min(resumed, size)
            if outcome not in GOOD:
                # Cancelled files do not explain why the run failed.
                if row.outcome != "cancelled":
                    self.codes[int(error.exit_code if error else ExitCode.FAILED)] += 1
                self.failures += 1
                if len(self._failed) < IN_MEMORY:
                    self._failed.append(row)
                if error is not None and row.outcome != "cancelled" and len(self.errors) < KEPT_ERRORS:
                    self.errors.append(error)
            if len(self._rows) < IN_MEMORY:
                self._rows.append(row)
                return
            self._batch.append((*row[:_SHOWN], None, row.status))
            if len(self._batch) >= _BATCH:
                self._write_batch()

    def _write_batch(self) -> None:
        # Not JSON, which takes five times as long: no other process can open this unnamed file.
        if self._spool is None:
            import tempfile

            self._spool = tempfile.TemporaryFile()  # noqa: SIM115
        self._ends.append(self._ends[-1] + self._spool.write(pickle.dumps(self._batch, pickle.HIGHEST_PROTOCOL)))
        self._batch = []

    def _read_batch(self, number: int) -> list[tuple[Any, ...]] | None:
        """Return rows that were written to the temporary file; None after the last."""
        with self._lock:
            if self._spool is None or number + 1 >= len(self._ends):
                return None
            start, end = self._ends[number : number + 2]
            self._spool.seek(start)
            data = self._spool.read(end - start)
            self._spool.seek(0, os.SEEK_END)
        return list(pickle.loads(data))

    def take_totals(self, other: Report) -> None:
        """Copy another report's measurements of the same files: seconds, and bytes transferred now and earlier."""
        self.seconds, self.bytes_moved, self.bytes_resumed = other.seconds, other.bytes_moved, other.bytes_resumed

    @property
    def rows(self) -> Iterator[Row]:
        """All rows, in the order in which files were done."""
        yield from self._rows
        number = 0
        while (batch := self._read_batch(number)) is not None:
            number += 1
            yield from (Row(*cells) for cells in batch)
        yield from (Row(*cells) for cells in list(self._batch))

    @property
    def failed(self) -> list[Row]:
        """Rows that are not good (the first few thousand of them)."""
        return list(self._failed)

    @property
    def files(self) -> int:
        """Number of rows."""
        return sum(self.counts.values())

    @property
    def ok(self) -> bool:
        """True when every file is where it should be."""
        return not self.failures

    def __len__(self) -> int:
        return self.files

    def to_pandas(self) -> pandas.DataFrame:
        """Return the rows as a :class:`pandas.DataFrame`; needs the extra ``hca-base[pandas]``.

        :raises PluginError: pandas is not installed
        """
        from hca_base.output import Records

        return Records(row.shown() for row in self.rows).to_pandas()

    def _repr_html_(self) -> str:
        from html import escape
        from itertools import chain

        from hca_base.output import html_table

        # Failures first: readers look for those.
        rows = chain(self._failed, (row for row in self.rows if row.good))
        table = html_table((row.shown() for row in rows), self.files)
        return f"<p>{escape(self.summary())}</p>{table}"

    def summary(self) -> str:
        """Return a one-line summary."""
        parts = [f"{count:,} {outcome}" for outcome, count in sorted(self.counts.items())] or ["no files"]
        if self.plan:
            planned = f"{', '.join(parts)}; {human_bytes(self.plan['bytes'])} to transfer"
            return planned + (f", {human_bytes(self.plan['free_bytes'])} free" if "free_bytes" in self.plan else "")
        rate = f", {human_bytes(self.bytes_moved / self.seconds)}/s" if self.seconds and self.bytes_moved else ""
        earlier = f", {human_bytes(self.bytes_resumed)} from an earlier run" if self.bytes_resumed else ""
        return f"{', '.join(parts)}; {human_bytes(self.bytes_moved)} transferred in {self.seconds:.1f} s{rate}{earlier}"

    def raise_for_failures(self, doing: str = "transferred") -> None:
        """Raise an exception if a file failed.

        :raises HCAError: the file's error, if only one failed
        :raises VerificationError: several failed, and the checksum of at least one did not match
        :raises TransferError: several failed; its exit code is theirs if they share one
        """
        if self.ok:
            return
        if self.failures == 1 and self.errors:
            raise self._with_report(self.errors[0])
        from hca_base.output import with_subject

        first = next((row for row in self._failed if row.outcome != "cancelled"), self._failed[0])
        why = with_subject(first.name, first.error)
        message = f"{self.failures:,} of {self.files:,} files were not {doing}; the first: {why}"
        hints = {error.hint for error in self.errors}
        # One cause for all: the other files would fail in the same way.
        shared = hints.pop() if len(hints) == 1 else None
        hint = shared or "run the same command again to get the missing files; --report FILE lists all"
        if self.codes[int(ExitCode.VERIFICATION)]:
            raise self._with_report(VerificationError(message, hint=hint))
        code = ExitCode(next(iter(self.codes))) if len(self.codes) == 1 else ExitCode.FAILED
        raise self._with_report(TransferError(message, exit_code=code, hint=hint))

    def _with_report(self, error: HCAError) -> HCAError:
        """Attach the report to the error, so that a command that only gets the error can print a summary."""
        error.report = self
        return error

    def write(self, path: Path | str) -> None:
        """Write the report to a file: JSON if its name ends in ``.json``, otherwise tab-separated values.

        An existing file is replaced atomically. A symbolic link is followed, and a
        device or a pipe is written to.

        :raises UsageError: ``path`` is a directory
        :raises HCAError: the file cannot be written
        """
        from hca_base.transfer._report_file import write_report

        check_report(path)
        seconds = round(self.seconds, 3)
        head: dict[str, Any] = {"files": self.files, "bytes": self.bytes, "bytes_moved": self.bytes_moved}
        head |= {"bytes_resumed": self.bytes_resumed, "seconds": seconds, "counts": self.counts}
        write_report(path, head, Row._fields[:_SHOWN], self.rows)


def check_report(path: Path | str | None) -> None:
    """Reject a report path that can never be written to, before the run starts.

    :raises UsageError: the path is a directory, or its parent is not one
    """
    if path is None:
        return
    text = os.fspath(path)
    if not text or text.endswith(("/", os.sep)) or os.path.isdir(text):
        raise UsageError(f"the report {text or repr(text)} is a directory; name a file")
    parent = os.path.dirname(text)
    if os.path.lexists(parent) and not os.path.isdir(parent):
        raise UsageError(f"the report {text} cannot be written: {parent} is not a directory")


def human_bytes(count: float) -> str:
    """Return ``count`` bytes with a decimal unit, as in progress and tables: ``1.5 MB``."""
    from hca_base.output import format_bytes

    return format_bytes(count)
