"""The options that all transferring commands share."""

from __future__ import annotations

import argparse
import dataclasses
import math
import re
from pathlib import Path
from typing import Any

from hca_base.config import expand_home
from hca_base.transfer._model import TransferOptions

_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1024, "mi": 1024**2, "gi": 1024**3}


def rate(text: str) -> int:
    """Bytes a second from ``2000000``, ``500k``, ``1.5M``, ``10MiB`` or ``10MB/s``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]i?)?b?(?:/s)?", text.strip().lower())
    value = float(match[1]) * _UNITS[match[2] or ""] if match else 0.0
    if not 1 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no rate; 500k, 1.5M and 10MiB are")
    return int(value)


def count(text: str) -> int:
    """A whole number from 1 to 1024."""
    value = int(text) if text.strip().isdecimal() else 0
    if not 1 <= value <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of connections (1 to 1024)")
    return value


def attempts(text: str) -> int:
    """A whole number from 0 to 1,000,000."""
    value = int(text) if text.strip().isdecimal() and len(text) < 20 else -1
    if not 0 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of attempts (0 to 1000000)")
    return value


def add_transfer_options(parser: argparse.ArgumentParser, *, upload: bool = False) -> None:
    """Add the common options to a command's parser; :func:`options_from_args` reads them.

    :param upload: leave out what makes sense for downloads alone
    """
    group = parser.add_argument_group("transfer options")
    group.add_argument("--dry-run", action="store_true", help="show the files and bytes to transfer, and do nothing")
    group.add_argument(
        "--connections", type=count, metavar="N", help="use N connections (default: as many as bring something)"
    )
    group.add_argument(
        "--limit-rate", type=rate, metavar="RATE", help="bytes a second for all together, such as 500k or 10MiB"
    )
    stop = group.add_mutually_exclusive_group()
    stop.add_argument("--fail-fast", action="store_true", default=None, help="stop at the first file that fails")
    stop.add_argument(
        "--keep-going", dest="fail_fast", action="store_false", help="go on with the others (the default)"
    )
    group.add_argument(
        "--retries",
        type=attempts,
        metavar="N",
        help="attempts that bring no byte further before a file fails (default: 10)",
    )
    if not upload:
        check = group.add_mutually_exclusive_group()
        check.add_argument(
            "--verify", action="store_true", default=None, help="compare each file with its checksum (the default)"
        )
        check.add_argument("--no-verify", dest="verify", action="store_false", help="compare sizes alone, no checksums")
        group.add_argument("--filestore", type=Path, metavar="DIR", help="keep the files once in DIR, and link to them")
        group.add_argument(
            "--link",
            choices=("hard", "copy", "symlink"),
            help="how a file's name refers to the filestore (default: hard, or a copy where links fail)",
        )
    group.add_argument("--executor", metavar="WHERE", help="threads (default), or dask://HOST:PORT for a cluster")
    group.add_argument("--report", type=Path, metavar="FILE", help="write what became of each file, as TSV or .json")
    group.add_argument(
        "--progress",
        choices=("auto", "none", "jsonl"),
        help="show progress: on a terminal (auto), never, or as JSON lines",
    )
    group.add_argument("--no-progress", dest="progress", action="store_const", const="none", help="show no progress")
    if not upload:
        group.add_argument(
            "--fsync", action="store_true", default=None, help="force each file to the disk before it gets its name"
        )


def options_from_args(args: argparse.Namespace, config: Any = None, **changes: Any) -> TransferOptions:
    """Transfer options from parsed arguments, over the section ``transfer`` of the configuration, over the defaults.

    :param config: a ``hca_base.config.Config``, or None
    :param changes: fields that the command sets itself
    :raises UsageError: a configured value cannot be used
    """
    values: dict[str, Any] = {}
    for field in dataclasses.fields(TransferOptions):
        given = getattr(args, field.name, None)
        if given is None and config is not None:
            given = _configured(config, field.name)
        if given is not None:
            values[field.name] = given
    values.update(changes)
    if values.get("executor") == "threads":
        values["executor"] = None
    if values.get("report") is not None:
        from hca_base.transfer._report import check_report

        # Before anything is asked of a server.
        check_report(values["report"])
    return TransferOptions(**values)


def _configured(config: Any, name: str) -> Any:
    from hca_base.errors import ConfigError

    key = f"transfer.{name}"
    value = config.get(key, None)
    if value is None:
        return None
    try:
        if name == "limit_rate":
            return rate(str(value))
        if name == "connections":
            return count(str(value))
        if name in ("filestore", "report"):
            return expand_home(str(value))
        if name == "retries":
            return attempts(str(value))
        if name == "disk_reserve":
            return _amount(int(value))
        if name in ("min_delay", "connect_timeout", "stall_timeout", "wait_budget"):
            return _amount(float(value))
        if name in ("fail_fast", "verify", "dry_run", "fsync", "fast") and not isinstance(value, bool):
            # A text would be taken for true, whatever it says.
            raise ValueError("it is true or false")
    except (ValueError, TypeError, OverflowError, argparse.ArgumentTypeError) as error:
        raise ConfigError(f"the setting {key} cannot be {value!r}: {error}") from error
    if name in ("link", "progress") and value not in {"link": ("hard", "copy", "symlink")}.get(
        name, ("auto", "none", "jsonl")
    ):
        raise ConfigError(f"the setting {key} cannot be {value!r}")
    return value


def _amount(value: Any) -> Any:
    """A number of seconds or bytes that can be counted: what is less than nothing, endless or no number cannot."""
    if not 0 <= value < math.inf:
        raise ValueError("it is no amount")
    return value
