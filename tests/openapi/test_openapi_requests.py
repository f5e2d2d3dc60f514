"""The HTTP request of a call: paths, queries, headers, bodies, files."""

from __future__ import annotations

import email
import email.policy
import io
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from hca_base.errors import UsageError
from hca_base.openapi import Client

JSON = "application/json"


class Api:
    """A client of a service with one operation, and its requests."""

    def __init__(self, web: Any) -> None:
        self.web = web
        self.count = 0

    def __call__(
        self,
        operation: dict[str, Any],
        arguments: dict[str, Any],
        *,
        path: str = "/x",
        method: str = "post",
        **root: Any,
    ) -> Any:
        """The request of a call."""
        self.count += 1
        where = f"/{self.count}/openapi.json"
        operation = {"responses": {"200": {"description": "fine"}}, **operation}
        self.web.documents[where] = {"openapi": "3.0.3", "paths": {path: {method: operation}}, **root}
        with Client(swagger_url=self.web.url + where) as client:
            client.invoke(client.document.operations[0], arguments)
        return self.web.seen[-1]


@pytest.fixture
def api(web: Any) -> Api:
    return Api(web)


def parameters(place: str, **schemas: Any) -> dict[str, Any]:
    listed = []
    for name, schema in schemas.items():
        more = schema.pop("_", {})
        listed.append({"name": name, "in": place, "required": place == "path", "schema": schema, **more})
    return {"parameters": listed}


ARRAY = {"type": "array", "items": {"type": "string"}}


def test_query(api: Api) -> None:
    schemas = {
        "text": {"type": "string"},
        "flag": {"type": "boolean"},
        "number": {"type": "integer"},
        "many": {**ARRAY},
        "few": {**ARRAY, "_": {"explode": False}},
        "pipes": {**ARRAY, "_": {"style": "pipeDelimited", "explode": False}},
        "deep": {"type": "object", "_": {"style": "deepObject"}},
        "flat": {"type": "object"},
        "absent": {"type": "string"},
    }
    given = {
        "text": "a b&c=é/%",
        "flag": False,
        "number": "7",
        "many": ["x", "y,z"],
        "few": ["p", "q"],
        "pipes": ["r", "s"],
        "deep": {"a": 1, "b": True},
        "flat": '{"k": "v"}',
    }
    assert api(parameters("query", **schemas), given, method="get").query == [
        ("text", "a b&c=é/%"),
        ("flag", "false"),
        ("number", "7"),
        ("many", "x"),
        ("many", "y,z"),
        ("few", "p,q"),
        ("pipes", "r|s"),
        ("deep[a]", "1"),
        ("deep[b]", "true"),
        ("k", "v"),
    ]


def test_json_in_the_query(api: Api) -> None:
    filters = {"name": "filters", "in": "query", "content": {JSON: {"schema": {"type": "object"}}}}
    seen = api({"parameters": [filters]}, {"filters": {"organ": {"is": ["brain"]}}}, method="get")
    assert seen.query == [("filters", '{"organ": {"is": ["brain"]}}')]


def test_path(api: Api) -> None:
    def target(value: Any, schema: dict[str, Any]) -> str:
        return str(api(parameters("path", a=schema), {"a": value}, method="get", path="/p/{a}/q").target)

    assert target("a/b c?d#e%é", {"type": "string"}) == "/p/a%2Fb%20c%3Fd%23e%25%C3%A9/q"
    assert target(["a", "b,c"], {**ARRAY}) == "/p/a,b%2Cc/q"
    assert target(["a", "b"], {**ARRAY, "_": {"style": "label", "explode": True}}) == "/p/.a.b/q"
    assert target(["a", "b"], {**ARRAY, "_": {"style": "matrix"}}) == "/p/;a=a,b/q"
    assert target({"k": "v"}, {"type": "object"}) == "/p/k,v/q"
    assert target("{a}", {"type": "string"}) == "/p/%7Ba%7D/q"


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_value_that_would_change_the_path_is_refused(api: Api, value: str) -> None:
    with pytest.raises(UsageError, match="a must not be"):
        api(parameters("path", a={"type": "string"}), {"a": value}, method="delete", path="/p/{a}")
    assert not api.web.seen


