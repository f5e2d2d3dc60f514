"""The log files of the deployment's process: errors and accesses."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

#: Size of a log file in bytes; one older file is kept.
_SIZE = 5 * 1024 * 1024


def configure(folder: Path, *, foreground: bool) -> None:
    """Log to ``server.log`` and ``access.log`` in a folder; warnings also to stderr in the foreground.

    Queries, bodies and headers are not logged: they contain tokens and signatures.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    line = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(_file(folder / "server.log", line))
    if foreground:
        console = logging.StreamHandler(sys.stderr)
        console.setLevel(logging.WARNING)
        console.setFormatter(logging.Formatter("hca local: %(message)s"))
        root.addHandler(console)
    access = logging.getLogger("hca_local.access")
    access.propagate = False
    access.addHandler(_file(folder / "access.log", logging.Formatter("%(asctime)s %(message)s")))
    for noisy in ("botocore", "boto3", "urllib3", "s3transfer", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _file(path: Path, formatter: logging.Formatter) -> logging.Handler:
    handler = RotatingFileHandler(path, maxBytes=_SIZE, backupCount=1, encoding="utf-8")
    handler.setFormatter(formatter)
    path.chmod(0o600)
    return handler
