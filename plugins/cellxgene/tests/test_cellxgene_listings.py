"""Finding collections and datasets."""

from __future__ import annotations

import resource
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from hca_cellxgene.testing import EmbeddedCellxgene, Library
from hca_cellxgene.testing.model import HUMAN

from tests.lib.imports import changed_imports
from tests.lib.runner import Runner


def titles(hca: Runner, *args: str) -> set[str]:
    return {row["title"] for row in hca.rows("cellxgene", "datasets", *args)}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ((), {"Lung, healthy", "Lung, COVID-19", "Cortex", "Cortex of the mouse", "Blood"}),
        (("--tissue", "lung"), {"Lung, healthy"}),
        (("--tissue", "UBERON:0002048"), {"Lung, healthy"}),
        (("--tissue", "LUNG", "--tissue", "blood"), {"Lung, healthy", "Blood"}),
        (("--organism", "Homo sapiens", "--tissue", "cerebral cortex"), {"Cortex"}),
        (("--cell-type", "T cell", "--disease", "COVID-19"), {"Lung, COVID-19"}),
        (("--suspension-type", "nucleus"), {"Cortex"}),
    ],
)
def test_datasets_are_filtered_by_label_and_by_term(hca: Runner, filters: tuple[str, ...], expected: set[str]) -> None:
    assert titles(hca, *filters) == expected


@pytest.mark.parametrize("words", [("datasets",), ("collections",), ("facets", "tissue"), ("download",)])
def test_a_value_that_nothing_has_is_named_with_similar_ones(
    hca: Runner, cellxgene: EmbeddedCellxgene, words: tuple[str, ...]
) -> None:
    code = 4 if words == ("download",) else 0
    run = hca("cellxgene", *words, "--tissue", "Lungs", "--tissue", "UBERON:0000000", check=code)
    assert "no dataset has tissue 'Lungs'; similar: lung\n" in run.stderr
    assert "no dataset has tissue 'UBERON:0000000'" in run.stderr
    # The list that was filtered also explains why nothing matches: it is downloaded once.
    assert sum(path.endswith("/v1/datasets") for _, path, _ in cellxgene.requests) == 1


@pytest.mark.parametrize("words", [("datasets",), ("collections",), ("facets", "tissue"), ("download",)])
def test_filters_that_exclude_each_other_are_named(hca: Runner, words: tuple[str, ...]) -> None:
    code = 4 if words == ("download",) else 0
    run = hca("cellxgene", *words, "--cell-type", "T cell", "--tissue", "blood", check=code)
    assert "no dataset matches --cell-type and --tissue together; each of them matches some\n" in run.stderr
    run = hca("cellxgene", *words, "--cell-type", "T-cells", "--tissue", "blood", check=code)
    assert "no dataset has cell type 'T-cells'; similar: t cell" in run.stderr and "together" not in run.stderr
    if code:
        run = hca("cellxgene", *words, "--cell-type", "T cell", "--type", "rds", check=code)
        assert "no dataset" not in run.stderr


def test_an_empty_filter_is_a_usage_error(hca: Runner) -> None:
    run = hca("cellxgene", "datasets", "--tissue", " ", check=2)
    assert run.error == "the filter tissue has no value"


def test_a_table_has_what_people_look_at(hca: Runner) -> None:
    run = hca("cellxgene", "datasets", "--tissue", "lung")
    for text in ("title", "Lung, healthy", "1000", "10x 3' v2", "normal", "2023-04-01", "10.1234/lung.2020"):
        assert text in run.stdout


def test_a_cut_table_says_so(hca: Runner) -> None:
    run = hca("cellxgene", "datasets", "--limit", "2")
    assert "2 of 5 datasets shown; pass --limit 0 to show all" in run.stderr


def test_collections_are_filtered_by_their_datasets(hca: Runner) -> None:
    rows = hca.rows("cellxgene", "collections", "--cell-type", "club cell")
    assert [row["name"] for row in rows] == ["A cell atlas of the lung"]
    rows = hca.rows("cellxgene", "collections", "-c", "name", "-c", "datasets", "-c", "doi")
    assert {"name": "A cell atlas of the brain", "datasets": 2, "doi": "10.1234/brain.2021"} in rows


def test_facets_count_datasets_and_cells(hca: Runner) -> None:
    rows = hca.rows("cellxgene", "facets", "tissue", "--organism", "Homo sapiens")
    assert {"field": "tissue", "value": "cerebral cortex", "datasets": 1, "cells": 2000} in rows
    assert hca("cellxgene", "facets", "colour", check=2).error


def test_versions_of_a_dataset_and_of_a_collection(hca: Runner, cellxgene: EmbeddedCellxgene) -> None:
    cortex = next(one for one in cellxgene.library.datasets() if one["title"] == "Cortex")
    rows = hca.rows("cellxgene", "versions", cortex["dataset_id"])
    assert [row["date"] for row in rows] == ["2023-04-02", "2023-04-01"]
    rows = hca.rows("cellxgene", "versions", cortex["collection_id"])
    assert [row["title"] for row in rows] == ["A cell atlas of the brain"]
    run = hca("cellxgene", "versions", "00000000-0000-0000-0000-000000000000", check=4)
    assert "is not the UUID of a public dataset or collection" in run.error


