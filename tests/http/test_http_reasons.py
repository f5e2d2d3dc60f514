"""The server's own reason for an error, in the shapes that web frameworks and API styles use."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from hca_base.errors import ServiceError
from hca_base.http import RetryPolicy, Session

SHAPES: dict[str, tuple[Any, str]] = {
    "fastapi": (
        {"detail": [{"loc": ["query", "x"], "msg": "field required", "type": "missing", "input": None}]},
        "400 Bad Request: query x: field required",
    ),
    "fastapi, nested": (
        {"detail": [{"loc": ["body", "items", 0, "name"], "msg": "too short"}, {"loc": ["path", "n"], "msg": "odd"}]},
        "400 Bad Request: body items.0.name: too short; path n: odd",
    ),
    "fastapi, own exception": (
        {"detail": {"code": "locked", "message": "the sample is locked"}},
        "400 locked: the sample is locked",
    ),
    "problem, phrase as title": (
        {"status": 400, "title": "Bad Request", "detail": "the name is too long"},
        "400 Bad Request: the name is too long",
    ),
    "fastapi, text": ({"detail": "no such sample"}, "400 Bad Request: no such sample"),
    "django": (
        {"name": ["This field is required."], "organ": {"ontology": ["no such term"]}},
        "400 Bad Request: name: This field is required.; organ.ontology: no such term",
    ),
    "django, no field": ({"non_field_errors": ["begin is after end"]}, "400 Bad Request: begin is after end"),
    "rails": ({"errors": {"name": ["can't be blank"]}}, "400 Bad Request: name: can't be blank"),
    "rails, list": (
        {"errors": ["Name can't be blank", "Organ is unknown"]},
        "400 Bad Request: Name can't be blank; Organ is unknown",
    ),
    "json:api": (
        {"errors": [{"title": "Invalid attribute", "detail": "too short", "source": {"pointer": "/data/name"}}]},
        "400 Bad Request: /data/name: Invalid attribute: too short",
    ),
    "google": (
        {"error": {"code": 400, "message": "Invalid value at 'page'", "status": "INVALID_ARGUMENT"}},
        "400 INVALID_ARGUMENT: Invalid value at 'page'",
    ),
    "google, violations": (
        {
            "error": {
                "code": 3,
                "message": "bad",
                "status": "INVALID_ARGUMENT",
                "details": [{"@type": "t/BadRequest", "fieldViolations": [{"field": "a.b", "description": "is odd"}]}],
            }
        },
        "400 INVALID_ARGUMENT: bad: a.b: is odd",
    ),
    "graphql": ({"errors": [{"message": "no such field"}], "data": None}, "400 Bad Request: no such field"),
    "spring": (
        {"status": 400, "error": "Bad Request", "path": "/x"},
        '400 Bad Request: {"status": 400, "error": "Bad Request", "path": "/x"}',
    ),
    "spring, violations": (
        {"title": "Constraint Violation", "violations": [{"field": "name", "message": "must not be blank"}]},
        "400 Bad Request: Constraint Violation: name: must not be blank",
    ),
    "asp.net": (
        {"type": "x", "title": "Errors occurred.", "errors": {"Name": ["The Name field is required."]}},
        "400 Bad Request: Errors occurred: Name: The Name field is required.",
    ),
    "hasura": (
        {"error": "field 'x' not found", "code": "validation-failed", "path": "$"},
        "400 validation-failed: field 'x' not found",
    ),
    "nest": (
        {"statusCode": 400, "message": ["name should not be empty", "n must be a number"], "error": "Bad Request"},
        "400 Bad Request: name should not be empty; n must be a number",
    ),
    "ga4gh": ({"msg": "no such object", "status_code": 400}, "400 Bad Request: no such object"),
    "wes": ({"status_code": 400, "description": "bad workflow"}, "400 Bad Request: bad workflow"),
    "a list": (
        [{"code": "E1", "message": "first"}, {"code": "E2", "message": "second"}],
        "400 Bad Request: E1: first; E2: second",
    ),
    "terra": (
        {"source": "rawls", "message": "workspace not found", "causes": [{"message": "no access"}]},
        "400 Bad Request: workspace not found: no access",
    ),
    "sevenbridges": ({"code": 1002, "more_info": "see the manual", "message": "bad"}, "400 1002: bad: see the manual"),
    "elasticsearch": (
        {"error": {"root_cause": [{"reason": "x"}], "type": "parsing_exception", "reason": "unknown query"}},
        "400 parsing_exception: unknown query",
    ),
    "couchdb": ({"error": "bad_request", "reason": "invalid UTF-8 JSON"}, "400 bad_request: invalid UTF-8 JSON"),
    "json-rpc": ({"error": {"code": -32602, "data": "missing id"}}, "400 -32602: missing id"),
    "errmsg": ({"errmsg": "bad thing", "errcode": 4}, "400 4: bad thing"),
    "lambda": ({"errorMessage": "the lambda failed", "errorType": "Error"}, "400 Error: the lambda failed"),
    "stripe": (
        {"error": {"type": "invalid_request_error", "code": "parameter_missing", "message": "Missing: url."}},
        "400 parameter_missing: Missing: url.",
    ),
    "github": (
        {"message": "Validation Failed", "errors": [{"resource": "Issue", "field": "title", "code": "missing_field"}]},
        "400 Bad Request: Validation Failed: title: missing_field",
    ),
    "jira": ({"errorMessages": ["Issue does not exist"], "errors": {}}, "400 Bad Request: Issue does not exist"),
    "slack": ({"ok": False, "error": "channel_not_found"}, "400 channel_not_found"),
    "a sentence for a code": ({"error": "word " * 30}, f"400 Bad Request: {'word ' * 30}".rstrip()),
    "unknown": ({"outcome": {"severity": "fatal"}}, '400 Bad Request: {"outcome": {"severity": "fatal"}}'),
}


def failing(server: Any, answer: Any) -> ServiceError:
    server.answers(answer)
    with pytest.raises(ServiceError) as caught:
        Session().get(server.url, policy=RetryPolicy.never())
    return caught.value


@pytest.mark.parametrize("shape", SHAPES)
def test_the_reason_in_every_shape(server: Any, kit: Any, shape: str) -> None:
    body, words = SHAPES[shape]
    assert str(failing(server, kit.json(body, 400))) == words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<!DOCTYPE html><title>Error</title><pre>Cannot GET /x</pre>", "400 Bad Request: Cannot GET /x"),
        (b"<html><head><title>No such page</title>", "400 Bad Request: No such page"),
        (b"<?xml version='1.0'?><e><faultstring>no database</faultstring></e>", "400 Bad Request: no database"),
        (
            b"<?xml version='1.0'?>\n<eResult><problem>Empty id list</problem></eResult>",
            "400 Bad Request: Empty id list",
        ),
        ("kein Schlüssel".encode("latin-1"), "400 Bad Request: kein Schlüssel"),
    ],
)
def test_bodies_that_are_not_json(server: Any, kit: Any, body: bytes, words: str) -> None:
    assert str(failing(server, kit.Answer(400, body, {"Content-Type": "text/x; charset=iso-8859-1"}))) == words


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [{"message": f"m{n} " + "x" * 200} for n in range(5000)]},
        {"errors": {f"field{n}": ["bad"] for n in range(5000)}},
        {"unknown": ["x" * 1000] * 1000},
        {"message": "x" * 100_000},
    ],
)
def test_the_line_stays_short(server: Any, kit: Any, body: Any) -> None:
    text = str(failing(server, kit.json(body, 400)))
    assert len(text) < 400 and text.isprintable()


def test_deep_bodies_end(server: Any, kit: Any) -> None:
    deep: Any = "bottom"
    for _ in range(300):
        deep = {"error": deep, "errors": [deep]}
        if len(json.dumps(deep)) > 100_000:
            break
    assert str(failing(server, kit.json(deep, 400))).startswith("400 Bad Request")


def test_a_secret_in_an_unknown_shape_is_hidden(server: Any, kit: Any) -> None:
    assert "canary" not in str(failing(server, kit.json({"echo": {"access_token": "canary-0123456789"}}, 400)))


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (429, {"Retry-After": "90"}, "wait 90 seconds"),
        (503, {"Retry-After": "3600"}, "wait 60 minutes"),
        (429, {"Retry-After": "86400"}, "wait 24 hours"),
        (429, {"X-RateLimit-Reset": "50"}, "wait 50 seconds"),
        (429, {"X-RateLimit-Reset": str(int(time.time()) + 86400)}, "wait 24 hours"),
        (429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, "limits the rate"),
        (429, {"Retry-After": "soon"}, "limits the rate"),
    ],
)
def test_how_long_to_wait(server: Any, kit: Any, status: int, headers: dict[str, str], words: str) -> None:
    hint = failing(server, kit.Answer(status, b"{}", headers)).hint
    assert hint is not None and words in hint


def test_a_long_pause_is_announced(server: Any, kit: Any, monkeypatch: Any, caplog: Any) -> None:
    monkeypatch.setattr("hca_base.http._exchange._sender.LONG_PAUSE", 0.0)
    server.answers(kit.Answer(503, b"{}"), kit.Answer(200))
    Session().get(server.url)
    assert [record.levelname for record in caplog.records if "503; retry 1" in record.message] == ["WARNING"]
