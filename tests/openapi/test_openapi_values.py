"""The request contains exactly what was typed: digits, commas, nested lists, constants; by command and in Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from hca_base.errors import UsageError
from hca_base.openapi import Client

from .test_openapi_nothing_by_omission import configured, run

Sent = Callable[..., Any]


def query(name: str, schema: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, **more}


STRINGS = {"type": "array", "items": {"type": "string"}}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Values", "version": "1"},
    "paths": {
        "/find": {
            "get": {
                "operationId": "find",
                "parameters": [
                    query("q", {}),
                    query("n", {"type": "integer"}),
                    query("x", {"type": "number"}),
                    query("tag", {"oneOf": [{"type": "string"}, {"type": "number"}]}),
                    query("tags", {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}),
                    query("c", STRINGS, explode=False),
                    query("s", STRINGS, style="spaceDelimited", explode=False),
                    query("p", STRINGS, style="pipeDelimited", explode=False),
                    query("deep", {"type": "object"}, style="deepObject"),
                    query("raw", {"type": "string"}, allowReserved=True),
                    {"name": "where", "in": "query", "content": {"application/json": {"schema": {"type": "string"}}}},
                    {"name": "plain", "in": "query", "content": {"text/plain": {"schema": {"type": "string"}}}},
                    {"name": "X-Build", "in": "header", "schema": {}},
                    {"name": "crumb", "in": "cookie", "schema": {}},
                    {"name": "X-Edition", "in": "header", "required": True, "schema": {"enum": ["2026-01"]}},
                    {"name": "X-Other", "in": "header", "schema": {"enum": ["only"]}},
                ],
            }
        },
        "/tools/{release}": {
            "get": {
                "operationId": "tool",
                "parameters": [{"name": "release", "in": "path", "required": True, "schema": {}}],
            }
        },
        "/files/{path*}": {"get": {"operationId": "file"}},
        "/names/{a}{b}": {"delete": {"operationId": "drop"}},
        "/labels/{l}": {
            "delete": {
                "operationId": "unlabel",
                "parameters": [{"name": "l", "in": "path", "required": True, "style": "label", "schema": {}}],
            }
        },
        "/notes": {
            "post": {
                "operationId": "note",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["kind"],
                                "properties": {
                                    "kind": {"const": "note"},
                                    "release": {},
                                    "size": {"type": "number"},
                                    "count": {"type": "integer"},
                                    "more": {"type": "object"},
                                },
                            }
                        }
                    },
                },
            }
        },
        "/hooks": {
            "post": {
                "operationId": "hook",
                "requestBody": {
                    "content": {
                        "application/x-www-form-urlencoded": {
                            "encoding": {name: {"style": "deepObject", "explode": True} for name in ("a", "b", "m")},
                            "schema": {
                                "type": "object",
                                "properties": {
                                    "a": STRINGS,
                                    "b": {"type": "array", "items": {"type": "object"}},
                                    "m": {"type": "object"},
                                },
                            },
                        }
                    }
                },
            }
        },
    },
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "values.json"
    path.write_text(json.dumps(DOCUMENT))
    return path


@pytest.fixture
def shell(file: Path, web: Any, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Run a command; return its request."""
    configured(own_home, file, web.url, "operation")

    def sent(*words: str) -> Any:
        web.seen.clear()
        code, _, err = run(["x", *words], monkeypatch)
        assert code == 0, err
        (request,) = web.seen
        return request

    return sent


@pytest.fixture
def python(file: Path, web: Any) -> Sent:
    """Call a method; return its request."""
    client = Client(swagger_url=str(file), base_url=web.url)

    def sent(name: str, **arguments: Any) -> Any:
        web.seen.clear()
        getattr(client, name)(**arguments)
        (request,) = web.seen
        return request

    return sent


@pytest.mark.parametrize(
    ("option", "text", "target"),
    [
        ("q", "1.10", "q=1.10"),
        ("q", "1e5", "q=1e5"),
        ("q", "007", "q=007"),
        ("q", "null", "q=null"),
        ("q", "True", "q=True"),
        ("q", "a b&c", "q=a%20b%26c"),
        ("n", "007", "n=007"),
        ("x", "1.10", "x=1.10"),
        ("x", "1e400", "x=1e400"),
        ("tag", "3.20", "tag=3.20"),
        ("tags", "1.10", "tags=1.10"),
        ("c", "a,b", "c=a%2Cb"),
        ("raw", "/a?b=c&d,e", "raw=/a?b%3Dc%26d,e"),
        ("where", "w", "where=%22w%22"),
        ("plain", "w", "plain=w"),
    ],
)
def test_a_query_holds_the_text_as_typed(shell: Sent, python: Sent, option: str, text: str, target: str) -> None:
    assert shell("find", f"--{option}", text).target == f"/find?{target}"
    assert python("find", **{option: text}).target == f"/find?{target}"


