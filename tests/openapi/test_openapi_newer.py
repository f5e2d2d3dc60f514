"""OpenAPI 3.1 and 3.2: names in schemas, members beside references, further methods; nothing is lost in silence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hca_base.openapi import Client, Document, Operation


def document(paths: dict[str, Any], version: str = "3.2.0", **more: Any) -> Document:
    return Document.load({"openapi": version, "info": {"title": "x", "version": "1"}, "paths": paths, **more})


def body(schema: Any, **schemas: Any) -> Operation:
    """The operation of a document of 3.1 whose body has this schema."""
    content = {"application/json": {"schema": schema}}
    paths = {"/x": {"post": {"requestBody": {"required": True, "content": content}, "responses": {}}}}
    loaded = document(paths, "3.1.0", components={"schemas": schemas})
    assert not loaded.problems
    return loaded.operations[0]


PLACE = {"$anchor": "place", "$id": "https://lab.example/place", "type": "object", "properties": {"city": {}}}


@pytest.mark.parametrize("reference", ["#place", "https://lab.example/place", "#/components/schemas/Place"])
def test_references_by_name(reference: str) -> None:
    assert body({"$ref": reference}, Place=PLACE).parameter("city") is not None


def test_a_dynamic_reference() -> None:
    node = {"$dynamicAnchor": "node", "type": "object", "properties": {"value": {"type": "integer"}}}
    found = body({"$dynamicRef": "#node"}, Node=node).parameter("value")
    assert found is not None and found.type == "integer"


def test_members_beside_a_reference() -> None:
    place = {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}
    operation = body(
        {"$ref": "#/components/schemas/Place", "properties": {"note": {"type": "string"}}, "required": ["note"]},
        Place=place,
    )
    assert {each.name for each in operation.required} == {"city", "note"}
    state = {"$ref": "#/components/schemas/State", "enum": ["open", "shut"]}
    found = body({"type": "object", "properties": {"state": state}}, State={"enum": ["open", "shut", "lost"]})
    parameter = found.parameter("state")
    assert parameter is not None and parameter.enum == ("open", "shut")


def test_what_a_reference_names_in_vain_is_a_problem() -> None:
    for reference in ("#nothing", "https://lab.example/none", "./other.yaml#/x"):
        content = {"application/json": {"schema": {"$ref": reference}}}
        loaded = document({"/x": {"post": {"requestBody": {"content": content}}}})
        (problem,) = loaded.problems
        assert reference in str(problem) and not problem.lost


def test_methods_of_3_2(web: Any) -> None:
    paths = {
        "/tasks": {
            "query": {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}},
            "additionalOperations": {"COPY": {"operationId": "copyTasks"}, "a b": {}},
        },
        "/raw": {
            "get": {
                "parameters": [
                    {
                        "name": "selector",
                        "in": "querystring",
                        "content": {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}},
                    }
                ]
            }
        },
    }
    loaded = document(paths)
    assert [(each.method, each.name, each.safe) for each in loaded.operations] == [
        ("QUERY", "query_tasks", True),
        ("COPY", "copy_tasks", False),
        ("GET", "get_raw", True),
    ]
    assert [problem.where for problem in loaded.problems] == ["A B /tasks"]
    web.documents["/d"] = loaded.root
    client = Client(swagger_url=f"{web.url}/d")
    client.get_raw(selector={"a": "1.10", "b": ["x", "y z"]})
    assert web.seen[0].target == "/raw?a=1.10&b=x&b=y%20z"


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_one_path_written_twice(form: str) -> None:
    get, post = '{"operationId": "one"}', '{"operationId": "two"}'
    other = '{"operationId": "three"}'
    paths = f'"/a": {{"get": {get}}}, "/a": {{"post": {post}, "get": {other}}}'
    text = f'{{"openapi": "3.0.3", "info": {{}}, "paths": {{{paths}}}}}'
    if form == "yaml":
        text = f"openapi: 3.0.3\npaths: {{{paths}}}\n"
    loaded = Document.load(text.encode())
    assert sorted(each.name for each in loaded.operations) == ["one", "two"]
    assert [str(problem) for problem in loaded.problems] == [
        "GET /a: defined twice in the document; the first definition is used"
    ]
    assert json.dumps(loaded.root)


def test_streams_and_cookies_of_3_2(web: Any) -> None:
    item = {"itemSchema": {"type": "object", "properties": {"id": {"type": "integer"}}}}
    paths = {
        "/events": {
            "get": {
                "parameters": [
                    {"name": "c", "in": "cookie", "style": "cookie", "schema": {"type": "array", "items": {}}}
                ],
                "responses": {"200": {"description": "", "content": {"application/jsonl": item}}},
            },
            "post": {"requestBody": {"required": True, "content": {"application/jsonl": item}}, "responses": {}},
        }
    }
    loaded = document(paths)
    assert not loaded.problems
    get, post = loaded.operations
    assert get.responses[0].members == ("id",)
    web.documents["/d"] = loaded.root
    web.answer = lambda request: (200, {"Content-Type": "application/jsonl"}, b'{"id": 1}\n{"id": 2}\n')
    client = Client(swagger_url=f"{web.url}/d")
    assert client.get_events(c=["a", "b"]) == '{"id": 1}\n{"id": 2}\n'
    assert web.seen[0].headers["Cookie"] == "c=a; c=b"
    client.invoke(post, {"body": '{"id": 3}\n'})
    assert web.seen[1].body == b'{"id": 3}\n'


def test_the_length_of_a_body_is_no_argument(web: Any) -> None:
    length = {"name": "Content-Length", "in": "header", "required": True, "schema": {"type": "number"}}
    content = {"application/json": {"schema": {"type": "object"}}}
    loaded = document({"/x": {"post": {"parameters": [length], "requestBody": {"content": content}, "responses": {}}}})
    web.documents["/d"] = loaded.root
    Client(swagger_url=f"{web.url}/d").post_x(body={"a": 1})
    assert web.seen[0].headers["Content-Length"] == "8"
