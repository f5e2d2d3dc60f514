"""Where a result goes: a stream, or a file that appears only when it is whole."""

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
    """A stream of text with what formatters need to know of it.

    :ivar text: the stream
    :ivar terminal: whether people look at it
    :ivar color: whether it shows colours
    :ivar width: columns to fit into, or None where there is no limit
    :ivar eager: send each item on its way before the next one comes
    """

    def __init__(self, text: TextIO) -> None:
        self.text = text
        self.eager = False
        self.terminal = is_terminal(text)
        self.color = use_color(text)
        self.width = terminal_width(text) if self.terminal else None

    def write(self, text: str) -> None:
        """Write; characters that the stream's encoding lacks come as escapes."""
        self.text.write(encodable(text, self.text))

    def flush(self) -> None:
        """Send what was written on its way."""
        self.text.flush()

    def end_item(self) -> None:
        """An item is written."""
        if self.eager:
            self.text.flush()

    def can_encode(self, text: str) -> bool:
        """Whether the stream's encoding has all characters of ``text``."""
        return encodable(text, self.text) == text


@contextlib.contextmanager
def open_sink(output: Path | str | None, stream: Any) -> Iterator[Sink]:
    """The sink for ``--output FILE`` (``-`` or None: ``stream``).

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
    """A stream into a file that takes its name when the block ends well.

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
        # While the block runs, errors may be the source's as well as the file's.
        if written or error.errno in _STORAGE:
            raise HCAError(f"--output: cannot write {path}: {error.strerror or error}") from error
        raise


@contextlib.contextmanager
def _stream_errors() -> Iterator[None]:
    """Tell apart a reader that left (no error to speak of) and a stream that cannot be written."""
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
