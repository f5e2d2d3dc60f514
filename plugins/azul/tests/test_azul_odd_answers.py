"""Broken or hostile responses, and invalid queries: each with a one-line error."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from hca_azul.testing import EmbeddedAzul
from hca_azul.testing.answers import Answer

from tests.lib import Runner

Change = Callable[[Any], Any]


def change(azul: EmbeddedAzul, monkeypatch: pytest.MonkeyPatch, path: str, made: Change) -> None:
    """Replace the service's responses at a path: modified in place, or by the result of ``made``."""
    honest = azul.service

    def service(method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        answer = honest(method, target, headers, body)
        if urlsplit(target).path.startswith(path) and answer.status == 200:
            parsed = json.loads(answer.body)
            found = made(parsed)
            answer.body = found if isinstance(found, bytes) else json.dumps(parsed if found is None else found).encode()
        return answer

    monkeypatch.setattr(azul, "service", service)


def of_files(**members: Any) -> Change:
    def made(answer: Any) -> None:
        for hit in answer["hits"]:
            for file in hit.get("files", []):
                file |= members

    return made


def of_paging(**members: Any) -> Change:
    return lambda answer: answer["pagination"].update(members)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (of_paging(next=5), "next page is invalid"),
        (of_paging(next="http://["), "next page is invalid"),
        (of_paging(next="ftp://host/x"), "next page is invalid"),
        (of_paging(total=500), "reported 500 files, but listed 20"),
        (lambda answer: answer["hits"].append(7), "not a list of entities"),
    ],
)
def test_pages_that_are_missing(
    hca: Runner, azul: EmbeddedAzul, monkeypatch: pytest.MonkeyPatch, made: Change, told: str
) -> None:
    change(azul, monkeypatch, "/index/files", made)
    assert told in hca("azul", "files", "-f", "jsonl", check=1).stderr
    if "500" not in told:
        assert told in hca("azul", "download", "MouseHeart", check=1).stderr
        assert hca.files() == set(), "not a part of the files"


