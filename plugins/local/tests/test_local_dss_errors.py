"""The gateway, authentication, and request validation: which error in which of the four shapes."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("local-dss-errors")

VERSION = "2020-05-21T235543.123456Z"
FILE = f"/v1/files/{uuid.UUID(int=1)}"
BUNDLE = f"/v1/bundles/{uuid.UUID(int=2)}"
GOOD = {"source_url": "s3://dss-staging/nope", "creator_uid": 1}
PROBLEM = "application/problem+json"


def code_of(response: Any) -> tuple[int, str]:
    assert response.headers["Content-Type"] == PROBLEM
    body = response.json()
    assert body["status"] == response.status_code
    return response.status_code, body["code"]


# The gateway


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v1/nothing", "/v1/files", "/v1/files/", f"{FILE}/", "/v2/search"]
)
def test_an_unknown_route_is_403_and_carries_no_request_id(dss: Any, path: str) -> None:
    response = dss("GET", path)
    assert (response.status_code, list(response.json())) == (403, ["message"])
    assert response.headers["Content-Type"] == "application/json"
    assert "X-AWS-REQUEST-ID" not in response.headers


def test_a_method_that_a_path_does_not_know_is_405(dss: Any) -> None:
    response = dss("POST", FILE, json={})
    assert response.status_code == 405
    assert response.json() == {"Code": "MethodNotAllowedError", "Message": "Unsupported method: POST"}
    assert "X-AWS-REQUEST-ID" not in response.headers


def test_a_body_of_another_type_is_415(dss: Any) -> None:
    response = dss("PUT", FILE, who="user", data=b"<x/>", headers={"Content-Type": "text/xml"})
    assert response.status_code == 415
    assert response.json()["Code"] == "UnsupportedMediaType"


def test_preflight_names_the_methods(dss: Any) -> None:
    response = dss("OPTIONS", FILE)
    assert response.status_code == 200
    assert set(response.headers["Access-Control-Allow-Methods"].split(",")) == {"GET", "HEAD", "PUT", "OPTIONS"}
    assert dss("OPTIONS", "/v1/nothing").status_code == 403


def test_every_answer_of_the_application_has_a_request_id_of_its_own(dss: Any) -> None:
    answers = [dss("GET", "/v1/bundles/all?replica=aws"), dss("GET", FILE), dss("HEAD", FILE + "?replica=aws")]
    assert len({answer.headers["X-AWS-REQUEST-ID"] for answer in answers}) == 3


# Authentication


SECURED = [
    ("PUT", FILE),
    ("PUT", BUNDLE),
    ("PATCH", BUNDLE),
    ("DELETE", BUNDLE),
    ("GET", "/v1/collections"),
    ("PUT", "/v1/collections"),
    ("GET", f"/v1/collections/{uuid.UUID(int=3)}"),
    ("PATCH", f"/v1/collections/{uuid.UUID(int=4)}"),
    ("DELETE", f"/v1/collections/{uuid.UUID(int=5)}"),
    ("GET", "/v1/subscriptions"),
    ("PUT", "/v1/subscriptions"),
    ("GET", f"/v1/subscriptions/{uuid.UUID(int=6)}"),
    ("DELETE", f"/v1/subscriptions/{uuid.UUID(int=7)}"),
]


@pytest.mark.parametrize(("method", "path"), SECURED)
def test_a_token_is_asked_for_before_anything_else(dss: Any, method: str, path: str) -> None:
    # Parameters and body are invalid too, but are not checked.
    response = dss(method, path, data=b"{", headers={"Content-Type": "application/json"})
    assert code_of(response) == (401, "OAuthProblem")
    assert response.json()["title"] == "No authorization token provided"


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("expired", (401, "Unauthorized")),
        ("badaud", (401, "Unauthorized")),
        ("badiss", (403, "Forbidden")),
        ("stranger", (403, "Forbidden")),
        ("public", (403, "Forbidden")),
        ("noscope", (400, "illegal_arguments")),
        ("noemail", (400, "illegal_arguments")),
        ("user", (400, "illegal_arguments")),
    ],
)
def test_who_may_put_a_file(dss: Any, who: str, expected: tuple[int, str]) -> None:
    """Authorized callers get an error about the missing source object."""
    assert code_of(dss("PUT", FILE, who=who, params={"version": VERSION}, json=GOOD)) == expected


@pytest.mark.parametrize("given", ["JustOneWord", "Basic dXNlcjpwYXNz", "Bearer"])
def test_another_kind_of_authorization_is_an_oauth_problem(dss: Any, given: str) -> None:
    response = dss("PUT", FILE, headers={"Authorization": given}, json=GOOD)
    assert code_of(response) == (401, "OAuthProblem")


@pytest.mark.parametrize("who", ["stranger", "public"])
def test_collections_are_for_the_group_hca(dss: Any, who: str) -> None:
    assert code_of(dss("GET", "/v1/collections", who=who)) == (403, "Forbidden")


def test_subscriptions_are_for_hca_and_public_with_an_email(dss: Any) -> None:
    path = "/v1/subscriptions?replica=aws"
    assert dss("GET", path, who="public").status_code == 200
    assert code_of(dss("GET", path, who="stranger")) == (403, "Forbidden")
    assert code_of(dss("GET", path, who="noemail")) == (401, "Unauthorized")


# Validation


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("notatime", "RFC3339"),
        ("", "RFC3339"),
        ("2020-13-21T235543.123456Z", "RFC3339"),
        ("2020-05-21", "DSS_VERSION"),
        ("2020-05-21T23:55:43.123456Z", "DSS_VERSION"),
        ("2020-05-21T235543.123456+0000", "DSS_VERSION"),
        ("2020-05-21T235543Z", "DSS_VERSION"),
        ("2020-05-21T235543.123Z", "DSS_VERSION"),
    ],
)
def test_versions_are_told_from_other_times_and_from_what_is_none(dss: Any, version: str, message: str) -> None:
    response = dss("PUT", FILE, who="user", params={"version": version}, json=GOOD)
    assert code_of(response) == (400, "illegal_version")
    assert message in response.json()["title"]


def test_a_version_inside_a_body_is_checked_too(dss: Any) -> None:
    files = [{"name": "a", "uuid": str(uuid.uuid4()), "version": "x", "indexed": False}]
    params = {"version": VERSION, "replica": "aws"}
    response = dss("PUT", BUNDLE, who="user", params=params, json={"creator_uid": 1, "files": files})
    assert code_of(response) == (400, "illegal_version")


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("", "Missing query parameter 'replica'"),
        ("replica=azure", "'azure' is not one of ['aws', 'gcp']"),
        ("replica=aws&per_page=9", "9 is less than the minimum of 10"),
        ("replica=aws&per_page=501", "501 is greater than the maximum of 500"),
        ("replica=aws&per_page=x", "Wrong type, expected 'integer' for query parameter 'per_page'"),
        ("replica=aws&per_page=1e2", "Wrong type, expected 'integer' for query parameter 'per_page'"),
        ("replica=aws&prefix=-", "'-' does not match"),
    ],
)
def test_parameters_are_refused_in_the_words_of_the_original(dss: Any, query: str, title: str) -> None:
    response = dss("GET", f"/v1/bundles/all?{query}")
    assert code_of(response) == (400, "illegal_arguments")
    assert response.json()["title"].startswith(title)


def test_of_a_parameter_given_twice_the_last_counts(dss: Any) -> None:
    assert dss("GET", "/v1/bundles/all?replica=azure&replica=aws").status_code == 200


@pytest.mark.parametrize("body", [b"{", b'{"a": NaN}', b"\xff", b'{"es_query": "\\ud800"}', b"[" * 100_000])
def test_a_body_that_is_no_json_is_told_without_a_code(dss: Any, body: bytes) -> None:
    response = dss("POST", "/v1/search?replica=aws", data=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.headers["Content-Type"] == PROBLEM
    assert response.json() == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "Request body is not valid JSON",
    }


def test_no_body_at_all_is_not_an_object(dss: Any) -> None:
    response = dss("PUT", FILE, who="user", params={"version": VERSION})
    assert code_of(response) == (400, "illegal_arguments")
    assert response.json()["title"] == "None is not of type 'object'"


def test_a_body_beyond_all_bounds_is_refused(dss: Any) -> None:
    size = 40 * 1024 * 1024
    response = dss("POST", "/v1/search?replica=aws", data=b" " * size, headers={"Content-Type": "application/json"})
    assert response.status_code == 413


# Waits and failures


@pytest.mark.parametrize("name", ["DSS_FAKE_504_PROBABILITY", "DSS-FAKE-504-PROBABILITY"])
def test_a_504_can_be_asked_for(dss: Any, name: str) -> None:
    response = dss("GET", "/v1/bundles/all?replica=aws", headers={name: "1.0"})
    assert code_of(response) == (504, "timed_out")
    assert "traces" in response.json()
    assert response.headers["Retry-After"] == "10"
    assert dss("POST", "/v1/search?replica=aws", json={}, headers={name: "1.0"}).headers["Retry-After"] == "10"
    assert "Retry-After" not in dss("PATCH", BUNDLE, json={}, headers={name: "1.0"}).headers
    assert dss("GET", "/v1/bundles/all?replica=aws", headers={name: "0.0"}).status_code == 200
    assert dss("GET", "/v1/bundles/all?replica=aws", headers={name: "often"}).status_code == 200


def test_read_only_mode_spares_reading_and_searching(dss: Any) -> None:
    store = dss.deployment.ctx.store
    store.set_setting("dss.read_only", True)
    try:
        refused = [
            dss("PUT", FILE, who="user", params={"version": VERSION}, json=GOOD),
            dss("PATCH", BUNDLE, who="user", params={"version": VERSION, "replica": "aws"}, json={}),
            dss("POST", f"{BUNDLE}/checkout?replica=aws", json={}),
        ]
        assert [code_of(response) for response in refused] == [(503, "read_only")] * 3
        assert [response.headers.get("Retry-After") for response in refused] == ["10", None, None]
        assert dss("HEAD", f"{FILE}?replica=aws").status_code == 503
        assert dss("GET", f"{FILE}?replica=aws").status_code == 404
        assert dss("POST", "/v1/search?replica=aws", json={"es_query": {}}).status_code == 200
    finally:
        store.set_setting("dss.read_only", False)


# Outside the document


def test_the_document_is_served_with_the_address_that_was_asked(dss: Any) -> None:
    response = dss("GET", "/v1/swagger.json")
    document = response.json()
    assert (document["schemes"], document["basePath"]) == (["http"], "/v1")
    assert document["host"] == dss.deployment.api_url.removeprefix("http://")
    assert document["securityDefinitions"]["dcpAuth"]["authorizationUrl"].startswith(dss.deployment.api_url + "/auth/")
    again = dss("GET", "/v1/swagger.json", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_version_secrets_and_health(dss: Any) -> None:
    assert dss("GET", "/version").json()["version_info"]["version"].startswith("local-")
    secrets = dss("GET", "/internal/application_secrets").json()["installed"]
    assert secrets["token_uri"] == dss.deployment.api_url + "/auth/token"
    assert {"auth_uri", "client_id", "client_secret", "redirect_uris"} <= secrets.keys()
    assert dss("GET", "/internal/health").json()["Healthy"] is True
    assert dss("POST", "/internal/health", json={}).status_code == 405
