"""Each distribution installs from a wheelhouse only: offline, without the clone, with pip, pipx and uv."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = {
    "hca-base": "config path",
    "hca-dss": "dss --help",
    "hca-upload": "upload --help",
    "hca-azul": "azul --help",
    "hca-local": "local --help",
    "hca-drs": "drs --help",
    "hca-cellxgene": "cellxgene --help",
    "hca-mcp": "mcp tools --help",
    "hca": "dss get-bundle --help",
}
#: A package index that is not reachable: packages can only come from the wheelhouse.
OFFLINE = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "UV_OFFLINE": "1", "PIP_RETRIES": "0"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **(env or {})})
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def name_of(folder: Path) -> str:
    """The name of a distribution, from its metadata file."""
    parser = configparser.ConfigParser()
    parser.read(folder / "setup.cfg")
    if parser.has_option("metadata", "name"):
        return parser["metadata"]["name"]
    return str(tomllib.loads((folder / "pyproject.toml").read_text())["project"]["name"])


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels built by ``make wheelhouse``."""
    folder = tmp_path_factory.mktemp("wheels") / "wheelhouse"
    requirements = [option for name in ("", "-plugins") for option in ("-r", f"requirements{name}.txt")]
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", folder, *requirements]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_distribution_of_the_repository_is_tried() -> None:
    names = {name_of(path.parent) for path in [ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")]}
    assert names == set(DISTRIBUTIONS)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_one_alone_by_pip(name: str, wheelhouse: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", wheelhouse, name, env=OFFLINE)
    run(python, "-m", "pip", "check")
    home = {"HOME": str(tmp_path / "home")}
    run(tmp_path / "env" / "bin" / "hca", *DISTRIBUTIONS[name].split(), env=home)
    assert (tmp_path / "env" / "share" / "man" / "man1" / "hca.1").exists()
    assert (tmp_path / "env" / "share" / "bash-completion" / "completions" / "hca").exists()


def test_all_together(wheelhouse: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    command = (python, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", wheelhouse)
    run(*command, *DISTRIBUTIONS, env=OFFLINE)
    for words in DISTRIBUTIONS.values():
        run(tmp_path / "env" / "bin" / "hca", *words.split(), env={"HOME": str(tmp_path / "home")})
    # The search index includes the documentation without the source tree.
    found = run(tmp_path / "env" / "bin" / "hca", "search", "rate", "limit", env={"HOME": str(tmp_path / "home")})
    assert "docs/transfers.rst" in found


def test_by_pipx_and_by_uv(wheelhouse: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "tools", with_pip=True)
    tools = tmp_path / "tools" / "bin"
    run(tools / "python", "-m", "pip", "install", "--quiet", "pipx", "uv")
    home = {"HOME": str(tmp_path / "home"), "PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path / "bin")}
    pip_args = f"--no-index --find-links {wheelhouse}"
    run(tools / "pipx", "install", "hca", "--include-deps", "--pip-args", pip_args, env={**home, **OFFLINE})
    run(tools / "pipx", "inject", "hca", "hca-cellxgene", "--pip-args", pip_args, env={**home, **OFFLINE})
    run(tmp_path / "bin" / "hca", "cellxgene", "--help", env=home)
    uv = {**home, **OFFLINE, "UV_TOOL_DIR": str(tmp_path / "uv"), "UV_TOOL_BIN_DIR": str(tmp_path / "uvbin")}
    command = (tools / "uv", "tool", "install", "--python", sys.executable, "--no-index", "--find-links", wheelhouse)
    run(*command, "--with", "hca-drs", "hca", env=uv)
    run(tmp_path / "uvbin" / "hca", "drs", "--help", env=home)
