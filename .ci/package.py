"""Build every distribution of the repository, check it, install the wheels alone, and try them.

Run by ``tox -e package``. The wheels go to ``dist/`` below the folder given as the only argument.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from install import ROOT, copy_of_the_sources, distributions


def run(*command: str | Path) -> None:
    print("+", *command, flush=True)
    subprocess.run([str(word) for word in command], check=True)


def build(sources: Path, out: Path) -> None:
    # A wheel built from the sdist proves that the sdist is whole. That the build requirements are whole is proved by
    # install.py, which builds with nothing else at hand: no need to do it once more for each of these.
    for folder in distributions(sources):
        run(sys.executable, "-m", "build", "--quiet", "--no-isolation", "--outdir", out, folder)
    run(sys.executable, "-m", "twine", "check", "--strict", *sorted(out.iterdir()))


def smoke(out: Path) -> None:
    """Install the core alone, then everything, from the wheels, and ask each for its help."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        # Nothing of the user's is read or written; the download cache stays theirs.
        os.environ.setdefault("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip"))
        os.environ["HOME"] = os.environ["USERPROFILE"] = str(Path(folder) / "home")
        (Path(folder) / "home").mkdir()
        bin_dir = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin")
        hca = bin_dir / "hca"
        install = [bin_dir / "python", "-m", "pip", "install", "--quiet"]
        core, *plugins = [
            next(out.glob(name.replace("-", "_") + "-*.whl"))
            for name in ["hca-base", *(_name(path) for path in distributions(ROOT)[1:])]
        ]
        run(*install, core)
        run(hca, "--version")
        run(hca, "--help")
        # As a user does, but for where the wheels are: everything that `hca` requires comes along.
        run(*install, "--find-links", out, *plugins)
        run(bin_dir / "python", "-m", "pip", "check")
        for wheel in plugins:
            group = wheel.name.split("-")[0].removeprefix("hca_")
            run(hca, *([] if group == "hca" else [group]), "--help")
        run(hca, "dss", "get-bundle", "--help")
        run(bin_dir / "python", "-m", "hca_base", "plugin", "doctor")
        run(bin_dir / "python", "-c", "from hca.dss import DSSClient; import hca.upload.cli; DSSClient()")


def _name(folder: Path) -> str:
    import configparser
    import tomllib

    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project")
    if project is not None:
        return str(project["name"])
    parser = configparser.ConfigParser()
    parser.read(folder / "setup.cfg")
    return parser["metadata"]["name"]


if __name__ == "__main__":
    target = Path(sys.argv[1]).resolve()
    target.mkdir(parents=True, exist_ok=True)
    for old in target.iterdir():
        old.unlink()
    with copy_of_the_sources() as sources:
        build(sources, target)
    smoke(target)
