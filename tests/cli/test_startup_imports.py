"""Start-up: each kind of command imports only what it needs. Sets of modules are compared, never times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lib import Loopback, PluginDirectory, Runner
from tests.lib.imports import modules_of

#: Of this process only: the peak from wait4 is never less than the parent's.
_PEAK = """
import sys
from hca_base.shell import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
with open("/proc/self/status") as status:
    sys.stderr.write(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""

#: Modules that no command may import before it needs them.
HEAVY = {
    "boto3", "botocore", "cmd2", "google", "jsonmerge", "jsonschema", "keyring", "prompt_toolkit", "pycurl",
    "rich", "s3transfer", "yaml", "requests_oauthlib", "oauthlib", "cryptography",
}  # fmt: skip
NETWORK = {"requests", "urllib3", "http.client", "ssl", "socket"}

_DOCUMENT: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Zoo", "version": "1"},
    "basePath": "/v1",
    "paths": {
        "/animals/{uuid}": {
            "get": {
                "summary": "Get an animal",
                "parameters": [{"name": "uuid", "in": "path", "type": "string", "required": True}],
                "responses": {"200": {"description": "it", "schema": {"type": "object"}}},
            }
        }
    },
}


@pytest.fixture
def zoo(hca: Runner, plugins: PluginDirectory) -> Any:
    """A plugin with a service, a client and a hand-written command, each in a module of its own."""
    plugins.install(
        "hca-zoo",
        {
            "hca_zoo/__init__.py": "",
            "hca_zoo/document.json": json.dumps(_DOCUMENT),
            "hca_zoo/service.py": (
                "from hca_base.plugins import Service\n"
                "SERVICE = Service(name='zoo', title='Animals', client_section='ZooClient',\n"
                "    bundled_document=('hca_zoo', 'document.json'),\n"
                "    config_defaults={'ZooClient.url': 'https://zoo.example.org/v1/swagger.json'})\n"
            ),
            "hca_zoo/client.py": (
                "import requests\nfrom hca_base.openapi import Client\nfrom hca_zoo.service import SERVICE\n"
                "class ZooClient(Client):\n    default_service = SERVICE\n"
            ),
            "hca_zoo/commands.py": (
                "import hca_zoo.client\nfrom hca_base.commands import Command\n"
                'class Feed(Command):\n    """Feed all animals."""\n    def take_action(self, args):\n'
                "        self.stdout.write('fed\\n')\n"
            ),
        },
        {
            "hca.services": {"zoo": "hca_zoo.service:SERVICE"},
            "hca.clients": {"zoo": "hca_zoo.client:ZooClient"},
            "hca.commands": {"zoo_feed": "hca_zoo.commands:Feed"},
        },
    )
    return plugins


def third_party(modules: set[str]) -> set[str]:
    """Top-level names outside the standard library and the core."""
    tops = {name.partition(".")[0] for name in modules}
    return {name for name in tops if name not in sys.stdlib_module_names and name != "hca_base"}


def core(modules: set[str]) -> set[str]:
    """The packages of the core that are more than lazy names."""
    return {name.split(".")[1] for name in modules if name.startswith("hca_base.") and name.count(".") == 2}


def test_version_imports_next_to_nothing(hca: Runner, zoo: Any, tmp_path: Path) -> None:
    modules = modules_of(hca, tmp_path, "--version")
    assert third_party(modules) == set()
    assert core(modules) == {"commands", "shell"}
    assert not modules & {"argparse", "json", "logging", "importlib.metadata", "dataclasses", *NETWORK}


def test_help_imports_no_plugin_and_no_library(hca: Runner, zoo: Any, tmp_path: Path) -> None:
    modules = modules_of(hca, tmp_path, "--help")
    assert third_party(modules) == set()
    assert core(modules) == {"commands", "config", "plugins", "shell"}
    assert not modules & {"argparse", "logging", "importlib.metadata", "email", *NETWORK}


def test_a_search_imports_what_help_does_and_its_own_modules(hca: Runner, zoo: Any, tmp_path: Path) -> None:
    usual = modules_of(hca, tmp_path, "--help")
    for words in (["search", "animal"], ["help", "-k", "animal"]):
        more = modules_of(hca, tmp_path, *words) - usual
        assert {name for name in more if not name.startswith("hca_base.shell._search")} <= {"zlib", "re", "fnmatch"}


@pytest.mark.parametrize("words", [["zoo", "--help"], ["zoo"], ["help", "zoo"]])
def test_help_of_a_group_imports_nothing_of_its_plugin(hca: Runner, zoo: Any, tmp_path: Path, words: list[str]) -> None:
    first = modules_of(hca, tmp_path, *words, warm=False)
    assert {name for name in first if name.startswith("hca_zoo")} == {"hca_zoo", "hca_zoo.service"}
    # The first run cached the service's declaration.
    modules = modules_of(hca, tmp_path, *words, warm=False)
    assert third_party(modules) == set()
    assert core(modules) <= {"commands", "config", "openapi", "output", "plugins", "shell"}
    assert not modules & {"argparse", "logging", "importlib.metadata", "email", "_hashlib", *NETWORK}


