"""Projects and collections of the same publication, each shown with the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hca_azul.testing import EmbeddedAzul
from hca_cellxgene.testing import EmbeddedCellxgene

from tests.lib.runner import Runner

#: The DOI of a project of the embedded Azul.
DOI = "10.1000/brain"


@pytest.fixture
def azul(hca: Runner, cellxgene: EmbeddedCellxgene) -> Iterator[EmbeddedAzul]:
    with EmbeddedAzul() as service:
        hca.configure({**service.settings, **cellxgene.settings})
        cellxgene.library.add_collection("Brain, by others", DOI.upper())
        yield service


def listings(cellxgene: EmbeddedCellxgene) -> int:
    return sum(path.endswith("/v1/collections") for _, path, _ in cellxgene.requests)


def test_a_project_shows_its_collection(hca: Runner, azul: EmbeddedAzul, cellxgene: EmbeddedCellxgene) -> None:
    for _ in range(2):
        rows = hca.rows("azul", "projects", "-c", "project", "-c", "cellxgene")
        found = {row["project"]: row["cellxgene"] for row in rows}
        assert found["BrainCells"].startswith("Brain, by others https://cellxgene.example.org/collections/")
    assert listings(cellxgene) == 1, "the list is fetched once and kept"


def test_without_the_column_nothing_is_asked(hca: Runner, azul: EmbeddedAzul, cellxgene: EmbeddedCellxgene) -> None:
    hca("azul", "projects")
    hca("azul", "projects", "-f", "jsonl")
    assert listings(cellxgene) == 0


def test_a_collection_shows_its_project(hca: Runner, azul: EmbeddedAzul) -> None:
    run = hca("cellxgene", "collections", "-c", "name", "-c", "hca", "-f", "jsonl")
    found = {row["name"]: row["hca"] for row in run.rows}
    assert "Cells of the human brain" in found["Brain, by others"]
    assert found["A cell atlas of the lung"] is None
    # A warning of the other service is one line with its name, printed once.
    (told,) = run.stderr.splitlines()
    assert told.startswith("hca: warning: links of hca: files of 1 project of managed access are left out")
    assert hca("cellxgene", "collections", "-c", "hca").stderr == ""


def test_a_source_that_is_down_costs_its_column(hca: Runner, azul: EmbeddedAzul, cellxgene: EmbeddedCellxgene) -> None:
    cellxgene.faults.down = True
    hca.configure({**hca.config(), "http": {"retries": 0}})
    run = hca("azul", "projects", "-c", "project", "-c", "cellxgene", "-f", "jsonl")
    assert {row["project"] for row in run.rows} >= {"BrainCells"}
    assert "no links of cellxgene: " in run.stderr
    assert "503" in run.stderr
