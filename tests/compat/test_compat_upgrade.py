"""``pip install -U hca`` in an environment with an old hca, and leftovers of old versions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = (".", "plugins/dss", "plugins/upload", "plugins/azul", "plugins/hca")


def _run(*command: object, check: bool = True, timeout: float = 900) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=timeout, check=False, cwd=Path.home()
    )
    assert not check or done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels of the distributions that ``hca`` installs."""
    folder = tmp_path_factory.mktemp("wheels")
    for name in DISTRIBUTIONS:
        # From a copy, because building in a checkout leaves files there.
        source = tmp_path_factory.mktemp("source") / "tree"
        tracked = subprocess.run(
            ["git", "ls-files", "-z", name], cwd=ROOT, capture_output=True, check=True
        ).stdout.decode()
        for file in filter(None, tracked.split("\0")):
            if name == "." and file.startswith(("plugins/", "docs/", "tests/", "benchmarks/", "examples/")):
                continue
            target = source / Path(file).relative_to(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / file).read_bytes())
        _run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, source)
    return folder


class Environment:
    """A virtual environment."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=True)
        self.bin = folder / "bin"
        self.python = self.bin / "python"

    def pip(self, *args: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        return _run(self.python, "-m", "pip", "--disable-pip-version-check", *args, check=check)

    @property
    def package(self) -> Path:
        return Path(_run(self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())

    def findings(self) -> list[dict[str, Any]]:
        """The doctor's findings about the old names."""
        done = _run(self.python, "-m", "hca_base", "plugin", "doctor", "-f", "json", check=False)
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return [each for each in found if each["subject"] in ("hca", "hca-cli") and each["level"] != "ok"]


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """A new one."""
    if os.name == "nt":
        pytest.skip("only on POSIX")
    return Environment(tmp_path / "venv")


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("how", ["whole", "--no-deps"])
def test_one_command_upgrades_hca_7(environment: Environment, wheels: Path, how: str) -> None:
    """Its old requirements rarely install on current Pythons; the replacement of files is tested without them."""
    options = [how] if how == "--no-deps" else []
    done = environment.pip("install", "-q", *options, "hca==7.0.1", check=False)
    if how == "--no-deps":
        assert done.returncode == 0, done.stderr
    elif done.returncode != 0:
        # Its output is pip's; the other variant checks the rest.
        return
    assert (environment.package / "hca" / "default_config.json").exists()
    environment.pip("install", "-q", "-U", "hca", "--find-links", wheels)
    assert "9.0.0" in _run(environment.bin / "hca", "--version").stdout
    assert _run(environment.python, "-m", "hca_base", "dss", "--help").stdout
    assert not (environment.package / "hca" / "default_config.json").exists()
    code = "from hca.dss import DSSClient; from hca.upload.cli import SelectCommand; import hca; print(hca.__version__)"
    assert _run(environment.python, "-c", code).stdout.strip() == "9.0.0"
    assert environment.findings() == []

    # Uninstalling it deletes the core's script too: the module still works.
    environment.pip("uninstall", "-q", "-y", "hca")
    assert "9.0.0" in _run(environment.python, "-m", "hca_base", "--version").stdout


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_hca_8_was_a_notice(environment: Environment) -> None:
    """It refuses to be installed, so there is nothing to upgrade."""
    done = environment.pip("install", "-q", "--no-deps", "hca==8.0.0", check=False)
    assert done.returncode != 0
    assert "deprecated" in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_what_old_versions_leave_behind_is_found(environment: Environment, wheels: Path) -> None:
    environment.pip("install", "-q", "hca", "--find-links", wheels)
    assert environment.findings() == []
    package = environment.package / "hca"

    (package / "default_config.json").write_text("{}")
    assert [each["level"] for each in environment.findings()] == ["warning"]
    (package / "default_config.json").unlink()

    (package / "dss" / "client.py").unlink()
    (finding,) = environment.findings()
    assert finding["level"] == "error"
    assert "hca/dss/client.py" in finding["message"]
    environment.pip("install", "-q", "--force-reinstall", "--no-deps", "hca", "--find-links", wheels)
    assert environment.findings() == []

    for name, version in (("hca-cli", "0.1.2"), ("hca", "7.0.1")):
        info = environment.package / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        messages = " ".join(f"{each['level']} {each['message']} {each['hint']}" for each in environment.findings())
        assert version in messages
        assert "error" in messages
        assert "pip" in messages
        (info / "METADATA").unlink()
        info.rmdir()

    environment.pip("uninstall", "-q", "-y", "hca")
    package.mkdir(exist_ok=True)
    (package / "__init__.py").write_text("from .config import HCAConfig\n")
    (finding,) = environment.findings()
    assert "left over" in finding["message"]