def test_pages_of_nothing_have_an_end(hca: Runner, azul: EmbeddedAzul, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(answer: Any) -> None:
        answer["hits"] = []
        answer["pagination"]["next"] = f"{azul.url}/index/files?size={len(azul.requests)}"

    change(azul, monkeypatch, "/index/files", made)
    assert "form a loop" in hca("azul", "files", "-f", "jsonl", check=1, timeout=30).stderr


@pytest.mark.parametrize("size", [10**30, float("inf"), float("nan"), -1, True, "7", None])
def test_sizes_that_are_none(hca: Runner, azul: EmbeddedAzul, monkeypatch: pytest.MonkeyPatch, size: Any) -> None:
    change(azul, monkeypatch, "/index/files", of_files(size=size))
    hca("azul", "download", "MouseHeart")
    assert len(hca.files()) == 5


def test_names_and_addresses_that_are_none(hca: Runner, azul: EmbeddedAzul, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as one:
        change(azul, one, "/index/files", of_files(name=None))
        hca("azul", "download", "MouseHeart", "--download-dir", "a")
        assert {path.split("/")[1] for path in hca.files("a")} == {file.uuid for file in azul.atlas.projects[1].files}
    with monkeypatch.context() as one:
        change(azul, one, "/index/files", of_files(name="a\ud800.txt", uuid="\ud800"))
        assert "not valid Unicode" in hca("azul", "download", "MouseHeart", "--download-dir", "b", check=5).stderr
    with monkeypatch.context() as one:
        change(
            azul,
            one,
            "/index/files",
            of_files(azul_mirror_uri="s3://bucket/\ud800", drs_uri="drs://data.terra.bio/\ud800"),
        )
        for options in ({}, {"env": {"HCA_ACCESS_TOKEN": azul.token}}):
            hca("azul", "download", "MouseHeart", "--download-dir", "m", **options)
        assert len(hca.files("m")) == 5
        hca("azul", "download", "MouseHeart", "--download-dir", "n", "--sources", "mirror,drs", check=4, **options)
    for url in ("http://[", "file:///etc/passwd", 7):
        with monkeypatch.context() as one:
            change(azul, one, "/index/files", of_files(azul_url=url))
            hca("azul", "download", "MouseHeart", "--download-dir", "c", check=4)
            assert "none of 5 matching files" in hca("azul", "export", "MouseHeart", "--to", "curl", check=4).stderr


@pytest.mark.parametrize(
    ("path", "answer", "command", "code"),
    [
        ("/index/summary", [1], ["summary"], 1),
        ("/index/summary", {"fileTypeSummaries": [{"count": None}, 7], "cellCountSummaries": 5}, ["summary"], 0),
        ("/index/summary", {"projectCount": "many", "organTypes": 7, "totalFileSize": float("inf")}, ["summary"], 0),
        ("/index/projects", [5], ["samples", "--filter", "organ=knee"], 0),
        ("/index/projects", {"hits": [5]}, ["samples", "--filter", "organ=knee"], 0),
        ("/index/projects", {"hits": 5}, ["samples", "--filter", "organ=knee"], 0),
    ],
)
def test_answers_of_another_form(
    hca: Runner,
    azul: EmbeddedAzul,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    answer: Any,
    command: list[str],
    code: int,
) -> None:
    change(azul, monkeypatch, path, lambda _: answer)
    assert "error.log" not in hca("azul", *command, check=code).stderr


def test_facets_of_another_form(hca: Runner, azul: EmbeddedAzul, monkeypatch: pytest.MonkeyPatch) -> None:
    facets = {"organ": {"terms": 5}, "project": {"terms": [{"term": "x", "count": "7"}, {"term": [1]}, 5]}}
    change(azul, monkeypatch, "/index/projects", lambda answer: answer.update(termFacets=facets))
    hca("azul", "projects")
    hca("azul", "facets", "organ", "project")
    hca("azul", "download", "Nobody", check=4)


@pytest.mark.parametrize(
    "answer",
    [
        {"Status": 301, "Location": "http://[", "Retry-After": 1},
        {"Status": 302, "Location": "file:///etc/passwd"},
        {"Status": [], "Location": "x"},
        {"Status": 302, "Location": 5},
    ],
)
def test_places_of_manifests_that_make_no_sense(
    hca: Runner, azul: EmbeddedAzul, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    change(azul, monkeypatch, "/fetch/manifest", lambda _: answer)
    assert "is invalid" in hca("azul", "manifest", "--output", "m.tsv", check=1).stderr


@pytest.mark.parametrize("pause", [float("nan"), "1", None, True])
def test_waits_for_manifests_that_make_no_sense(
    hca: Runner, azul: EmbeddedAzul, monkeypatch: pytest.MonkeyPatch, pause: Any
) -> None:
    azul.faults.manifest_waits = 1

    def made(answer: Any) -> None:
        if answer["Status"] == 301:
            answer["Retry-After"] = pause

    change(azul, monkeypatch, "/fetch/manifest", made)
    hca("azul", "manifest", "--output", "m.tsv")
    # At most once a second, if there is no Retry-After.
    done = hca("azul", "manifest", "--output", "n.tsv", "--new", "--wait", "0.5", check=6)
    assert "still preparing" in done.stderr


@pytest.mark.parametrize("wait", ["nan", "-1", "long"])
def test_how_long_to_wait(hca: Runner, wait: str) -> None:
    assert "--wait" in hca("azul", "manifest", "--wait", wait, check=2).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["projects", "--filter", "organ=b\udcff"],
        ["files", "--filters", '{"organ": {"is": ["\\ud800"]}}'],
        ["download", "Brain\udcff"],
        ["manifest", "--catalog", "dcp\udcff"],
        ["metadata", "Brain\udcff"],
    ],
)
def test_what_is_asked_for_must_be_text(hca: Runner, arguments: list[str]) -> None:
    assert "not valid Unicode" in hca("azul", *arguments, check=2).stderr


def test_empty_names_choose_nothing(hca: Runner) -> None:
    for arguments in (["--file", ""], ["BrainCells", " "]):
        assert "is empty" in hca("azul", "download", *arguments, check=2).stderr


@pytest.mark.parametrize("sort", ["cells:down", ":desc", "cells:desc:x"])
def test_orders_that_are_none(hca: Runner, sort: str) -> None:
    assert "--sort takes FIELD" in hca("azul", "projects", "--sort", sort, check=2).stderr


def test_files_of_our_own_that_are_damaged(hca: Runner) -> None:
    (hca.cwd / "hca-azul.lock.json").write_text("[" * 100_000)
    hca("azul", "download", "MouseHeart")
    [cache] = (hca.home / ".cache" / "hca" / "azul").glob("values-*.json")
    for damaged in ("[" * 100_000, '{"organ": [[], 5, "brain"]}'):
        cache.write_text(damaged)
        hca("azul", "projects")


def test_a_url_where_no_catalogs_are(hca: Runner, azul: EmbeddedAzul, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = azul.service

    def service(method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        if urlsplit(target).path == "/index/catalogs":
            return Answer(404, b"<h1>Not found</h1>", {"Content-Type": "text/html"})
        return honest(method, target, headers, body)

    monkeypatch.setattr(azul, "service", service)
    done = hca("azul", "files", check=4)
    assert "/index/catalogs: 404" in done.stderr
    assert "hca service list" in done.stderr
