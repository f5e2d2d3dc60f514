"""Broken plugins only lose their own commands, and are reported precisely."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lib import PluginDirectory, Runner

_GOOD = (
    "from hca_base.commands import Command\n"
    'class Hello(Command):\n    """Greet {who}."""\n    def take_action(self, args):\n'
    "        self.stdout.write('hello from {who}\\n')\n"
)
_DOCUMENT = {"swagger": "2.0", "info": {"title": "T", "version": "1"}, "basePath": "/", "paths": {}}


def service_source(name: str, api: int = 1) -> str:
    return (
        "from hca_base.plugins import Service\n"
        f"SERVICE = Service(name={name!r}, title='The {name}', plugin_api={api},\n"
        f"    bundled_document=('{name}_pkg', 'document.json'),\n"
        f"    config_defaults={{'services.{name}.url': 'https://{name}.example.org/swagger.json'}})\n"
    )


def install_good(plugins: PluginDirectory) -> None:
    plugins.install(
        "hca-good", {"good_pkg.py": _GOOD.format(who="good")}, {"hca.commands": {"good_hello": "good_pkg:Hello"}}
    )


def rows_of(hca: Runner, *args: str) -> dict[str, dict[str, Any]]:
    """The messages of ``hca plugin list`` about a test's plugins, by name."""
    names = ["good", "bad", "new", "doc", "hang", "gone", "zebra", "apple", "thief"]
    chosen = {"HCA_PLUGINS": ",".join(f"hca-{name}" for name in names)}
    listed = json.loads(hca("plugin", "list", *args, "-f", "json", env=chosen, check=0).stdout)
    return {row["plugin"]: row for row in listed}


#: error -> (source of the module, message)
BREAKAGES = {
    "raises": ("raise RuntimeError('boom')\n", "RuntimeError: boom"),
    "exits": ("import sys; sys.exit(3)\n", "SystemExit: 3"),
    "asserts": ("assert False, 'no'\n", "AssertionError: no"),
    "syntax": ("def broken(:\n", "SyntaxError: invalid syntax"),
    "missing import": ("import there_is_no_such_module\n", "ModuleNotFoundError: No module named 'there_is_no_such"),
    "no such class": ("x = 1\n", "has no attribute 'Hello'"),
    "recursion": ("def f(): f()\nf()\n", "RecursionError"),
}


@pytest.mark.parametrize("kind", BREAKAGES)
def test_a_plugin_that_breaks_at_import_costs_its_own_commands(
    hca: Runner, plugins: PluginDirectory, kind: str
) -> None:
    source, said = BREAKAGES[kind]
    install_good(plugins)
    plugins.install("hca-bad", {"bad_pkg.py": source}, {"hca.commands": {"bad_hello": "bad_pkg:Hello"}}, version="2.5")
    assert hca("good", "hello", check=0).stdout == "hello from good\n"
    assert "good" in hca("--help", check=0).stdout
    assert "hello" in hca("bad", "--help", check=0).stdout
    done = hca("bad", "hello", check=1)
    assert done.stdout == ""
    assert "hca: error: plugin hca-bad 2.5 cannot be used" in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    rows = rows_of(hca)
    assert rows["hca-good"]["status"] == "ok"
    assert rows["hca-bad"]["status"] == "broken"
    assert said in rows["hca-bad"]["reason"]
    assert list(rows_of(hca, "--broken")) == ["hca-bad"]


def test_a_newer_plugin_api_is_told_and_nothing_of_the_plugin_is_imported(
    hca: Runner, plugins: PluginDirectory
) -> None:
    install_good(plugins)
    plugins.install(
        "hca-new",
        {
            "new_pkg/__init__.py": "",
            "new_pkg/service.py": service_source("new", api=99),
            "new_pkg/commands.py": "raise SystemError('imported')\n",
            "new_pkg/document.json": json.dumps(_DOCUMENT),
        },
        {"hca.services": {"new": "new_pkg.service:SERVICE"}, "hca.commands": {"new_hello": "new_pkg.commands:Hello"}},
    )
    for words in (["new", "hello"], ["new", "get-x"]):
        done = hca(*words, check=1 if words[1] == "hello" else None)
        assert "it requires plugin API 99, but this hca has 1" in done.stderr
        assert "imported" not in done.stderr
    assert hca("good", "hello", check=0).stdout == "hello from good\n"
    row = rows_of(hca, "--broken")["hca-new"]
    assert row["plugin API"] == 99
    assert "plugin API 99" in row["reason"]


def test_a_broken_document_costs_the_generated_commands(hca: Runner, plugins: PluginDirectory) -> None:
    install_good(plugins)
    plugins.install(
        "hca-doc",
        {
            "doc_pkg/__init__.py": "",
            "doc_pkg/service.py": service_source("doc"),
            "doc_pkg/commands.py": _GOOD.format(who="doc"),
            "doc_pkg/document.json": "{ not json",
        },
        {"hca.services": {"doc": "doc_pkg.service:SERVICE"}, "hca.commands": {"doc_hello": "doc_pkg.commands:Hello"}},
    )
    assert hca("doc", "hello", check=0).stdout == "hello from doc\n"
    listed = hca("doc", "--help", check=0)
    assert "hello" in listed.stdout
    assert "cannot be listed" in listed.stderr
    # The command would call the service anyway, so it loads the document from there.
    hca("doc", "get-thing", check=6)
    assert hca("good", "hello", check=0).stdout == "hello from good\n"
    done = hca("plugin", "doctor", env={"HCA_PLUGINS": "hca-doc"}, check=1)
    assert "error    plugin hca-doc 1.0: services doc: its document is unusable" in done.stdout


