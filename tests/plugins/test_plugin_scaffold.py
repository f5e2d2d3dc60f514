"""``hca plugin create`` writes a plugin that installs and passes its tests; the repository's example is one."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lib import PluginDirectory, Runner

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "hca-plugin-example"
OFFLINE = ("--no-index", "--no-build-isolation", "--no-deps", "--quiet")

_DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": 'Pets & "more" {x} `y` \\ @service@', "version": "1"},
    "servers": [{"url": "https://pets.example.org/api"}],
    "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
    "paths": {"/pets": {"get": {"summary": "List pets", "responses": {"200": {"description": "them"}}}}},
}


def create(environment: Any, *args: object) -> None:
    environment.hca("plugin", "create", *args)


def test_a_new_plugin_installs_passes_its_tests_and_goes(environment: Any) -> None:
    directory = environment.home / "work" / "hca-demo"
    create(environment, "demo")
    assert environment.hca("demo", check=2).stdout == ""
    environment.pip("install", *OFFLINE, directory)
    assert "get-greeting" in environment.hca("demo").stdout
    assert "Show what the service is" in environment.hca("demo").stdout
    assert "get-greeting" in environment.hca("__complete", "--", "demo", "get").stdout
    environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider", directory)
    row = next(
        r for r in json.loads(environment.hca("plugin", "list", "-f", "json").stdout) if r["plugin"] == "hca-demo"
    )
    assert (row["status"], row["services"], row["commands"]) == ("ok", "demo", 1)
    environment.hca("plugin", "uninstall", "demo", "--yes")
    assert environment.hca("demo", check=2).stdout == ""


def test_a_wheel_is_installed_by_hca_itself(environment: Any) -> None:
    create(environment, "demo")
    environment.pip("wheel", *OFFLINE, "-w", "wheels", "./hca-demo")
    wheel = next((environment.home / "work" / "wheels").glob("*.whl"))
    environment.env |= {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1"}
    done = environment.hca("plugin", "install", wheel)
    assert "hca-demo 0.1.0 installed: service demo" in done.stderr
    assert done.stdout == ""
    assert "get-greeting" in environment.hca("demo").stdout
    environment.hca("plugin", "uninstall", "hca-demo", "--yes")
    assert environment.hca("demo", check=2).stdout == ""


def appears(environment: Any, there: bool) -> None:
    """Whether the example is in the help, in a shell's completion, and in the interactive shell."""
    code = 0 if there else 2
    assert ("example" in environment.hca("--help").stdout.split()) is there
    assert ("get-greeting" in environment.hca("example", check=code).stdout) is there
    assert ("--name" in environment.hca("example", "get-greetings", "--help", check=code).stdout) is there
    assert ("get-greetings\t" in environment.hca("__complete", "--", "example", "get").stdout) is there
    done = environment.hca("shell", "-c", "use example", "-c", "help", check=code)
    assert ("get-greeting" in done.stdout) is there
    listed = environment.hca("plugin", "list", "-f", "value", "-c", "plugin").stdout.split()
    assert ("hca-plugin-example" in listed) is there


def test_a_wheel_of_the_example_by_pip_and_a_second_directory(environment: Any) -> None:
    work = environment.home / "work"
    shutil.copytree(EXAMPLE, work / "source", ignore=shutil.ignore_patterns("*.egg-info", "build", "__pycache__"))
    environment.pip("wheel", *OFFLINE, "-w", "wheels", "./source")
    wheel = next((work / "wheels").glob("*.whl"))
    appears(environment, False)
    environment.pip("install", "--no-index", "--no-deps", "--quiet", wheel)
    appears(environment, True)
    environment.pip("uninstall", "--yes", "--quiet", "hca-plugin-example")
    appears(environment, False)
    environment.pip("install", "--no-index", "--no-deps", "--quiet", "--target", "second", wheel)
    environment.env["PYTHONPATH"] = str(work / "second")
    appears(environment, True)
    del environment.env["PYTHONPATH"]
    appears(environment, False)


def test_an_editable_install_is_followed(environment: Any) -> None:
    create(environment, "demo")
    environment.pip("install", *OFFLINE, "--editable", "./hca-demo")
    assert "get-greeting" in environment.hca("demo").stdout
    commands = environment.home / "work" / "hca-demo" / "hca_demo" / "commands.py"
    commands.write_text(commands.read_text().replace("Show what the service is", "Tell what the service is"))
    assert "Tell what the service is" in environment.hca("demo").stdout
    environment.pip("uninstall", "--yes", "hca-demo")
    assert environment.hca("demo", check=2).stdout == ""


def test_from_a_document(environment: Any) -> None:
    (environment.home / "work" / "pets.json").write_text(json.dumps(_DOCUMENT))
    create(environment, "pets", "--openapi", "pets.json")
    directory = environment.home / "work" / "hca-pets"
    assert "api_key_header='X-Key'" in (directory / "hca_pets" / "service.py").read_text()
    environment.pip("install", *OFFLINE, directory)
    assert "get-pets" in environment.hca("pets").stdout
    environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider", directory)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["../evil"], 2),
        (["Evil"], 2),
        (["-x"], 2),
        (["class"], 2),
        (["config"], 2),
        (["x", "--distribution", "a/b"], 2),
        (["x", "--openapi", "nothing.json"], 2),
        (["x", "--directory", "full"], 5),
    ],
)
def test_what_cannot_be_created(hca: Runner, args: list[str], code: int) -> None:
    (hca.cwd / "full").mkdir()
    (hca.cwd / "full" / "file").write_text("mine")
    hca("plugin", "create", *args, check=code)
    assert [path.name for path in hca.cwd.iterdir()] == ["full"]


def test_a_service_that_another_plugin_has_is_warned_of(hca: Runner, plugins: PluginDirectory) -> None:
    service = "from hca_base.plugins import Service\nSERVICE = Service(name='zoo', title='Animals')\n"
    plugins.install("hca-animals", {"hca_animals.py": service}, {"hca.services": {"zoo": "hca_animals:SERVICE"}})
    done = hca("plugin", "create", "zoo", check=0)
    assert "hca-animals is installed and also provides 'zoo'" in done.stderr
    assert "warning" not in hca("plugin", "create", "other", check=0).stderr


def test_the_example_is_what_the_scaffold_writes(hca: Runner) -> None:
    hca("plugin", "create", "example", "--distribution", "hca-plugin-example", "--directory", "made", check=0)
    made = hca.cwd / "made"
    ignored = {"__pycache__", ".pytest_cache", ".ruff_cache", "build"}

    def files(root: Path) -> dict[str, str]:
        return {
            path.relative_to(root).as_posix(): re.sub(r"\(c\) \d{4}", "(c) YEAR", path.read_text(encoding="utf-8"))
            for path in sorted(root.rglob("*"))
            if path.is_file() and not ignored & set(path.parts) and not any(p.endswith(".egg-info") for p in path.parts)
        }

    assert files(EXAMPLE) == files(made), (
        f"make it anew: {sys.executable} -m hca_base plugin create example --distribution hca-plugin-example "
        f"--directory {EXAMPLE}"
    )