def test_headers_and_cookies(api: Api) -> None:
    operation = parameters("header", **{"X-One": {"type": "string"}, "X-Many": {**ARRAY}})
    operation["parameters"] += parameters("cookie", c={"type": "string"}, d={"type": "integer"})["parameters"]
    seen = api(operation, {"x_one": "1", "x_many": ["a", "b"], "c": "x;y", "d": 2}, method="get")
    assert (seen.headers["X-One"], seen.headers["X-Many"]) == ("1", "a,b")
    assert seen.headers["Cookie"] == "c=x%3By; d=2"
    with pytest.raises(UsageError, match="cannot contain line breaks"):
        api(operation, {"x_one": "1\r\nHost: evil"}, method="get")


def test_json_body(api: Api) -> None:
    properties = {"a": {"type": "string"}, "b": {"type": "object"}, "uuid": {"type": "string"}}
    operation = {
        **parameters("query", uuid={"type": "string"}),
        "requestBody": {"content": {JSON: {"schema": {"type": "object", "properties": properties}}}},
    }
    seen = api(operation, {"a": "é", "b": '{"c": [1]}', "uuid": "query", "body_uuid": "body"})
    assert seen.query == [("uuid", "query")]
    assert seen.json == {"a": "é", "b": {"c": [1]}, "uuid": "body"}
    assert seen.headers["Content-Type"] == JSON
    # An optional body without values is omitted; a required one is sent, even without members.
    seen = api(operation, {})
    assert seen.body == b"" and "Content-Type" not in seen.headers
    operation["requestBody"]["required"] = True
    assert api(operation, {}).body == b"{}"


def test_members_are_laid_over_a_whole_body(api: Api) -> None:
    def sent(given: dict[str, Any], **schema: Any) -> Any:
        properties = {"name": {"type": "string"}, "body": {"type": "string"}, "tags": {"type": "array"}}
        closed = {"type": "object", "required": ["name"], "properties": properties, "additionalProperties": False}
        return api({"requestBody": {"required": True, "content": {JSON: {"schema": closed | schema}}}}, given).json

    whole = {"name": "a", "tags": [None, 1], "more": {"x": None}}
    assert sent({"hca_body": whole}) == whole
    assert sent({"hca_body": whole, "name": "b", "body": "text"}) == {**whole, "name": "b", "body": "text"}
    assert sent({"name": "b", "tags": ["a", None]}) == {"name": "b", "tags": ["a", None]}
    with pytest.raises(UsageError, match="name is missing"):
        sent({"body": "text"})
    with pytest.raises(UsageError, match="must be a JSON object"):
        sent({"hca_body": [1], "name": "b"})


@pytest.mark.parametrize("kind", ["text/plain", "text/csv", "application/x-ndjson"])
def test_bodies_of_text(api: Api, tmp_path: Path, kind: str) -> None:
    operation = {"requestBody": {"required": True, "content": {kind: {"schema": {"type": "string"}}}}}
    (tmp_path / "note").write_bytes(b"\xfcber\r\n")
    for given, body in (
        ("Grüße\n", "Grüße\n".encode()),
        (b"\xff", b"\xff"),
        (tmp_path / "note", b"\xfcber\r\n"),
        (io.BytesIO(b"x"), b"x"),
        ("5", b"5"),
    ):
        seen = api(operation, {"body": given})
        assert (seen.body, seen.headers["Content-Type"]) == (body, kind)


def test_a_text_stays_one_where_numbers_would_do_too(api: Api) -> None:
    either = {"oneOf": [{"type": "string"}, {"type": "integer"}]}
    members = {"title": either, "labels": {"type": "array", "items": either}}
    body = {"requestBody": {"content": {JSON: {"schema": {"type": "object", "properties": members}}}}}
    given = {"title": "5", "labels": ["5", 5, "true"]}
    assert api(body, given).json == given


