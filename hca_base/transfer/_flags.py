"""The options that all transferring commands share: flags, and the section ``transfer`` of the configuration."""

from __future__ import annotations

import argparse
import dataclasses
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hca_base.config import TRANSFER_SETTINGS, TransferSetting, expand_home
from hca_base.transfer._model import TransferOptions

_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1024, "mi": 1024**2, "gi": 1024**3}


def rate(text: str) -> int:
    """Return bytes per second from ``2000000``, ``500k``, ``1.5M``, ``10MiB`` or ``10MB/s``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]i?)?b?(?:/s)?", text.strip().lower())
    value = float(match[1]) * _UNITS[match[2] or ""] if match else 0.0
    if not 1 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid rate; use for example 500k, 1.5M or 10MiB")
    return int(value)


def count(text: str) -> int:
    """Return a whole number from 1 to 1024."""
    value = int(text) if text.strip().isdecimal() else 0
    if not 1 <= value <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid number of connections (1 to 1024)")
    return value


def attempts(text: str) -> int:
    """Return a whole number from 0 to 1,000,000."""
    value = int(text) if text.strip().isdecimal() and len(text) < 20 else -1
    if not 0 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid number of retries (0 to 1000000)")
    return value


def add_transfer_options(parser: argparse.ArgumentParser, *, upload: bool = False, tags: bool = False) -> None:
    """Add the common options to a command's parser; :func:`options_from_args` reads them.

    :param upload: omit the options that only apply to downloads
    :param tags: the uploaded objects have tags
    """
    group = parser.add_argument_group("transfer options")
    group.add_argument(
        "--dry-run", action="store_true", help="show the files and bytes to transfer, without transferring them"
    )
    _add(group, "connections", type=count, metavar="N")
    _add(group, "limit_rate", type=rate, metavar="RATE")
    stop = group.add_mutually_exclusive_group()
    _add(stop, "fail_fast", action="store_true", default=None)
    stop.add_argument(
        "--keep-going", dest="fail_fast", action="store_false", help="continue with the other files (the default)"
    )
    _add(group, "retries", type=attempts, metavar="N", more=" (default: 10)")
    if not upload:
        check = group.add_mutually_exclusive_group()
        _add(check, "verify", action="store_true", default=None, more=" (the default)")
        check.add_argument("--no-verify", dest="verify", action="store_false", help="check sizes only, not checksums")
        _add(group, "filestore", type=Path, metavar="DIR")
        _add(group, "link", more=" (default: hard, or a copy where links fail)")
        _add(group, "names", more=" (default: portable)")
    if tags:
        _add(group, "tags", more=" (default: auto)")
    _add(group, "executor", metavar="WHERE", more=" for a cluster")
    _add(group, "report", type=Path, metavar="FILE", more=", as TSV or .json")
    _add(group, "progress", more=": on a terminal (auto), never, or as JSON lines")
    group.add_argument("--no-progress", dest="progress", action="store_const", const="none", help="show no progress")
    if not upload:
        _add(group, "fsync", action="store_true", default=None)


def _add(group: Any, name: str, *, more: str = "", **options: Any) -> None:
    """Add the flag of a setting, with its summary as help."""
    setting = TRANSFER_SETTINGS[name]
    summary = setting.summary[0].lower() + setting.summary[1:] + more
    if setting.kind == "choice":
        options["choices"] = setting.choices
    group.add_argument(f"--{name.replace('_', '-')}", help=summary, **options)


def options_from_args(args: argparse.Namespace, config: Any = None, **changes: Any) -> TransferOptions:
    """Return the options from parsed arguments, over the section ``transfer`` of the configuration, over the defaults.

    :param config: a ``hca_base.config.Config``, or None
    :param changes: fields set by the command itself
    :raises ConfigError: a configured value is not valid
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

        # Fail before the first request.
        check_report(values["report"])
    return TransferOptions(**values)


def _configured(config: Any, name: str) -> Any:
    """Return a configured value, checked; None if it is not set.

    :raises ConfigError: the value is not valid
    """
    setting = TRANSFER_SETTINGS.get(name)
    if setting is None:
        return None
    key = f"transfer.{name}"
    value = config.get(key, None)
    if value is None:
        return None
    try:
        return _READERS[setting.kind](value, setting)
    except (ValueError, TypeError, OverflowError, argparse.ArgumentTypeError) as error:
        from hca_base.errors import ConfigError

        raise ConfigError(f"the setting {key} cannot be {value!r}: {error}") from error


def _text(value: Any, setting: TransferSetting) -> str:
    if not isinstance(value, str):
        raise ValueError("not a string")
    return value


def _truth(value: Any, setting: TransferSetting) -> bool:
    if not isinstance(value, bool):
        # Any non-empty string would count as true.
        raise ValueError("use true or false")
    return value


def _choice(value: Any, setting: TransferSetting) -> Any:
    if value not in setting.choices:
        raise ValueError(f"use one of {', '.join(setting.choices)}")
    return value


def _not_negative(value: Any) -> Any:
    """Return the value if it is finite and not negative."""
    if not 0 <= value < math.inf:
        raise ValueError("not a finite number of at least 0")
    return value


_READERS: dict[str, Callable[[Any, TransferSetting], Any]] = {
    "text": _text,
    "path": lambda value, setting: expand_home(_text(value, setting)),
    "truth": _truth,
    "choice": _choice,
    "seconds": lambda value, setting: _not_negative(float(value)),
    "bytes": lambda value, setting: _not_negative(int(value)),
    "whole": lambda value, setting: attempts(str(value)),
    "rate": lambda value, setting: rate(str(value)),
    "connections": lambda value, setting: count(str(value)),
}