def test_a_service_that_is_down(hca: Runner, cellxgene: EmbeddedCellxgene) -> None:
    hca("cellxgene", "datasets")
    cellxgene.faults.down = True
    hca.configure({**cellxgene.settings, "http": {"retries": 0}})
    run = hca("cellxgene", "datasets", check=None)
    assert run.returncode not in (0, 2)
    assert "503" in run.error


#: Replaces the 98 MB package; the test below uses the real one if it is installed.
STAND_IN = """
class OntologyParser:
    def is_valid_term_id(self, term):
        return term == "UBERON:0002048"

    def get_term_id_by_label(self, label, ontology):
        return "UBERON:0002048" if (label, ontology) == ("lung", "UBERON") else None

    def get_term_descendants(self, term, include_self=False):
        return ["UBERON:0002048", "UBERON:0008946"]
"""


def test_terms_below_a_term(hca: Runner) -> None:
    folder = hca.cwd / "packages" / "cellxgene_ontology_guide"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "ontology_parser.py").write_text(STAND_IN)
    hca.env["PYTHONPATH"] = str(folder.parent)
    for name in ("lung", "UBERON:0002048"):
        assert titles(hca, "--tissue", name, "--with-descendants") == {"Lung, healthy", "Lung, COVID-19"}
    run = hca("cellxgene", "datasets", "--tissue", "no such organ", "--with-descendants", check=4)
    assert "'no such organ' is not a term of UBERON" in run.error


@pytest.mark.slow
def test_terms_below_a_term_by_the_real_ontologies(hca: Runner) -> None:
    pytest.importorskip("cellxgene_ontology_guide", reason="the extra ontology is not installed")
    assert titles(hca, "--tissue", "lung", "--with-descendants") == {"Lung, healthy", "Lung, COVID-19"}
    assert titles(hca, "--cell-type", "CL:0000084", "--with-descendants") == {"Lung, healthy", "Lung, COVID-19"}


def test_without_the_ontologies_it_says_what_to_install(hca: Runner) -> None:
    folder = hca.cwd / "packages" / "cellxgene_ontology_guide"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('not installed')")
    hca.env["PYTHONPATH"] = str(folder.parent)
    run = hca("cellxgene", "datasets", "--tissue", "lung", "--with-descendants", check=2)
    assert "requires the package cellxgene-ontology-guide" in run.error
    assert "pip install cellxgene-ontology-guide" in run.hint


def large_library() -> Library:
    """75 collections of 20 datasets, each with 60 cell types."""
    library = Library()
    cells = [(f"cell type {kind}", f"CL:{kind:07}") for kind in range(60)]
    for number in range(75):
        collection = library.add_collection(f"Collection {number}", f"10.1234/{number}")
        for dataset in range(20):
            tissue = [("lung", "UBERON:0002048")] if dataset % 2 else [("blood", "UBERON:0000178")]
            title = f"Dataset {number}-{dataset}"
            library.add_dataset(collection, title, organism=HUMAN, size=1, cell_type=cells, tissue=tissue)
    return library


def test_many_datasets_are_listed_and_filtered(hca: Runner) -> None:
    with EmbeddedCellxgene(large_library()) as service:
        hca.configure(service.settings)
        run = hca("cellxgene", "datasets", "--tissue", "lung", "-f", "csv", "-c", "title")
    assert len(run.stdout.splitlines()) == 751


@pytest.mark.slow
def test_many_datasets_cost_less_than_two_seconds_of_processor_time(hca: Runner) -> None:
    with EmbeddedCellxgene(large_library()) as service:
        hca.configure(service.settings)
        hca("cellxgene", "datasets", "--limit", "1")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        hca("cellxgene", "datasets", "--tissue", "lung", "-f", "csv", "-c", "title", fresh=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert 0 < spent < 2


def test_every_operation_of_the_document_is_understood(cellxgene: EmbeddedCellxgene) -> None:
    from hca_base.openapi import Document

    document = Document.load(str(resources.files("hca_cellxgene") / "document.json"))
    assert not document.problems
    assert len(document.operations) == 17


def test_all_that_the_embedded_one_answers_agrees_with_the_document(hca: Runner, cellxgene: EmbeddedCellxgene) -> None:
    dataset = cellxgene.library.datasets()[0]
    ids = {"dataset": dataset["dataset_id"], "collection": dataset["collection_id"]}
    version = dataset["dataset_version_id"]
    for path in (
        "v1/datasets", "v1/collections", f"v1/datasets/{ids['dataset']}/versions", f"v1/dataset_versions/{version}",
        f"v1/collections/{ids['collection']}", f"v1/collections/{ids['collection']}/versions",
    ):  # fmt: skip
        assert cellxgene.answer(path)[0] == 200
        cellxgene.requests.append(("GET", f"/curation/{path}", {}))
    assert cellxgene.problems() == []
    # It can tell.
    dataset["title"] = 7
    assert any("7 is not of type 'string'" in problem for problem in cellxgene.problems())
    dataset["title"] = "a text"


def test_other_commands_import_the_same_with_it_and_without_it(tmp_path: Path) -> None:
    assert changed_imports(Runner(tmp_path), "hca-cellxgene") == {}


def test_import_of_the_service_is_light() -> None:
    heavy = ("requests", "jsonschema", "cliff")
    code = f"import sys, hca_cellxgene.service; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
