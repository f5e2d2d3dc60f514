"""OpenAPI 3.1 and 3.2: names in schemas, members beside references, further methods; nothing is silently ignored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hca_base.openapi import Client, Document, Operation


def document(paths: dict[str, Any], version: str = "3.2.0", **more: Any) -> Document:
    return Document.load({"openapi": version, "info": {"title": "x", "version": "1"}, "paths": paths, **more})


def body(schema: Any, **schemas: Any) -> Operation:
    """The operation of a 3.1 document whose body has this schema."""
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


JSON = "application/json"
OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}}


def operation(content: dict[str, Any]) -> dict[str, Any]:
    return {"/x": {"post": {"requestBody": {"required": True, "content": content}, "responses": {}}}}


def get(**more: Any) -> dict[str, Any]:
    return {"/x": {"get": {"responses": {}, **more}}}


@pytest.mark.parametrize(
    ("paths", "more", "problem"),
    [
        (operation({"multipart/mixed": {"itemSchema": OBJECT, "itemEncoding": {}}}), {}, "POST /x: itemEncoding"),
        (operation({"multipart/mixed": {"schema": {}, "prefixEncoding": [{}]}}), {}, "POST /x: prefixEncoding"),
        (
            operation({"multipart/form-data": {"schema": OBJECT, "encoding": {"a": {"headers": {"X": {}}}}}}),
            {},
            "POST /x: headers of the part 'a'",
        ),
        (
            operation({"multipart/form-data": {"schema": OBJECT, "encoding": {"a": {"itemEncoding": {"x": 1}}}}}),
            {},
            "POST /x: itemEncoding of the part 'a'",
        ),
        (
            operation({"multipart/form-data": {"schema": OBJECT, "encoding": {"a": {"style": "zigzag"}}}}),
            {},
            "POST /x: a part of a form: parameter 'a' has style 'zigzag'",
        ),
        (get(parameters=[{"name": "q", "in": "query", "content": {JSON: {}, "a/b": {}}}]), {}, "GET /x: parameter 'q'"),
        (get(security=[{"nope": []}]), {}, "GET /x: it asks for the security scheme 'nope'"),
        (
            get(security=[{"d": []}]),
            {"components": {"securitySchemes": {"d": {"type": "http", "scheme": "digest"}}}},
            "GET /x: the security scheme 'd' (http digest)",
        ),
        ({"/x": {**get()["/x"], "copy": {"responses": {}}}}, {}, "COPY /x: 'copy' is not known"),
        ({"/x": {**get()["/x"], "shape": 7}}, {}, "/x: 'shape' is not known"),
        (get(), {"jsonSchemaDialect": "https://lab.example/dialect"}, "jsonSchemaDialect: "),
    ],
)
def test_what_is_not_understood_is_a_problem(paths: dict[str, Any], more: dict[str, Any], problem: str) -> None:
    loaded = document(paths, **more)
    assert len(loaded.operations) == 1
    (found,) = loaded.problems
    assert str(found).startswith(problem) and found.lost is problem.startswith("COPY")


def test_what_is_understood_is_none() -> None:
    schemes = {"d": {"type": "http", "scheme": "digest"}, "k": {"type": "apiKey", "in": "header", "name": "K"}}
    paths = get(security=[{"d": []}, {"k": []}])
    paths["/x"] |= {"x-note": 1, "summary": "s", "servers": [], "parameters": []}
    paths["/y"] = get(security=[{"nope": []}, {}])["/x"]
    dialect = "https://spec.openapis.org/oas/3.2/dialect/2025-09-17"
    assert not document(paths, components={"securitySchemes": schemes}, jsonSchemaDialect=dialect).problems


def test_media_types_may_be_kept_elsewhere() -> None:
    paths = operation({JSON: {"$ref": "#/components/mediaTypes/Thing"}})
    paths["/x"]["post"]["responses"] = {"200": {"content": {JSON: {"$ref": "#/components/mediaTypes/Thing"}}}}
    paths |= {
        "/y": get(
            parameters=[{"name": "q", "in": "query", "content": {JSON: {"$ref": "#/components/mediaTypes/Thing"}}}]
        )["/x"]
    }
    loaded = document(paths, components={"mediaTypes": {"Thing": {"schema": OBJECT}}})
    assert not loaded.problems
    post, found = loaded.operations
    assert post.parameter("a") is not None and post.responses[0].members == ("a",)
    assert found.parameters[0].type == "object"


def test_members_that_depend_on_others_may_be_given() -> None:
    schema = {
        **OBJECT,
        "required": ["a"],
        "if": {"properties": {"a": {"const": "x"}}},
        "then": {"required": ["b"], "properties": {"b": {"type": "integer"}}},
        "else": {"properties": {"c": {"type": "boolean"}}},
        "dependentSchemas": {"a": {"required": ["d"], "properties": {"d": {"type": "number"}}}},
    }
    found = body(schema)
    assert {each.name: each.type for each in found.parameters if not each.whole} == {
        "a": "string", "b": "integer", "c": "boolean", "d": "number",
    }  # fmt: skip
    assert [each.name for each in found.required] == ["a"]


@pytest.mark.parametrize(
    ("schema", "type_"),
    [
        ({"prefixItems": [{}]}, "array"),
        ({"contains": {}}, "array"),
        ({"patternProperties": {"^x-": {}}}, "object"),
        ({"type": ["string", "object"]}, "any"),
        ({"type": ["integer", "number", "null"]}, "number"),
        ({"type": ["nonsense"]}, "any"),
    ],
)
def test_types_that_are_said_in_other_words(schema: dict[str, Any], type_: str) -> None:
    assert body({"type": "object", "properties": {"m": schema}}).parameters[0].type == type_


def test_files_of_3_1_have_their_media_type(web: Any) -> None:
    properties = {
        "picture": {"contentMediaType": "image/png"},
        "scan": {"type": "string", "contentMediaType": "image/tiff"},
        "text": {"type": "string", "contentMediaType": "text/plain"},
        "coded": {"type": "string", "contentMediaType": "image/png", "contentEncoding": "base64"},
    }
    loaded = document(operation({"multipart/form-data": {"schema": {"type": "object", "properties": properties}}}))
    types = {each.name: each.type for each in loaded.operations[0].parameters}
    assert types == {"picture": "file", "scan": "file", "text": "string", "coded": "string"}
    web.documents["/d"] = loaded.root
    Client(swagger_url=f"{web.url}/d").invoke("post_x", {"picture": b"\x89PNG", "text": "t"})
    assert b"Content-Type: image/png\r\n\r\n\x89PNG" in web.seen[0].body


#: JSON Schema 2020-12 keywords that limit values, or are annotations: the service checks
#: them, and requests do not depend on them.
_OF_THE_SERVICE = {
    "$schema", "$vocabulary", "$comment", "$defs", "not", "if", "propertyNames", "unevaluatedItems",
    "unevaluatedProperties", "multipleOf", "exclusiveMaximum", "exclusiveMinimum", "uniqueItems", "maxContains",
    "minContains", "maxProperties", "minProperties", "dependentRequired", "contentSchema", "examples", "writeOnly",
    "discriminator", "xml", "externalDocs",
}  # fmt: skip
_KEYWORDS = _OF_THE_SERVICE | {
    "$id", "$anchor", "$ref", "$dynamicRef", "$dynamicAnchor", "allOf", "anyOf", "oneOf", "then", "else",
    "dependentSchemas", "prefixItems", "items", "contains", "properties", "patternProperties", "additionalProperties",
    "type", "enum", "const", "maximum", "minimum", "maxLength", "minLength", "pattern", "maxItems", "minItems",
    "required", "title", "description", "default", "deprecated", "readOnly", "format", "contentEncoding",
    "contentMediaType", "example",
}  # fmt: skip


def test_each_keyword_of_a_schema_is_read_or_left_to_the_service() -> None:
    """The code knows every keyword that affects requests."""
    import re
    from pathlib import Path

    import hca_base.openapi

    source = "".join(path.read_text() for path in Path(hca_base.openapi.__file__).parent.rglob("*.py"))
    read = {word for word in _KEYWORDS if re.search(rf'"{re.escape(word)}"', source)}
    assert read >= _KEYWORDS - _OF_THE_SERVICE
