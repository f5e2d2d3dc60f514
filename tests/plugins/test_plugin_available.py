"""The list of plugins shipped with the core, and installing from it."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
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
    """Name, requirements and extras of the distribution in a folder, without versions."""
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


class Installation:
    """hca in a separate environment, with fsspec and Sphinx, and the visible effects of a plugin there."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder / "v", with_pip=True)
        self.python, self.home = folder / "v" / "bin" / "python", folder / "home"
        self.home.mkdir()
        packages = [ROOT, "fsspec", "sphinx"]
        subprocess.run([self.python, "-m", "pip", "install", "--quiet", *packages], check=True, timeout=600)
        self.env = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        self.env |= {"HOME": str(self.home), "PATH": os.environ["PATH"], "HCA_SITE_CONFIG": str(self.home / "none")}
        # The pages generated from the installation; other pages mention every page of this project.
        self.docs = folder / "docs"
        shutil.copytree(ROOT / "docs" / "_ext", self.docs / "_ext")
        for name in ("conf.py", "cli.rst", "operations.rst"):
            shutil.copy(ROOT / "docs" / name, self.docs)
        (self.docs / "index.rst").write_text("hca\n===\n\n.. toctree::\n\n   cli\n   operations\n")

    def run(self, *words: str, check: bool = True, stdin: str = "") -> str:
        """The output of its Python."""
        done = subprocess.run(
            [self.python, *words],
            env=self.env,
            cwd=self.home,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    def hca(self, *words: str, **options: Any) -> str:
        """The output of its hca."""
        return self.run("-m", "hca_base", *words, **options)

    def modules(self, *words: str) -> set[str]:
        """The modules that a command has imported when it ends."""
        code = (
            f"import sys; sys.argv = ['hca', *{words!r}]\n"
            "from hca_base.shell import main\n"
            "try: main()\nexcept SystemExit: pass\n"
            "print('MODULES', *sys.modules)"
        )
        return set(self.run("-c", code, check=False).rpartition("MODULES ")[2].split())

    def traces(self, group: str) -> dict[str, bool]:
        """Where the commands of a plugin appear."""
        self.run("-m", "sphinx", "-W", "-q", "-E", "-b", "text", str(self.docs), str(self.docs / "out"))
        pages = {name: (self.docs / "out" / f"{name}.txt").read_text() for name in ("cli", "operations")}
        session = self.hca("shell", stdin=f"help {group}\n", check=False)
        return {
            "help": f"\n  {group} " in self.hca("--help"),
            "completion of the first word": f"{group}" in self.hca("__complete", "--", "").split(),
            "completion": bool(self.hca("__complete", "--", group, "")),
            "interactive shell": f"usage: {group} COMMAND" in session or f"hca {group} COMMAND" in session,
            "reference of commands": f"hca {group} " in pages["cli"],
            "reference of operations": f"hca {group} " in pages["operations"],
            "protocol of fsspec": self.run(
                "-c", f"import fsspec; print({group!r} in fsspec.available_protocols())"
            ).strip()
            == "True",
        }


#: Commands of other packages: their imports must not change.
OTHERS = [("--version",), ("--help",), ("help", "config"), ("config", "path"), ("profile", "list"), ("cache", "list")]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_plugins_come_and_go_with_all_they_bring(tmp_path: Path) -> None:
    here = Installation(tmp_path)
    rows = {row["plugin"]: row for row in json.loads(here.hca("plugin", "list", "--available", "-f", "json"))}
    assert set(rows) == {entry["name"] for entry in LISTED}
    before = {words: here.modules(*words) for words in OTHERS}
    assert all("hca_base.shell" in modules for modules in before.values())
    for name, group in (("hca-drs", "drs"), ("hca-cellxgene", "cellxgene")):
        none = dict.fromkeys(here.traces(group), False)
        assert here.traces(group) == none
        here.run("-m", "hca_base", *shlex.split(rows[name]["install"])[1:])
        assert here.traces(group) == {trace: trace != "protocol of fsspec" or group == "drs" for trace in none}
        assert {words: here.modules(*words) for words in OTHERS} == before
        # A command that describes services loads their descriptions, and nothing else.
        package = name.replace("-", "_")
        described = {each for each in here.modules("service", "list") if each.partition(".")[0] == package}
        assert described == {package, f"{package}.service"}
        here.hca("plugin", "uninstall", name, "--yes")
        assert here.traces(group) == none
        assert {words: here.modules(*words) for words in OTHERS} == before
