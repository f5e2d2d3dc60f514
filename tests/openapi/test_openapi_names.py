"""Names of operations and arguments: the rule of hca 7, many paths of one name, hostile names."""

from __future__ import annotations

import keyword
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import UsageError
from hca_base.openapi import Client, Document

DSS = [
    "get_bundles_all",
    "get_bundles_checkout",
    "get_bundle",
    "put_bundle",
    "patch_bundle",
    "delete_bundle",
    "post_bundles_checkout",
    "get_collections",
    "put_collection",
    "get_collection",
    "patch_collection",
    "delete_collection",
    "get_events",
    "get_event",
    "get_file",
    "head_file",
    "put_file",
    "post_search",
    "get_subscriptions",
    "put_subscription",
    "get_subscription",
    "delete_subscription",
]

UPLOAD = [
    "get_health",
    "get_v1_health",
    "post_area",
    "delete_area",
    "head_area",
    "get_area_checksums",
    "post_area_credential",
    "put_area_files_info",
    "post_area_update_checksum",
    "post_area_update_validation",
    "put_area_validate",
    "get_area_validations",
    "get_area",
    "put_area",
    "get_area_checksum",
    "get_area_validate",
    "get_version",
]

AZUL = [
    "get_openapi",
    "get_health",
    "get_health_basic",
    "get_health_cached",
    "get_health_fast",
    "get_version",
    "get_index_catalogs",
    "get_index",
    "post_index",
    "head_index",
    "get_index_summary",
    "head_index_summary",
    "put_manifest_file",
    "get_manifest_files",
    "put_fetch_manifest_file",
    "get_fetch_manifest_files",
    "get_repository_files",
    "get_fetch_repository_files",
    "get_repository_sources",
]


def document(*operations: str, **more: Any) -> Document:
    """A document with some operations ("GET /a/{b}"), their path parameters left undeclared."""
    paths: dict[str, Any] = {}
    for each in operations:
        method, path = each.split(" ", 1)
        paths.setdefault(path, {})[method.lower()] = {"responses": {"200": {"description": "fine"}}, **more}
    return Document.load({"openapi": "3.0.3", "info": {}, "paths": paths})


@pytest.mark.parametrize(
    ("name", "expected"), [("dss-swagger.json", DSS), ("upload-swagger.json", UPLOAD), ("azul-openapi.json", AZUL)]
)
def test_names_of_the_recorded_documents(contract: Callable[[str], Path], name: str, expected: list[str]) -> None:
    loaded = Document.load(contract(name))
    assert sorted(each.name for each in loaded.operations) == sorted(expected)
    assert loaded.problems == ()


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("GET /bundles/{uuid}", "get_bundle"),
        ("PUT /files/{uuid}", "put_file"),
        ("GET /bundles/all", "get_bundles_all"),
        ("POST /bundles/{uuid}/checkout", "post_bundles_checkout"),
        ("GET /collections", "get_collections"),
        ("PUT /collections", "put_collection"),
        ("POST /searches", "post_searche"),  # the rule drops one letter and knows no English
        ("GET /things/{id}", "get_things"),  # only {uuid} drops it
        ("DELETE /things", "delete_things"),
        ("POST /v1/area/{id}/credentials", "post_area_credential"),
        ("GET /v2.1/things", "get_things"),
        ("GET /v1beta1/things", "get_things"),
        ("GET /v1", "get_v1"),
        ("GET /api/v1/things", "get_api_v1_things"),
        ("GET /version", "get_version"),
        ("GET /.well-known/jwks.json", "get_jwks_json"),
        ("GET /no-such/dash", "get_no_such_dash"),
        ("GET /pet/findByStatus", "get_pet_findByStatus"),
        ("GET /", "get"),
        ("GET /{id}", "get"),
        ("GET /a/{b}.json", "get_a_json"),
        ("GET /a:copy", "get_a_copy"),
        ("GET /class", "get_class"),
    ],
)
def test_rule(operation: str, name: str) -> None:
    assert [each.name for each in document(operation).operations] == [name]


def test_paths_of_one_name_are_one_operation() -> None:
    loaded = document("GET /index/{type}", "GET /index/{type}/{id}")
    (operation,) = loaded.operations
    assert operation.command == "get-index"
    assert operation.groups == (("/index/{type}", ("type",)), ("/index/{type}/{id}", ("type", "id")))
    assert [each.unambiguous_name for each in operation.alternatives] == ["get_index_by_type", "get_index_by_id"]
    assert [(each.name, each.required) for each in operation.parameters] == [("type", True), ("id", False)]
    assert operation.choose({"type"}).path == "/index/{type}"
    assert operation.choose({"type", "id", "other"}).path == "/index/{type}/{id}"
    assert loaded.operation("get-index-by-id").path == "/index/{type}/{id}"
    with pytest.raises(UsageError, match="give type or type and id"):
        operation.choose({"id"})


