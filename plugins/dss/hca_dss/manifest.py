"""Manifests: tables of files (TSV, with a header), as the data browser of the Human Cell Atlas writes them.

They are read and written row by row, so that a million rows need no more memory than a few.
"""

from __future__ import annotations

import csv
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from hca_base.errors import UsageError
from hca_dss.bundles import is_text

#: Column of the copy with the path of a row's file.
PATH_COLUMN = "file_path"
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
#: Longer numbers are not valid sizes; Python fails to parse thousands of digits with another error.
_SIZE = re.compile(r"[0-9]{1,18}")


class Row(NamedTuple):
    """One row: a file, and its bundle.

    :ivar file_uuid: empty if the manifest has no such column, with bundles only
    :ivar file_version: may be empty, for the latest
    :ivar size: bytes; None if the manifest has no such column, with bundles only
    """

    bundle_uuid: str
    bundle_version: str
    file_name: str
    file_uuid: str
    file_version: str
    sha256: str
    size: int | None


COLUMNS = (
    "bundle_uuid",
    "bundle_version",
    "file_name",
    "file_uuid",
    "file_version",
    "file_sha256",
    "file_size",
)
#: Columns that each layout does not need: files alone need no bundles, and bundles have the rest of the metadata.
_OPTIONAL = {
    False: frozenset({"file_version", "bundle_uuid", "bundle_version"}),
    True: frozenset({"file_version", "file_uuid", "file_size"}),
}


class Summary(NamedTuple):
    """Size of a manifest's contents: rows, and total bytes."""

    rows: int
    bytes: int


