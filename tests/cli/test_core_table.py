"""The static table of the core's commands agrees with the classes."""

from __future__ import annotations

import importlib
import inspect

import pytest

from hca_base.commands import COMMANDS, GROUPS, HIDDEN, Command


@pytest.mark.parametrize("name", COMMANDS)
def test_each_entry_is_a_command_with_that_summary(name: str) -> None:
    value, summary = COMMANDS[name]
    module, _, attribute = value.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert issubclass(command, Command)
    first_line = (inspect.getdoc(command) or "").splitlines()[0].rstrip(".")
    assert first_line == summary


def test_groups_have_titles() -> None:
    assert {name.split(" ")[0] for name in COMMANDS if " " in name} == set(GROUPS)
    assert set(COMMANDS) >= HIDDEN
