"""Declarations of services are cached, so that commands that read all of them import none; changes are detected."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lib import PluginDirectory, Runner
from tests.lib.imports import modules_of

_SERVICE = """
from hca_base.plugins import CredentialScheme, Service
{imports}
SERVICE = Service(
    name="zoo", title="Animals", client_section="zoo", safe_operations=("feed", "count"),
    config_defaults={{"zoo": {{"url": {url}, "hours": [9, 17]}}}},
    config_schema={{"zoo": {{"type": "object", "properties": {{
        "url": {{"type": "string"}}, "hours": {{"type": "array", "description": "when it is open"}}}}}}}},
    credentials=CredentialScheme(kind="apikey", api_key_header="X-Key", env=("ZOO_KEY", "ZOO_OLD_KEY")),
    hints={{"401": "ask the keeper"}},
)
"""


def install(plugins: PluginDirectory, url: str = '"https://zoo.example/1"', imports: str = "", **more: str) -> None:
    plugins.install(
        "hca-zoo",
        {"hca_zoo/__init__.py": "", "hca_zoo/service.py": _SERVICE.format(url=url, imports=imports), **more},
        {"hca.services": {"zoo": "hca_zoo.service:SERVICE"}},
    )


def imported(hca: Runner, tmp_path: Path, *words: str) -> set[str]:
    """The modules of the plugin that a command imports."""
    return {name for name in modules_of(hca, tmp_path, *words, warm=False) if name.startswith("hca_zoo")}


def url_of(hca: Runner) -> str:
    return hca("config", "get", "zoo.url", fresh=True).stdout.strip()


@pytest.mark.parametrize(
    "words",
    [("config", "show"), ("config", "validate"), ("auth", "status"), ("config", "set", "zoo.hours", "[1, 2]")],
    ids=" ".join,
)
def test_a_plugin_is_imported_once(hca: Runner, plugins: PluginDirectory, tmp_path: Path, words: tuple[str]) -> None:
    install(plugins)
    assert imported(hca, tmp_path, *words) == {"hca_zoo", "hca_zoo.service"}
    assert imported(hca, tmp_path, *words) == set()


def test_what_is_kept_says_the_same(hca: Runner, plugins: PluginDirectory) -> None:
    install(plugins)
    commands = (
        ("config", "show"), ("config", "show", "--defaults"), ("auth", "status", "zoo", "-f", "json"),
        ("config", "get", "zoo", "-f", "json"), ("config", "get", "zoo.nothing"), ("service", "list"),
    )  # fmt: skip
    first = [hca(*words, fresh=True, check=None, env={"ZOO_OLD_KEY": "k"}) for words in commands]
    again = [hca(*words, fresh=True, check=None, env={"ZOO_OLD_KEY": "k"}) for words in commands]
    assert [(each.returncode, each.stdout, each.stderr) for each in first] == [
        (each.returncode, each.stdout, each.stderr) for each in again
    ]
    assert "ZOO_OLD_KEY" in first[2].stdout and "X-Key" not in first[0].stderr
    assert hca("config", "set", "zoo.hours", "9", check=2, fresh=True).error.startswith("zoo.hours")


def test_all_members_come_back(hca: Runner, plugins: PluginDirectory, tmp_path: Path) -> None:
    install(plugins)
    code = (
        "from hca_base.plugins import registry\n"
        "import sys\n"
        "kept = registry().service('zoo')\n"
        "assert 'hca_zoo' not in sys.modules or sys.argv[1] == 'first'\n"
        "from hca_zoo.service import SERVICE\n"
        "assert kept == SERVICE and type(kept.credentials) is type(SERVICE.credentials)\n"
        "assert kept.credentials.env == ('ZOO_KEY', 'ZOO_OLD_KEY') and kept.safe_operations == ('feed', 'count')\n"
    )
    for turn in ("first", "second"):
        done = subprocess.run(
            [sys.executable, "-c", code, turn], env=hca.env, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr


def test_a_changed_declaration_is_noticed(hca: Runner, plugins: PluginDirectory) -> None:
    install(plugins)
    assert url_of(hca) == url_of(hca) == "https://zoo.example/1"
    install(plugins, '"https://zoo.example/two"')
    assert url_of(hca) == url_of(hca) == "https://zoo.example/two"


def test_a_change_in_what_it_imports_is_noticed(hca: Runner, plugins: PluginDirectory) -> None:
    """In a module of the plugin, and in another distribution's.

    The sizes differ: Python itself takes a source of the same size and second for unchanged.
    """
    for place, name in (("hca_zoo/places.py", "hca_zoo.places"), ("other_places.py", "other_places")):
        for number in ("1", "two"):
            install(plugins, "URL", f"from {name} import URL", **{place: f"URL = 'https://{name}.example/{number}'\n"})
            assert url_of(hca) == url_of(hca) == f"https://{name}.example/{number}"


def test_another_version_is_imported_anew(hca: Runner, plugins: PluginDirectory, tmp_path: Path) -> None:
    install(plugins)
    url_of(hca)
    other = PluginDirectory(tmp_path / "other")
    install(other, '"https://zoo.example/other"')
    # The same distribution in another folder, like another environment of the same Python.
    assert hca("config", "get", "zoo.url", env={"PYTHONPATH": str(other.path)}).stdout == "https://zoo.example/other\n"
    assert url_of(hca) == "https://zoo.example/1"


def test_a_plugin_that_is_gone_declares_nothing(hca: Runner, plugins: PluginDirectory) -> None:
    install(plugins)
    url_of(hca)
    hca("config", "get", "zoo.url", env={"HCA_PLUGINS": "hca-dss"}, check=4)


def test_a_declaration_that_is_not_plain_data_is_imported_every_time(
    hca: Runner, plugins: PluginDirectory, tmp_path: Path
) -> None:
    install(plugins, "pathlib.PurePosixPath('/zoo')", "import pathlib")
    for _ in range(2):
        assert imported(hca, tmp_path, "config", "validate")


def test_one_that_breaks_is_told(hca: Runner, plugins: PluginDirectory) -> None:
    install(plugins)
    url_of(hca)
    install(plugins, imports="raise RuntimeError('out of order')")
    hca("config", "get", "zoo.url", check=4)
    assert "out of order" in hca("zoo", check=None).stderr
    assert "out of order" in hca("plugin", "list").stdout


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"format": 1}', '{"format": 1, "record": [], "files": {}}', "\x00"]
)
def test_a_damaged_cache_is_made_anew(hca: Runner, plugins: PluginDirectory, tmp_path: Path, content: str) -> None:
    install(plugins)
    url_of(hca)
    files = [path for path in (hca.home / ".cache/hca/declared").iterdir() if "zoo" in path.read_text()]
    assert len(files) == 1
    files[0].write_text(content)
    assert url_of(hca) == "https://zoo.example/1"
    assert imported(hca, tmp_path, "config", "show") == set()


def test_a_value_of_another_type_in_the_cache_harms_nothing(hca: Runner, plugins: PluginDirectory) -> None:
    install(plugins)
    url_of(hca)
    for path in (hca.home / ".cache/hca/declared").iterdir():
        found = json.loads(path.read_text())
        found["value"] = {"name": "zoo", "nonsense": 1}
        path.write_text(json.dumps(found))
    assert url_of(hca) == "https://zoo.example/1"


def test_settings_without_a_service_are_kept_too(hca: Runner, plugins: PluginDirectory, tmp_path: Path) -> None:
    schema = {"zoo": {"type": "object", "properties": {"size": {"type": "integer"}}}}
    plugins.install("hca-zoo", {"hca_zoo.py": f"SCHEMA = {schema!r}\n"}, {"hca.settings": {"zoo": "hca_zoo:SCHEMA"}})
    assert "zoo.size" in hca("config", "set", "zoo.size", "large", check=2).error
    assert imported(hca, tmp_path, "config", "validate") == set()
    assert "zoo.size" in hca("config", "set", "zoo.size", "large", check=2).error
