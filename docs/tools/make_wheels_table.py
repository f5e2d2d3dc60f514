"""Makes the table of docs/dependencies that says for which Pythons each dependency has a wheel.

``python docs/tools/make_wheels_table.py`` asks the package index for each requirement and Python (a few minutes) and
writes ``docs/wheels.csv``; ``docs/dependencies`` shows it. Nothing is downloaded but metadata.
"""

from __future__ import annotations

import configparser
import csv
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "wheels.csv"
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
#: Wheels for these are what pip of a current Linux takes.
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_27_x86_64")
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def requirements() -> dict[str, str]:
    """Return the third-party requirements of all distributions: name -> requirement."""
    found: dict[str, str] = {}
    for line in _declared():
        name = _NAME.match(line.strip())
        if name is not None and not re.fullmatch(r"hca(-.*)?", name[0]):
            found.setdefault(name[0].lower(), line.split(";")[0].strip())
    return dict(sorted(found.items()))


def _declared() -> Iterator[str]:
    for path in [ROOT / "setup.cfg", *sorted(ROOT.glob("plugins/*/setup.cfg"))]:
        parser = configparser.ConfigParser()
        parser.read(path)
        yield from parser.get("options", "install_requires", fallback="").splitlines()
        if parser.has_section("options.extras_require"):
            for extra, text in parser.items("options.extras_require"):
                yield from (line for line in text.splitlines() if extra != "test" and not line.startswith("#"))
    for path in sorted(ROOT.glob("plugins/*/pyproject.toml")):
        project = tomllib.loads(path.read_text()).get("project", {})
        yield from project.get("dependencies", ())
        for extra, lines in project.get("optional-dependencies", {}).items():
            yield from lines if extra != "test" else ()


def wheel_for(requirement: str, python: str) -> tuple[str, str]:
    """Return the version that pip would take as a wheel and its kind: ``any``, ``abi3``, ``cp314``; or ("", "none")."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps", "--report", "-"]
    command += ["--target", "unused", "--only-binary", ":all:", "--python-version", python, "--implementation", "cp"]
    command += [word for platform in PLATFORMS for word in ("--platform", platform)]
    done = subprocess.run([*command, requirement], capture_output=True, text=True, check=False)
    if done.returncode:
        return "", "none"
    installed = json.loads(done.stdout)["install"][0]
    parts = installed["download_info"]["url"].rpartition("/")[2].removesuffix(".whl").split("-")
    kind = "any" if parts[-1] == "any" else parts[-2]
    return installed["metadata"]["version"], kind


def main() -> None:
    """Write the table."""
    with TABLE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["Package", "Version", *PYTHONS])
        for name, requirement in requirements().items():
            found = [wheel_for(requirement, python) for python in PYTHONS]
            newest = next((version for version, _ in reversed(found) if version), "")
            cells = [kind if version in ("", newest) else f"{kind} ({version})" for version, kind in found]
            writer.writerow([name, newest, *cells])


if __name__ == "__main__":
    main()
