"""Media types chosen in a Python call: of the request body, and of the response."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import UsageError
from hca_base.openapi import Client

ROW = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}
KINDS: dict[str, Any] = {
    "application/json": {"schema": ROW},
    "text/csv": {"schema": {"type": "string"}},
    "application/x-www-form-urlencoded": {"schema": ROW},
}
LISTED = {"application/json": {"schema": {"type": "array", "items": ROW}}, "text/csv": {"schema": {"type": "string"}}}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Table", "version": "1"},
    "servers": [{"url": "/"}],
    "paths": {
        "/rows": {
            "get": {"responses": {"200": {"description": "rows", "content": LISTED}}},
            "put": {
                "requestBody": {"required": True, "content": KINDS},
                "responses": {"200": {"description": "rows", "content": LISTED}},
            },
        },
        "/own": {
            "get": {
                "parameters": [{"name": "hca_accept", "in": "query", "schema": {"type": "string"}}],
                "responses": {"200": {"description": "rows", "content": LISTED}},
            }
        },
        "/one": {"get": {"responses": {"200": {"description": "row", "content": {"application/json": {}}}}}},
    },
}


@pytest.fixture
def client(web: Any) -> Client:
    def answer(request: Any) -> Any:
        if request.headers.get("Accept", "").startswith("text/csv"):
            return 200, {"Content-Type": "text/csv"}, b"a,b\n1,x\n"
        return 200, {"Content-Type": "application/json"}, b'[{"a": 1, "b": "x"}]'

    web.documents["/openapi.json"] = DOCUMENT
    web.answer = answer
    return Client(swagger_url=f"{web.url}/openapi.json")


def test_the_answer(client: Client, web: Any) -> None:
    assert client.get_rows() == [{"a": 1, "b": "x"}]
    assert client.get_rows(hca_accept="text/csv") == "a,b\n1,x\n"
    assert client.get_rows(hca_accept=None) == [{"a": 1, "b": "x"}]
    assert client.invoke("get_rows", {"hca_accept": "text/csv"}) == "a,b\n1,x\n"
    with client.get_rows.stream(hca_accept="text/csv") as response:
        assert response.headers["Content-Type"] == "text/csv"
    assert list(client.get_rows.iterate(hca_accept="application/json")) == [{"a": 1, "b": "x"}]
    assert web.seen[-1].headers["Accept"] == "application/json"
    # A type that is not in the document is requested anyway.
    client.get_one(hca_accept="application/vnd.lab+json")
    assert web.seen[-1].headers["Accept"] == "application/vnd.lab+json"


def test_the_body(client: Client, web: Any, tmp_path: Path) -> None:
    def sent() -> tuple[str, bytes]:
        return web.seen[-1].headers["Content-Type"], web.seen[-1].body

    client.put_row(a=1, b="x")
    assert sent() == ("application/json", b'{"a": 1, "b": "x"}')
    (tmp_path / "rows.csv").write_bytes(b"a,b\n")
    for body in ("a,b\n", b"a,b\n", tmp_path / "rows.csv"):
        client.put_row(body=body, hca_content_type="text/csv", hca_accept="text/csv")
        assert sent() == ("text/csv", b"a,b\n") and web.seen[-1].headers["Accept"] == "text/csv"
    client.put_row(body='{"a": 1}', hca_content_type="text/csv; charset=utf-8")
    assert sent() == ("text/csv; charset=utf-8", b'{"a": 1}')
    client.put_row(a=1, b="x y", hca_content_type="application/x-www-form-urlencoded")
    assert sent() == ("application/x-www-form-urlencoded", b"a=1&b=x+y")
    client.put_row(body={"a": 2}, hca_content_type="application/json")
    assert sent() == ("application/json", b'{"a": 2}')
    before = len(web.seen)
    for wrong in ("csv", "text/csv\r\nX: y", 7, b"text/csv"):
        with pytest.raises(UsageError, match="media type"):
            client.put_row(a=1, hca_content_type=wrong)
    with pytest.raises(UsageError, match="text/csv cannot be given by members"):
        client.put_row(a=1, hca_content_type="text/csv")
    assert len(web.seen) == before


def test_a_parameter_of_the_service_goes_first(client: Client, web: Any) -> None:
    client.get_own(hca_accept="text/csv")
    assert web.seen[-1].target == "/own?hca_accept=text/csv".replace("/csv", "%2Fcsv")
    assert web.seen[-1].headers["Accept"].startswith("application/json")


def test_signatures_and_help_name_them(client: Client) -> None:
    found = inspect.signature(client.put_row).parameters
    assert found["hca_content_type"].kind is inspect.Parameter.KEYWORD_ONLY
    assert "text/csv" in str(found["hca_accept"].annotation)
    assert ":param hca_accept:" in (client.put_row.__doc__ or "")
    assert "hca_accept" not in inspect.signature(client.get_one).parameters
