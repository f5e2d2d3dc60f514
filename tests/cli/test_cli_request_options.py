"""Headers and media types of a call: ``-H``, ``--accept``."""

from __future__ import annotations

import json
from typing import Any

import pytest

DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Tables", "version": "1"},
    "servers": [{"url": "/"}],
    "paths": {
        "/table": {
            "get": {
                "parameters": [{"name": "header", "in": "query", "schema": {"type": "string"}}],
                "responses": {"200": {"description": "it", "content": {"application/json": {}, "text/csv": {}}}},
            }
        },
        "/pages": {"get": {"responses": {"200": {"description": "it", "content": {"application/json": {}}}}}},
        "/note": {
            "put": {
                "requestBody": {"content": {"text/plain": {"schema": {"type": "string"}}}},
                "responses": {"200": {"description": "it"}},
            }
        },
    },
}


@pytest.fixture
def site(hca: Any, loopback: Any) -> Any:
    loopback.route("GET", "/openapi.json", DOCUMENT)
    loopback.route("GET", "/table", (200, {"Content-Type": "text/csv"}, b"a,b\n1,2\n"))
    loopback.route("PUT", "/note", {"done": True})
    hca("service", "add", "site", f"{loopback.url}/openapi.json", check=0)
    return loopback


def test_an_answer_of_another_media_type(hca: Any, site: Any) -> None:
    assert hca("site", "get-table", "--accept", "text/csv", check=0).stdout == "a,b\n1,2\n"
    assert site.requests[-1][2]["Accept"] == "text/csv"
    assert "text/csv" in hca("site", "get-table", "--help", check=0).stdout
    assert "not a media type" in hca("site", "get-table", "--accept", "csv", check=2).stderr
    hca("site", "put-note", "--body", "# x", "--content-type", "text/markdown", check=0)
    assert site.requests[-1][2]["Content-Type"] == "text/markdown"


def test_headers_of_the_user(hca: Any, site: Any) -> None:
    (hca.cwd / "token").write_text("Bearer canary-0123456789\n")
    words = ["-H", "X-Trace: 1", "--hca-header", "accept:a/b", "-H", "Authorization:@token", "--header", "query"]
    done = hca("--debug", "site", "get-table", *words, check=0)
    sent = {name.lower(): value for name, value in site.requests[-1][2].items()}
    assert (sent["x-trace"], sent["accept"], sent["authorization"]) == ("1", "a/b", "Bearer canary-0123456789")
    assert site.requests[-1][1] == "/table?header=query"
    assert "canary" not in done.stderr and "warning" not in done.stderr
    hca("site", "get-table", "-H", "Cookie:-", stdin="s=1\n", check=0)
    assert site.requests[-1][2]["Cookie"] == "s=1"


@pytest.mark.parametrize("name", ["Authorization", "cookie"])
def test_a_secret_on_the_command_line_warns(hca: Any, site: Any, name: str) -> None:
    done = hca("-vv", "site", "get-table", "-H", f"{name}: canary-0123456789", check=0)
    assert f"-H {name}:@FILE" in done.stderr and "canary" not in done.stderr


@pytest.mark.parametrize("word", ["X-Odd", ":x", "X Y:1", "X:a\nb", "Host:evil", "Content-Length:1", "X:@none"])
def test_headers_that_cannot_be_sent(hca: Any, site: Any, word: str) -> None:
    before = len(site.requests)
    done = hca("site", "get-table", "-H", word, check=2)
    assert done.stderr.startswith("hca: error: ") and len(site.requests) == before


def test_headers_go_to_all_pages(hca: Any, site: Any) -> None:
    link = f'<{site.url}/pages?n=2>; rel="next"'
    site.route("GET", "/pages", lambda query, body: (200, {} if query else {"Link": link}, b'[{"id": 1}]'))
    assert len(json.loads(hca("site", "get-pages", "-H", "X-Trace:1", check=0).stdout)) == 2
    assert [request[2].get("X-Trace") for request in site.requests[-2:]] == ["1", "1"]