def test_help_of_an_operation_imports_no_cliff(hca: Runner, zoo: Any, tmp_path: Path) -> None:
    modules = modules_of(hca, tmp_path, "zoo", "get-animal", "--help")
    assert third_party(modules) == set()
    assert core(modules) <= {"commands", "config", "openapi", "output", "plugins", "shell"}
    assert not modules & {"logging", "importlib.metadata", "email", "_hashlib", *NETWORK}


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux: memory is counted in other units elsewhere")
def test_memory_of_help_does_not_grow_with_the_document(hca: Runner, tmp_path: Path) -> None:
    """Peak memory in megabytes, independent of other programs on the machine."""
    item = _DOCUMENT["paths"]["/animals/{uuid}"]
    text = "What an animal is, at length. " * 40
    for name, many in (("small", 1), ("large", 8000)):
        paths = {f"/kind-{number}/{{uuid}}": {"get": {**item["get"], "description": text}} for number in range(many)}
        (tmp_path / f"{name}.json").write_text(json.dumps({**_DOCUMENT, "host": "127.0.0.1:9", "paths": paths}))
        hca("service", "add", name, f"{name}.json", cwd=tmp_path, check=0)

    def peak(*words: str) -> float:
        done = subprocess.run(
            [sys.executable, "-c", _PEAK, *words], env=hca.env, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return int(done.stderr) / 1024

    assert peak("large", "get-kind-7", "--help") <= min(22, peak("small", "get-kind-0", "--help") + 2)


def test_a_core_command_imports_cliff_and_no_network(hca: Runner, zoo: Any, tmp_path: Path) -> None:
    modules = modules_of(hca, tmp_path, "config", "path", "--user")
    assert third_party(modules) == {"cliff"}
    assert not modules & {"requests", "urllib3", "ssl", "http.client", "subprocess", "shutil", "bz2"}
    # cliff and stevedore reference these at import, but need them only for features that hca does not use.
    assert not modules & {"importlib.metadata", "logging.handlers", "email.message", "pickle", "socket", "hashlib"}
    assert not {name for name in modules if name.startswith("hca_base.config.")} & {
        "hca_base.config._editing._edit", "hca_base.config._editing._lock", "hca_base.config._schema",
    }  # fmt: skip


def test_a_hand_written_command_imports_its_own_plugin(hca: Runner, zoo: Any, tmp_path: Path) -> None:
    zoo.install(
        "hca-other",
        {"hca_other.py": "raise SystemExit('must not be imported')\n"},
        {"hca.commands": {"other_thing": "hca_other:Thing"}, "hca.services": {"other": "hca_other:SERVICE"}},
    )
    modules = modules_of(hca, tmp_path, "zoo", "feed")
    assert "hca_zoo.commands" in modules
    assert "hca_other" not in modules
    assert not third_party(modules) & HEAVY


def test_an_operation_imports_requests_and_nothing_heavier(
    hca: Runner, zoo: Any, loopback: Loopback, tmp_path: Path
) -> None:
    loopback.route("GET", "/v1/swagger.json", _DOCUMENT)
    loopback.route("GET", "/v1/animals/7", {"uuid": "7"})
    hca.configure({"ZooClient": {"url": f"{loopback.url}/v1/swagger.json"}})
    modules = modules_of(hca, tmp_path, "zoo", "get-animal", "--uuid", "7")
    assert "requests" in modules
    # Help texts are built only for help.
    assert not modules & {"html", "hca_base.output._markdown", "difflib"}
    assert not third_party(modules) & (HEAVY - {"keyring", "cryptography"})
    # The document was downloaded once, and then read from its index.
    assert [path for _, path, _, _ in loopback.requests].count("/v1/swagger.json") == 1


def test_importing_the_core_imports_nothing() -> None:
    code = "import sys; before = set(sys.modules); import hca_base; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    # An editable installation already imports what typing and importlib need; a plain one imports it here.
    assert {name for name in done.stdout.split() if name.startswith("hca")} == {"hca_base", "hca_base._lazy"}
    assert {name.partition(".")[0] for name in done.stdout.split()} <= {
        "hca_base", "__future__", "collections", "contextlib", "copyreg", "enum", "functools", "importlib", "itertools",
        "keyword", "operator", "re", "reprlib", "types", "typing", "warnings", "_collections", "_functools",
        "_operator", "_sre", "_typing", "_weakrefset", "_frozen_importlib", "_abc", "abc",
    }  # fmt: skip


def test_what_cliff_is_imported_without_is_there_when_it_is_asked_for() -> None:
    code = (
        "import sys\n"
        "from hca_base.commands import Command\n"
        "assert 'importlib.metadata' not in sys.modules and 'logging.handlers' not in sys.modules\n"
        "import importlib, logging, stevedore\n"
        "assert callable(logging.handlers.RotatingFileHandler)\n"
        "names = stevedore.ExtensionManager('cliff.formatter.list').names()\n"
        "assert 'json' in names, names\n"
        "import cliff.command, cliff.commandmanager, importlib.metadata\n"
        "assert cliff.command.extension.ExtensionManager is stevedore.ExtensionManager\n"
        "assert cliff.commandmanager.stevedore.ExtensionManager is stevedore.ExtensionManager\n"
        "assert type(importlib.metadata) is type(sys), importlib.metadata\n"
        "assert cliff.command.packages_distributions() == importlib.metadata.packages_distributions()\n"
        "from importlib.metadata import EntryPoint\n"
        "assert EntryPoint('a', 'b:c', 'd').module == 'b'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_setting_that_replaces_another_imports_no_library(hca: Runner, zoo: Any, tmp_path: Path) -> None:
    """Users of a deployment other than the default have such settings, and also run short commands."""
    hca("config", "set", "ZooClient.url", "http://127.0.0.1:1/swagger.json", check=0)
    modules = modules_of(
        hca, tmp_path, "--config", "ZooClient.swagger_url=x", "config", "get", "ZooClient", "-f", "json"
    )
    assert not modules & HEAVY
