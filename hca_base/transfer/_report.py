"""What became of each file, kept in bounded memory."""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

from hca_base.errors import ExitCode, HCAError, TransferError, UsageError, VerificationError

#: Outcomes that need nothing more.
GOOD = frozenset({"downloaded", "present", "linked", "uploaded", "would-download", "would-upload", "would-link"})
#: Rows kept in memory; more go to an unnamed temporary file.
IN_MEMORY = 5000
#: Failures whose exception is kept, so that a single one can be raised as it was.
KEPT_ERRORS = 20
# json.dump would write each row piece by piece, in Python.
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


class Row(NamedTuple):
    """The outcome for one file.

    :param outcome: downloaded, present, linked, uploaded, would-download, would-link, would-upload; or mismatch,
        refused, failed, cancelled
    :param bytes: bytes of the file
    :param seconds: wall time from its first request to its final name
    :param attempts: requests that were started for its data
    :param checksum: sha256 where known, else ``NAME:DIGEST`` of what was compared, else empty
    :param error: one line, empty when all is well
    :param path: where the file is
    :param key: the caller's own, from the item (None when read back from a long report)
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

    @property
    def good(self) -> bool:
        """True when the file is where it should be, or would be."""
        return self.outcome in GOOD


class Report:
    """Collects rows, as many as there are, in bounded memory.

    Rows beyond the first few thousand are spooled to a temporary file; :attr:`rows` reads them all back in order.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: list[Row] = []
        self._spool: IO[str] | None = None
        self._failed: list[Row] = []
        self.counts: Counter[str] = Counter()
        #: Bytes by outcome.
        self.sizes: Counter[str] = Counter()
        self.codes: Counter[int] = Counter()
        #: Number of rows that are not good.
        self.failures = 0
        self.bytes = 0
        self.bytes_moved = 0
        self.seconds = 0.0
        self.errors: list[HCAError] = []
        #: What a dry run found out: files and bytes to transfer, present_files, present_bytes, free_bytes.
        self.plan: dict[str, int] = {}

    def add(self, row: Row, error: HCAError | None = None) -> None:
        """Take one row; ``error`` is the exception of a row that is not good."""
        with self._lock:
            self.counts[row.outcome] += 1
            self.sizes[row.outcome] += row.bytes
            self.bytes += row.bytes
            if row.outcome in ("downloaded", "uploaded"):
                self.bytes_moved += row.bytes
            if not row.good:
                # A file that was not reached says nothing about why the run failed.
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
            if self._spool is None:
                import tempfile

                self._spool = tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogatepass")  # noqa: SIM115
            self._spool.write(_ENCODE(row[:8]) + "\n")

    @property
    def rows(self) -> Iterator[Row]:
        """All rows, in the order in which files were done."""
        yield from self._rows
        if self._spool is not None:
            with self._lock:
                self._spool.flush()
                copy = os.fdopen(os.dup(self._spool.fileno()), encoding="utf-8", errors="surrogatepass")
            with copy:
                # The duplicate shares its file offset: read to the end, which is where the next write belongs.
                copy.seek(0)
                for line in copy:
                    yield Row(*json.loads(line))

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

    def summary(self) -> str:
        """One line for people."""
        parts = [f"{count:,} {outcome}" for outcome, count in sorted(self.counts.items())] or ["no files"]
        if self.plan:
            told = f"{', '.join(parts)}; {human_bytes(self.plan['bytes'])} to transfer"
            return told + (f", {human_bytes(self.plan['free_bytes'])} free" if "free_bytes" in self.plan else "")
        rate = f", {human_bytes(self.bytes_moved / self.seconds)}/s" if self.seconds and self.bytes_moved else ""
        return f"{', '.join(parts)}; {human_bytes(self.bytes_moved)} moved in {self.seconds:.1f} s{rate}"

    def raise_for_failures(self, doing: str = "transferred") -> None:
        """Raise when a file failed.

        :raises HCAError: the file's own error when one alone failed
        :raises VerificationError: several failed, and bytes of at least one differ from their checksum
        :raises TransferError: several failed; its exit code is theirs when they share one
        """
        if self.ok:
            return
        if self.failures == 1 and self.errors:
            raise self.errors[0]
        first = next((row for row in self._failed if row.outcome != "cancelled"), self._failed[0])
        message = f"{self.failures:,} of {self.files:,} files were not {doing}; the first: {first.name}: {first.error}"
        hint = "Run the same command again to get those that are missing; --report FILE lists them all."
        if self.codes[int(ExitCode.VERIFICATION)]:
            raise VerificationError(message, hint=hint)
        code = ExitCode(next(iter(self.codes))) if len(self.codes) == 1 else ExitCode.FAILED
        raise TransferError(message, exit_code=code, hint=hint)

    def write(self, path: Path | str) -> None:
        """Write the report to ``path``: JSON when it ends in ``.json``, else tab-separated values.

        A file is replaced in one step, so that a reader never sees half of it; a symbolic link is followed. A device or
        a pipe is written to.

        :raises UsageError: it is a directory
        :raises HCAError: it cannot be written
        """
        check_report(path)
        try:
            with _opened(path) as binary:
                stream = io.TextIOWrapper(binary, encoding="utf-8", errors="backslashreplace", newline="")
                try:
                    if Path(path).suffix == ".json":
                        self._write_json(stream)
                    else:
                        self._write_tsv(stream)
                    stream.flush()
                finally:
                    # The file belongs to whoever opened it.
                    stream.detach()
        except OSError as error:
            raise HCAError(f"cannot write the report {path}: {error.strerror or error}") from error

    def _write_json(self, stream: IO[str]) -> None:
        head = {"files": self.files, "bytes": self.bytes, "seconds": round(self.seconds, 3), "counts": self.counts}
        stream.write(json.dumps(head)[:-1] + ', "rows": [')
        for number, row in enumerate(self.rows):
            fields = dict(zip(Row._fields[:8], row[:8], strict=True))
            fields["seconds"] = round(row.seconds, 3)
            stream.write((",\n" if number else "\n") + json.dumps(fields))
        stream.write("\n]}\n")

    def _write_tsv(self, stream: IO[str]) -> None:
        stream.write("\t".join(Row._fields[:8]) + "\n")
        for row in self.rows:
            cells = (f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row[:8])
            stream.write("\t".join(map(_one_line, cells)))
            stream.write("\n")


