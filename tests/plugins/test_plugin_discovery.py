"""Plugins are found through a cache that detects installed, changed and removed ones."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.lib import PluginDirectory, Runner

_SOURCE = (
    "from hca_base.commands import Command\n"
    'class Hello(Command):\n    """{summary}.\n\n    More.\n    """\n    def take_action(self, args):\n'
    "        self.stdout.write('{said}\\n')\n"
)


def install(
    plugins: PluginDirectory, name: str = "hca-one", command: str = "one_hello", said: str = "one", **more: Any
) -> Path:
    module = name.replace("-", "_")
    source = _SOURCE.format(said=said, summary=more.pop("summary", "Say something"))
    found: Path = plugins.install(
        name, {f"{module}.py": source}, {"hca.commands": {command: f"{module}:Hello"}}, **more
    )
    return found


def test_install_and_uninstall_are_noticed(hca: Runner, plugins: PluginDirectory) -> None:
    hca("one", "hello", check=2)
    info = install(plugins)
    assert hca("one", "hello", check=0).stdout == "one\n"
    shutil.rmtree(info)
    (plugins.path / "hca_one.py").unlink()
    hca("one", "hello", check=2)
    assert "\n  one " not in hca("--help", check=0).stdout


def test_a_change_of_entry_points_within_the_same_second_is_noticed(hca: Runner, plugins: PluginDirectory) -> None:
    info = install(plugins)
    assert hca("one", "hello", check=0).stdout == "one\n"
    points = info / "entry_points.txt"
    status = points.stat()
    points.write_text(points.read_text().replace("one_hello", "one_hallo"))
    # Same size, and an mtime that only differs by nanoseconds: a float has too little precision.
    os.utime(points, ns=(status.st_atime_ns, status.st_mtime_ns + 1000))
    assert hca("one", "hallo", check=0).stdout == "one\n"
    hca("one", "hello", check=2)


def test_a_changed_summary_is_noticed(hca: Runner, plugins: PluginDirectory) -> None:
    install(plugins, summary="Say something")
    assert "Say something" in hca("one", check=0).stdout
    install(plugins, summary="Say it otherwise")
    assert "Say it otherwise" in hca("one", check=0).stdout


def test_a_second_directory_on_the_path_is_noticed(hca: Runner, plugins: PluginDirectory, tmp_path: Path) -> None:
    install(plugins)
    hca("one", "hello", check=0)
    other = type(plugins)(tmp_path / "more")
    install(other, "hca-two", "two_hello", "two")
    both = os.pathsep.join([str(plugins.path), str(other.path)])
    assert hca("two", "hello", env={"PYTHONPATH": both}, check=0).stdout == "two\n"
    hca("two", "hello", check=2)


def test_the_first_directory_wins_for_one_distribution(hca: Runner, plugins: PluginDirectory, tmp_path: Path) -> None:
    install(plugins, said="first")
    other = type(plugins)(tmp_path / "more")
    install(other, said="second", version="2.0")
    both = os.pathsep.join([str(plugins.path), str(other.path)])
    assert hca("one", "hello", env={"PYTHONPATH": both}, check=0).stdout == "first\n"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 3}', "\x00\xff"])
def test_a_damaged_cache_is_made_anew(hca: Runner, plugins: PluginDirectory, content: str) -> None:
    hca.forget_caches()
    install(plugins)
    hca("one", "hello", check=0)
    (cache,) = (hca.home / ".cache" / "hca" / "plugins").glob("*.json")
    cache.write_text(content, encoding="latin-1")
    assert hca("one", "hello", check=0).stdout == "one\n"


def test_working_directories_share_a_cache(hca: Runner, plugins: PluginDirectory) -> None:
    hca.forget_caches()
    install(plugins)
    for name in ("a", "b"):
        (hca.cwd / name).mkdir()
        hca("one", "hello", cwd=hca.cwd / name, fresh=True)
    assert len(list((hca.home / ".cache" / "hca" / "plugins").glob("*.json"))) == 1
    # A directory with its own plugins is another environment.
    PluginDirectory(hca.cwd / "a").install("hca-quagga", {"quagga.py": ""}, {"hca.commands": {"quagga_x": "quagga:X"}})
    assert "quagga" in hca("--help", cwd=hca.cwd / "a").stdout
    assert "quagga" not in hca("--help", cwd=hca.cwd / "b").stdout


def test_a_cache_that_cannot_be_written_is_no_error(hca: Runner, plugins: PluginDirectory) -> None:
    hca.forget_caches()
    install(plugins)
    (hca.home / ".cache").write_text("a file where a directory should be")
    done = hca("one", "hello", check=0)
    assert done.stdout == "one\n"
    assert done.stderr == ""


def test_caches_of_environments_that_are_gone_do_not_pile_up(
    hca: Runner, plugins: PluginDirectory, tmp_path: Path
) -> None:
    hca.forget_caches()
    folder = hca.home / ".cache" / "hca" / "plugins"
    folder.mkdir(parents=True)
    for number in range(50):
        old = folder / f"{number:08x}.json"
        old.write_text("{}")
        os.utime(old, (number, number))
    install(plugins)
    hca("one", "hello", check=0)
    assert len(list(folder.glob("*.json"))) <= 33


def test_metadata_that_cannot_be_read_costs_only_that_distribution(hca: Runner, plugins: PluginDirectory) -> None:
    install(plugins)
    broken = plugins.path / "hca_broken-1.0.dist-info"
    broken.mkdir()
    (broken / "entry_points.txt").write_bytes(b"[hca.commands]\n\xff\xfe broken = \x00:x\n=\n[\n")
    (broken / "METADATA").mkdir()
    assert hca("one", "hello", check=0).stdout == "one\n"


def test_summaries_are_found_through_reexports(hca: Runner, plugins: PluginDirectory) -> None:
    plugins.install(
        "hca-deep",
        {
            "deep_pkg/__init__.py": "",
            "deep_pkg/commands/__init__.py": "from .hello import Hello as Greet\n",
            "deep_pkg/commands/hello.py": _SOURCE.format(said="deep", summary="Say it from below"),
        },
        {"hca.commands": {"deep_hello": "deep_pkg.commands:Greet"}},
    )
    assert "Say it from below" in hca("deep", check=0).stdout
    assert hca("deep", "hello", check=0).stdout == "deep\n"


@pytest.mark.parametrize("leftover", ["hca_one-0.9.dist-info", "hca_one-1.0rc1.dist-info", "hca_one-0.10.egg-info"])
@pytest.mark.parametrize("complete", [True, False])
def test_metadata_that_is_left_over_hides_no_plugin(
    hca: Runner, plugins: PluginDirectory, leftover: str, complete: bool
) -> None:
    old = plugins.path / leftover
    old.mkdir(parents=True)
    (old / "entry_points.txt").write_text("")
    if complete:
        (old / "METADATA").write_text("Metadata-Version: 2.1\nName: hca-one\nVersion: 0.9\n")
    install(plugins, version="1.0")
    assert hca("one", "hello").stdout == "one\n"
    findings = hca("plugin", "doctor", "-f", "json", check=None, env={"HCA_PLUGINS": "hca-one"}).json
    assert any(leftover in finding["message"] for finding in findings)


def test_a_newer_version_without_its_metadata_is_not_believed(hca: Runner, plugins: PluginDirectory) -> None:
    install(plugins, version="1.0")
    half = plugins.path / "hca_one-1.1.dist-info"
    half.mkdir()
    (half / "entry_points.txt").write_text("[hca.commands]\none_hallo = hca_one:Hello\n")
    assert hca("one", "hello").stdout == "one\n"
    hca("one", "hallo", check=2)


def test_what_pip_renamed_away_is_not_found(hca: Runner, plugins: PluginDirectory) -> None:
    install(plugins).rename(plugins.path / "~ca_one-1.0.dist-info")
    hca("one", "hello", check=2)