def test_headers_cookies_and_paths_hold_the_text_as_typed(shell: Sent) -> None:
    request = shell("find", "--x-build", "1.10", "--crumb", "1e5")
    assert request.headers["X-Build"] == "1.10" and request.headers["Cookie"] == "crumb=1e5"
    assert shell("tool", "--release", "3.20").path == "/tools/3.20"
    assert shell("file", "--path", "a/b c.txt").target == "/files/a/b%20c.txt"


def test_delimiters_are_told_from_commas_in_items(shell: Sent, python: Sent) -> None:
    assert shell("find", "--c", "a,b", "c").target == "/find?c=a%2Cb,c"
    assert python("find", c=["a,b", "c"]).target == "/find?c=a%2Cb,c"
    assert shell("find", "--s", "a", "b").target == "/find?s=a%20b"
    assert shell("find", "--p", "a", "b").target.lower() == "/find?p=a%7cb"


def test_nested_forms(shell: Sent, python: Sent) -> None:
    deep = {"a": [{"b": 1}, {"b": [2, 3]}], "c": {"d": "e"}}
    expected = "/find?deep[a][0][b]=1&deep[a][1][b][]=2&deep[a][1][b][]=3&deep[c][d]=e"
    assert unquote(shell("find", "--deep", json.dumps(deep)).target) == expected
    assert unquote(python("find", deep=deep).target) == expected
    body = shell("hook", "--a", "x", "y", "--b", '{"k": 1}', '{"k": 2.0}', "--m", '{"n": ["z"]}').body.decode()
    assert body == "a%5B%5D=x&a%5B%5D=y&b%5B0%5D%5Bk%5D=1&b%5B1%5D%5Bk%5D=2.0&m%5Bn%5D%5B%5D=z"


def test_a_body_holds_the_digits_as_typed(shell: Sent, python: Sent) -> None:
    typed = shell("note", "--release", "1.10", "--size", "1e400", "--count", "9007199254740993").body.decode()
    assert typed == '{"kind": "note", "release": 1.10, "size": 1e400, "count": 9007199254740993}'
    assert shell("note", "--release", '"1.10"').json["release"] == "1.10"
    assert (
        b'{"a": [0.12345678901234567890, 100.00]}'
        in shell("note", "--more", '{"a": [0.12345678901234567890, 100.00]}').body
    )
    # Numbers that JSON lacks are sent as text.
    assert shell("note", "--count", "+07", "--size", ".5").json == {"kind": "note", "count": 7, "size": 0.5}
    assert python("note", size=1.5, count=3).json == {"kind": "note", "size": 1.5, "count": 3}


def test_what_has_one_value_is_sent_by_itself(shell: Sent, python: Sent) -> None:
    for request in (shell("find"), python("find")):
        assert request.headers["X-Edition"] == "2026-01"
        assert "X-Other" not in request.headers  # optional: the user did not pass it
    assert shell("note").json == python("note").json == {"kind": "note"}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("file", {"path": "a/../b"}),
        ("file", {"path": "a//b"}),
        ("file", {"path": "/"}),
        ("drop", {"a": ".", "b": "."}),
        ("unlabel", {"l": ""}),
        ("unlabel", {"l": []}),
        ("unlabel", {"l": "."}),
        ("tool", {"release": ""}),
    ],
)
def test_no_value_leads_to_another_path(python: Sent, web: Any, name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="must not"):
        python(name, **arguments)
    assert not web.seen


def test_a_content_type_that_is_given_goes_alone(tmp_path: Path, web: Any) -> None:
    parameter = {"name": "Content-type", "in": "header", "type": "string", "enum": ["application/x-tar", "text/x"]}
    body = {"name": "stream", "in": "body", "schema": {"type": "string", "format": "binary"}}
    operation = {"consumes": ["application/octet-stream"], "parameters": [body, parameter], "responses": {}}
    document = {"swagger": "2.0", "info": {"title": "x", "version": "1"}, "paths": {"/build": {"post": operation}}}
    path = tmp_path / "ct.json"
    path.write_text(json.dumps(document))
    Client(swagger_url=str(path), base_url=web.url).post_build(body=b"tar", content_type="application/x-tar")
    (request,) = web.seen
    assert request.headers["Content-Type"] == "application/x-tar" and request.body == b"tar"