def test_whole_body(api: Api) -> None:
    def body(schema: dict[str, Any], value: Any, content_type: str = JSON) -> Any:
        return api({"requestBody": {"content": {content_type: {"schema": schema}}}}, {"body": value})

    assert body({**ARRAY}, ["a", "b"]).json == ["a", "b"]
    assert body({**ARRAY}, '["a"]').json == ["a"]
    assert body({"type": "object"}, {"a": 1}).json == {"a": 1}
    assert body({}, "[1, 2]").json == [1, 2]
    assert body({"type": "string"}, "text").json == "text"
    open_ = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": True}
    assert api({"requestBody": {"content": {JSON: {"schema": open_}}}}, {"a": 1, "body": {"a": 0, "b": 2}}).json == {
        "a": 1,
        "b": 2,
    }
    assert body({"type": "object"}, {}, "application/merge-patch+json").headers["Content-Type"] == (
        "application/merge-patch+json"
    )


def test_what_json_cannot_say_is_a_usage_error(api: Api) -> None:
    operation = {"requestBody": {"content": {JSON: {"schema": {"type": "object"}}}}}
    for value in ({"a": float("nan")}, {"a": object()}, {"a": "caf\udce9"}):
        with pytest.raises(UsageError, match="cannot be encoded as JSON"):
            api(operation, {"body": value})


def test_bytes_as_body(api: Api, tmp_path: Path) -> None:
    operation = {
        "requestBody": {"content": {"application/octet-stream": {"schema": {"format": "binary", "type": "string"}}}}
    }
    path = tmp_path / "data.bin"
    path.write_bytes(bytes(range(256)) * 1000)
    with path.open("rb") as file:
        for value in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), file):
            seen = api(operation, {"body": value}, method="put")
            assert seen.body == path.read_bytes()
            assert seen.headers["Content-Type"] == "application/octet-stream"
    path.write_bytes(b"")
    assert api(operation, {"body": path}, method="put").headers["Content-Length"] == "0"
    with pytest.raises(UsageError, match="No such file"):
        api(operation, {"body": tmp_path / "none"})


def test_form(api: Api) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {**ARRAY}, "c": {"type": "object"}}}
    operation = {"requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": schema}}}}
    seen = api(operation, {"a": "x y", "b": ["1", "2"], "c": {"k": 1}})
    assert seen.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qsl(seen.body.decode()) == [("a", "x y"), ("b", "1"), ("b", "2"), ("c", '{"k": 1}')]


def test_multipart(api: Api, tmp_path: Path) -> None:
    binary = {"type": "string", "format": "binary"}
    properties = {"file": binary, "meta": {"type": "object"}, "more": {"type": "array", "items": binary}}
    operation = {
        "requestBody": {"content": {"multipart/form-data": {"schema": {"type": "object", "properties": properties}}}}
    }
    path = tmp_path / 'na"me.bin'
    path.write_bytes(b"\x00\r\n--" * 100_000)
    seen = api(operation, {"file": path, "meta": {"k": 1}, "more": [b"one", io.BytesIO(b"two")]}, method="put")
    head = f"Content-Type: {seen.headers['Content-Type']}\r\n\r\n".encode()
    message: Any = email.message_from_bytes(head + seen.body, policy=email.policy.HTTP)
    parts = [
        (part.get_param("name", header="content-disposition"), part.get_payload(decode=True))
        for part in message.iter_parts()
    ]
    assert parts == [("file", path.read_bytes()), ("meta", b'{"k": 1}'), ("more", b"one"), ("more", b"two")]
    assert "Transfer-Encoding" not in seen.headers


FILE = {"type": "string", "format": "binary"}


