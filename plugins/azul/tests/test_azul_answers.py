"""Recorded responses of the real service, through the installed command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hca_azul.testing import EmbeddedAzul
from hca_azul.testing.answers import Answer

from tests.lib import Runner

ANSWERS = Path(__file__).resolve().parents[3].parent / "shared" / "samples" / "azul-answers"
pytestmark = pytest.mark.skipif(not ANSWERS.is_dir(), reason="the recorded contracts are not beside this checkout")


def recorded(name: str) -> Any:
    """A recorded response."""
    return json.loads((ANSWERS / f"{name}.json").read_text(encoding="utf-8"))


def page(hits: list[Any]) -> dict[str, Any]:
    """Hits as the last page of a listing."""
    pagination = {"count": len(hits), "total": len(hits), "size": 10, "next": None, "previous": None, "pages": 1}
    return {"hits": hits, "pagination": {**pagination, "sort": "entryId", "order": "asc"}, "termFacets": {}}


def projects() -> dict[str, Any]:
    """The recorded page of projects, the first of two."""
    found = recorded("hca-projects")
    return {**page(found["hits"]), "termFacets": found["termFacets"]}


@pytest.fixture
def answers(azul: EmbeddedAzul) -> dict[str, Any]:
    """Kind -> the response to that kind's listing, instead of the sample's."""
    honest, found = azul.service, dict[str, Any]()

    def service(method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        kind = target.partition("?")[0].removeprefix("/index/")
        if not target.startswith("/index/") or kind not in found:
            return honest(method, target, headers, body)
        # hca also requests data with managed access: there is none here.
        return Answer(200, page([]) if "accessible" in target else found[kind])

    azul.__dict__["service"] = service
    return found


def test_projects(hca: Runner, answers: dict[str, Any]) -> None:
    answers["projects"] = projects()
    [hit] = answers["projects"]["hits"]
    rows = hca.rows("azul", "projects", "--columns-only")
    assert [row["id"] for row in rows] == [hit["entryId"]]
    assert rows[0]["project"] == "Single of human pancreas" and rows[0]["organ"] == "pancreas"
    columns = ("accessions", "publications", "links", "duosId", "dataUseRestriction")
    [row] = hca.rows("azul", "projects", *(word for name in columns for word in ("-c", name)))
    project = hit["projects"][0]
    assert row["links"] == project["supplementaryLinks"][0]
    assert row["publications"] == project["publications"][0]["publicationUrl"]
    assert hca.rows("azul", "projects") == [hit], "json shows what the service says"
    table = hca("azul", "projects").stdout
    assert "Single of human pancreas" in table and "385.5 MB" in table
    counted = hca.rows("azul", "facets", "organ")
    terms = answers["projects"]["termFacets"]["organ"]["terms"]
    assert [(row["value"], row["projects"]) for row in counted] == [(each["term"], each["count"]) for each in terms]


def test_files(hca: Runner, answers: dict[str, Any]) -> None:
    answers["files"] = page(recorded("hca-files"))
    [row] = hca.rows("azul", "files", "--columns-only")
    assert (row["name"], row["bytes"], row["organ"]) == ("SRR3562915_1.fastq.gz", 195142097, "pancreas")


def test_matrices(hca: Runner, answers: dict[str, Any]) -> None:
    trees = recorded("hca-matrices")
    answers["projects"] = projects()
    answers["projects"]["hits"][0]["projects"][0] |= trees

    def leaves(tree: Any) -> list[Any]:
        if isinstance(tree, list):
            return tree
        return [leaf for branch in (tree.values() if isinstance(tree, dict) else ()) for leaf in leaves(branch)]

    rows = hca.rows("azul", "matrices", "--intermediate")
    assert {row["id"] for row in rows} == {leaf["uuid"] for leaf in leaves(trees)}
    eye = next(row for row in rows if row["name"] == "wong-retina-human-eye-10XV2.loom")
    assert (eye["species"], eye["stage"], eye["organ"], eye["made_by"]) == (
        "Homo sapiens", "human adult stage", "eye", "DCP",
    )  # fmt: skip


@pytest.mark.parametrize(("service", "name"), [("azul", "compact-hca"), ("anvil", "compact-anvil")])
def test_compact_manifests(hca: Runner, azul: EmbeddedAzul, service: str, name: str) -> None:
    columns = {column[0]: column[1:] for column in recorded(name)}
    count = len(next(iter(columns.values())))
    lines = ["\t".join(columns), *("\t".join(column[n] for column in columns.values()) for n in range(count))]
    hca.write("m.tsv", "".join(f"{line}\n" for line in lines).replace("BASE", azul.url).encode())
    if service == "anvil":
        with EmbeddedAzul(service="anvil") as anvil:
            hca.configure(anvil.settings)
            done = hca("anvil", "download", "--manifest", "m.tsv", "--dry-run")
        size = columns["files.file_size"]
    else:
        done = hca("azul", "download", "--manifest", "m.tsv", "--dry-run")
        size = columns["file_size"]
    assert (done.json["files"], done.json["bytes"]) == (count, sum(map(int, size)))
