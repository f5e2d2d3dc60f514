"""The list of plugins that ships with the core, and installing from it."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import subprocess
import tomllib
import venv
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from hca_base.plugins import available_plugins
from tests.lib import Runner

ROOT = Path(__file__).resolve().parents[2]
LISTED: list[dict[str, Any]] = json.loads((ROOT / "hca_base" / "plugins" / "available.json").read_bytes())


def declared(folder: Path) -> tuple[str, list[str], dict[str, list[str]]]:
    """Name, requirements and extras of the distribution in a folder, versions left out."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project")
    if project is not None:
        name, required, extras = project["name"], project["dependencies"], project["optional-dependencies"]
    else:
        parser = configparser.ConfigParser()
        parser.read(folder / "setup.cfg", encoding="utf-8")
        name, required = parser["metadata"]["name"], parser["options"]["install_requires"].split("\n")
        section = parser["options.extras_require"] if parser.has_section("options.extras_require") else {}
        extras = {extra: value.split("\n") for extra, value in section.items()}

    def names(lines: list[str]) -> list[str]:
        return [match[0] for line in lines if (match := re.match(r"[\w-]+", line.strip()))]

    return name, names(required), {extra: names(lines) for extra, lines in extras.items()}


def test_the_list_is_what_the_repository_has() -> None:
    folders = {path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml")} - {"hca"}
    assert {entry["folder"] for entry in LISTED} == folders
    names = {entry["folder"]: entry["name"] for entry in LISTED}
    for entry in LISTED:
        name, required, _ = declared(ROOT / "plugins" / entry["folder"])
        assert name == entry["name"]
        assert {names[folder] for folder in entry["requires"]} == {each for each in required if each in names.values()}


def test_the_extras_of_hca_name_all_plugins() -> None:
    _, required, extras = declared(ROOT / "plugins" / "hca")
    names = {entry["name"] for entry in LISTED}
    assert names - set(required) - {"hca-drs"} <= set(extras["all"])
    assert {each for extra in extras.values() for each in extra} <= names
    assert extras["cellxgene"] == ["hca-cellxgene"] and extras["drs"] == ["hca-drs"]


def test_what_is_not_installed_is_listed(hca: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {str(each.name).lower() for each in metadata.distributions()}
    rows = hca("plugin", "list", "--available", "-f", "json").json
    assert {row["plugin"] for row in rows} == {entry["name"] for entry in LISTED} - installed
    if not rows:
        done = hca("plugin", "list", "--available")
        assert (done.stdout, done.stderr) == ("", "all plugins of this project are installed\n")
    known = metadata.distribution

    def missing(name: str) -> metadata.Distribution:
        if name.startswith("hca-") and name != "hca-base":
            raise metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    found = {each.name: each for each in available_plugins()}
    assert set(found) == {entry["name"] for entry in LISTED}
    assert found["hca-azul"].command.split()[:3] == ["hca", "plugin", "install"]
    assert [Path(word).name for word in found["hca-azul"].command.split()[3:]] == ["drs", "azul"]
    assert all(Path(each.source).is_dir() for each in found.values())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_plugins_come_and_go_with_all_they_bring(tmp_path: Path) -> None:
    venv.create(tmp_path / "v", with_pip=True)
    python, home = tmp_path / "v" / "bin" / "python", tmp_path / "home"
    home.mkdir()
    subprocess.run([python, "-m", "pip", "install", "--quiet", ROOT, "fsspec"], check=True, timeout=600)
    env = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    env |= {"HOME": str(home), "PATH": os.environ["PATH"], "HCA_SITE_CONFIG": str(home / "none")}

    def run(*words: str, check: bool = True) -> str:
        done = subprocess.run(
            [python, *words], env=env, cwd=home, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    def modules(*words: str) -> set[str]:
        code = (
            f"import sys; sys.argv = ['hca', *{words!r}]\n"
            "from hca_base.shell import main\n"
            "try: main()\nexcept SystemExit: pass\n"
            "print('MODULES', *sys.modules)"
        )
        return set(run("-c", code).rpartition("MODULES ")[2].split())

    protocols = "import fsspec; print('drs' in fsspec.available_protocols())"
    rows = {
        row["plugin"]: row for row in json.loads(run("-m", "hca_base", "plugin", "list", "--available", "-f", "json"))
    }
    assert set(rows) == {entry["name"] for entry in LISTED}
    before = modules("config", "path")
    for name, command, group in (("hca-drs", "download", "drs"), ("hca-cellxgene", "collections", "cellxgene")):
        assert command not in run("-m", "hca_base", "__complete", "--", group, "")
        run("-m", "hca_base", *shlex.split(rows[name]["install"])[1:])
        assert command in run("-m", "hca_base", group)
        assert command in run("-m", "hca_base", "__complete", "--", group, "")
        assert run("-c", protocols).strip() == str(name == "hca-drs")
        assert modules("config", "path") == before
        run("-m", "hca_base", "plugin", "uninstall", name, "--yes")
        assert command not in run("-m", "hca_base", "__complete", "--", group, "")
        assert run("-c", protocols).strip() == "False"
