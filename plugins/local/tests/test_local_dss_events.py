"""Search, events, and persistence across a restart: a bundle's metadata from the outside."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("local-dss-events")

VERSION = "2020-05-21T235543.123456Z"
LATER = "2021-05-21T235543.123456Z"


def project(short_name: str) -> bytes:
    return json.dumps({"project_core": {"project_short_name": short_name}}).encode()


def search(dss: Any, query: Any, **params: Any) -> Any:
    return dss("POST", "/v1/search", params={"replica": "aws", **params}, json={"es_query": query})


def by_name(short_name: str) -> dict[str, Any]:
    return {"query": {"match": {"files.project_json.project_core.project_short_name": short_name}}}


def found(response: Any) -> list[str]:
    assert response.status_code in {200, 206}, response.text
    return [result["bundle_fqid"] for result in response.json()["results"]]


def test_a_bundle_is_found_by_its_metadata_at_once_until_it_is_deleted(dss: Any) -> None:
    bundle = dss.new_bundle({"project_0.json": dss.new_file(project("Findable"))})
    response = search(dss, by_name("findable"))
    assert found(response) == [f"{bundle}.{VERSION}"]
    body = response.json()
    assert (body["total_hits"], body["es_query"]) == (1, by_name("findable"))
    assert dss("GET", body["results"][0]["bundle_url"]).json()["bundle"]["uuid"] == bundle
    assert "metadata" not in body["results"][0]
    delete = {"who": "admin", "params": {"replica": "aws"}, "json": {"reason": "test"}}
    dss("DELETE", f"/v1/bundles/{bundle}", **delete)
    assert found(search(dss, by_name("findable"))) == []


@pytest.mark.parametrize("version", [None, VERSION], ids=["all versions", "one version"])
def test_a_deleted_bundle_is_found_as_its_tombstone(dss: Any, version: str | None) -> None:
    bundle = dss.new_bundle({"project_0.json": dss.new_file(project("Buried"))})
    params = {"replica": "aws"} | ({"version": version} if version else {})
    dss("DELETE", f"/v1/bundles/{bundle}", who="admin", params=params, json={"reason": "withdrawn"})
    one = {"term": {"uuid": bundle}}
    deleted = {"query": {"bool": {"must": [one, {"term": {"admin_deleted": True}}]}}}
    living = {"query": {"bool": {"must": [one], "must_not": [{"term": {"admin_deleted": True}}]}}}
    assert found(search(dss, living)) == []
    (result,) = search(dss, deleted, output_format="raw").json()["results"]
    assert result["bundle_fqid"] == f"{bundle}.{VERSION}"
    tombstone = result["metadata"]
    assert (tombstone["admin_deleted"], tombstone["reason"], tombstone["uuid"]) == (True, "withdrawn", bundle)
    assert (tombstone["manifest"], "files" in tombstone) == ({"version": VERSION}, False)


def test_raw_results_hold_the_whole_document(dss: Any) -> None:
    files = {"project_0.json": dss.new_file(project("Raw")), "cells/donor_1.json": dss.new_file(b'{"a": 1}')}
    bundle = dss.new_bundle({**files, "x.txt": dss.new_file(b"x", content_type="text/plain")})
    (result,) = search(dss, by_name("raw"), output_format="raw").json()["results"]
    metadata = result["metadata"]
    assert metadata["files"] == {"project_json": [json.loads(project("Raw"))], "cells/donor_json": [{"a": 1}]}
    assert (metadata["uuid"], metadata["state"]) == (bundle, "new")
    assert [file["name"] for file in metadata["manifest"]["files"]] == [*files, "x.txt"]


def test_a_replica_is_searched_alone(dss: Any) -> None:
    dss.new_bundle({"project_0.json": dss.new_file(project("Replicated"), scheme="gs")}, replica="gcp")
    assert found(search(dss, by_name("replicated"))) == []
    assert len(found(search(dss, by_name("replicated"), replica="gcp"))) == 1


def test_pages_of_a_search_are_got_by_the_same_body(dss: Any) -> None:
    file = dss.new_file(project("Paged"))
    bundles = sorted((dss.new_bundle({"project_0.json": file}) for _ in range(20)), reverse=True)
    seen, link, statuses = [], "/v1/search?replica=aws&per_page=10", []
    while link:
        response = dss("POST", link, json={"es_query": by_name("paged")})
        statuses.append(response.status_code)
        seen += found(response)
        match = re.fullmatch(r'<(.*)>; rel="next"', response.headers.get("Link", ""))
        link = match[1] if match else ""
    assert seen == [f"{bundle}.{VERSION}" for bundle in bundles]
    # Two full pages; the second links to a third one that is empty.
    assert statuses == [206, 206, 200]


def test_json_that_is_none_does_not_keep_a_bundle_out(dss: Any) -> None:
    bundle = dss.new_bundle({"project_0.json": dss.new_file(project("Broken")), "b.json": dss.new_file(b"{")})
    assert found(search(dss, by_name("broken"))) == [f"{bundle}.{VERSION}"]


@pytest.mark.parametrize("query", [{"query": []}, {"query": {"nope": {}}}, {"query": {"match": 1}}])
def test_a_query_that_is_not_understood_is_a_400(dss: Any, query: Any) -> None:
    assert search(dss, query).status_code == 400


# Events


def event(dss: Any, bundle: str, version: str = VERSION) -> Any:
    return dss("GET", f"/v1/events/{bundle}", params={"replica": "aws", "version": version})


def test_the_document_of_a_creation_and_of_a_deletion(dss: Any) -> None:
    bundle = dss.new_bundle({"project_0.json": dss.new_file(project("Event"))})
    created = event(dss, bundle).json()
    assert created["event_type"] == "CREATE"
    assert created["bundle_info"] == {"uuid": bundle, "version": VERSION}
    assert created["files"] == {"project_json": [json.loads(project("Event"))]}
    assert created["manifest"]["files"][0]["name"] == "project_0.json"
    dss.put_bundle(bundle, {}, version=LATER)
    delete = {"who": "admin", "json": {"reason": "withdrawn"}}
    dss("DELETE", f"/v1/bundles/{bundle}", params={"replica": "aws"}, **delete)
    for version in (VERSION, LATER):
        gone = event(dss, bundle, version).json()
        assert (gone["event_type"], gone["bundle_info"]["version"]) == ("TOMBSTONE", version)
        assert (gone["reason"], gone.get("files")) == ("withdrawn", None)
    assert event(dss, bundle, "2001-01-01T000000.000000Z").status_code == 404


def test_journals_are_walked_by_their_links_and_their_bytes_are_the_documents(
    deployment_dir: Path, dss_over: Any
) -> None:
    from hca_local.server import Deployment

    with Deployment(deployment_dir) as deployment:
        dss = dss_over(deployment)
        file = dss.new_file(project("Journal"))
        bundles = [dss.new_bundle({"project_0.json": file}) for _ in range(5)]
        seen: list[tuple[str, str]] = []
        link = "/v1/events?replica=aws&per_page=2"
        while link:
            response = dss("GET", link)
            assert response.headers["X-OpenAPI-Paginated-Content-Key"] == "event_streams"
            for stream in response.json()["event_streams"]:
                (one,) = stream["events"]
                content = dss("GET", stream["stream_url"]).content
                document = json.loads(content[one["offset"] : one["offset"] + one["size"]])
                assert one["event_id"] == "{uuid}.{version}".format_map(document["bundle_info"])
                seen.append((document["bundle_info"]["uuid"], one["timestamp"]))
            match = re.fullmatch(r"<(.*)>; rel='next'", response.headers.get("Link", ""))
            link = match[1] if match else ""
        assert [bundle for bundle, _ in seen] == bundles
        times = [moment for _, moment in seen]
        assert times == sorted(set(times))
        span = {"replica": "aws", "per_page": 10, "from_date": times[1], "to_date": times[3]}
        assert len(dss("GET", "/v1/events", params=span).json()["event_streams"]) == 3
        assert dss("GET", "/v1/events?replica=gcp").json() == {"event_streams": []}


@pytest.mark.parametrize(
    "params",
    [
        {"from_date": "x"},
        {"to_date": "2020-05-21"},
        {"token": "x"},
        {"from_date": LATER, "to_date": VERSION},
    ],
)
def test_dates_that_are_none_are_the_callers_mistake(dss: Any, params: dict[str, str]) -> None:
    response = dss("GET", "/v1/events", params={"replica": "aws", **params})
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")


# Restart


def test_everything_is_as_it_was_after_a_restart(deployment_dir: Path, dss_over: Any) -> None:
    from hca_local.server import Deployment

    with Deployment(deployment_dir) as deployment:
        dss = dss_over(deployment)
        file = dss.new_file(project("Durable"))
        bundle = dss.new_bundle({"project_0.json": file})
        token = deployment.token("user")
        name = str(uuid.uuid4())
        body = {"name": "n", "description": "", "details": {}, "contents": []}
        query = {"replica": "aws", "uuid": name, "version": VERSION}
        dss("PUT", "/v1/collections", who="user", params=query, json=body)
        subscription = dss(
            "PUT", "/v1/subscriptions?replica=aws", who="user", json={"callback_url": "http://127.0.0.1:9/"}
        ).json()
    with Deployment(deployment_dir) as deployment:
        dss = dss_over(deployment)
        assert dss("GET", dss("GET", f"/v1/files/{file}?replica=aws").headers["Location"]).content == project("Durable")
        assert found(search(dss, by_name("durable"))) == [f"{bundle}.{VERSION}"]
        assert event(dss, bundle).json()["event_type"] == "CREATE"
        old = {"Authorization": f"Bearer {token}"}
        assert dss("GET", f"/v1/collections/{name}?replica=aws", headers=old).json()["name"] == "n"
        listed = dss("GET", "/v1/subscriptions?replica=aws", headers=old).json()["subscriptions"]
        assert [each["uuid"] for each in listed] == [subscription["uuid"]]
