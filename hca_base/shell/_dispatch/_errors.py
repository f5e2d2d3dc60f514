"""Convert exceptions to messages on stderr and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TextIO

from hca_base.commands import GlobalOptions
from hca_base.errors import ExitCode, HCAError

_ISSUES_HINT = "the traceback is in {path}; to show it here, run 'hca --debug …'"


def guard(action: Callable[[], int], options: GlobalOptions, *, last: bool = False) -> int:
    """Call ``action`` and convert every possible result or exception to an exit code.

    :param action: returns an exit code
    :param options: decides whether tracebacks are shown; may change while ``action`` runs
    :param last: the process exits afterwards, so an unwritable stdout is abandoned
    """
    try:
        try:
            code = exit_code(action())
        except SystemExit as error:
            code = _code_of_exit(error)
        flush_stdout()
        return code
    except KeyboardInterrupt as interrupt:
        hint = getattr(interrupt, "hint", None)
        _say("interrupted", *([f"hint: {hint}"] if hint else []))
        _give_up_stdout(last)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        _give_up_stdout(last)
        return ExitCode.OUTPUT_CLOSED
    except OutputError as error:
        _give_up_stdout(last)
        _report(error, options)
        return ExitCode.FAILED
    except HCAError as error:
        code = exit_code(error.exit_code)
        _report(error, options)
    except (Exception, RecursionError) as error:  # noqa: BLE001 - a fault of ours or of a plugin
        code = _unexpected(error, options)
    try:
        flush_stdout()
    except (BrokenPipeError, OutputError):
        # The error is already reported. Discard what stdout still holds, which would change the exit code.
        _give_up_stdout(last)
    return code


class OutputError(HCAError):
    """Raised if stdout cannot be written, for example because the disk is full."""


def exit_code(result: object) -> int:
    """Convert a command's return value to an exit code, so that ``sys.exit`` never gets an object."""
    if isinstance(result, int) and not isinstance(result, bool):
        return int(result) if 0 <= int(result) <= 255 else ExitCode.FAILED
    return ExitCode.OK


def _code_of_exit(error: SystemExit) -> int:
    if error.code is None:
        return ExitCode.OK
    if isinstance(error.code, int):
        return exit_code(int(error.code))
    _say(f"error: {error.code}")
    return ExitCode.FAILED


def _report(error: HCAError, options: GlobalOptions) -> None:
    lines = [f"error: {error.message}"]
    if error.request_id and error.request_id not in error.message:
        lines.append(f"request id: {error.request_id}")
    if error.hint:
        lines.append(f"hint: {error.hint}")
    if options.debug:
        _traceback(error)
    _say(*lines)


def _unexpected(error: BaseException, options: GlobalOptions) -> int:
    if isinstance(error, MemoryError):
        _say("error: out of memory")
        return ExitCode.FAILED
    from hca_base.shell._dispatch._error_log import write

    if options.debug:
        _traceback(error)
    path = write(error)
    text = " ".join(str(error).split())
    name = type(error).__name__
    hint = _ISSUES_HINT.format(path=path) if path else "'hca --debug …' shows the traceback"
    _say(f"error: {name}: {text}" if text else f"error: {name}", f"hint: {hint}")
    return ExitCode.FAILED


def _traceback(error: BaseException) -> None:
    from hca_base.shell._dispatch._error_log import redacted_traceback

    try:
        sys.stderr.write(redacted_traceback(error))
    except (OSError, ValueError):
        return


def _say(*lines: str) -> None:
    """Write lines to stderr, the first with the prefix ``hca:``, without secrets and control sequences."""
    try:
        from hca_base.http import redact
        from hca_base.output import safe_text, style

        for number, line in enumerate(lines):
            clean = safe_text(redact(" ".join(line.split("\n"))))
            start, colon, rest = ("hca: " * (number == 0) + clean).partition("error:" if number == 0 else "hint:")
            if colon:
                head = style(start + colon, "red" if number == 0 else "cyan", stream=sys.stderr)
                clean = head + rest
            else:
                clean = start
            sys.stderr.write(f"{clean}\n" if number == 0 else f"  {clean}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def flush_stdout() -> None:
    """Flush stdout while errors can still be reported.

    :raises BrokenPipeError: the reader has closed the pipe
    :raises OutputError: it cannot be written
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise OutputError(f"the output cannot be written: {reason}") from error


def _give_up_stdout(last: bool) -> None:
    if last:
        _give_up(sys.stdout)


def end_stderr() -> None:
    """Flush stderr; ignore errors, which cannot be reported and would change the exit code."""
    try:
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        _give_up(sys.stderr)


def _give_up(stream: TextIO) -> None:
    """Redirect a stream to the null device, so that the interpreter's flush at exit does not fail."""
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
    except (OSError, ValueError, AttributeError):
        return
