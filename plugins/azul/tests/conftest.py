"""Fixtures for tests of the Azul plugin: an embedded Azul, and running ``hca`` against it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hca_azul.client import AzulClient
from hca_azul.testing import EmbeddedAzul

from hca_base.config import load
from tests.lib import Runner


@pytest.fixture
def azul() -> Iterator[EmbeddedAzul]:
    """An embedded Azul with the sample projects."""
    with EmbeddedAzul() as found:
        yield found


@pytest.fixture
def hca(tmp_path: Path, azul: EmbeddedAzul) -> Runner:
    """Runs the installed ``hca`` against the embedded Azul."""
    runner = Runner(tmp_path / "home")
    runner.env["COLUMNS"] = "160"
    runner.configure(azul.settings)
    return runner


@pytest.fixture
def client(tmp_path: Path, azul: EmbeddedAzul, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzulClient]:
    """A client of the embedded Azul, in this process."""
    for name in ("CONFIG", "STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / "own" / name.lower()))
    monkeypatch.setenv("HCA_SITE_CONFIG", str(tmp_path / "no-site.json"))
    with AzulClient(config=load(options=azul.settings)) as found:
        yield found