def test_a_plugin_that_hangs_at_import_hangs_only_its_own_command(hca: Runner, plugins: PluginDirectory) -> None:
    install_good(plugins)
    plugins.install(
        "hca-hang",
        {"hang_pkg.py": "import time\ntime.sleep(600)\n"},
        {"hca.commands": {"hang_hello": "hang_pkg:Hello"}},
    )
    assert hca("good", "hello", check=0).stdout == "hello from good\n"
    assert "hang" in hca("--help", check=0).stdout
    row = rows_of(hca, "--timeout", "3")["hca-hang"]
    assert row["status"] == "broken"
    assert "importing it takes longer than 3 seconds" in row["reason"]


def test_a_plugin_that_ends_the_process_is_listed(hca: Runner, plugins: PluginDirectory) -> None:
    plugins.install(
        "hca-gone", {"gone_pkg.py": "import os\nos._exit(9)\n"}, {"hca.commands": {"gone_hello": "gone_pkg:Hello"}}
    )
    row = rows_of(hca)["hca-gone"]
    assert "ends the process, with exit code 9" in row["reason"]


def test_what_a_plugin_prints_at_import_does_not_get_into_results(hca: Runner, plugins: PluginDirectory) -> None:
    source = "print('noise')\n" + _GOOD.format(who="loud")
    plugins.install("hca-loud", {"loud_pkg.py": source}, {"hca.commands": {"loud_hello": "loud_pkg:Hello"}})
    assert hca("loud", "hello", check=0).stdout == "hello from loud\n"


def test_of_two_claims_on_a_command_the_first_by_name_wins(hca: Runner, plugins: PluginDirectory) -> None:
    for name in ("hca-zebra", "hca-apple"):
        package = name.replace("-", "_")
        plugins.install(
            name, {f"{package}.py": _GOOD.format(who=name)}, {"hca.commands": {"shared_hello": f"{package}:Hello"}}
        )
    done = hca("shared", "hello", check=0)
    assert done.stdout == "hello from hca-apple\n"
    assert "hca: warning: command 'shared hello' is claimed by hca-apple and by hca-zebra" in done.stderr
    assert "claimed" in hca("plugin", "doctor", env={"HCA_PLUGINS": "hca-zebra,hca-apple"}).stdout
    rows = rows_of(hca)
    assert "claimed by hca-apple and by hca-zebra" in rows["hca-zebra"]["reason"]


def test_a_plugin_cannot_replace_a_command_of_the_core(hca: Runner, plugins: PluginDirectory) -> None:
    plugins.install(
        "hca-thief", {"thief.py": _GOOD.format(who="thief")}, {"hca.commands": {"config_path": "thief:Hello"}}
    )
    done = hca("config", "path", "--user", check=0)
    assert "config.json" in done.stdout
    assert "thief" not in done.stdout
    assert "hidden" in done.stderr


def test_hca_plugins_leaves_plugins_out(hca: Runner, plugins: PluginDirectory) -> None:
    install_good(plugins)
    hca("good", "hello", env={"HCA_PLUGINS": ""}, check=2)
    assert hca("good", "hello", env={"HCA_PLUGINS": "other, hca_GOOD"}, check=0).stdout == "hello from good\n"


def test_interrupting_an_import_is_no_broken_plugin(hca: Runner, plugins: PluginDirectory) -> None:
    plugins.install(
        "hca-int", {"int_pkg.py": "raise KeyboardInterrupt\n"}, {"hca.commands": {"int_hello": "int_pkg:Hello"}}
    )
    hca("int", "hello", check=130)


def test_what_a_library_warns_of_is_one_line(hca: Runner, plugins: PluginDirectory) -> None:
    source = _GOOD.format(who="good") + (
        "        import warnings\n"
        "        class Odd(UserWarning): pass\n"
        "        for _ in range(2):\n"
        "            warnings.warn('two\\nlines', Odd, stacklevel=1)\n"
        "        warnings.warn('for programmers', DeprecationWarning, stacklevel=1)\n"
    )
    plugins.install("hca-good", {"good_pkg.py": source}, {"hca.commands": {"good_hello": "good_pkg:Hello"}})
    told = hca("good", "hello").stderr.splitlines()
    assert told[0] == "hca: warning: two lines"
    assert sum("two" in line for line in told) == 1
    # In Python's format, if requested with PYTHONWARNINGS.
    assert "DeprecationWarning: for programmers" in told[1]
    assert hca("good", "hello", env={"PYTHONWARNINGS": ""}).stderr == "hca: warning: two lines\n"
