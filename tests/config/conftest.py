from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hca_base import config

PYTHON = sys.executable


class Home:
    """A separate home for each test, with a site file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.site = root / "etc" / "config.json"
        self.folder = root / "config" / "hca"
        self.user = self.folder / "config.json"

    def write(self, path: Path, data: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data if isinstance(data, str) else json.dumps(data, indent=2), encoding="utf-8")
        return path

    def profile(self, name: str, data: Any) -> Path:
        return self.write(self.folder / "profiles" / f"{name}.json", data)

    def read(self, path: Path | None = None) -> Any:
        return json.loads((path or self.user).read_text(encoding="utf-8"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    found = Home(tmp_path)
    for name in ("HCA_PROFILE", "HCA_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HCA_SITE_CONFIG", str(found.site))
    return found


@pytest.fixture
def stack() -> Callable[..., config.Config]:
    """Build a configuration from layers given as objects, lowest precedence first."""

    def make(*layers: dict[str, Any], schema: dict[str, Any] | None = None) -> config.Config:
        return config.Config(
            tuple(config.Layer(f"layer {number}", "file", data) for number, data in enumerate(layers, 1)),
            schema=schema,
        )

    return make
