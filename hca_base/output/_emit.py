"""Write results."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hca_base.errors import HCAError, UsageError
from hca_base.output._formats import STREAMING, STREAMING_WITH_COLUMNS, write, write_items
from hca_base.output._query import apply_query, apply_to_items, compile_query, works_item_by_item
from hca_base.output._sink import _or_stdout, _stream_errors, open_file, open_sink
from hca_base.output._table import check_columns, has, pick, row_of, select, sorted_rows
from hca_base.output._terminal import is_terminal

_CHUNK = 1024 * 1024


def emit(
    data: Any,
    *,
    fmt: str = "json",
    query: str | None = None,
    columns: Sequence[str] | None = None,
    sort: str | Sequence[str] | None = None,
    output: Path | str | None = None,
    stream: Any = None,
) -> None:
    """Write a complete result.

    :param data: a JSON-like value
    :param fmt: ``json``, ``jsonl``, ``yaml``, ``table``, ``csv``, ``tsv``, ``value``, ``shell``, or the name of a
        ``cliff.formatter.*`` entry point
    :param query: JMESPath expression to apply first
    :param columns: the columns (keys of objects, dotted into nested ones) to show
    :param sort: columns to sort a list by; ``NAME:desc`` reverses the order
    :param output: a file, which appears once it is complete
    :param stream: default: ``sys.stdout``
    :raises UsageError: an argument is not valid, or the file cannot be written
    :raises BrokenPipeError: the reader of the stream is gone
    """
    with _nesting():
        if query is not None:
            data = apply_query(query, data)
        if sort:
            data = sorted_rows(data, [sort] if isinstance(sort, str) else sort)
        if columns:
            data = select(data, columns)
        with open_sink(output, stream) as sink:
            write(data, fmt, sink, columns)


def emit_stream(
    items: Iterable[Any],
    *,
    fmt: str = "json",
    query: str | None = None,
    columns: Sequence[str] | None = None,
    sort: str | Sequence[str] | None = None,
    output: Path | str | None = None,
    stream: Any = None,
    pages: bool = False,
) -> None:
    """Write items as they arrive: each is written and flushed before the next is requested.

    This applies to ``json``, ``jsonl`` and ``yaml``, and with explicit columns to ``csv``, ``tsv`` and ``value``; other
    formats, sorting, and queries on the whole list need all items first. A query always applies to the list of all
    items; queries such as ``[].uuid`` are applied item by item.

    :param pages: ``items`` yields lists of items
    :raises UsageError: as :func:`emit`
    :raises BrokenPipeError: the reader of the stream is gone
    """
    if pages:
        items = itertools.chain.from_iterable(items)
    rest = {"fmt": fmt, "columns": columns, "sort": sort, "output": output, "stream": stream}
    if query is not None:
        compiled = compile_query(query)
        if not works_item_by_item(compiled):
            with _nesting():
                found = apply_query(compiled, list(items))
            emit(found, **rest)
            return
        items = apply_to_items(compiled, items)
    if sort or not (fmt in STREAMING or (columns and fmt in STREAMING_WITH_COLUMNS)):
        emit(list(items), **rest)
        return
    # Request the first item before writing, so that an immediate failure leaves no partial output.
    iterator = iter(items)
    first = list(itertools.islice(iterator, 1))
    items = itertools.chain(first, iterator)
    if columns:
        items = _picked(items, columns)
    with _nesting(), open_sink(output, stream) as sink:
        sink.eager = True
        write_items(items, fmt, sink, columns)


def emit_bytes(chunks: Iterable[bytes] | bytes, *, output: Path | str | None = None, stream: Any = None) -> int:
    """Write a binary body to a file, or to stdout unless that is a terminal.

    :param chunks: the bytes, or an iterable of them
    :param stream: default: ``sys.stdout``; its ``buffer`` gets the bytes
    :return: number of bytes written
    :raises UsageError: stdout is a terminal, or the file cannot be written
    :raises BrokenPipeError: the reader of the stream is gone
    """
    parts: Iterator[bytes]
    if isinstance(chunks, bytes | bytearray | memoryview):
        whole = memoryview(chunks)
        parts = (bytes(whole[start : start + _CHUNK]) for start in range(0, len(whole), _CHUNK))
    else:
        parts = iter(chunks)
    total = 0
    if output is not None and str(output) != "-":
        with open_file(Path(output)) as file:
            for chunk in parts:
                file.write(chunk)
                total += len(chunk)
        return total
    stream = _or_stdout(stream)
    if is_terminal(stream):
        raise UsageError("the result is binary, and stdout is a terminal", hint="use --output FILE, or a pipe")
    with _stream_errors():
        stream.flush()
        binary = getattr(stream, "buffer", stream)
        for chunk in parts:
            binary.write(chunk)
            # Pass on data immediately, so that readers of a pipe get it as it arrives.
            binary.flush()
            total += len(chunk)
    return total


@contextlib.contextmanager
def _nesting() -> Iterator[None]:
    """Convert a RecursionError, which deeply nested results cause, to an error for the user."""
    try:
        yield
    except RecursionError:
        raise HCAError("the result is nested too deeply to be shown") from None


def _picked(items: Iterable[Any], columns: Sequence[str]) -> Iterator[Any]:
    """Yield the selected columns of each item. A missing column can only be reported at the end."""
    missing, last = list(columns), None
    for item in items:
        last = row = row_of(item)
        missing = [column for column in missing if not has(row, column)]
        yield {column: pick(row, column) for column in columns}
    if last is not None and missing:
        check_columns([last], missing)
