"""Reading Swagger 2.0 and OpenAPI 3 documents: members, references, merging, servers, and unsupported features."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hca_base.errors import DocumentError
from hca_base.openapi import Document, Operation, Parameter

OK = {"200": {"description": "fine"}}


def swagger(operation: dict[str, Any], method: str = "post", path: str = "/x", **more: Any) -> Document:
    return Document.load({"swagger": "2.0", "paths": {path: {method: {"responses": OK, **operation}}}, **more})


def openapi(operation: dict[str, Any], method: str = "post", path: str = "/x", **more: Any) -> Document:
    version = more.pop("version", "3.0.3")
    return Document.load({"openapi": version, "paths": {path: {method: {"responses": OK, **operation}}}, **more})


def only(document: Document) -> Operation:
    assert document.problems == (), [str(each) for each in document.problems]
    return document.operations[0]


def body(
    schema: dict[str, Any], content_type: str = "application/json", required: bool = True, **more: Any
) -> Operation:
    request = {"required": required, "content": {content_type: {"schema": schema}}}
    return only(openapi({"requestBody": request}, **more))


def named(operation: Operation) -> dict[str, Parameter]:
    return {each.python_name: each for each in operation.parameters}


# Swagger 2


SWAGGER_BODY = {
    "name": "json_request_body",
    "in": "body",
    "required": True,
    "schema": {
        "type": "object",
        "required": ["files", "creator_uid"],
        "properties": {
            "creator_uid": {"type": "integer", "format": "int64", "description": "Who."},
            "files": {"type": "array", "items": {"$ref": "#/definitions/File"}},
            "note": {"type": "string"},
        },
    },
}


def test_swagger_body_members_are_arguments() -> None:
    parameters = [
        {"name": "uuid", "in": "path", "required": True, "type": "string", "pattern": "[0-9]{8}-"},
        {"name": "replica", "in": "query", "required": True, "type": "string", "enum": ["aws", "gcp"]},
        {"name": "per_page", "in": "query", "type": "integer", "default": 100, "minimum": 10, "maximum": 500},
        SWAGGER_BODY,
    ]
    operation = only(swagger({"parameters": parameters}, "put", "/b/{uuid}", definitions={"File": {"type": "object"}}))
    found = named(operation)
    assert list(found) == ["uuid", "replica", "creator_uid", "files", "per_page", "note", "body"]
    assert [each.python_name for each in operation.required] == ["uuid", "replica", "creator_uid", "files"]
    assert found["replica"].enum == ("aws", "gcp")
    per_page = found["per_page"]
    assert (per_page.type, per_page.default, per_page.schema_note) == ("integer", 100, "10 to 500")
    assert (found["files"].type, found["files"].items, found["files"].location) == ("array", "object", "body")
    assert found["uuid"].pattern == "[0-9]{8}-"
    assert (operation.body, operation.body_content_type) == ("json", "application/json")


@pytest.mark.parametrize(
    ("schema", "type_"),
    [({"type": "array", "items": {"type": "string"}}, "array"), ({"type": "object"}, "object"), ({}, "any")],
)
def test_a_body_without_members_is_one_argument(schema: dict[str, Any], type_: str) -> None:
    operation = only(swagger({"parameters": [{"name": "stuff", "in": "body", "required": True, "schema": schema}]}))
    (parameter,) = operation.parameters
    assert (parameter.python_name, parameter.type, parameter.whole, parameter.required) == ("body", type_, True, True)
    assert operation.body == "whole"


def test_swagger_files_and_forms() -> None:
    upload = only(
        swagger(
            {
                "parameters": [
                    {"name": "file", "in": "formData", "type": "file", "required": True},
                    {"name": "meta", "in": "formData", "type": "string"},
                ]
            }
        )
    )
    assert upload.body == "multipart"
    assert named(upload)["file"].type == "file"
    form = only(swagger({"parameters": [{"name": "a", "in": "formData", "type": "string"}]}))
    assert form.body == "form"
    octets = only(
        swagger(
            {
                "consumes": ["application/json", "application/octet-stream"],
                "parameters": [{"name": "body", "in": "body", "schema": {"type": "string", "format": "binary"}}],
            }
        )
    )
    assert (octets.body, octets.body_content_type) == ("whole", "application/octet-stream")
    assert octets.parameters[0].type == "file"


def test_a_credential_header_is_never_required() -> None:
    operation = {
        "security": [{"key": []}],
        "parameters": [
            {"name": "Api-Key", "in": "header", "required": True, "type": "string"},
            {"name": "X-Other", "in": "header", "required": True, "type": "string"},
        ],
    }
    schemes = {"key": {"type": "apiKey", "in": "header", "name": "api-key"}}
    found = named(only(swagger(operation, securityDefinitions=schemes)))
    assert found["api_key"].credential and not found["api_key"].required
    assert found["x_other"].required and not found["x_other"].credential


# OpenAPI 3


def test_parameters_of_the_path_and_their_overriding() -> None:
    document = Document.load(
        {
            "openapi": "3.0.0",
            "paths": {
                "/x/{id}": {
                    "parameters": [
                        {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
                        {"name": "lang", "in": "query", "schema": {"type": "string"}, "description": "shared"},
                    ],
                    "get": {
                        "parameters": [{"$ref": "#/components/parameters/Lang"}],
                        "responses": OK,
                    },
                }
            },
            "components": {
                "parameters": {
                    "Lang": {"name": "lang", "in": "query", "schema": {"type": "string"}, "description": "own"}
                }
            },
        }
    )
    found = named(only(document))
    assert list(found) == ["id", "lang"]
    assert found["id"].type == "integer"
    assert found["lang"].description == "own"


def test_styles() -> None:
    def style(place: str, **more: Any) -> str:
        parameter = {"name": "x", "in": place, "required": True, "schema": {"type": "array"}, **more}
        path = "/{x}" if place == "path" else "/y"
        return only(openapi({"parameters": [parameter]}, "get", path)).parameters[0].style

    assert style("query") == "multi"
    assert style("query", explode=False) == "csv"
    assert style("query", style="spaceDelimited", explode=False) == "ssv"
    assert style("query", style="pipeDelimited", explode=False) == "pipes"
    assert style("query", style="deepObject") == "deepObject"
    assert style("path") == "csv"
    assert style("path", style="label") == "label"
    assert style("path", style="matrix") == "matrix"
    assert style("header") == "csv"
    content = {"name": "f", "in": "query", "content": {"application/json": {"schema": {"type": "object"}}}}
    parameter = only(openapi({"parameters": [content]}, "get")).parameters[0]
    assert (parameter.style, parameter.type) == ("json", "object")


def test_request_bodies_by_media_type() -> None:
    members = {"a": {"type": "string"}, "f": {"type": "string", "format": "binary"}}
    properties = {"type": "object", "properties": members}
    assert body(properties, "multipart/form-data").body == "multipart"
    assert named(body(properties, "multipart/form-data"))["f"].type == "file"
    assert body(properties, "application/x-www-form-urlencoded").body == "form"
    assert body(properties, "application/merge-patch+json").body == "json"
    assert body({"type": "string"}, "text/plain").parameters[0].type == "string"
    assert body({}, "application/xml").body_content_type == "application/xml"
    assert body(properties, "*/*").body_content_type == "application/json"
    texts = {"type": "object", "properties": {"a": members["a"]}}
    many = {
        "content": {
            "application/xml": {"schema": texts},
            "application/json; charset=utf-8": {"schema": texts},
            "multipart/form-data": {"schema": texts},
        }
    }
    assert only(openapi({"requestBody": many})).body_content_type == "application/json; charset=utf-8"


def test_members_of_an_optional_body_are_optional_and_read_only_ones_are_left_out() -> None:
    schema = {
        "type": "object",
        "required": ["a", "id"],
        "properties": {"a": {"type": "string"}, "id": {"type": "string", "readOnly": True}},
    }
    assert [(each.name, each.required) for each in body(schema).parameters] == [("a", True), ("body", False)]
    assert [(each.name, each.required) for each in body(schema, required=False).parameters] == [
        ("a", False),
        ("body", False),
    ]


def test_an_open_body_takes_the_whole_too() -> None:
    operation = body({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": True})
    assert [(each.python_name, each.whole) for each in operation.parameters] == [("a", False), ("body", True)]


def test_all_of_is_merged() -> None:
    schemas = {
        "Named": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 5}}},
        "Thing": {
            "allOf": [
                {"$ref": "#/components/schemas/Named"},
                {"type": "object", "required": ["size"], "properties": {"size": {"type": "integer"}}},
            ],
            "properties": {"own": {"allOf": [{"type": "boolean"}, {"description": "Own."}]}},
        },
    }
    found = named(body({"$ref": "#/components/schemas/Thing"}, components={"schemas": schemas}))
    assert {name: each.type for name, each in found.items()} == {
        "own": "boolean",
        "name": "string",
        "size": "integer",
        "body": "object",
    }
    assert found["own"].description == "Own."
    assert [name for name, each in found.items() if each.required] == ["name", "size"]
    assert found["name"].schema_note == "at most 5 characters"


def test_one_of_and_any_of() -> None:
    cat = {"type": "object", "required": ["kind", "lives"], "properties": {"kind": {}, "lives": {"type": "integer"}}}
    dog = {"type": "object", "required": ["kind"], "properties": {"kind": {}, "tricks": {"type": "array"}}}
    found = named(body({"oneOf": [cat, dog]}))
    assert {name: each.required for name, each in found.items()} == {
        "kind": True,
        "lives": False,
        "tricks": False,
        "body": False,
    }
    mixed = named(body({"oneOf": [cat, {"type": "string"}]}))
    assert [(each.python_name, each.type) for each in mixed.values()] == [("body", "any")]
    nullable = named(body({"properties": {"x": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}}, version="3.1.0"))
    assert (nullable["x"].type, nullable["x"].nullable) == ("integer", True)
    either = named(body({"properties": {"x": {"oneOf": [{"enum": ["a"]}, {"enum": ["b", "c"]}]}}}))
    assert (either["x"].type, either["x"].enum) == ("string", ("a", "b", "c"))


def test_types_of_3_1() -> None:
    properties = {
        "a": {"type": ["string", "null"]},
        "b": {"const": "fixed"},
        "c": {"type": ["integer", "string"]},
        "d": {"type": "string", "contentMediaType": "application/octet-stream"},
        "e": True,
        "f": {"$ref": "#/components/schemas/F", "description": "Beside the reference."},
    }
    schemas = {"F": {"type": "string", "description": "Behind it."}}
    found = named(body({"type": "object", "properties": properties}, version="3.1.0", components={"schemas": schemas}))
    types = {name: each.type for name, each in found.items()}
    # JSON has no binary type.
    assert types.pop("body") == "object"
    assert types == {"a": "string", "b": "string", "c": "any", "d": "string", "e": "any", "f": "string"}
    parts = body({"type": "object", "properties": {"d": properties["d"]}}, "multipart/form-data", version="3.1.0")
    assert named(parts)["d"].type == "file"
    assert found["a"].nullable
    assert found["b"].enum == ("fixed",)
    assert found["f"].description == "Beside the reference."


def test_security_and_servers_of_an_operation() -> None:
    schemes = {"securitySchemes": {"login": {"type": "oauth2", "flows": {}}}}
    servers = [{"url": "https://a.example.org/v1"}]
    root = {"security": [{"login": ["read"]}], "servers": servers, "components": schemes}
    assert only(openapi({}, **root)).auth == "required"
    assert only(openapi({}, **root)).security == ({"login": ("read",)},)
    assert only(openapi({"security": []}, **root)).auth == "none"
    assert only(openapi({"security": [{}, {"login": []}]}, **root)).auth == "optional"
    assert only(openapi({"servers": [{"url": "https://b.example.org"}]}, **root)).servers == ("https://b.example.org",)


def test_paging_and_redirects_are_recognised() -> None:
    def paginated(responses: dict[str, Any]) -> bool:
        return only(openapi({"responses": responses}, "get")).paginated

    pagination = {"type": "object", "properties": {"hits": {"type": "array"}, "pagination": {"type": "object"}}}
    assert paginated({"206": {"description": ""}})
    assert paginated({"200": {"description": "", "headers": {"Link": {}}}})
    assert paginated({"200": {"description": "", "content": {"application/json": {"schema": pagination}}}})
    assert not paginated(OK)
    assert not paginated({"404": {"description": "", "headers": {"Link": {}}}})
    assert only(openapi({"responses": {"302": {"description": ""}}}, "get")).redirects


def test_post_search_is_safe_and_patch_is_not_idempotent() -> None:
    assert only(openapi({}, "post", "/search")).safe
    assert only(openapi({}, "put", "/x")).idempotent
    assert not only(openapi({}, "patch", "/x")).idempotent
    assert not only(openapi({}, "post", "/x")).idempotent


# References


def test_references_are_followed_however_they_are_written() -> None:
    one = {"$ref": "#/components/parameters/One"}
    copy = {"$ref": "#/paths/~1a~0b~1%7Bc%7D/get/parameters/0"}
    document = Document.load(
        {
            "openapi": "3.0.0",
            "paths": {
                "/a~b/{c}": {"get": {"parameters": [one], "responses": OK}},
                "/copy": {"get": {"parameters": [copy], "responses": OK}},
            },
            "components": {
                "parameters": {
                    "One": {"$ref": "#/components/parameters/Two"},
                    "Two": {"name": "q", "in": "query", "schema": {"type": "integer"}},
                }
            },
        }
    )
    assert document.problems == ()
    assert [named(each)["q"].type for each in document.operations] == ["integer", "integer"]


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("other.yaml#/Thing", "outside this document"),
        ("https://evil.example/x", "outside this document"),
        ("file:///etc/passwd", "outside this document"),
        ("#/components/parameters/None", "has no target"),
        ("#/components/parameters/Cycle", "refers to itself"),
    ],
)
def test_a_bad_reference_costs_its_operation_alone(reference: str, reason: str) -> None:
    document = Document.load(
        {
            "openapi": "3.0.0",
            "paths": {
                "/bad": {"get": {"parameters": [{"$ref": reference}], "responses": OK}},
                "/good": {"get": {"responses": OK}},
            },
            "components": {"parameters": {"Cycle": {"$ref": "#/components/parameters/Cycle"}}},
        }
    )
    assert [each.name for each in document.operations] == ["get_good"]
    (problem,) = document.problems
    assert problem.where == "GET /bad" and reason in problem.reason and problem.lost


def test_a_bad_reference_in_a_member_costs_its_type_alone() -> None:
    schema = {"properties": {"a": {"$ref": "#/nowhere"}, "b": {"type": "integer"}}}
    document = openapi({"requestBody": {"content": {"application/json": {"schema": schema}}}})
    assert {each.name: each.type for each in document.operations[0].parameters} == {
        "a": "any",
        "b": "integer",
        "body": "object",
    }
    (problem,) = document.problems
    assert not problem.lost and "has no target" in str(problem)


def test_recursive_schemas_are_fine() -> None:
    children = {"type": "array", "items": {"$ref": "#/components/schemas/N"}}
    node = {"type": "object", "properties": {"children": children}}
    found = named(body({"$ref": "#/components/schemas/N"}, components={"schemas": {"N": node}}))
    assert (found["children"].type, found["children"].items) == ("array", "object")


# Unsupported features


@pytest.mark.parametrize(
    "operation",
    [
        {"parameters": [{"name": "x", "in": "nowhere"}]},
        {"parameters": [{"in": "query"}]},
        {"parameters": {"a": 1}},
        {"parameters": [{"name": "x", "in": "query", "style": "unheard-of"}]},
        {"parameters": ["x"]},
        {"requestBody": {"content": {}}},
        {"requestBody": {"$ref": "other.json"}},
        {"requestBody": 5},
        {"parameters": [{"name": "x", "in": "path", "required": True}]},
    ],
)
def test_an_operation_beyond_us_costs_itself_and_says_why(operation: dict[str, Any]) -> None:
    document = openapi(operation)
    assert document.operations == ()
    (problem,) = document.problems
    assert problem.where == "POST /x" and problem.lost and len(problem.reason) > 5


def test_a_path_parameter_that_was_not_declared_is_a_text() -> None:
    (parameter,) = only(openapi({}, "get", "/x/{id}")).parameters
    assert (parameter.name, parameter.location, parameter.type, parameter.required) == ("id", "path", "string", True)


# Formats


YAML_DOCUMENT = """\
# A comment
openapi: 3.0.0
info: {title: Flowers, version: 2019-05-14}
paths:
  /flowers:
    get:
      summary: List flowers
      parameters:
        - &country
          name: country
          in: query
          schema: {type: string, enum: [NO, SE, "on", 0x1F, ~], default: NO}
        - <<: *country
          name: since
          schema: {type: string, format: date, example: 2019-05-14}
      responses:
        200: {description: fine}
        default:
          description: >
            Folded
            text
