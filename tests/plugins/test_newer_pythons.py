"""Removals and changes of Python 3.14 and 3.15, from their release notes, that affect hca.

The workflow runs the tests on those releases; these tests check without them.
"""

from __future__ import annotations

import ast
import configparser
import csv
from collections.abc import Iterator
from pathlib import Path

import make_wheels_table
import pytest

from hca_base.commands import Parser
from tests.lib import PluginDirectory, Runner
from tests.lib.house import ROOT, modules

#: Removed or deprecated in 3.14 or 3.15: "module.name".
GONE = {
    "argparse.FileType",
    "ast.Bytes",
    "ast.Ellipsis",
    "ast.NameConstant",
    "ast.Num",
    "ast.Str",
    "asyncio.AbstractChildWatcher",
    "asyncio.get_child_watcher",
    "asyncio.get_event_loop_policy",
    "asyncio.iscoroutinefunction",
    "asyncio.set_child_watcher",
    "asyncio.set_event_loop_policy",
    "codecs.open",
    "collections.abc.ByteString",
    "importlib.abc.ResourceReader",
    "importlib.abc.Traversable",
    "importlib.abc.TraversableResources",
    "locale.getdefaultlocale",
    "pkgutil.find_loader",
    "pkgutil.get_loader",
    "platform.java_ver",
    "pty.master_open",
    "pty.slave_open",
    "sqlite3.version",
    "sqlite3.version_info",
    "typing.ByteString",
    "typing.no_type_check_decorator",
    "urllib.parse.Quoter",
    "urllib.request.FancyURLopener",
    "urllib.request.URLopener",
}
GONE_MODULES = {"sre_compile", "sre_constants", "sre_parse", "nturl2path"}
GONE_METHODS = {"is_reserved", "load_module"}
FILES = [path for name, path in sorted(modules().items())]


def names_in(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every imported or dotted name in a module that may be from the standard library."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield node.lineno, ast.unparse(node)


def faults_of(path: Path) -> Iterator[str]:
    """Code that a newer Python would reject, warn about or run differently."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for line, name in names_in(tree):
        if name in GONE or name in GONE_MODULES or name.rpartition(".")[2] in GONE_METHODS:
            yield f"{path}:{line}: {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            # Since 3.15, sqlite3.connect has only one positional parameter, and RLock none.
            if called == "sqlite3.connect" and len(node.args) > 1:
                yield f"{path}:{node.lineno}: options of sqlite3.connect by position"
            if called == "threading.RLock" and (node.args or node.keywords):
                yield f"{path}:{node.lineno}: arguments of RLock"
        if isinstance(node, ast.Try):
            # A SyntaxWarning since 3.14 (PEP 765), visible to users.
            left = (inner for statement in node.finalbody for inner in ast.walk(statement))
            if any(isinstance(inner, ast.Return) for inner in left):
                yield f"{path}:{node.lineno}: return in finally"
    # Annotations are lazy since 3.14; with this import they are strings in every release, and nothing reads them.
    future = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    if not future and any(isinstance(node, ast.AnnAssign | ast.FunctionDef) for node in ast.walk(tree)):
        yield f"{path}: evaluates its annotations"


def test_nothing_is_used_that_newer_pythons_lack() -> None:
    assert not [fault for path in FILES for fault in faults_of(path)]


@pytest.mark.parametrize(
    "text",
    [
        "import ast\nast.Num",
        "from typing import ByteString",
        "import sre_parse",
        "path.is_reserved()",
        "sqlite3.connect(name, 5)",
        "threading.RLock(1)",
        "def f():\n    try:\n        pass\n    finally:\n        return 1",
        "x: int = 1",
    ],
)
def test_each_kind_is_found(tmp_path: Path, text: str) -> None:
    path = tmp_path / "module.py"
    path.write_text(text)
    assert list(faults_of(path))


def test_help_has_no_colours_of_argparse() -> None:
    """Since 3.14 argparse colours help; service texts are escaped, and so would be the colours."""
    assert Parser(prog="x").color is False  # type: ignore[attr-defined]


def test_the_table_of_wheels_has_every_requirement() -> None:
    with make_wheels_table.TABLE.open(newline="") as file:
        rows = {row["Package"]: row for row in csv.DictReader(file)}
    assert list(rows) == list(make_wheels_table.requirements())
    for python in make_wheels_table.PYTHONS:
        assert all(row[python] for row in rows.values()), f"no answer for Python {python}"


def test_the_workflow_runs_every_python_that_the_metadata_names() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    named = [line.rpartition(":: ")[2] for line in parser["metadata"]["classifiers"].splitlines() if ":: 3." in line]
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text()
    assert named == list(make_wheels_table.PYTHONS)
    listed = ", ".join(f'"{python}"' for python in named)
    assert f"python: [{listed}]" in workflow


def test_commands_fail_tests_that_a_later_python_would_refuse(hca: Runner, plugins: PluginDirectory) -> None:
    """The runner of commands is as strict about warnings as pytest's own process."""
    source = """
import warnings
from hca_base.commands import Command

class Old(Command):
    "Do it the old way."
    def take_action(self, parsed_args):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        self.stdout.write("done")
"""
    modules = {"hca_old/__init__.py": "", "hca_old/commands.py": source}
    plugins.install("hca-old", modules, {"hca.commands": {"old": "hca_old.commands:Old"}})
    with pytest.raises(AssertionError, match="DeprecationWarning: old"):
        hca("old")
