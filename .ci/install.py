"""Install the distributions of this repository into the environment of this Python, as ``pip install -r`` does.

Their wheels are built once, in isolation, and serve all environments of a run of ``tox``. Arguments are pip's.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ("requirements.txt", "requirements-plugins.txt")
#: What lies between the sources and belongs to no distribution.
_FOREIGN = shutil.ignore_patterns(
    ".git",
    ".tox",
    ".venv",
    ".*_cache",
    ".hypothesis",
    "__pycache__",
    "*.egg-info",
    "build",
    "dist",
    "_build",
    "node_modules",
)


def distributions(root: Path) -> list[Path]:
    """The folders that hold a distribution, the core first."""
    return [root, *sorted(path.parent for path in root.glob("plugins/*/pyproject.toml"))]


@contextlib.contextmanager
def copy_of_the_sources() -> Iterator[Path]:
    """Give a folder to build in: what a build leaves among the sources would be in the next one."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "sources"
        shutil.copytree(ROOT, copy, symlinks=True, ignore=_FOREIGN)
        yield copy


def wheels() -> Path:
    """The folder with the wheels of all distributions, as the sources are now."""
    with _alone(), copy_of_the_sources() as copy:
        found = ROOT / ".tox" / "wheels" / _fingerprint(copy)
        if not found.is_dir():
            with tempfile.TemporaryDirectory(dir=ROOT / ".tox") as made:
                _build(distributions(copy), Path(made))
                shutil.copytree(made, found)
                # Another environment may be installing from the last ones.
                for old in sorted(found.parent.iterdir(), key=lambda each: each.stat().st_mtime)[:-3]:
                    shutil.rmtree(old)
        return found


def _build(folders: list[Path], made: Path) -> None:
    """Build wheels in one environment that has what the distributions declare to need for that, and nothing else.

    pip would make such an environment for each of them, which takes longer than all of the rest.
    """
    declared = [tomllib.loads((each / "pyproject.toml").read_text(encoding="utf-8")) for each in folders]
    needed = sorted({need for each in declared for need in each["build-system"]["requires"]})
    with tempfile.TemporaryDirectory() as environment:
        venv.create(environment)
        python = Path(environment) / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        pip = [sys.executable, "-m", "pip", "--python", str(python)]
        subprocess.run([*pip, "install", "--quiet", *needed], check=True)
        wheel = [*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(made)]
        subprocess.run([*wheel, *folders], check=True)


def _fingerprint(root: Path) -> str:
    """What wheels are made from: a page or a test that changes meanwhile makes no other wheel."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.relative_to(root).parts[0] not in ("docs", "tests", "benchmarks", "findings"):
            digest.update(f"{path.relative_to(root)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let one process at a time build."""
    lock = ROOT / ".tox" / "build.lock"
    lock.parent.mkdir(exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows, where tox runs one environment after the other
        yield
        return
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def requirements(folder: Path) -> list[str]:
    """The lines of the requirements files, with the wheels of the distributions in place of their folders."""
    found = []
    for line in (line for name in REQUIREMENTS for line in (ROOT / name).read_text(encoding="utf-8").splitlines()):
        if match := re.fullmatch(r"(\.[\w/-]*)(\[.*\])?", line.strip()):
            name = "base" if match[1] == "." else match[1].rpartition("/")[2]
            stem = "hca" if name == "hca" else f"hca_{name}"
            found.append(f"{next(folder.glob(f'{stem}-*.whl'))}{match[2] or ''}")
        elif line.strip() and not line.startswith("#"):
            found.append(line.strip())
    return found


if __name__ == "__main__":
    built = wheels()
    pip = [sys.executable, "-m", "pip", "install", "--quiet", *sys.argv[1:]]
    # In an environment of an earlier run pip would keep what has the same version.
    subprocess.run([*pip, "--no-deps", "--force-reinstall", *sorted(built.glob("*.whl"))], check=True)
    sys.exit(subprocess.run([*pip, *requirements(built)], cwd=ROOT, check=False).returncode)
