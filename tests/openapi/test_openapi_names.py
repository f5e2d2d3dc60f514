"""Names of operations and arguments: hca 7's rule, several paths with one name, hostile names."""

from __future__ import annotations

import keyword
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import UsageError
from hca_base.openapi import Client, Document
from hca_base.openapi._document._operation import CLIENT_NAMES

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
    """A document with some operations ("GET /a/{b}"), without declared path parameters."""
    paths: dict[str, Any] = {}
    for each in operations:
        method, path = each.split(" ", 1)
        paths.setdefault(path, {})[method.lower()] = {"responses": {"200": {"description": "fine"}}, **more}
    return Document.load({"openapi": "3.0.3", "info": {}, "paths": paths})


@pytest.mark.parametrize(
    ("name", "expected"), [("dss-swagger.json", DSS), ("upload-swagger.json", UPLOAD), ("azul-openapi.json", AZUL)]
)
def test_names_of_the_recorded_documents(contract: Callable[[str], Path], name: str, expected: list[str]) -> None:
    loaded = Document.load(contract(name), naming="path")
    assert {each.path_name for each in loaded.operations} | {"get_v1_health"} == {*expected, "get_v1_health"}
    names = {each.name for each in loaded.operations} | {each.name for each in loaded.aliases}
    assert set(expected) <= names
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
        ("POST /searches", "post_searches"),  # without the "s" it is not a word
        ("PUT /lateness", "put_lateness"),
        ("PUT /alias", "put_alias"),
        ("POST /access", "post_access"),
        ("POST /userStatus", "post_userStatus"),
        ("POST /policies", "post_policies"),
        ("POST /boxes", "post_boxes"),
        ("POST /branches", "post_branches"),
        ("POST /analysis", "post_analysis"),
        ("POST /releases", "post_release"),
        ("POST /caches", "post_cache"),
        ("POST /cookies", "post_cookie"),
        ("POST /repos", "post_repo"),
        ("GET /status/{uuid}", "get_status"),
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


def test_paths_of_one_path_name_are_operations_of_their_own() -> None:
    loaded = document("GET /index/{type}", "GET /index/{type}/{id}")
    assert [(each.command, each.path) for each in loaded.operations] == [
        ("get-index-by-type", "/index/{type}"),
        ("get-index-by-id", "/index/{type}/{id}"),
    ]
    (alias,) = loaded.aliases
    assert alias.command == "get-index" and alias.safe
    assert [(each.name, each.required) for each in alias.parameters] == [("type", True), ("id", False)]
    assert alias.choose({"type"}).path == "/index/{type}"
    assert alias.choose({"type", "id", "other"}).path == "/index/{type}/{id}"
    with pytest.raises(UsageError, match="get_index is ambiguous with id") as caught:
        alias.choose({"id"})
    assert "get_index_by_type (GET /index/{type}) or get_index_by_id" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="ambiguous"):
        loaded.operation("get_index")


def test_a_path_without_parameters_among_others() -> None:
    loaded = document("GET /health/{keys}", "GET /health")
    assert [each.name for each in loaded.operations] == ["get_health_by_keys", "get_health_all"]
    (alias,) = loaded.aliases
    assert alias.choose(set()).path == "/health"
    assert alias.choose({"keys"}).path == "/health/{keys}"


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "POST"])
def test_a_shared_name_that_changes_something_needs_every_path_parameter(method: str) -> None:
    loaded = document(f"{method} /samples", f"{method} /samples/{{id}}", f"{method} /samples/{{id}}/x/{{file}}")
    (alias,) = [each for each in loaded.aliases if len(each.operations) > 1]
    assert not alias.safe
    assert alias.choose({"id"}).path == "/samples/{id}"
    for given in (set(), {"file"}):
        with pytest.raises(UsageError, match="is ambiguous: it needs id") as caught:
            alias.choose(given)
        assert f"{method} /samples)" in (caught.value.hint or "")
    # With three, or if no path has all parameters, only the longest can be meant.
    three = document(f"{method} /a", f"{method} /a/{{x}}", f"{method} /{{y}}/a/{{x}}").aliases[0]
    assert three.choose({"x", "y"}).path == "/{y}/a/{x}"
    none = document(f"{method} /b/{{x}}", f"{method} /b/{{y}}").aliases[0]
    for given in ({"x"}, {"y"}, {"x", "y"}):
        with pytest.raises(UsageError, match="needs x and y"):
            none.choose(given)


def test_equal_parameters_give_the_later_path_a_name_of_its_own() -> None:
    loaded = document("GET /health", "GET /v1/health", "GET /v2/health", "GET /a/{x}/b", "GET /a/b/{x}")
    assert [(each.name, each.path) for each in loaded.operations] == [
        ("get_health", "/health"),
        ("get_v1_health", "/v1/health"),
        ("get_v2_health", "/v2/health"),
        ("get_a_b", "/a/{x}/b"),
        ("get_a_b_by_x", "/a/b/{x}"),
    ]


