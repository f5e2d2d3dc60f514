"""Reports as files: JSON or tab-separated values, replaced atomically."""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, BinaryIO

from hca_base.errors import HCAError


def write_report(
    path: Path | str, head: Mapping[str, Any], fields: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Write a report to a file.

    :param head: JSON fields before the rows
    :param fields: names of the first columns of the rows; only these are written
    :raises HCAError: the file cannot be written
    """
    try:
        with _opened(path) as binary:
            stream = io.TextIOWrapper(binary, encoding="utf-8", errors="backslashreplace", newline="")
            try:
                if Path(path).suffix == ".json":
                    _write_json(stream, head, fields, rows)
                else:
                    _write_tsv(stream, fields, rows)
                stream.flush()
            finally:
                # The caller closes the file.
                stream.detach()
    except OSError as error:
        raise HCAError(f"cannot write the report {path}: {error.strerror or error}") from error


def _write_json(stream: IO[str], head: Mapping[str, Any], fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    stream.write(json.dumps(head)[:-1] + ', "rows": [')
    for number, row in enumerate(rows):
        cells = (round(cell, 3) if isinstance(cell, float) else cell for cell in row)
        stream.write((",\n" if number else "\n") + json.dumps(dict(zip(fields, cells, strict=False))))
    stream.write("\n]}\n")


def _write_tsv(stream: IO[str], fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    stream.write("\t".join(fields) + "\n")
    for row in rows:
        cells = (f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row[: len(fields)])
        stream.write("\t".join(map(_one_line, cells)))
        stream.write("\n")


def _one_line(cell: str) -> str:
    """Return a cell without tabs and line breaks."""
    return cell if "\t" not in cell and cell.splitlines() in ([], [cell]) else " ".join(cell.split())


@contextlib.contextmanager
def _opened(path: Path | str) -> Iterator[BinaryIO]:
    """Open the target of a report."""
    from hca_base.config._editing._atomic import open_atomic

    try:
        there = os.stat(path)
    except FileNotFoundError:
        there = None
    if there is not None:
        for number, own in ((1, sys.stdout), (2, sys.stderr)):
            if _is_descriptor(number, there):
                # Write to /dev/stdout through its own descriptor, so that earlier output is kept.
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