"""


def test_yaml_by_the_rules_of_openapi() -> None:
    document = Document.load(YAML_DOCUMENT.encode())
    operation = only(document)
    assert document.version == "2019-05-14"
    found = named(operation)
    # NO is not a boolean, and a date is a string.
    assert found["country"].enum == ("NO", "SE", "on", 31)
    assert found["country"].default == "NO"
    assert found["since"].location == "query"
    assert [each.status for each in operation.responses] == ["200", "default"]
    assert operation.responses[1].description == "Folded text"


def test_json_and_yaml_agree(tmp_path: Path) -> None:
    data = {
        "openapi": "3.0.0",
        "info": {"title": "X: a \"title\" with 'quotes'\nand lines", "version": "1.0"},
        "paths": {"/x": {"get": {"parameters": [{"name": "yes", "in": "query", "example": "2019-01-01"}]}}},
        "x-odd": ["no", "12", 12, 1.5, None, True, "", "~", "<<", "- a", "é", "1_000", "null"],
    }
    (tmp_path / "a.json").write_text(json.dumps(data))
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(data))
    (tmp_path / "b.yaml").write_bytes(b"\xef\xbb\xbf" + yaml.safe_dump(data, allow_unicode=True).encode())
    for name in ("a.json", "a.yaml", "b.yaml"):
        assert Document.load(tmp_path / name).root == data, name


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an OpenAPI document"),
        (b"<html><body>Log in</body></html>", "not an OpenAPI document"),
        (b"{}", "no 'openapi' or 'swagger' member"),
        (b"[1]", "not an OpenAPI document"),
        (b'{"swagger": "1.2"}', "version '1.2'"),
        (b'{"openapi": "4.0.0"}', "version '4.0.0'"),
        (b'{"openapi": "3.0.0", "paths": []}', "'paths' is not an object"),
        (b'{"openapi": "3.0.0", "paths": {', "not valid JSON"),
        (b"openapi: 3.0.0\npaths: [", "not valid YAML"),
        (b"openapi: 3.0.0\npaths: *nowhere", "undefined alias"),
        (b"openapi: !!python/object/apply:os.system ['true']\n", "version"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b'{"openapi": "3.0.0", "x": ' + b"[" * 200_000, "nested too deep"),
        (b"openapi: 3.0.0\nx: " + b"[" * 5000, "nested deeper"),
    ],
)
def test_what_is_no_document_is_told_in_one_line(content: bytes, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        Document.load(content, base_url="https://example.org/api")
    assert message in str(caught.value)
    assert str(caught.value).startswith("https://example.org/api: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="No such file"):
        Document.load(tmp_path / "none.json")


# The service's URL


def test_swagger_base_url() -> None:
    def base(url: str | None, **root: Any) -> str | None:
        return Document.load({"swagger": "2.0", "paths": {}, **root}, base_url=url).base_url

    public = {"host": "dss.example.org", "schemes": ["https"], "basePath": "/v1"}
    assert base(None, **public) == "https://dss.example.org/v1"
    assert base("https://docs.example.org/swagger.json", **public) == "https://dss.example.org/v1"
    assert base(None, **{**public, "schemes": ["http"]}) == "http://dss.example.org/v1"
    assert base(None, **{**public, "schemes": ["http", "https"]}) == "https://dss.example.org/v1"
    assert base("http://x.example.org/s", **{**public, "schemes": ["https", "http"]}) == "http://dss.example.org/v1"
    assert base("http://x.example.org/s", host="dss.example.org") == "http://dss.example.org"
    assert base("http://x.example.org:81/s", basePath="/v2/") == "http://x.example.org:81/v2"
    assert base(None, basePath="/v2") is None
    # The document's host has the scheme of the document's URL.
    assert base("http://dss.example.org/v1/swagger.json", **public) == "http://dss.example.org/v1"


def test_a_document_from_loopback_describes_the_deployment_there() -> None:
    def base(url: str, **root: Any) -> str | None:
        return Document.load({"swagger": "2.0", "paths": {}, "basePath": "/v1", **root}, base_url=url).base_url

    local = "http://127.0.0.1:8765/v1/swagger.json"
    assert base(local, host="dss.example.org", schemes=["https"]) == "http://127.0.0.1:8765/v1"
    assert base(local, host="127.0.0.1:8765", schemes=["https"]) == "http://127.0.0.1:8765/v1"
    assert base(local, host="localhost:9999", schemes=["http"]) == "http://localhost:9999/v1"
    # ...and a remote document cannot point to this machine.
    assert base("https://evil.example/s", host="127.0.0.1:631", schemes=["http"]) == "https://evil.example/v1"
    assert base("https://evil.example/s", host="[::1]", schemes=["https"]) == "https://evil.example/v1"


def test_openapi_base_url() -> None:
    def base(url: str | None, *servers: Any) -> str | None:
        return Document.load({"openapi": "3.0.0", "paths": {}, "servers": list(servers)}, base_url=url).base_url

    # Servers with incomplete URLs are skipped.
    assert base(None, {"url": "https://{host}/"}, {}, {"url": "https://b.example.org/"}) == "https://b.example.org"

    variables = {"region": {"default": "eu"}, "port": {"default": "8443", "enum": ["8443"]}}
    templated = {"url": "https://{region}.example.org:{port}/v1/", "variables": variables}
    assert base(None, templated) == "https://eu.example.org:8443/v1"
    assert base("https://example.org/docs/openapi.json", {"url": "/api/"}) == "https://example.org/api"
    assert base("https://example.org/docs/openapi.json", {"url": "../v2"}) == "https://example.org/v2"
    assert base("https://example.org/docs/openapi.json") == "https://example.org"
    assert base("https://example.org/openapi.json", {"url": "http://localhost/"}) == "https://example.org"
    assert base("http://localhost:8000/openapi.json", {"url": "https://example.org/v1"}) == "http://localhost:8000/v1"
    assert base(None, {"url": "/api"}) is None
    assert base(None, {"url": "ftp://example.org"}) is None
    assert base(None, {"url": "https://{unknown}.example.org"}) is None
    assert base(None, {"url": "https://user:password@example.org/x"}) == "https://example.org/x"
    assert base(None, {}) is None
