"""Collections and subscriptions, and their owners."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("local-dss-collections")

VERSION = "2020-05-21T235543.123456Z"
LATER = "2021-05-21T235543.123456Z"
JSON = b'{"a": {"b": [1, {"c/d": 2, "e~f": 3}]}}'


def put(
    dss: Any, contents: list[Any], *, name: str | None = None, who: str = "user", version: str = VERSION, **more: Any
) -> Any:
    params = {"replica": "aws", "uuid": name or str(uuid.uuid4()), "version": version}
    body = {"name": "n", "description": "d", "details": {"a": 1}, "contents": contents, **more}
    return dss("PUT", "/v1/collections", who=who, params=params, json=body)


def get(dss: Any, name: str, who: str = "user", **params: Any) -> Any:
    return dss("GET", f"/v1/collections/{name}", who=who, params={"replica": "aws", **params})


def patch(dss: Any, name: str, version: str, /, who: str = "user", **body: Any) -> Any:
    params = {"replica": "aws", "version": version}
    return dss("PATCH", f"/v1/collections/{name}", who=who, params=params, json=body)


def item(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "uuid": name, "version": VERSION, **more}


def code_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_a_collection_comes_back_without_duplicates_and_with_its_owner(dss: Any) -> None:
    file, bundle = dss.new_file(JSON), dss.new_bundle({})
    items = [item("file", file), item("bundle", bundle), item("foo", file, fragment="/a/b/1"), item("file", file)]
    name = put(dss, items, owner="me").json()["uuid"]
    body = {"name": "n", "description": "d", "details": {"a": 1}, "contents": items[:3], "owner": "user@example.org"}
    assert get(dss, name).json() == body
    outer = put(dss, [item("collection", name)])
    assert outer.status_code == 201


def test_the_same_version_again_replaces_it(dss: Any) -> None:
    name = put(dss, []).json()["uuid"]
    assert put(dss, [], name=name, description="other").status_code == 201
    assert get(dss, name).json()["description"] == "other"


@pytest.mark.parametrize(
    ("fragment", "status"),
    [
        ("", 201),
        ("/a/b/0", 201),
        ("/a/b/1/c~1d", 201),
        ("/a/b/1/e~0f", 201),
        ("/a/b/2", 422),
        ("/a/b/01", 422),
        ("/a/b/-", 422),
        ("/nope", 422),
        ("a", 422),
        (None, 422),
        (1, 422),
    ],
)
@pytest.mark.parametrize("member", ["fragment", "path"])
def test_a_piece_of_metadata_is_named_by_a_json_pointer(dss: Any, member: str, fragment: Any, status: int) -> None:
    if (member, fragment) == ("path", 1):
        status = 400  # the document declares it as a string
    file = dss.new_file(JSON)
    more = {} if fragment is None else {member: fragment}
    response = put(dss, [item("foo", file, **more)])
    assert response.status_code == status, response.text
    if status == 422:
        assert response.json()["code"] == "invalid_link"


def test_items_that_are_not_there_are_invalid_links(dss: Any) -> None:
    for kind in ("file", "bundle", "collection", "foo"):
        response = put(dss, [item(kind, str(uuid.uuid4()), fragment="/a")])
        assert code_of(response) == (422, "invalid_link"), kind
    text = dss.new_file(b"no json", content_type="text/plain")
    assert code_of(put(dss, [item("foo", text, fragment="/a")])) == (422, "invalid_link")


def test_a_patch_makes_a_version_that_the_list_leaves_out(dss: Any) -> None:
    one, two = dss.new_file(JSON), dss.new_file(b"2")
    name = put(dss, [item("file", one)], who="other").json()["uuid"]
    changes = {"name": "patched", "add_contents": [item("file", two)], "remove_contents": [item("file", one)]}
    made = patch(dss, name, VERSION, who="other", **changes)
    assert made.status_code == 200
    latest = get(dss, name, who="other").json()
    assert (latest["name"], latest["contents"]) == ("patched", [item("file", two)])
    assert get(dss, name, who="other", version=VERSION).json()["contents"] == [item("file", one)]
    assert get(dss, name, who="other", version=made.json()["version"]).json() == latest
    listed = dss("GET", "/v1/collections", who="other").json()["collections"]
    assert [each["version"] for each in listed if each["uuid"] == name] == [VERSION]
    assert patch(dss, name, made.json()["version"], who="other").status_code == 200
    assert code_of(patch(dss, name, LATER, who="other")) == (404, "not_found")


def test_only_the_owner_sees_changes_and_deletes_it(dss: Any) -> None:
    name = put(dss, []).json()["uuid"]
    attempts = [
        get(dss, name, who="other"),
        patch(dss, name, VERSION, who="other"),
        dss("DELETE", f"/v1/collections/{name}?replica=aws", who="other"),
        put(dss, [], name=name, who="other", version=LATER),
    ]
    assert [code_of(response) for response in attempts] == [(403, "Forbidden")] * 4
    assert get(dss, name).status_code == 200


def test_a_deleted_collection_is_gone_for_good(dss: Any) -> None:
    name = put(dss, []).json()["uuid"]
    path = f"/v1/collections/{name}?replica=aws"
    assert dss("DELETE", path, who="user").json() == {}
    assert code_of(dss("DELETE", path, who="user")) == (404, "not_found")
    assert put(dss, [], name=name, version=LATER).status_code == 201
    assert [get(dss, name, **v).status_code for v in ({}, {"version": VERSION}, {"version": LATER})] == [404] * 3
    listed = dss("GET", "/v1/collections", who="user").json()["collections"]
    assert name not in [each["uuid"] for each in listed]


def test_the_list_is_paged_and_the_last_page_is_known(dss: Any) -> None:
    made = {put(dss, [], who="admin").json()["uuid"] for _ in range(20)}
    first = dss("GET", "/v1/collections?per_page=10", who="admin")
    assert first.status_code == 206
    assert "start_at=10" in first.headers["Link"] and first.headers["Link"].endswith("rel='next'")
    second = dss("GET", first.headers["Link"].partition(">")[0].strip("<"), who="admin")
    assert second.status_code == 200
    names = [each["uuid"] for page in (first, second) for each in page.json()["collections"]]
    assert names == sorted(made, reverse=True)


# Subscriptions


HOOK = {"callback_url": "http://127.0.0.1:9/hook"}


def subscribe(dss: Any, who: str = "user", **body: Any) -> Any:
    return dss("PUT", "/v1/subscriptions?replica=aws", who=who, json={**HOOK, **body})


def test_a_subscription_tells_its_secret_once(dss: Any) -> None:
    made = subscribe(dss, hmac_key_id="k", hmac_secret_key="s")
    assert made.status_code == 201
    body = made.json()
    assert (body["hmac_secret_key"], body["owner"], body["replica"]) == ("s", "user@example.org", "aws")
    shown = dss("GET", f"/v1/subscriptions/{body['uuid']}?replica=aws", who="user").json()
    assert shown == {name: value for name, value in body.items() if name != "hmac_secret_key"}
    listed = dss("GET", "/v1/subscriptions?replica=aws", who="user").json()["subscriptions"]
    assert shown in listed


def test_every_put_makes_a_new_one_and_types_are_apart(dss: Any) -> None:
    jmespath = [subscribe(dss, who="other").json()["uuid"] for _ in range(2)]
    elastic = subscribe(dss, who="other", es_query={"query": {"match_all": {}}}).json()["uuid"]

    def listed(**params: str) -> list[str]:
        response = dss("GET", "/v1/subscriptions", who="other", params={"replica": "aws", **params})
        return [each["uuid"] for each in response.json()["subscriptions"]]

    assert listed() == listed(subscription_type="jmespath") == jmespath
    assert listed(subscription_type="elasticsearch") == [elastic]
    assert listed(replica="gcp") == []
    path = f"/v1/subscriptions/{elastic}?replica=aws"
    assert dss("GET", path, who="other").status_code == 404
    assert dss("GET", path + "&subscription_type=elasticsearch", who="other").status_code == 200


def test_anothers_subscription_is_not_there(dss: Any) -> None:
    path = f"/v1/subscriptions/{subscribe(dss).json()['uuid']}?replica=aws"
    assert [code_of(dss(method, path, who="other")) for method in ("GET", "DELETE")] == [(404, "not_found")] * 2
    assert list(dss("DELETE", path, who="user").json()) == ["timeDeleted"]
    assert code_of(dss("DELETE", path, who="user")) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"jmespath_query": "a=="}, "invalid_jmespath"),
        ({"attachments": {"_a": {"type": "jmespath", "expression": "a"}}}, "invalid_attachment_name"),
        ({"attachments": {"a": {"type": "jmespath", "expression": "a=="}}}, "invalid_attachment_expression"),
        ({"es_query": {"query": {"nope": {}}}}, "illegal_arguments"),
        ({"es_query": {}, "jmespath_query": "a"}, "invalid_query_type"),
        ({"callback_url": "ftp://x"}, "illegal_arguments"),
        ({"method": "GET"}, "illegal_arguments"),
        ({"colour": "red"}, "illegal_arguments"),
    ],
)
def test_subscriptions_are_checked(dss: Any, body: dict[str, Any], code: str) -> None:
    assert code_of(subscribe(dss, **body)) == (400, code)


def test_a_hundred_subscriptions_are_enough(dss: Any) -> None:
    made = [subscribe(dss, who="public").status_code for _ in range(101)]
    assert made == [201] * 100 + [406]
