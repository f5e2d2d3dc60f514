"""Files installed and shipped besides the code: man page, completion, recipe, image, workflows."""

from __future__ import annotations

import configparser
import importlib.util
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SHARE = ROOT / "share"


def wheel_data() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_wheel_data", ROOT / "docs" / "tools" / "make_wheel_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def settings(path: str = "setup.cfg") -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / path)
    return parser


def program(name: str) -> str:
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def test_the_wheels_data_is_current() -> None:
    made = wheel_data().wheel_data()
    found = {path.relative_to(SHARE).as_posix(): path.read_text() for path in SHARE.rglob("*") if path.is_file()}
    assert found == made, "run: python docs/tools/make_wheel_data.py"


def test_all_of_it_is_installed() -> None:
    data = settings()["options.data_files"]
    listed = {f"{folder}/{Path(name).name}" for folder, names in data.items() for name in names.split()}
    assert listed == {f"share/{name}" for name in wheel_data().wheel_data()}


def test_the_man_page_is_understood_without_a_warning() -> None:
    groff = program("groff")
    page = SHARE / "man" / "man1" / "hca.1"
    done = subprocess.run([groff, "-man", "-Tascii", "-ww", "-z", page], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_recipe_asks_for_what_the_distribution_asks_for() -> None:
    recipe = yaml.safe_load((ROOT / "packaging" / "conda" / "recipe.yaml").read_text())
    options = settings()["options"]
    required = {f"python {options['python_requires']}"} | {
        re.sub(r"\s+", " ", line.strip()).lower() for line in options["install_requires"].split("\n") if line.strip()
    }
    assert {line.lower() for line in recipe["requirements"]["run"]} == required
    command = [sys.executable, "-m", "hca_base", "--version"]
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[1]
    assert recipe["context"]["version"] == version


def test_the_recipe_is_one() -> None:
    rattler = pytest.importorskip("rattler_build", reason="py-rattler-build is not installed")
    assert rattler.Stage0Recipe.from_file(ROOT / "packaging" / "conda" / "recipe.yaml")


def test_the_image_installs_every_distribution_that_the_requirements_name() -> None:
    text = (ROOT / "packaging" / "Dockerfile").read_text()
    installed = set(re.findall(r"hca[a-z-]*", text.split("/wheelhouse \\\n")[-1].split("&&")[0]))
    plugins = (ROOT / "requirements-plugins.txt").read_text()
    assert installed >= {f"hca-{name}" for name in re.findall(r"^\./plugins/(\w+)", plugins, re.M)} | {"hca"}


def test_the_image_has_no_known_fault() -> None:
    done = subprocess.run(
        [program("hadolint"), ROOT / "packaging" / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_workflows_are_valid() -> None:
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    command = [program("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *workflows]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
