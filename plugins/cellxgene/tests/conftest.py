"""Fixtures for tests of the CELLxGENE plugin: an embedded service, and running ``hca`` against it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hca_cellxgene.testing import EmbeddedCellxgene

from tests.lib.runner import Runner


@pytest.fixture
def cellxgene() -> Iterator[EmbeddedCellxgene]:
    """An embedded CELLxGENE with the sample library; its responses conform to the plugin's document."""
    with EmbeddedCellxgene() as service:
        yield service
        assert service.problems() == []


@pytest.fixture
def hca(tmp_path: Path, cellxgene: EmbeddedCellxgene) -> Runner:
    """Runs the installed ``hca`` against the embedded CELLxGENE."""
    runner = Runner(tmp_path / "home")
    runner.env["COLUMNS"] = "200"
    runner.configure(cellxgene.settings)
    return runner