class Manifest:
    """A manifest file.

    :param path: the file; unknown columns are preserved and ignored
    :param bundles: require the columns about bundles
    :raises UsageError: it is not readable (more than once, unlike a pipe), or lacks a column
    """

    def __init__(self, path: Path | str, *, bundles: bool = False) -> None:
        self.path = Path(path)
        self._check_kind()
        with self._open() as stream:
            first = stream.readline()
            self._end = "\r\n" if first.endswith("\r\n") else "\n"
        self.header: list[str] = next(self._records(), [])
        missing = [name for name in COLUMNS if name not in self.header and name not in _OPTIONAL[bundles]]
        if missing:
            raise UsageError(
                f"manifest {self.path} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}",
                hint="the first row must have the names of the columns, separated by tabs",
            )
        self._places = [self.header.index(name) if name in self.header else None for name in COLUMNS]
        self._bundles = bundles

    def _check_kind(self) -> None:
        try:
            mode = self.path.stat().st_mode
        except (OSError, ValueError):
            # Opening it raises the right error.
            return
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            # A pipe's content can be read only once, and reopening a named pipe waits forever for another writer.
            raise UsageError(
                f"manifest {self.path} is not a regular file, and has to be read more than once",
                hint="write it to a file, and pass the file",
            )

    def _open(self) -> IO[str]:
        try:
            # Bytes of other columns that are not UTF-8 pass through unchanged.
            return self.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
        except OSError as error:
            raise UsageError(f"manifest {self.path} cannot be read: {error.strerror or error}") from None

    def _records(self) -> Iterator[list[str]]:
        with self._open() as stream:
            # Strict: an unclosed quote would merge all following rows into one cell, and lose them silently.
            reader = csv.reader(stream, delimiter="\t", strict=True)
            try:
                yield from reader
            except csv.Error as error:
                raise UsageError(f"manifest {self.path}, line {reader.line_num}: {error}") from None
            except OSError as error:
                raise UsageError(f"manifest {self.path} cannot be read: {error.strerror or error}") from None

    def check(self) -> Summary:
        """Read it once and validate every row.

        :raises UsageError: a row is invalid; the message names the first
        """
        # Optimized for speed: no download starts before all of perhaps a million rows were checked.
        bundle, _, name, uuid, _, sha256, size = self._places
        if not self._bundles:
            # File names and paths are not used then.
            bundle = name = uuid
        uuid = name if uuid is None else uuid
        assert bundle is not None and name is not None and uuid is not None and sha256 is not None
        least = max(place for place in self._places if place is not None)
        plain = _SHA256.fullmatch
        number_of_bytes = _SIZE.fullmatch
        sent = self._sent()
        rows = total = 0
        for number, record in enumerate(self._records(), 1):
            if number == 1 or not record:
                continue
            try:
                if plain(record[sha256]) and record[uuid] and record[bundle] and record[name] and len(record) > least:
                    bytes_ = "0" if size is None else record[size]
                    if number_of_bytes(bytes_) and ((text := "".join(sent(record))).isascii() or is_text(text)):
                        total += int(bytes_)
                        rows += 1
                        continue
            except IndexError:
                pass
            raise self._fault(number, record)
        return Summary(rows, total)

    def __iter__(self) -> Iterator[Row]:
        """Its rows, read lazily; empty lines are skipped. Call :meth:`check` first.

        :raises UsageError: it has changed since
        """
        records = self._records()
        next(records, None)
        take = _taker(self._places)
        sized = "file_size" in self.header
        for record in records:
            if record:
                try:
                    bundle, version, name, uuid, file_version, sha256, size = take(record)
                    number = int(size) if sized else None
                    yield Row(bundle, version, name, uuid, file_version, sha256.lower(), number)
                except (IndexError, ValueError):
                    raise UsageError(f"manifest {self.path} was changed while it was read") from None

    def _sent(self) -> Callable[[list[str]], Sequence[Any]]:
        """A function that extracts from a record the values sent to the service, which must be valid text."""
        wanted = COLUMNS[:5] if self._bundles else ("file_uuid", "file_version")
        places = [place for name, place in zip(COLUMNS, self._places, strict=True) if name in wanted]
        return _taker([place for place in places if place is not None])

    def _fault(self, number: int, record: list[str]) -> UsageError:
        """What is wrong with a record."""
        if len(record) <= max(place for place in self._places if place is not None):
            what = f"has {len(record)} of {len(self.header)} columns"
        else:
            row = dict(zip(COLUMNS, _taker(self._places)(record), strict=True))
            if not _SHA256.fullmatch(row["file_sha256"]):
                what = f"file_sha256 is {row['file_sha256']!r:.80}, which is not a SHA-256"
            elif "file_size" in self.header and not _SIZE.fullmatch(row["file_size"]):
                what = f"file_size is {row['file_size']!r:.80}, which is not a valid number of bytes"
            else:
                needed = [name for name in ("file_uuid", "bundle_uuid", "file_name") if name in self.header]
                empty = [name for name in needed if not row[name]]
                what = f"{empty[0]} is empty" if empty else self._no_text(row)
        return UsageError(f"manifest {self.path}, row {number}: {what}")

    @staticmethod
    def _no_text(row: dict[str, str]) -> str:
        name = next(name for name, value in row.items() if not is_text(value))
        return f"{name} is {row[name]!a:.80}, which is not valid UTF-8"

    def write_copy(self, target: Path | str, path_of: Callable[[str], str]) -> None:
        """Write the manifest with the column ``file_path``, atomically; ``target`` may be the manifest itself.

        :param path_of: returns the path of the file with a sha256 (in lower case)
        :raises UsageError: the manifest has changed
        :raises OSError: ``target`` is not writable
        """
        import io

        from hca_base.config import open_atomic

        header = [*self.header] if PATH_COLUMN in self.header else [*self.header, PATH_COLUMN]
        place = header.index(PATH_COLUMN)
        sha256 = header.index("file_sha256")
        width = len(header)
        records = self._records()
        next(records, None)
        with open_atomic(target, new_mode=0o666) as raw:
            stream = io.TextIOWrapper(raw, encoding="utf-8", errors="surrogateescape", newline="", write_through=False)
            write = csv.writer(stream, delimiter="\t", lineterminator=self._end).writerow
            write(header)
            for record in records:
                if not record:
                    continue
                if len(record) < width:
                    record += [""] * (width - len(record))
                record[place] = path_of(record[sha256].lower())
                write(record)
            stream.flush()
            stream.detach()


def _taker(places: Sequence[int | None]) -> Callable[[list[str]], Sequence[Any]]:
    """A function that extracts the cells at ``places`` from a record; an empty string if the place is None."""
    from operator import itemgetter

    if None not in places:
        return itemgetter(*(place for place in places if place is not None))
    return lambda record: ["" if place is None else record[place] for place in places]


def copy_name(path: Path | str) -> str:
    """The path of a manifest's copy: in the working directory, with the same name."""
    return os.path.basename(path)  # noqa: PTH119
