"""Public names of all packages are unaffected by what was imported before."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import importlib, json, pkgutil, sys

def kinds(packages):
    found = {}
    for package in packages:
        module = importlib.import_module(package)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            found[f"{package}.{name}"] = f"{type(value).__name__} {getattr(value, '__module__', '')}"
    return found

top, before = sys.argv[1], sys.argv[2] == "after-everything"
root = importlib.import_module(top)
modules = [info.name for info in pkgutil.walk_packages(root.__path__, f"{top}.", onerror=lambda name: None)]
if before:
    for name in modules:
        if name.rpartition(".")[2] != "__main__":
            try:
                importlib.import_module(name)
            except ImportError:
                pass
public = [top, *(n for n in modules if n.count(".") == 1 and not n.rpartition(".")[2].startswith("_"))]
print(json.dumps(kinds(public)))
"""


@pytest.mark.parametrize("package", ["hca_base", "hca_dss", "hca_azul", "hca_upload"])
def test_public_names_do_not_depend_on_what_was_imported(package: str) -> None:
    found = {}
    for how in ("at-first", "after-everything"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, package, how], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        found[how] = json.loads(done.stdout)
    assert found["at-first"] == found["after-everything"]
    if package == "hca_base":
        assert found["at-first"]["hca_base.transfer.download"].startswith("function")