def _one_line(cell: str) -> str:
    """A cell without what would end it, or its row, for some reader."""
    return cell if "\t" not in cell and cell.splitlines() in ([], [cell]) else " ".join(cell.split())


def check_report(path: Path | str | None) -> None:
    """Complain about a report that can never be written, before there is anything to report.

    :raises UsageError: it is a directory, or lies in what is none
    """
    if path is None:
        return
    text = os.fspath(path)
    if not text or text.endswith(("/", os.sep)) or os.path.isdir(text):
        raise UsageError(f"the report {text or repr(text)} is a directory; name a file")
    parent = os.path.dirname(text)
    if os.path.lexists(parent) and not os.path.isdir(parent):
        raise UsageError(f"the report {text} cannot be written: {parent} is no directory")


@contextlib.contextmanager
def _opened(path: Path | str) -> Iterator[BinaryIO]:
    """What a report is written to."""
    from hca_base.config._editing._atomic import open_atomic

    try:
        there = os.stat(path)
    except FileNotFoundError:
        there = None
    if there is not None:
        for number, own in ((1, sys.stdout), (2, sys.stderr)):
            if _is_descriptor(number, there):
                # /dev/stdout, and whatever it leads to: what was written there before stays.
                if own is not None:
                    own.flush()
                with os.fdopen(os.dup(number), "wb") as stream:
                    yield stream
                return
        if not stat.S_ISREG(there.st_mode):
            with Path(path).open("wb") as stream:
                yield stream
            return
    with open_atomic(path, new_mode=0o666) as stream:
        yield stream


def _is_descriptor(number: int, there: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.fstat(number), there)
    except OSError:
        return False


def human_bytes(count: float) -> str:
    """``count`` bytes with a binary unit: ``1.5 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
