"""``pip install`` and ``pip uninstall`` of the plugins for DRS and CELLxGENE add and remove everything."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.lib.environment import Environment

ROOT = Path(__file__).parents[2]
OFFLINE = ("--no-index", "--no-build-isolation", "--no-deps", "--quiet")
#: Several commands, each in its own fork: exit code and output of each, and what Python and fsspec find.
PROBE = """
import json, os, sys
found = []
for words in json.loads(sys.argv[2]):
    if not os.fork():
        os.dup2(os.open("out", os.O_CREAT | os.O_WRONLY | os.O_TRUNC), 1)
        from hca_base.shell import main
        try:
            code = main(words)
        except SystemExit as error:
            code = error.code
        sys.stdout.flush()
        os._exit(code or 0)
    code = os.waitstatus_to_exitcode(os.wait()[1])
    found.append([code, open("out").read()])
import fsspec, hca_base
from hca_base.errors import UsageError
try:
    made = type(hca_base.client(sys.argv[1])).__name__
except UsageError:
    made = ""
print(json.dumps([found, made, sys.argv[1] in fsspec.available_protocols()]))
"""


def appears(environment: Environment, name: str, there: bool) -> None:
    """Whether a plugin is available to users: help, completion, interactive shell, Python, fsspec."""
    #: The command, and the prefix of an output line if the plugin is installed.
    expected = [
        (["--help"], f"  {name} "),
        ([name], "  download "),
        ([name, "download", "--help"], f"usage: hca {name} download"),
        (["__complete", "--", name[:2]], f"{name}\t"),
        (["__complete", "--", name, "do"], "download\t"),
        (["__complete", "--", "config", "get", name], f"{name}.url\t"),
        (["shell", "-c", f"use {name}", "-c", "help"], "  download "),
        (["plugin", "list", "-f", "value", "-c", "plugin"], f"hca-{name}"),
    ]
    done = environment.run("-c", PROBE, name, json.dumps([words for words, _ in expected]))
    found, made, protocol = json.loads(done.stdout.splitlines()[-1])
    for (words, start), (code, out) in zip(expected, found, strict=True):
        shown = any(line.startswith(start) or line.strip().startswith(start.strip() + " ") for line in out.splitlines())
        assert (shown or out.strip() == start) is there, (words, out)
        if words[0] == name:
            assert code == (0 if there else 2)
    assert bool(made) is there
    assert protocol is (there and name == "drs")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["drs", pytest.param("cellxgene", marks=pytest.mark.slow)])
def test_a_plugin_comes_and_goes(tmp_path: Path, name: str) -> None:
    environment = Environment(tmp_path / "venv", tmp_path / "home", without=f"hca-{name}")
    ignored = shutil.ignore_patterns("*.egg-info", "build", "__pycache__", "tests")
    shutil.copytree(ROOT / "plugins" / name, environment.home / "work" / "source", ignore=ignored)
    before = set(environment.site.iterdir())
    appears(environment, name, False)
    environment.pip("install", *OFFLINE, "./source")
    appears(environment, name, True)
    environment.pip("uninstall", "--yes", "--quiet", f"hca-{name}")
    appears(environment, name, False)
    assert set(environment.site.iterdir()) == before
