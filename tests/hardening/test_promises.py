"""Every promise in the documentation refers to existing tests that run by default."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Marks of tests that plain tox does not run.
LATER = {"slow", "soak", "hardening"}


def test_every_promise_names_tests_that_run() -> None:
    text = (ROOT / "docs" / "promises.rst").read_text(encoding="utf-8")
    named = re.findall(r"``([\w/.-]+\.py)::(\w+)``", text)
    assert len(named) == len(set(named)) == text.count("::test_") > 40
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        found = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) and each.name == name]
        assert found, f"{path} has no {name}"
        for function in found:
            marks = {
                node.attr
                for each in function.decorator_list
                for node in ast.walk(each)
                if isinstance(node, ast.Attribute)
            }
            assert not marks & LATER, f"{path}::{name} does not run by default"


def test_every_promise_has_a_test() -> None:
    """The first line of a promise is followed by at least one test."""
    lines = (ROOT / "docs" / "promises.rst").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines[:-1]):
        if line and not line.startswith((" ", "|")) and lines[number + 1].startswith("   "):
            assert lines[number + 1].startswith("   | ``"), line