def with_ids(naming: str = "operation", **ids: str) -> list[str]:
    """Commands of a document whose operations ("GET /a": id) have these ids."""
    paths: dict[str, Any] = {}
    for each, operation_id in ids.items():
        method, path = each.split(" ", 1)
        paths.setdefault(path, {})[method.lower()] = {"operationId": operation_id}
    return [each.command for each in Document.load({"openapi": "3.0.3", "paths": paths}, naming=naming).operations]


@pytest.mark.parametrize(
    ("operation", "operation_id", "command"),
    [
        ("GET /tasks", "ListTasks", "list-tasks"),
        ("GET /tasks/{id}", "getTask", "get-task"),
        ("GET /things", "things_list", "things-list"),
        ("GET /repos/{owner}/issues", "issues/list-for-repo", "issues list-for-repo"),
        ("GET /b", "storage.objects.list", "storage-objects list"),
        ("GET /x", "getHTTPStatus", "get-http-status"),
        ("GET /service-info", "GetServiceInfo", "get-service-info"),
        ("GET /api/v1/pods", "listCoreV1Pod", "list-core-v1-pod"),
        ("GET /v1/customers/{customer}", "GetCustomersCustomer", "get-customers-customer"),
        ("GET /import", "import", "import"),
        # A generator's operationId made from the path is ignored: the path rule's names are shorter.
        ("GET /v1/things", "_v1_get_1", "get-things"),
        ("GET /things/{id}", "read_thing_things__id__get", "get-things"),
        ("GET /things", "read_things_things_get", "get-things"),
        ("GET /api/v1/users/{id}", "getApiV1UsersId", "get-api-v1-users"),
        ("GET /v1/users", "v1_users_get", "get-users"),
        ("GET /things", "listUsingGET_1", "get-things"),
        ("GET /things", "list_2", "get-things"),
        ("GET /things", "", "get-things"),
        ("GET /things", "é", "get-things"),
        ("GET /things", "2fa", "get-things"),
        ("GET /things", "x" * 200, "get-things"),
        ("GET /things", "a\x1b[31m", "get-things"),
        ("GET /things", "../../x", "get-things"),
    ],
)
def test_names_by_operation_id(operation: str, operation_id: str, command: str) -> None:
    assert with_ids(**{operation: operation_id}) == [command]
    assert with_ids("path", **{operation: operation_id}) == [document(operation).operations[0].command]


def test_ids_that_are_not_unique_are_no_names() -> None:
    assert with_ids(**{"GET /a": "list", "GET /b": "List", "GET /c": "listC"}) == ["get-a", "get-b", "list-c"]
    # An operationId takes precedence over a name by path.
    assert with_ids(**{"GET /things": "x y/z", "GET /things/{id}": "getThings"}) == ["x-y z", "get-things"]
    assert with_ids(**{"GET /things": "", "GET /other": "getThings"}) == ["get-things-all", "get-things"]


def test_names_by_path_stay_aliases() -> None:
    paths = {
        "/v1/tasks": {"get": {"operationId": "ListTasks"}, "post": {"operationId": "CreateTask"}},
        "/v1/tasks/{id}": {"get": {"operationId": "GetTask"}},
        "/v1/tasks/{id}/alias": {"put": {"operationId": "rename"}},
    }
    loaded = Document.load({"openapi": "3.0.3", "paths": paths})
    assert [each.name for each in loaded.operations] == ["list_tasks", "create_task", "get_task", "rename"]
    assert {alias.name: [each.name for each in alias.operations] for alias in loaded.aliases} == {
        "get_tasks": ["list_tasks", "get_task"],
        "get_tasks_all": ["list_tasks"],
        "get_tasks_by_id": ["get_task"],
        "post_task": ["create_task"],
        "put_tasks_alias": ["rename"],
        # hca 9.0 dropped the "s" of any word.
        "put_tasks_alia": ["rename"],
    }
    assert loaded.operation("post-task").path == "/v1/tasks"
    assert loaded.operation("put_tasks_alia").command == "rename"


def test_a_naming_that_is_unknown_is_refused() -> None:
    with pytest.raises(UsageError, match="not a valid naming"):
        Document.load({"openapi": "3.0.3", "paths": {}}, naming="tag")


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
    public = {name for name in dir(Client) if not name.startswith("_")}
    assert public == CLIENT_NAMES - {"service"}  # an attribute set on construction
    (operation,) = Document.load({"openapi": "3.0.3", "paths": {"/x": {"get": {"operationId": "close"}}}}).operations
    assert (operation.command, operation.method_name) == ("close", "close_")


def test_control_characters_in_a_path_cost_the_operation() -> None:
    loaded = document("GET /a\x1b[31m", "GET /b\r\nHost: x", "GET /c")
    assert [each.name for each in loaded.operations] == ["get_c"]
    assert len(loaded.problems) == 2
    assert all(str(problem).isprintable() for problem in loaded.problems)


def arguments(*names: tuple[str, str], body: dict[str, Any] | None = None, path: str = "/x") -> dict[str, str]:
    """(Name, location) of parameters -> their Python names."""
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
        "body body": "body --body",
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
