"""Documents split into several files: read from one origin only, bounded, cached as one; and ``$id`` references."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import DocumentError
from hca_base.openapi import Document
from hca_base.openapi._document import _bundle
from tests.lib import Runner

RUNS = "get:\n  parameters:\n    - $ref: 'shared.yaml#/parameters/State'\n  responses: {'200': {description: ok}}\n"
SHARED = """\
parameters:
  Sample: {name: sample, in: path, required: true, schema: {type: string}}
  State: {name: state, in: query, schema: {$ref: '#/schemas/State'}}
schemas:
  State: {type: string, enum: [open, shut]}
  Sample:
    type: object
    properties:
      organ: {type: string}
      example: {$ref: '../openapi.yaml#/components/schemas/Place'}
"""


def main(url: str, **paths: Any) -> dict[str, Any]:
    ok = {"responses": {"200": {"description": "ok"}}}
    body = {"content": {"application/json": {"schema": {"$ref": "parts/shared.yaml#/schemas/Sample"}}}}
    put = {"parameters": [{"$ref": "parts/shared.yaml#/parameters/Sample"}], "requestBody": body, **ok}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Several", "version": "1"},
        "servers": [{"url": url}],
        "paths": {"/runs": {"$ref": "parts/runs.yaml"}, "/samples/{sample}": {"put": put}, **paths},
        "components": {"schemas": {"Place": {"type": "object", "properties": {"city": {"type": "string"}}}}},
    }


def written(folder: Path, document: dict[str, Any]) -> Path:
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    (folder / "parts" / "runs.yaml").write_text(RUNS)
    (folder / "parts" / "shared.yaml").write_text(SHARED)
    path = folder / "openapi.yaml"
    path.write_text(json.dumps(document))
    return path


def served(web: Any, document: dict[str, Any], folder: str = "/api") -> str:
    web.documents[f"{folder}/openapi.yaml"] = document
    web.documents[f"{folder}/parts/runs.yaml"] = RUNS.encode()
    web.documents[f"{folder}/parts/shared.yaml"] = SHARED.encode()
    return f"{web.url}{folder}/openapi.yaml"


def called(hca: Runner, web: Any) -> None:
    web.seen.clear()
    hca("lab", "get-runs", "--state", "open")
    hca("lab", "put-sample", "--sample", "a", "--organ", "heart", "--example.city", "Bern")
    assert [str(each) for each in web.seen] == ["GET /runs?state=open", "PUT /samples/a"]
    assert web.seen[1].json == {"organ": "heart", "example": {"city": "Bern"}}


def test_files_of_a_folder(web: Any, own_home: Path) -> None:
    hca = Runner.here()
    path = written(own_home / "d", main(web.url))
    assert "2 operations" in hca("service", "add", "lab", path).stderr
    called(hca, web)
    assert "{open,shut}" in hca("lab", "get-runs", "--help").stdout
    # A changed part is detected like a changed document.
    path.with_name("parts").joinpath("shared.yaml").write_text(SHARED.replace("shut", "closed"))
    assert "{open,closed}" in hca("lab", "get-runs", "--help").stdout


def test_files_of_a_url_are_kept_as_one(web: Any, own_home: Path) -> None:
    hca = Runner.here()
    assert "2 operations" in hca("service", "add", "lab", served(web, main(web.url))).stderr
    assert sorted(path for path, _ in web.fetched) == [
        "/api/openapi.yaml", "/api/parts/runs.yaml", "/api/parts/shared.yaml"
    ]  # fmt: skip
    called(hca, web)
    assert len(web.fetched) == 3
    # A lost index is rebuilt from the cache, without the network.
    for path in (own_home / ".cache" / "hca" / "openapi").glob("*.idx"):
        path.write_bytes(b"damaged")
    assert "{open,shut}" in hca("lab", "get-runs", "--help").stdout
    assert len(web.fetched) == 3
    # The main file is unchanged, another one is not.
    web.documents["/api/parts/shared.yaml"] = SHARED.replace("shut", "closed").encode()
    assert "changed" in hca("service", "refresh", "lab").stderr
    assert "{open,closed}" in hca("lab", "get-runs", "--help").stdout


def test_only_the_documents_own_origin_is_asked(web: Any, other_web: Any) -> None:
    other_web.documents["/x.yaml"] = b"get: {responses: {'200': {description: ok}}}"
    web.answer = lambda request: (302, {"Location": f"{other_web.url}/x.yaml"}, b"")
    paths = {
        "/elsewhere": {"$ref": f"{other_web.url}/x.yaml"},
        "/redirected": {"$ref": "moved.yaml"},
        "/local": {"$ref": "file:///etc/hosts.yaml"},
        "/metadata": {"$ref": "//169.254.169.254/x.yaml"},
        "/prose": {"$ref": "parts/notes.md"},
    }
    loaded = Document.load(served(web, main(web.url, **paths)))
    assert len(loaded.operations) == 2
    assert {problem.where: problem.lost for problem in loaded.problems} == dict.fromkeys(paths, True)
    assert not other_web.fetched and not other_web.seen
    assert [str(each) for each in web.seen] == ["GET /api/moved.yaml"]


def test_only_the_folder_or_checkout_is_read(tmp_path: Path) -> None:
    outside = tmp_path / "secrets.yaml"
    outside.write_text("get: {responses: {'200': {description: secret}}}")
    folder = tmp_path / "checkout" / "docs"
    folder.mkdir(parents=True)
    (tmp_path / "checkout" / "common.yaml").write_text("get: {responses: {'200': {description: common}}}")
    (folder / ".hidden.yaml").write_text("get: {}")
    paths = {"/above": {"$ref": "../common.yaml"}, "/out": {"$ref": "../../secrets.yaml"}}
    paths |= {"/hidden": {"$ref": ".hidden.yaml"}, "/none": {"$ref": "none.yaml"}}
    if sys.platform != "win32":
        (folder / "link.yaml").symlink_to(outside)
        os.mkfifo(folder / "pipe.yaml")
        paths |= {"/link": {"$ref": "link.yaml"}, "/pipe": {"$ref": "pipe.yaml"}}
    path = written(folder, main("https://lab.example", **paths))
    loaded = Document.load(path)
    assert {each.path for each in loaded.operations} == {"/runs", "/samples/{sample}"}
    assert {problem.where for problem in loaded.problems} == set(paths)
    assert "secret" not in json.dumps(loaded.root.get("x-hca-files"))
    (tmp_path / "checkout" / ".git").mkdir()
    assert "/above" in {each.path for each in Document.load(path).operations}


def test_files_that_refer_to_each_other_without_end(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("$ref: b.yaml\n")
    (tmp_path / "b.yaml").write_text("$ref: a.yaml\n")
    (tmp_path / "tree.yaml").write_text("type: object\nproperties: {children: {items: {$ref: tree.yaml}}}\n")
    body = {"content": {"application/json": {"schema": {"$ref": "tree.yaml"}}}}
    paths = {"/a": {"$ref": "a.yaml"}, "/tree": {"post": {"requestBody": body, "responses": {}}}}
    loaded = Document.load(written(tmp_path, main("https://lab.example", **paths)))
    assert next(str(problem) for problem in loaded.problems if problem.where == "/a").endswith("refers to itself")
    (tree,) = [each for each in loaded.operations if each.path == "/tree"]
    assert tree.parameter("children") is not None


@pytest.mark.parametrize(
    "content", [b"<html>\xff", b"just: [text", b"word", b"\xff\xfe", b"a: &a [x]\nb: [" + b"*a," * 9 + b"]", b""]
)
def test_parts_that_are_something_else(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(content)
    loaded = Document.load(written(tmp_path, main("https://lab.example", **{"/x": {"$ref": "x.yaml"}})))
    assert len(loaded.operations) == 2


def test_number_and_size_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bundle, "_MAX_FILES", 10)
    paths = {f"/p{number}": {"$ref": f"p{number}.yaml"} for number in range(20)}
    for number in range(20):
        (tmp_path / f"p{number}.yaml").write_text("get: {}\n")
    path = written(tmp_path, main("https://lab.example", **paths))
    loaded = Document.load(path)
    assert len(loaded.files) == 10
    assert any("more than 10 other files" in str(problem) for problem in loaded.problems)
    monkeypatch.setattr(_bundle, "_MAX_BYTES", 50)
    assert len(Document.load(path).files) < 10
    monkeypatch.setattr(_bundle, "_MAX_SECONDS", -1.0)
    assert not Document.load(path).files


@pytest.mark.parametrize("place", ["main", "part"])
def test_aliases_that_expand_without_end(place: str, tmp_path: Path) -> None:
    lines = [f"a0: &a0 [{', '.join(['t' * 80] * 9)}]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 7)]
    bomb = "".join(f"{line}\n" for line in lines)
    own = bomb if place == "main" else ""
    (tmp_path / "x.yaml").write_text("get: {}\n" + (bomb if place == "part" else ""))
    path = tmp_path / "openapi.yaml"
    path.write_text(f"openapi: 3.0.3\npaths: {{/x: {{$ref: x.yaml}}}}\n{own}")
    with pytest.raises(DocumentError, match="expand to more than"):
        Document.load(path)


def test_nesting_without_end(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a":' * 900 + "1" + "}" * 900)
    path = tmp_path / "openapi.json"
    path.write_text('{"openapi": "3.0.3", "paths": {"/x": {"$ref": "x.json"}}}')
    try:
        Document.load(path)
    except DocumentError as e:
        assert "nested too deep" in str(e)


def test_a_document_of_bytes_reads_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, main("https://lab.example"))
    monkeypatch.chdir(tmp_path)
    loaded = Document.load(path.read_bytes())
    assert not loaded.files and {problem.where for problem in loaded.problems} == {"/runs", "PUT /samples/{sample}"}


def test_collections_in_files_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "paths.yaml").write_text("/a: {post: {requestBody: {$ref: 'openapi.yaml#/components/x/B'}}}\n")
    (tmp_path / "x.yaml").write_text("B: {content: {application/json: {schema: {properties: {k: {}}}}}}\n")
    path = tmp_path / "openapi.yaml"
    path.write_text("openapi: 3.0.3\npaths: {$ref: paths.yaml}\ncomponents: {x: {$ref: x.yaml}}\n")
    (operation,) = Document.load(path).operations
    assert operation.parameter("k") is not None


def test_an_operation_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "clear.yaml").write_text(
        "summary: Clear\n"
        "parameters: [{name: id, in: path, required: true, schema: {type: string}}]\n"
        "requestBody: {content: {application/json: {schema: {properties: {files: {type: array}}}}}}\n"
    )
    path = tmp_path / "openapi.yaml"
    path.write_text("openapi: 3.0.3\npaths: {'/cache/{id}': {delete: {$ref: clear.yaml}}}\n")
    (operation,) = Document.load(path).operations
    assert operation.summary == "Clear" and operation.parameter("files") is not None


def test_names_by_id_and_what_they_are_the_base_of() -> None:
    tree = {
        "$id": "https://lab.example/schemas/tree",
        "type": "object",
        "properties": {
            "leaf": {"$ref": "leaf"},
            "own": {"$ref": "#/$defs/own"},
            "mine": {"$ref": "#here"},
            "$id": {"type": "string"},
        },
        "$defs": {"own": {"enum": ["o"]}, "here": {"$anchor": "here", "enum": ["h"]}},
    }
    leaf = {"$id": "https://lab.example/schemas/leaf", "enum": ["l"]}
    here = {"$anchor": "here", "enum": ["not this one"]}
    content = {"application/json": {"schema": {"$ref": "https://lab.example/schemas/tree"}}}
    document = {
        "openapi": "3.1.0",
        "paths": {"/x": {"post": {"requestBody": {"content": content}, "responses": {}}}},
        "components": {"schemas": {"Tree": tree, "Leaf": leaf, "Here": here}},
    }
    loaded = Document.load(json.dumps(document).encode())
    assert not loaded.problems
    (operation,) = loaded.operations
    found = {each.name: each.enum for each in operation.parameters if not each.whole}
    assert found == {"leaf": ("l",), "own": ("o",), "mine": ("h",), "$id": ()}
    # The cached form has the same meaning when it is read again.
    assert loaded.content is not None
    assert Document.load(loaded.content).operations == loaded.operations


def test_a_document_that_is_no_document(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("$ref: openapi.yaml\n")
    with pytest.raises(DocumentError):
        Document.load(tmp_path / "x.yaml")
