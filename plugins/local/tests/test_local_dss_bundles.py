"""Bundles: versions, repeated PUTs, pages, patches, deletions, file URLs, checkouts."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = pytest.mark.xdist_group("local-dss-bundles")

VERSION = "2020-05-21T235543.123456Z"
LATER = "2021-05-21T235543.123456Z"
JSON = b'{"describedBy": "x", "n": 1}'


def get(dss: Any, name: str, **params: Any) -> Any:
    return dss("GET", f"/v1/bundles/{name}", params={"replica": "aws", **params})


def delete(dss: Any, name: str, reason: str = "test", who: str = "admin", **params: Any) -> Any:
    params = {"replica": "aws", **params}
    return dss("DELETE", f"/v1/bundles/{name}", who=who, params=params, json={"reason": reason})


def patch(dss: Any, name: str, version: str, **body: Any) -> Any:
    params = {"replica": "aws", "version": version}
    return dss("PATCH", f"/v1/bundles/{name}", who="user", params=params, json=body)


def entry(name: str, file: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "uuid": file, "version": VERSION, "indexed": False, **more}


def code_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def next_link(response: Any) -> str | None:
    header = response.headers.get("Link")
    if header is None:
        assert (response.status_code, response.headers["X-OpenAPI-Pagination"]) == (200, "false")
        return None
    assert (response.status_code, response.headers["X-OpenAPI-Pagination"]) == (206, "true")
    match = re.fullmatch(r"<(.*)>; rel='next'", header)
    assert match
    return match[1]


def test_a_bundle_comes_back_with_its_files_metadata(dss: Any) -> None:
    file = dss.new_file(JSON)
    name = str(uuid.uuid4())
    made = dss.put_bundle(name, {"a.json": file})
    assert made.status_code == 201
    (stored,) = made.json()["manifest"]["files"]
    assert made.json()["manifest"]["format"] == "0.0.1"
    bundle = get(dss, name).json()["bundle"]
    (shown,) = bundle["files"]
    assert (bundle["uuid"], bundle["version"], bundle["creator_uid"]) == (name, VERSION, 1)
    # The only difference between PUT and GET.
    assert {key.replace("s3-etag", "s3_etag"): value for key, value in stored.items()} == shown
    assert (shown["name"], shown["uuid"], shown["indexed"], shown["size"]) == ("a.json", file, True, len(JSON))


@pytest.mark.parametrize(
    "content",
    [
        b'{"n": NaN}',
        b'{"n": 1e999}',
        b'{"n": "\\ud800"}',
        b'{"\\udfff": 1}',
        *(b'{"n":' * depth + b"1" + b"}" * depth for depth in range(800, 1000, 15)),
    ],
    ids=lambda content: f"{len(content)}-{content[:12].decode()}",
)
def test_metadata_that_cannot_be_kept_do_not_cost_the_bundle(dss: Any, content: bytes) -> None:
    """The service treats such files as data; the original did not index files that are not JSON."""
    name = dss.new_bundle({"a_0.json": dss.new_file(content), "b.json": dss.new_file(JSON)})
    found = dss(
        "POST",
        "/v1/search",
        params={"replica": "aws", "output_format": "raw"},
        json={"es_query": {"query": {"term": {"uuid": name}}}},
    )
    assert found.status_code in (200, 206) and found.json()["results"][0]["metadata"]["files"]["b_json"]
    assert dss("GET", f"/v1/events/{name}", params={"replica": "aws", "version": VERSION}).status_code == 200


def test_repeats_are_told_from_conflicts_byte_by_byte(dss: Any) -> None:
    one, two = dss.new_file(JSON), dss.new_file(b"2")
    name = dss.new_bundle({"a": one, "b": two})
    assert dss.put_bundle(name, {"a": one, "b": two}).status_code == 200
    assert code_of(dss.put_bundle(name, {"b": two, "a": one})) == (409, "bundle_already_exists")
    assert code_of(dss.put_bundle(name, {"a": one})) == (409, "bundle_already_exists")
    assert dss.put_bundle(name, {"b": two, "a": one}, version=LATER).status_code == 201
    assert get(dss, name).json()["bundle"]["version"] == LATER
    assert get(dss, name, version=VERSION).json()["bundle"]["version"] == VERSION


def test_a_missing_file_is_named(dss: Any) -> None:
    ghost = str(uuid.uuid4())
    response = dss.put_bundle(str(uuid.uuid4()), {"ghost": ghost})
    assert code_of(response) == (400, "file_missing")
    assert response.json()["title"] == f"Could not find file {ghost}/{VERSION}."


def test_a_file_of_the_other_replica_is_missing(dss: Any) -> None:
    file = dss.new_file(JSON, scheme="gs")
    assert code_of(dss.put_bundle(str(uuid.uuid4()), {"a": file})) == (400, "file_missing")
    name = dss.new_bundle({"a": file}, replica="gcp")
    assert get(dss, name).status_code == 404
    assert get(dss, name, replica="gcp").status_code == 200


def test_file_uuids_are_not_lowered_and_bundle_uuids_are(dss: Any) -> None:
    file = dss.new_file(JSON)
    assert code_of(dss.put_bundle(str(uuid.uuid4()), {"a": file.upper()})) == (400, "file_missing")
    name = str(uuid.uuid4()).upper()
    assert dss.put_bundle(name, {"a": file}).status_code == 201
    assert get(dss, name).json()["bundle"]["uuid"] == name
    assert get(dss, name.lower()).json()["bundle"]["uuid"] == name.lower()


def test_two_files_of_one_name_are_refused(dss: Any) -> None:
    file = dss.new_file(JSON)
    body = {"creator_uid": 1, "files": [entry("a", file), entry("a", file)]}
    params = {"replica": "aws", "version": VERSION}
    response = dss("PUT", f"/v1/bundles/{uuid.uuid4()}", who="user", params=params, json=body)
    assert code_of(response) == (400, "duplicate_filename")


@pytest.mark.parametrize("name", ["/etc/x", "~/x", "../x", "a/../../b", "a/./b", ".", "..", "a\\b", "a/.hidden"])
def test_names_that_would_leave_a_directory_are_refused(dss: Any, name: str) -> None:
    response = dss.put_bundle(str(uuid.uuid4()), {name: dss.new_file(JSON)})
    assert code_of(response) == (400, "illegal_arguments")


@pytest.mark.parametrize("name", ["", ".hidden", "trailing/", "with space", "ünïcode", "CON", "a//b", "%41?#"])
def test_other_names_are_kept_and_have_urls(dss: Any, name: str) -> None:
    bundle = dss.new_bundle({name: dss.new_file(JSON)})
    (file,) = get(dss, bundle, presignedurls="true").json()["bundle"]["files"]
    assert file["name"] == name
    assert dss("GET", file["url"]).content == JSON


def test_any_group_may_put_a_bundle(dss: Any) -> None:
    params, body = {"replica": "aws", "version": VERSION}, {"creator_uid": 1, "files": []}
    assert dss("PUT", f"/v1/bundles/{uuid.uuid4()}", who="stranger", params=params, json=body).status_code == 201


# Pages


def test_pages_of_a_bundle_pin_its_version(dss: Any) -> None:
    file = dss.new_file(JSON)
    names = [f"file_{number:02}" for number in range(25)]
    bundle = dss.new_bundle(dict.fromkeys(names, file))
    response = get(dss, bundle, per_page=10)
    assert response.headers["X-OpenAPI-Paginated-Content-Key"] == "bundle.files"
    seen, links = [], []
    dss.put_bundle(bundle, {}, version=LATER)
    while True:
        seen += [file["name"] for file in response.json()["bundle"]["files"]]
        link = next_link(response)
        if link is None:
            break
        links.append(parse_qs(urlsplit(link).query))
        response = dss("GET", link)
    assert seen == names
    assert [link["start_at"] for link in links] == [["10"], ["20"]]
    assert all(link["version"] == [VERSION] and link["token"] == ["None"] for link in links)
    beyond = get(dss, bundle, version=VERSION, start_at=100)
    assert (beyond.status_code, beyond.json()["bundle"]["files"]) == (200, [])
    assert get(dss, bundle, version=VERSION, start_at=-1).status_code == 400


def test_a_page_that_ends_with_the_bundle_is_the_last(dss: Any) -> None:
    file = dss.new_file(JSON)
    bundle = dss.new_bundle({f"file_{number}": file for number in range(10)})
    assert next_link(get(dss, bundle, per_page=10)) is None


def test_pages_with_urls_carry_urls(dss: Any) -> None:
    file = dss.new_file(JSON)
    bundle = dss.new_bundle({f"file_{number}": file for number in range(11)})
    first = get(dss, bundle, per_page=10, presignedurls="true")
    second = dss("GET", next_link(first))
    assert dss("GET", second.json()["bundle"]["files"][0]["url"]).content == JSON


def test_direct_and_presigned_urls_exclude_one_another(dss: Any) -> None:
    bundle = dss.new_bundle({"a": dss.new_file(JSON)})
    assert code_of(get(dss, bundle, directurls="true", presignedurls="true")) == (400, "only_one_urltype")
    (file,) = get(dss, bundle, directurls="true").json()["bundle"]["files"]
    assert file["url"] == f"s3://dss-checkout/bundles/{bundle}.{VERSION}/a"
    (file,) = get(dss, bundle, directurls="false", presignedurls="false").json()["bundle"]["files"]
    assert "url" not in file


def test_all_bundles_are_listed_in_order_without_the_dead(dss: Any) -> None:
    prefix = uuid.uuid4().hex[:8]
    names = sorted(f"{prefix}-{str(uuid.uuid4())[9:]}" for _ in range(12))
    for name in names:
        assert dss.put_bundle(name, {}).status_code == 201
    assert dss.put_bundle(names[0], {}, version=LATER).status_code == 201
    assert delete(dss, names[3]).status_code == 200
    assert delete(dss, names[0], version=VERSION).status_code == 200
    expected = [(name, LATER if name == names[0] else VERSION) for name in names if name != names[3]]
    path = "/v1/bundles/all"
    response = dss("GET", path, params={"replica": "aws", "prefix": prefix.upper(), "per_page": 10})
    seen = [(bundle["uuid"], bundle["version"]) for bundle in response.json()["bundles"]]
    body = response.json()
    link = next_link(response)
    assert link is not None and body["link"] == link
    assert (body["has_more"], body["page_count"], body["search_prefix"]) == (True, 10, f"bundles/{prefix}")
    assert parse_qs(urlsplit(link).query)["search_after"] == [body["search_after"]]
    last = dss("GET", link)
    seen += [(bundle["uuid"], bundle["version"]) for bundle in last.json()["bundles"]]
    assert seen == expected
    assert last.json()["has_more"] is False
    assert not {"link", "token", "search_after"} & last.json().keys()
    assert next_link(last) is None


def test_a_full_page_of_all_bundles_promises_one_more(dss: Any) -> None:
    prefix = uuid.uuid4().hex[:8]
    for _ in range(10):
        dss.put_bundle(f"{prefix}-{str(uuid.uuid4())[9:]}", {})
    response = dss("GET", "/v1/bundles/all", params={"replica": "aws", "prefix": prefix, "per_page": 10})
    last = dss("GET", next_link(response))
    assert (last.status_code, last.json()["bundles"]) == (200, [])


# Patches


def test_a_patch_makes_a_version_out_of_any_other(dss: Any) -> None:
    one, two = dss.new_file(JSON), dss.new_file(b"2")
    bundle = dss.new_bundle({"a": one, "b": two})
    made = patch(dss, bundle, VERSION, add_files=[entry("c", two)], remove_files=[entry("a", one, indexed=True)])
    assert (made.status_code, made.json()["uuid"]) == (200, bundle)
    latest = get(dss, bundle).json()["bundle"]
    assert latest["version"] == made.json()["version"] > VERSION
    assert [file["name"] for file in latest["files"]] == ["b", "c"]
    old = get(dss, bundle, version=VERSION).json()["bundle"]
    assert [file["name"] for file in old["files"]] == ["a", "b"]
    # An empty patch also succeeds, and creates a new version each time.
    versions = {patch(dss, bundle, VERSION).json()["version"] for _ in range(3)}
    assert len(versions) == 3


def test_a_patch_is_checked(dss: Any) -> None:
    file = dss.new_file(JSON)
    bundle = dss.new_bundle({"a": file})
    assert code_of(patch(dss, bundle, LATER)) == (404, "not_found")
    assert code_of(patch(dss, bundle, VERSION, add_files=[entry("a", file)])) == (400, "duplicate_filename")
    ghost = entry("ghost", str(uuid.uuid4()))
    assert code_of(patch(dss, bundle, VERSION, add_files=[ghost])) == (400, "file_missing")
    many = [entry(str(number), file) for number in range(1001)]
    assert code_of(patch(dss, bundle, VERSION, add_files=many)) == (400, "illegal_arguments")
    # A file may be replaced by another with the same name.
    other = dss.new_file(b"2")
    replaced = patch(dss, bundle, VERSION, add_files=[entry("a", other)], remove_files=[entry("a", file)])
    assert replaced.status_code == 200
    assert [file["uuid"] for file in get(dss, bundle).json()["bundle"]["files"]] == [other]


# Deletions


def test_deleting_is_for_admins_with_an_email(dss: Any) -> None:
    bundle = dss.new_bundle({})
    assert code_of(delete(dss, bundle, who="user")) == (403, "Forbidden")
    assert code_of(delete(dss, bundle, who="noemail")) == (401, "Unauthorized")
    assert get(dss, bundle).status_code == 200


def test_a_deleted_version_is_gone_and_the_others_stay(dss: Any) -> None:
    bundle = dss.new_bundle({})
    dss.put_bundle(bundle, {}, version=LATER)
    assert delete(dss, bundle, version=LATER).json() == {}
    assert get(dss, bundle).json()["bundle"]["version"] == VERSION
    assert get(dss, bundle, version=LATER).status_code == 404
    assert delete(dss, bundle, version=LATER).status_code == 200, "again, with the same words"
    assert code_of(delete(dss, bundle, version=LATER, reason="other")) == (409, "bundle_tombstone_already_exists")
    assert dss.put_bundle(bundle, {}, version=LATER).status_code == 200, "it is stored still"
    assert get(dss, bundle, version=LATER).status_code == 404, "and does not come back"


def test_a_deleted_bundle_is_gone_for_good(dss: Any) -> None:
    bundle = dss.new_bundle({})
    assert delete(dss, bundle).status_code == 200
    assert dss.put_bundle(bundle, {}).status_code == 200
    assert dss.put_bundle(bundle, {}, version=LATER).status_code == 201
    assert [get(dss, bundle, **v).status_code for v in ({}, {"version": VERSION}, {"version": LATER})] == [404] * 3
    assert code_of(patch(dss, bundle, VERSION)) == (404, "not_found")
    assert dss("POST", f"/v1/bundles/{bundle}/checkout?replica=aws", json={}).status_code == 404


def test_what_was_never_there_cannot_be_deleted(dss: Any) -> None:
    assert code_of(delete(dss, str(uuid.uuid4()))) == (404, "not_found")
    assert code_of(delete(dss, dss.new_bundle({}), version="x")) == (404, "not_found")


# Checkouts


def finished(dss: Any, job: str, replica: str = "aws") -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while True:
        body = dss("GET", f"/v1/bundles/checkout/{job}?replica={replica}").json()
        if body["status"] != "RUNNING" or time.monotonic() > deadline:
            return body
        time.sleep(0.02)


def test_a_checkout_puts_the_files_under_their_names(dss: Any) -> None:
    bundle = dss.new_bundle({"a.json": dss.new_file(JSON), "d/b": dss.new_file(b"2")})
    job = dss("POST", f"/v1/bundles/{bundle}/checkout?replica=aws", json={}).json()["checkout_job_id"]
    body = finished(dss, job)
    assert body == {"status": "SUCCEEDED", "location": f"s3://dss-checkout/bundles/{bundle}.{VERSION}"}
    with dss.deployment.ctx.objects.open("dss-checkout", f"bundles/{bundle}.{VERSION}/d/b") as stream:
        assert stream.read() == b"2"
    assert dss("GET", f"/v1/bundles/checkout/{job}?replica=gcp").status_code == 404


def test_a_checkout_to_a_bucket_of_ones_own(dss: Any) -> None:
    objects = dss.deployment.ctx.objects
    objects.create_bucket("mine")
    bundle = dss.new_bundle({"a.json": dss.new_file(JSON)})
    body = {"destination": "mine", "email": "user@example.org"}
    job = dss("POST", f"/v1/bundles/{bundle}/checkout?replica=aws", json=body).json()["checkout_job_id"]
    assert finished(dss, job)["location"] == f"s3://mine/bundles/{bundle}.{VERSION}"
    assert objects.head("mine", f"bundles/{bundle}.{VERSION}/a.json").size == len(JSON)


def test_a_checkout_that_cannot_be_done_fails_with_a_cause(dss: Any) -> None:
    bundle = dss.new_bundle({})
    path = f"/v1/bundles/{bundle}/checkout?replica=aws"
    job = dss("POST", path, json={"destination": "no-such-bucket-here"}).json()["checkout_job_id"]
    assert finished(dss, job) == {"status": "FAILED", "cause": "Bucket no-such-bucket-here doesn't exist (FAILED)"}
    assert code_of(dss("POST", path, json={"destination": "bucket/key"})) == (400, "illegal_arguments")
    assert code_of(dss("POST", path, json={"email": "nobody"})) == (400, "illegal_arguments")
    assert code_of(dss("POST", path)) == (400, "illegal_arguments")
    assert dss("GET", f"/v1/bundles/checkout/{uuid.uuid4()}?replica=aws").status_code == 404


def test_replicas_do_not_mix_what_they_check_out(dss: Any) -> None:
    name = str(uuid.uuid4())
    ours, theirs = dss.new_file(b"ours"), dss.new_file(b"theirs", scheme="gs")
    dss.put_bundle(name, {"a": ours})
    dss.put_bundle(name, {"a": theirs}, replica="gcp")
    for replica, content in (("aws", b"ours"), ("gcp", b"theirs")):
        (file,) = get(dss, name, replica=replica, presignedurls="true").json()["bundle"]["files"]
        assert dss("GET", file["url"]).content == content
