"""Redirect the output of a line: to the terminal, a system shell command, or a file."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from hca_base.errors import ExitCode, HCAError, UsageError
from hca_base.shell._dispatch._errors import flush_stdout
from hca_base.shell._repl._line import Line

#: Converts a command's exit code to that of its line.
Finish = Callable[[int], int]


@contextlib.contextmanager
def output_of(line: Line, *, paged: bool = False) -> Iterator[Finish]:
    """Send stdout to the line's pipe or file while a command runs.

    :param paged: use the user's pager for output longer than the terminal
    :raises hca_base.errors.HCAError: the file cannot be written, or the system's shell cannot be started
    """
    if line.pipe is not None:
        yield from _piped(line.pipe)
    elif line.output is not None:
        yield from _redirected(line.output, line.append)
    elif paged:
        with _stdout(_Paged(sys.stdout)):  # type: ignore[arg-type]
            yield lambda code: code
    else:
        yield lambda code: code


class _Paged:
    """A terminal's stream that uses the user's pager for single writes longer than the terminal.

    Output in small pieces is shown immediately, because a pager would delay it.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        from hca_base.commands import page

        if text.count("\n") < 20:
            return int(self._stream.write(text))
        page(text, self._stream)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def run_system(command: str) -> int:
    """Run a system shell command on hca's terminal.

    :raises hca_base.errors.HCAError: it cannot be started
    """
    if not command.strip():
        raise UsageError("a command is required after '!'")
    flush_stdout()
    try:
        code = subprocess.run(command, shell=True, check=False).returncode
    except OSError as error:
        raise _no_shell(error) from None
    return code if 0 <= code <= 255 else ExitCode.FAILED


def _no_shell(error: OSError) -> HCAError:
    # For example, the line may be too long for the system.
    return HCAError(f"the system's shell cannot be started: {error.strerror or error}")


def _piped(command: str) -> Iterator[Finish]:
    flush_stdout()
    try:
        reader = subprocess.Popen(command, shell=True, stdin=subprocess.PIPE)
    except OSError as error:
        raise _no_shell(error) from None
    assert reader.stdin is not None
    stream = io.TextIOWrapper(reader.stdin, encoding="utf-8", errors="backslashreplace")
    try:
        try:
            with _stdout(stream):
                yield lambda code: code or (ExitCode.FAILED if reader.returncode else 0)
        except BrokenPipeError:
            # For example, '| head' has exited.
            pass
    finally:
        with contextlib.suppress(OSError, ValueError):
            stream.close()
        with contextlib.suppress(KeyboardInterrupt):
            reader.wait()


class _Target(io.BufferedIOBase):
    """The file of a redirection. Its errors are reported as such, instead of as errors of the command."""

    def __init__(self, binary: IO[bytes], path: Path) -> None:
        self._binary = binary
        self._path = path

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._binary.fileno()

    def isatty(self) -> bool:
        return self._binary.isatty()

    def write(self, data: Any) -> int:
        with _told(self._path):
            return self._binary.write(data)

    def flush(self) -> None:
        if not self._binary.closed:
            with _told(self._path):
                self._binary.flush()


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise HCAError(f"{path} cannot be written: {error.strerror or error}") from None


def _redirected(name: str, append: bool) -> Iterator[Finish]:
    from hca_base.config import expand_home, open_atomic

    path = expand_home(name)
    failure: BaseException | None = None
    try:
        opened: Any = path.open("ab") if append else open_atomic(path, new_mode=0o666 & ~_umask())
        with opened as binary:
            target: Any = _Target(binary, path)
            stream = io.TextIOWrapper(target, encoding="utf-8", errors="backslashreplace", write_through=True)
            try:
                with _stdout(stream):
                    yield lambda code: code
            except BaseException as error:
                failure = error
                raise
            finally:
                # The code that opened it closes it.
                with contextlib.suppress(OSError, ValueError, HCAError):
                    stream.detach()
    except OSError as error:
        if failure is not None:
            # The command's own exit code takes precedence over a later write error.
            raise failure from None
        raise HCAError(f"{path} cannot be written: {error.strerror or error}") from None


@contextlib.contextmanager
def _stdout(stream: IO[str]) -> Iterator[None]:
    before = sys.stdout
    sys.stdout = stream
    try:
        yield
        stream.flush()
    finally:
        sys.stdout = before


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
