"""Log messages on stderr and in ``--log-file``, by ``-v``, ``--debug`` and ``log_level``."""

from __future__ import annotations

import contextlib
import logging
import sys
import warnings
from typing import TextIO

from hca_base.commands import Context
from hca_base.errors import ConfigError, UsageError

_FILE_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
_own: list[logging.Handler] = []
_show_warning = warnings.showwarning


class _Console(logging.StreamHandler):
    """Writes to the current ``sys.stderr``."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        from hca_base.http import redact
        from hca_base.output import safe_text

        text = str(redact(super().format(record)))
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        # Bodies have several lines; clean each one separately.
        return "\n".join(safe_text(line) for line in f"hca: {level}{text}".split("\n"))


class _LogFile(logging.FileHandler):
    """A log file that warns only once if it cannot be written, and never fails."""

    _told = False

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._told:
            self._told = True
            # Not output.warn, whose lock the logging code may hold.
            with contextlib.suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(f"hca: warning: the log file {self.given} cannot be written: {error.strerror}\n")

    def close(self) -> None:
        # Closing retries the pending write.
        with contextlib.suppress(OSError, ValueError):
            super().close()

    def __init__(self, given: str) -> None:
        super().__init__(given, encoding="utf-8", errors="backslashreplace")
        self.given = given


class _File(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        from hca_base.http import redact

        return str(redact(super().format(record)))


def configure(context: Context) -> None:
    """Set up logging according to the options and ``log_level``.

    By default warnings are shown; ``-v`` adds progress messages, ``-vv`` requests, ``--debug`` everything.

    :raises hca_base.errors.UsageError: the log file cannot be written
    """
    warnings.showwarning = _warned
    options = context.options
    root, ours, http = logging.getLogger(), logging.getLogger("hca"), logging.getLogger("hca.http")
    for handler in _own:
        root.removeHandler(handler)
        handler.close()
    _own.clear()
    level = _level(context)
    console = _Console()
    console.setLevel(level)
    _own.append(console)
    if options.log_file:
        try:
            file = _LogFile(options.log_file)
        except OSError as error:
            raise UsageError(f"the log file {options.log_file} cannot be written: {error.strerror}") from None
        file.setFormatter(_File(_FILE_FORMAT))
        file.setLevel(min(level, logging.INFO))
        _own.append(file)
    for handler in _own:
        root.addHandler(handler)
    lowest = min(handler.level for handler in _own)
    # Show messages of other libraries only with --debug.
    root.setLevel(lowest if lowest <= logging.DEBUG else logging.WARNING)
    ours.setLevel(lowest)
    requests_wanted = options.debug or options.verbose_level > 2 or options.log_file or level <= logging.DEBUG
    http.setLevel(lowest if requests_wanted else max(lowest, logging.WARNING))


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show libraries' warnings for users like other warnings, and those for developers as Python does."""
    if file is None and issubclass(category, UserWarning):
        from hca_base.output import warn

        warn(" ".join(str(message).split()))
    else:
        _show_warning(message, category, filename, lineno, file, line)


def _level(context: Context) -> int:
    options = context.options
    if options.debug:
        return logging.DEBUG
    if options.log_level:
        return int(logging.getLevelName(options.log_level))
    if options.verbose_level > 1:
        return logging.INFO
    try:
        value = context.config.get("log_level")
    except ConfigError:
        value = None  # reported by the command that needs the settings
    level = logging.getLevelName(str(value).upper()) if value is not None else logging.WARNING
    # hca 7 wrote log_level INFO to every user's file, without effect: levels below WARNING require an option.
    return max(int(level), logging.WARNING) if isinstance(level, int) else logging.WARNING