def test_a_file_is_not_written_as_json_where_it_can_be_sent(api: Api, tmp_path: Path) -> None:
    """Frameworks declare JSON, forms and multipart for every body, whatever its schema."""
    (tmp_path / "file.bin").write_bytes(b"CONTENT")
    kinds = (JSON, "application/x-www-form-urlencoded", "multipart/form-data")
    for member, value in ((FILE, tmp_path / "file.bin"), ({"type": "array", "items": FILE}, [b"CONTENT"])):
        schema = {"type": "object", "properties": {"f": member, "note": {"type": "string"}}}
        body = {"requestBody": {"content": {kind: {"schema": schema} for kind in kinds}}}
        seen = api(body, {"f": value, "note": "n"})
        assert seen.headers["Content-Type"].startswith("multipart/form-data; boundary=")
        assert b"CONTENT" in seen.body
    # If JSON is the only media type, "binary" in the document means a string.
    seen = api({"requestBody": {"content": {JSON: {"schema": schema | {"properties": {"f": FILE}}}}}}, {"f": "aGk="})
    assert seen.json == {"f": "aGk="}


def test_encodings_of_a_form(api: Api) -> None:
    """Encoding objects of members, as in Stripe's document."""
    members = {
        "metadata": {"type": "object"},
        "few": {**ARRAY},
        "many": {**ARRAY},
        "flat": {"type": "object"},
        "json": {"type": "object"},
        "odd": {"type": "string"},
    }
    encoding = {
        "metadata": {"style": "deepObject", "explode": True},
        "few": {"style": "form", "explode": False},
        "flat": {"style": "form"},
        "odd": {"style": "unheard-of"},
        "many": 7,
    }
    medium = {"schema": {"type": "object", "properties": members}, "encoding": encoding}
    given = {
        "metadata": {"order": "6", "deep": {"er": True}},
        "few": ["a", "b"],
        "many": ["c", "d"],
        "flat": {"k": "v"},
        "json": {"x": 1},
        "odd": "o",
    }
    seen = api({"requestBody": {"content": {"application/x-www-form-urlencoded": medium}}}, given)
    assert parse_qsl(seen.body.decode()) == [
        ("metadata[order]", "6"),
        ("metadata[deep][er]", "true"),
        ("few", "a,b"),
        ("many", "c"),
        ("many", "d"),
        ("k", "v"),
        ("json", '{"x": 1}'),
        ("odd", "o"),
    ]


def test_media_types_of_parts(api: Api) -> None:
    members = dict.fromkeys("pqrs", FILE) | {"t": {"type": "string"}, "o": {"type": "object"}}
    kinds = {"p": "image/png", "q": "image/png, image/jpeg", "r": "image/*", "s": "a\r\nX-Evil: 1", "t": "text/csv"}
    encoding = {name: {"contentType": kind} for name, kind in kinds.items()} | {"o": {"contentType": "text/xml"}}
    medium = {"schema": {"type": "object", "properties": members}, "encoding": encoding}
    given = {"p": b"1", "q": b"2", "r": b"3", "s": b"4", "t": "5", "o": {"a": 1}}
    seen = api({"requestBody": {"content": {"multipart/form-data": medium}}}, given)
    head = f"Content-Type: {seen.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + seen.body, policy=email.policy.HTTP)
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "image/png",
        "application/octet-stream",
        "application/octet-stream",
        "application/octet-stream",
        "text/csv",
        "application/json",
    ]
    assert b"X-Evil" not in seen.body


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="only on POSIX: there is no /dev/fd")
@pytest.mark.parametrize("kind", ["application/octet-stream", "multipart/form-data"])
def test_a_pipe_is_not_an_empty_file(api: Api, kind: str) -> None:
    read, write = os.pipe()
    os.write(write, b"FROM A PIPE")
    os.close(write)
    whole = kind == "application/octet-stream"
    schema = FILE if whole else {"type": "object", "properties": {"body": FILE}}
    try:
        seen = api({"requestBody": {"content": {kind: {"schema": schema}}}}, {"body": f"/dev/fd/{read}"})
    finally:
        os.close(read)
    assert seen.body == b"FROM A PIPE" if whole else b"FROM A PIPE" in seen.body


