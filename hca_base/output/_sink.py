"""The target of a result: a stream, or a file that appears once it is complete."""

from __future__ import annotations

import contextlib
import errno
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from hca_base.errors import HCAError, UsageError
from hca_base.output._terminal import encodable, is_terminal, terminal_width, use_color

_STORAGE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}


class Sink:
    """A text stream with properties for formatters.

    :ivar text: the stream
    :ivar terminal: whether it is a terminal
    :ivar color: whether to use colours
    :ivar width: maximum width in columns, or None for no limit
    :ivar eager: flush after each item
    """

    def __init__(self, text: TextIO) -> None:
        self.text = text
        self.eager = False
        self.terminal = is_terminal(text)
        self.color = use_color(text)
        self.width = terminal_width(text) if self.terminal else None

    def write(self, text: str) -> None:
        """Write text; characters that the stream's encoding lacks are escaped."""
        self.text.write(encodable(text, self.text))

    def flush(self) -> None:
        """Flush the stream."""
        self.text.flush()

    def end_item(self) -> None:
        """Mark the end of an item."""
        if self.eager:
            self.text.flush()

    def can_encode(self, text: str) -> bool:
        """Return True if the stream's encoding has all characters of ``text``."""
        return encodable(text, self.text) == text


@contextlib.contextmanager
def open_sink(output: Path | str | None, stream: Any) -> Iterator[Sink]:
    """Return the sink for ``--output FILE`` (``-`` or None: ``stream``).

    :raises UsageError: FILE cannot be written
    :raises BrokenPipeError: the reader of the stream is gone
    :raises HCAError: the stream cannot be written
    """
    if output is None or str(output) == "-":
        with _stream_errors():
            sink = Sink(_or_stdout(stream))
            yield sink
            sink.flush()
        return
    with open_file(Path(output)) as binary:
        text = io.TextIOWrapper(binary, encoding="utf-8", newline="", write_through=False)
        yield Sink(text)
        text.flush()
        text.detach()


@contextlib.contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a stream to a file that appears when the block ends without an exception.

    :raises UsageError: it cannot be written
    """
    from hca_base.config import expand_home, open_atomic

    path = expand_home(path)
    if path.is_dir():
        raise UsageError(f"--output: {path} is a folder", hint="name a file, not a directory")
    if not path.parent.is_dir():
        raise UsageError(f"--output: folder {path.parent} does not exist", hint=f"create it: mkdir -p {path.parent}")
    opened = written = False
    try:
        with open_atomic(path, new_mode=0o666) as stream:
            opened = True
            yield stream
            written = True
    except OSError as error:
        if not opened:
            raise UsageError(f"--output: cannot write {path}: {error.strerror or error}") from None
        # Errors in the block may come from the source or the file.
        if written or error.errno in _STORAGE:
            raise HCAError(f"--output: cannot write {path}: {error.strerror or error}") from error
        raise


@contextlib.contextmanager
def _stream_errors() -> Iterator[None]:
    """Distinguish a closed pipe, which is not reported, from an unwritable stream."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.errno in _STORAGE or error.errno == errno.EBADF:
            raise HCAError(f"cannot write the result: {error.strerror}") from error
        raise


def _or_stdout(stream: Any) -> Any:
    stream = sys.stdout if stream is None else stream
    if stream is None or getattr(stream, "closed", False):
        raise HCAError("cannot write the result: stdout is closed", hint="use --output FILE")
    return stream