def test_a_path_without_parameters_among_others() -> None:
    loaded = document("GET /health/{keys}", "GET /health")
    (operation,) = loaded.operations
    assert operation.path == "/health"
    assert operation.choose(set()).path == "/health"
    assert operation.choose({"keys"}).path == "/health/{keys}"
    assert loaded.operation("get_health_by_keys").path == "/health/{keys}"


def test_equal_parameters_give_the_later_path_a_name_of_its_own() -> None:
    loaded = document("GET /health", "GET /v1/health", "GET /a/{x}/b", "GET /a/b/{x}", "GET /v2/health")
    assert [(each.name, each.path) for each in loaded.operations] == [
        ("get_health", "/health"),
        ("get_v1_health", "/v1/health"),
        ("get_v2_health", "/v2/health"),
        ("get_a_b", "/a/{x}/b"),
        ("get_a_b_by_x", "/a/b/{x}"),
    ]


def test_names_never_collide() -> None:
    paths = [f"GET /a{mark}b/{{x}}" for mark in "-_.:~!@ "] + ["GET /a_b_by_x", "GET /a_b_2/{x}"]
    names = [each.name for each in document(*paths).operations]
    assert len(names) == len(set(names)) == len(paths)
    assert all(name.isidentifier() for name in names)


@pytest.mark.parametrize(
    "path",
    ["/__class__", "/session", "/config", "/__init__", "/\u202ex", "/%s", "/a b", "/'; DROP", "/日本"],
)
def test_hostile_paths_make_harmless_names(path: str) -> None:
    for operation in document(f"GET {path}", f"POST {path}", f"DELETE {path}").operations:
        assert operation.name.isidentifier() and operation.name.isprintable()
        assert not keyword.iskeyword(operation.name)
        assert operation.name.split("_")[0] in ("get", "post", "delete")
        assert not hasattr(Client, operation.name)


def test_no_operation_can_shadow_an_attribute_of_the_client() -> None:
    methods = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
    for name in dir(Client):
        assert name not in methods and not name.startswith(tuple(f"{method}_" for method in methods)), name


def test_control_characters_in_a_path_cost_the_operation() -> None:
    loaded = document("GET /a\x1b[31m", "GET /b\r\nHost: x", "GET /c")
    assert [each.name for each in loaded.operations] == ["get_c"]
    assert len(loaded.problems) == 2
    assert all(str(problem).isprintable() for problem in loaded.problems)


def arguments(*names: tuple[str, str], body: dict[str, Any] | None = None, path: str = "/x") -> dict[str, str]:
    """(Name, place) of parameters -> their Python names."""
    operation: dict[str, Any] = {
        "parameters": [
            {"name": name, "in": place, "required": place == "path", "schema": {"type": "string"}}
            for name, place in names
        ]
    }
    if body is not None:
        schema = {"type": "object", "properties": body}
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    loaded = Document.load({"openapi": "3.0.0", "paths": {path: {"post": operation}}})
    assert loaded.problems == ()
    found = loaded.operations[0].parameters
    assert len({each.option for each in found}) == len(found)
    assert len({each.python_name for each in found}) == len(found)
    return {f"{each.location} {each.name}": f"{each.python_name} {each.option}" for each in found}


def test_names_of_arguments() -> None:
    assert arguments(("per_page", "query"), ("fileName", "query"), ("Api-Key", "header"), ("from", "query")) == {
        "query per_page": "per_page --per-page",
        "query fileName": "fileName --fileName",
        "header Api-Key": "api_key --api-key",
        "query from": "from_ --from",
    }


def test_body_and_other_parameters_of_one_name() -> None:
    found = arguments(("uuid", "query"), body={"uuid": {"type": "string"}, "class": {"type": "string"}})
    assert found == {
        "query uuid": "uuid --uuid",
        "body uuid": "body_uuid --body-uuid",
        "body class": "class_ --class",
    }
    assert arguments(("id", "path"), ("id", "query"), ("id", "header"), path="/x/{id}") == {
        "path id": "id --id",
        "query id": "query_id --query-id",
        "header id": "header_id --header-id",
    }


def test_hostile_arguments_get_names_of_their_own() -> None:
    hostile = [
        "__class__",
        "a\x1b[0m",
        "__init__",
        "self",
        "a b",
        "a-b",
        "a_b",
        "%s",
        "1st",
        " ",
        "\u202e",
        "$filter",
        "_",
    ]
    found = arguments(*[(name, "query") for name in hostile])
    for python_name, option in (value.split(" ") for value in found.values()):
        assert python_name.isidentifier() and not python_name.startswith("__")
        assert option.startswith("--") and option != "--" and option.isprintable()
    assert found["query $filter"] == "filter --filter"
    assert found["query 1st"] == "_1st --1st"


def test_unknown_operation_is_named_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean get_things"):
        document("GET /things").operation("get_thing")