def test_names_of_files_that_are_no_utf_8(api: Api, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.bin"
    try:
        Path(os.fsdecode(path)).write_bytes(b"x")
    except OSError:
        pytest.skip("only on Linux: this file system has no such names")
    medium = {"schema": {"type": "object", "properties": {"f": FILE}}}
    seen = api({"requestBody": {"content": {"multipart/form-data": medium}}}, {"f": os.fsdecode(path)})
    assert b'filename="\xff.bin"' in seen.body


@pytest.mark.parametrize("name", ["a\0b", "~no-such-user-here/x"])
def test_names_that_no_file_can_have(api: Api, name: str) -> None:
    body = {"requestBody": {"content": {"application/octet-stream": {"schema": FILE}}}}
    with pytest.raises(UsageError, match=r"does not exist|No such file"):
        api(body, {"body": name})


@pytest.mark.parametrize("place", ["path", "query", "cookie", "form"])
def test_what_is_no_text_is_a_usage_error(api: Api, place: str) -> None:
    if place == "form":
        medium = {"schema": {"type": "object", "properties": {"a": {}}}}
        operation: dict[str, Any] = {"requestBody": {"content": {"application/x-www-form-urlencoded": medium}}}
    else:
        operation = parameters(place, a={})
    with pytest.raises(UsageError, match=r"not valid Unicode text|cannot be sent"):
        api(operation, {"a": "\udcff"}, path="/p/{a}" if place == "path" else "/p")
    assert not api.web.seen


def test_headers_take_what_headers_can_hold(api: Api) -> None:
    operation = parameters("header", a={"type": "string"})
    assert api(operation, {"a": "Zo\xeb"}).headers["a"] == "Zo\xeb"
    with pytest.raises(UsageError, match="Latin"):
        api(operation, {"a": "\u65e5\u672c"})


def test_objects_in_objects_of_a_query(api: Api) -> None:
    deep = parameters("query", f={"type": "object", "_": {"style": "deepObject", "explode": True}})
    seen = api(deep, {"f": {"created": {"gte": 1}, "tags": ["a", "b"]}}, method="get")
    assert seen.query == [("f[created][gte]", "1"), ("f[tags][]", "a"), ("f[tags][]", "b")]


def test_a_multipart_body_can_be_sent_again(web: Any, tmp_path: Path) -> None:
    answers = [503, 200]
    web.answer = lambda request: (answers.pop(0), {"Retry-After": "0"}, b"{}")
    schema = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
    operation = {"requestBody": {"content": {"multipart/form-data": {"schema": schema}}}, "responses": {}}
    web.documents["/d"] = {"openapi": "3.0.0", "paths": {"/x": {"put": operation}}}
    path = tmp_path / "f"
    path.write_bytes(b"content" * 1000)
    Client(swagger_url=f"{web.url}/d").put_x(file=path)
    assert len(web.seen) == 2 and web.seen[0].body == web.seen[1].body


def test_servers_of_one_operation(api: Api, web: Any) -> None:
    operation = {"servers": [{"url": f"{web.url}/elsewhere"}]}
    assert api(operation, {}, servers=[{"url": f"{web.url}/base"}]).path == "/elsewhere/x"
    assert api({"servers": [{"url": "/own"}]}, {}, servers=[{"url": "/base"}]).path == "/own/x"
    assert api({}, {}, servers=[{"url": "/base/"}]).path == "/base/x"
    # A document from this machine cannot make us use a server elsewhere.
    assert api({"servers": [{"url": "https://example.org/v1"}]}, {}).path == "/x"


def test_accept_asks_for_json_first(api: Api) -> None:
    content = {"text/csv": {}, "application/json": {}}
    seen = api({"responses": {"200": {"description": "fine", "content": content}}}, {}, method="get")
    assert seen.headers["Accept"] == "application/json, text/csv, */*;q=0.5"
