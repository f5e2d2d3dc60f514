"""The public names and commands of hca 7.0.1, as it reported them, exist, or the documentation says why not."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import make_hca7_table as table
import pytest

TOOLS = Path(__file__).parents[2] / "docs" / "tools"
SNAPSHOT = json.loads((TOOLS / "hca7.json").read_text(encoding="utf-8"))


#: Parameters that were never passed by name, or that a library's new version dropped.
RENAMED = {"staging_subparsers", "method_whitelist"}
HERE = [
    name for name, module in table.names(SNAPSHOT) if not module and table.state_of(name)[0] in ("same", "same, fixed")
]


def test_the_page_is_the_one_that_is_made() -> None:
    assert table.PAGE.read_text(encoding="utf-8") == table.page()


def test_most_names_are_here() -> None:
    assert len(HERE) > 120


@pytest.mark.parametrize("name", HERE)
def test_a_name_of_hca_7_takes_the_arguments_that_it_took(name: str) -> None:
    found = table.resolve(name)
    words = name.split(".")
    known = SNAPSHOT["modules"]
    module = max((key for key in known if name.startswith(f"{key}.")), key=len)
    entry = known[module][words[module.count(".") + 1]]
    inside = words[module.count(".") + 2 :]
    wanted = entry["members"][inside[0]] if inside else entry.get("parameters")
    if wanted is None or found is None or not callable(found) or entry["kind"] == "value":
        return
    if isinstance(found, type) and issubclass(found, BaseException):
        return
    parameters = inspect.signature(found).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return
    given = [each for each in wanted if each not in ("args", "kwargs", "session_kwargs")]
    assert set(given) - RENAMED <= set(parameters), (given, list(parameters))


def test_names_that_are_gone_are_gone() -> None:
    """A name that was restored must be marked as such in the table."""
    for name in table.GONE:
        with pytest.raises((AttributeError, ModuleNotFoundError)):
            table.resolve(name)


def test_the_operations_of_hca_7_are_methods() -> None:
    from hca_base.config import load
    from hca_base.openapi import DocumentCache
    from hca_base.plugins import service_of

    index = DocumentCache(load()).get(service_of("dss"))
    for name, arguments in SNAPSHOT["operations"].items():
        operation = index.find(name)
        assert operation is not None, name
        assert set(arguments) <= {each.name for each in operation.parameters}, name


def _hca(home: Path, *args: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HCA_", "XDG_"))}
    environment |= {"HOME": str(home), "HCA_SITE_CONFIG": str(home / "none"), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "hca_base", *args],
        capture_output=True,
        text=True,
        env=environment,
        cwd=home,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", [name for name in SNAPSHOT["commands"] if name not in table.REPLACED])
def test_a_command_of_hca_7_takes_the_options_that_it_took(command: str, tmp_path: Path) -> None:
    shown = _hca(tmp_path, *command.split(), "--help")
    assert shown.returncode == 0, shown.stderr
    for option in SNAPSHOT["commands"][command]:
        for name in option["names"]:
            if name.startswith("-"):
                assert name in shown.stdout, name


def test_importing_hca_loads_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; before = set(sys.modules); import hca; loaded = set(sys.modules) - before; "
        "heavy = {'requests', 'boto3', 'urllib3', 'hca_base', 'hca_dss', 'hca_upload', 'cliff'} & set(sys.modules); "
        "assert not heavy, heavy; assert hca.__version__"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, timeout=60)


MODULES = ("hca.dss", "hca.upload", "hca.auth", "hca.cli", "hca.util")


@pytest.mark.parametrize("module", MODULES)
def test_a_better_name_is_told_once_and_to_developers_only(module: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"import {module}\nimport {module}\nfrom {module} import *\n", encoding="utf-8")

    def stderr(*options: str) -> str:
        done = subprocess.run(
            [sys.executable, *options, str(script)], capture_output=True, text=True, timeout=60, check=True
        )
        return done.stderr

    environment_free = stderr("-W", "default::DeprecationWarning")
    assert environment_free.count(f"{module} is a name of hca 7;") == 1
    assert stderr() == ""
