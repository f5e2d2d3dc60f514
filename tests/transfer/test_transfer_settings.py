"""A single table of settings: the schema, the flags, the engine's options and their checks agree."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Any

import pytest

from hca_base import config
from hca_base.errors import ConfigError
from hca_base.transfer import TransferOptions, add_transfer_options, options_from_args

FIELDS = {field.name for field in dataclasses.fields(TransferOptions)}
#: A valid value for each kind of setting, and some invalid ones.
GOOD: dict[str, Any] = {
    "text": "x", "path": "x", "truth": True, "choice": None, "seconds": 1.5, "bytes": 7, "whole": 3, "rate": "2M",
    "connections": 9,
}  # fmt: skip
BAD: dict[str, list[Any]] = {
    "text": [5, True, ["x"]],
    "path": [5, ["x"]],
    "truth": ["false", 0, "x"],
    "choice": ["soft", 1, [1]],
    "seconds": ["x", -5, float("inf"), float("nan"), [1]],
    "bytes": ["x", -1, [1]],
    "whole": ["x", -1, 1.5, [1]],
    "rate": ["x", -1, 0, [1]],
    "connections": ["x", 0, -1, 5000, [1]],
}
CASES = [(name, value) for name, setting in config.TRANSFER_SETTINGS.items() for value in BAD[setting.kind]]


def read(settings: dict[str, Any]) -> TransferOptions:
    return options_from_args(argparse.Namespace(), {f"transfer.{name}": value for name, value in settings.items()})


def test_the_table_the_options_and_the_schema_have_the_same_names() -> None:
    schema = config.schema()["properties"]["transfer"]["properties"]
    assert set(config.TRANSFER_SETTINGS) == set(schema) == FIELDS - {"dry_run"}


@pytest.mark.parametrize("name", sorted(config.TRANSFER_SETTINGS))
def test_each_setting_is_read(name: str) -> None:
    setting = config.TRANSFER_SETTINGS[name]
    value = setting.choices[-1] if setting.kind == "choice" else GOOD[setting.kind]
    read_back = getattr(read({name: value}), name)
    assert str(read_back) == ("2000000" if setting.kind == "rate" else str(value))
    assert not config.check_value(f"transfer.{name}", value)


@pytest.mark.parametrize(("name", "value"), CASES, ids=lambda value: str(value)[:20])
def test_a_value_that_makes_no_sense_is_named(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^the setting transfer\.{name} cannot be "):
        read({name: value})


def test_flags_are_of_the_table() -> None:
    parser = argparse.ArgumentParser()
    add_transfer_options(parser)
    flags = {action.dest: action for action in parser._actions if action.dest not in ("help", "dry_run")}
    assert set(flags) <= set(config.TRANSFER_SETTINGS)
    for name, setting in config.TRANSFER_SETTINGS.items():
        if setting.kind == "choice" and name in flags:
            assert tuple(next(a for a in parser._actions if a.dest == name and a.choices).choices) == setting.choices


def test_patience_is_a_setting(hca: Any) -> None:
    assert "unknown" not in hca("config", "set", "transfer.patience", "7", check=0).stderr
    assert json.loads(hca("config", "get", "transfer.patience", check=0).stdout) == 7
    failed = hca("config", "set", "transfer.patience", "x", check=2)
    assert "transfer.patience" in failed.stderr and "Traceback" not in failed.stderr
