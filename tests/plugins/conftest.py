"""A virtual environment to install into."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lib.environment import Environment


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "venv", tmp_path / "home")
