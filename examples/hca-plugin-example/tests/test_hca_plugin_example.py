"""Tests through the front door: the installed ``hca``, and the client."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import hca_base
import pytest

from hca_plugin_example.client import ExampleClient
from hca_plugin_example.service import SERVICE

DOCUMENT = Path(__file__).parents[1] / "hca_plugin_example" / "document.json"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, whose settings name the document that ships with the plugin: no network is asked."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "HCA_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    settings = tmp_path / ".config" / "hca" / "config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"ExampleClient": {"url": str(DOCUMENT), "base_url": "http://127.0.0.1:9"}}))
    return tmp_path


def hca(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hca_base", *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_group_lists_the_operations_and_the_hand_written_command() -> None:
    done = hca("example", "--help")
    assert done.returncode == 0, done.stderr
    assert SERVICE.title in " ".join(done.stdout.split())
    assert "overview" in done.stdout
    assert "get-greetings" in done.stdout


def test_operation_has_help() -> None:
    done = hca("example", "get-greetings", "--help")
    assert done.returncode == 0, done.stderr
    assert 'hca_base.client("example")' in done.stdout


def test_hand_written_command() -> None:
    done = hca("example", "overview", "--upper-case", "-f", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["title"].isupper()


def test_client_is_registered() -> None:
    client = hca_base.client("example")
    assert isinstance(client, ExampleClient)
    assert "get_greetings" in dir(client)
    assert client.overview()["operations"] >= 1
