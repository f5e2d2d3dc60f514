"""Installing into externally managed environments, the doctor's findings, and cliff's hooks."""

from __future__ import annotations

import json
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import RefusedError
from hca_base.plugins import installer
from tests.lib import Loopback, PluginDirectory, Runner


@pytest.mark.parametrize(
    ("marker", "action", "said"),
    [
        ("pipx_metadata.json", "install", "pipx inject venv hca-x"),
        ("pipx_metadata.json", "uninstall", "pipx uninject venv hca-dss"),
        ("uv-receipt.toml", "install", "uv tool install venv --with hca-x"),
    ],
)
def test_an_environment_of_another_program(environment: Any, marker: str, action: str, said: str) -> None:
    (environment.python.parents[1] / marker).write_text("")
    words = ["hca-x"] if action == "install" else ["hca-dss", "--yes"]
    done = environment.hca("plugin", action, *words, check=5)
    assert said in done.stderr


def test_an_environment_of_the_operating_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "EXTERNALLY-MANAGED").write_text("")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(RefusedError) as caught:
        installer("install", ["hca-x"])
    assert "managed by the operating system" in str(caught.value)
    assert "venv" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["--index-url=http://evil.example", "-r", "a\nb", ""])
def test_names_that_are_options_of_the_installer(hca: Runner, name: str) -> None:
    done = hca("plugin", "install", "--", name, check=2)
    assert "is not the name of a distribution" in done.stderr


def test_an_install_that_fails_is_told(environment: Any) -> None:
    environment.env |= {"PIP_NO_INDEX": "1"}
    done = environment.hca("plugin", "install", "there-is-no-such-plugin", check=1)
    assert "failed with exit code 1" in done.stderr
    assert done.stdout == ""


def test_uninstalling_what_is_not_there_or_is_hca_itself(hca: Runner) -> None:
    hca("plugin", "uninstall", "no-such-plugin", "--yes", check=4)
    assert "hca itself" in hca("plugin", "uninstall", "hca_base", "--yes", check=5).stderr


def test_uninstalling_asks_first(hca: Runner, plugins: PluginDirectory) -> None:
    plugins.install("hca-one", {"one_pkg.py": ""}, {"hca.commands": {"one_x": "one_pkg:X"}})
    assert "--yes" in hca("plugin", "uninstall", "hca-one", check=2).stderr


def doctor(hca: Runner, code: int | None = None, **env: str) -> list[dict[str, str]]:
    done = hca("plugin", "doctor", "-f", "json", env={"HCA_PLUGINS": "", **env}, check=code)
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("name", "version", "hint"),
    [("hca", "7.0.1", "pip install -U hca"), ("hca", "8.0.0", "pip install -U hca"), ("hca-cli", "0.1.2", "hca-cli")],
)
def test_the_doctor_finds_an_old_hca(hca: Runner, plugins: PluginDirectory, name: str, version: str, hint: str) -> None:
    plugins.install(name, {}, {}, version=version)
    found = [finding for finding in doctor(hca, 1) if finding["subject"] == name]
    assert found[0]["level"] == "error"
    assert version in found[0]["message"]
    assert hint in found[0]["hint"]


def test_the_doctor_finds_two_versions_and_what_hides_a_package(hca: Runner, plugins: PluginDirectory) -> None:
    for version in ("1.0", "2.0"):
        plugins.install("hca-twice", {}, {}, version=version)
    (hca.cwd / "hca").mkdir()
    (hca.cwd / "hca" / "__init__.py").write_text("")
    messages = " ".join(finding["message"] for finding in doctor(hca, 1))
    assert "several versions are installed: 1.0, 2.0" in messages
    assert f"{hca.cwd / 'hca'} hides the package hca" in messages


def test_the_doctor_looks_at_settings_folders_logins_and_the_network(hca: Runner, loopback: Loopback) -> None:
    document = {
        "swagger": "2.0",
        "info": {"title": "Zoo", "version": "1"},
        "paths": {"/a": {"get": {"responses": {"200": {"description": "it"}}}}},
    }
    loopback.route("GET", "/swagger.json", document)
    hca.configure({"services": {"zoo": {"url": f"{loopback.url}/swagger.json"}}, "log_level": "LOUD"})
    found = doctor(hca, 1)
    subjects = {finding["subject"]: finding for finding in found}
    assert "log_level" in subjects["settings"]["message"]
    assert "not cached yet" in subjects["service zoo"]["message"]
    assert subjects["logins"]["level"] == "ok"
    assert not loopback.requests
    done = hca("plugin", "doctor", "--network", env={"HCA_PLUGINS": ""}, check=1)
    assert f"reached at {loopback.url}/swagger.json" in done.stdout


def test_hooks_of_cliff_run_around_a_command(hca: Runner, plugins: PluginDirectory) -> None:
    hook = (
        "from cliff.hooks import CommandHook\n"
        "class Hook(CommandHook):\n"
        "    def get_parser(self, parser):\n        parser.add_argument('--hooked', action='store_true')\n"
        "        return parser\n"
        "    def get_epilog(self):\n        return 'hooked epilog'\n"
        "    def before(self, parsed_args):\n        print('before', parsed_args.hooked)\n"
        "    def after(self, parsed_args, return_code):\n        print('after')\n        return return_code\n"
    )
    command = (
        "from hca_base.commands import Command\n"
        'class Feed(Command):\n    """Feed."""\n    def take_action(self, args):\n        print("feed")\n'
    )
    plugins.install("hca-feed", {"feed_pkg.py": command}, {"hca.commands": {"zoo_feed": "feed_pkg:Feed"}})
    plugins.install("hca-hook", {"hook_pkg.py": hook}, {"hca.commands.zoo_feed": {"hook": "hook_pkg:Hook"}})
    assert hca("zoo", "feed", "--hooked", check=0).stdout == "before True\nfeed\nafter\n"
    assert "hooked epilog" in hca("zoo", "feed", "--help", check=0).stdout
