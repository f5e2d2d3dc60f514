"""Citations of collections."""

from __future__ import annotations

from hca_cellxgene.testing import EmbeddedCellxgene

from tests.lib.runner import Runner


def by_name(cellxgene: EmbeddedCellxgene, name: str) -> str:
    return next(key for key, one in cellxgene.library.collections.items() if one["name"] == name)


def test_bibtex(hca: Runner, cellxgene: EmbeddedCellxgene) -> None:
    text = hca("cellxgene", "citation", by_name(cellxgene, "A cell atlas of the lung")).stdout
    assert text.startswith("@article{example2020,\n")
    assert "author = {Example, Ada and {The Lung \\& Airway Group}}" in text
    assert "year = {2020}" in text
    assert "doi = {10.1234/lung.2020}" in text
    text = hca("cellxgene", "citation", by_name(cellxgene, "A cell atlas of the brain")).stdout
    assert text.startswith("@misc{cellxgene-")
    assert "{Bo \\& Co\\_1}" in text


def test_csl_and_datasets(hca: Runner, cellxgene: EmbeddedCellxgene) -> None:
    lung = by_name(cellxgene, "A cell atlas of the lung")
    dataset = next(one["dataset_id"] for one in cellxgene.library.datasets() if one["collection_id"] == lung)
    run = hca("cellxgene", "citation", dataset, lung, "--style", "csl")
    assert [item["DOI"] for item in run.json] == ["10.1234/lung.2020"]
    assert run.json[0]["issued"] == {"date-parts": [[2020, 11, 18]]}
    assert run.json[0]["author"][0] == {"family": "Example", "given": "Ada"}


def test_an_unknown_collection(hca: Runner) -> None:
    run = hca("cellxgene", "citation", "00000000-0000-0000-0000-000000000000", check=4)
    assert "is not the UUID of a public collection or dataset" in run.error
