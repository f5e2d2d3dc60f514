"""The log file for tracebacks of unexpected errors: private, limited in size, and without secrets."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

_LIMIT = 1_000_000  # bytes; then the log is renamed to error.log.1, replacing the one before


def write(error: BaseException) -> Path | None:
    """Append the traceback of ``error``; None if the file cannot be written.

    The file is ``error.log`` in the state directory, mode 0600.
    """
    import datetime

    from hca_base import __version__
    from hca_base.config import paths

    try:
        folder = paths.state_dir()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "error.log"
        if path.exists() and path.stat().st_size > _LIMIT:
            path.replace(folder / "error.log.1")
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        head = f"--- {now} hca {__version__} Python {sys.version.split()[0]} {sys.platform}\n"
        text = head + redacted_traceback(error) + "\n"
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with os.fdopen(descriptor, "ab") as file:
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), 0o600)
            file.write(text.encode("utf-8", "backslashreplace"))
        return path
    except (OSError, ValueError):
        return None


def redacted_traceback(error: BaseException) -> str:
    """Return the traceback as redacted text. Only messages can contain secrets, since values are not shown."""
    from hca_base.http import redact

    return str(redact("".join(traceback.format_exception(error))))
