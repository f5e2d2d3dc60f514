"""Bodies of generated commands: JSON with options merged in, texts, forms with files, none."""

from __future__ import annotations

import json
from typing import Any

import pytest

SAMPLE: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "due": {"type": "string", "nullable": True},
        "tags": {"type": "array", "items": {"type": "string", "nullable": True}},
        "donor": {"type": "object", "properties": {"age": {"type": "integer"}, "email": {"type": "string"}}},
        "organs": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
    },
}


def operation(content: dict[str, Any] | None, *, required: bool = True, **more: Any) -> dict[str, Any]:
    body = {"requestBody": {"required": required, "content": content}} if content else {}
    return {"responses": {"200": {"description": "it"}}, **body, **more}


DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Bodies", "version": "1"},
    "servers": [{"url": "/"}],
    "paths": {
        "/samples": {"post": operation({"application/json": {"schema": SAMPLE}})},
        "/lock": {"put": operation({"application/json": {"schema": SAMPLE}}, required=False)},
        "/jobs": {"delete": operation({"application/json": {"schema": SAMPLE}}, required=False)},
        "/notes": {"post": operation({"text/plain": {"schema": {"type": "string"}}})},
        "/table": {"put": operation({"text/csv": {"schema": {"type": "string"}}})},
        "/images": {
            "post": operation(
                {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "required": ["address"],
                            "properties": {"address": {"type": "string"}, "caption": {"type": "string"}},
                        }
                    },
                    "multipart/form-data": {
                        "schema": {
                            "type": "object",
                            "required": ["image"],
                            "properties": {
                                "image": {"type": "string", "format": "binary"},
                                "caption": {"type": "string"},
                            },
                        }
                    },
                    "text/csv": {"schema": {"type": "string"}},
                }
            )
        },
        "/any": {"post": operation({"multipart/form-data": {"schema": {"type": "object", "properties": {"any": {}}}}})},
    },
}


class Site:
    """A service that records the requests for its paths."""

    def __init__(self, hca: Any, loopback: Any) -> None:
        self.hca, self.loopback = hca, loopback
        loopback.route("GET", "/openapi.json", DOCUMENT)
        for path, item in DOCUMENT["paths"].items():
            for method in item:
                loopback.route(method.upper(), path, {"done": True})
        hca("service", "add", "site", f"{loopback.url}/openapi.json", check=0)

    def send(self, *words: str, stdin: str = "") -> tuple[dict[str, str], bytes]:
        """The headers and the body of a command's request."""
        before = len(self.loopback.requests)
        self.hca("site", *words, stdin=stdin, check=0)
        (request,) = self.loopback.requests[before:]
        return request[2], request[3]


@pytest.fixture
def site(hca: Any, loopback: Any) -> Site:
    return Site(hca, loopback)


def test_a_whole_body_alone_and_with_options_laid_over_it(site: Site) -> None:
    whole = {"name": "a", "tags": ["x", None], "donor": {"age": 3, "email": "e"}, "due": None}
    (site.hca.cwd / "body.json").write_text(json.dumps(whole))
    assert json.loads(site.send("post-sample", "--body", "@body.json")[1]) == whole
    assert json.loads(site.send("post-sample", "--hca-body", "-", stdin=json.dumps(whole))[1]) == whole
    sent = site.send("post-sample", "--body", json.dumps(whole), "--name", "b", "--due", "null")[1]
    assert json.loads(sent) == {**whole, "name": "b", "due": "null"}
    done = site.hca("site", "post-sample", "--due", "today", check=2)
    assert "--name" in done.stderr and "required" in done.stderr
    done = site.hca("site", "post-sample", "--body", "{", check=2)
    assert "--body" in done.stderr and "not JSON" in done.stderr
    assert "--body JSON" in site.hca("site", "post-sample", "--help", check=0).stdout


def test_an_optional_body_that_is_not_given_is_not_sent(site: Site) -> None:
    for words in (["put-lock"], ["delete-jobs"]):
        headers, body = site.send(*words)
        assert body == b"" and "Content-Type" not in headers
    assert json.loads(site.send("put-lock", "--name", "a")[1]) == {"name": "a"}


def test_bodies_of_text(site: Site) -> None:
    (site.hca.cwd / "rows.csv").write_bytes(b"a,b\r\n\xff,2\r\n")
    headers, body = site.send("post-note", "--body", "Grüße")
    assert (headers["Content-Type"], body.decode()) == ("text/plain", "Grüße")
    assert site.send("post-note", "--body", "-", stdin="of stdin\n")[1] == b"of stdin\n"
    headers, body = site.send("put-table", "--body", "@rows.csv")
    assert (headers["Content-Type"], body) == ("text/csv", b"a,b\r\n\xff,2\r\n")
    assert "does not exist" in site.hca("site", "put-table", "--body", "@none", check=2).stderr


def test_a_text_in_a_form_of_open_type_is_text(site: Site) -> None:
    body = site.send("post-any", "--any", "hello")[1]
    assert b"Content-Type: text/plain\r\n\r\nhello\r\n" in body
    body = site.send("post-any", "--any", '{"a": 1}')[1]
    assert b'Content-Type: application/json\r\n\r\n{"a": 1}\r\n' in body


def test_json_or_a_form_with_a_file_or_csv(site: Site) -> None:
    (site.hca.cwd / "a.png").write_bytes(b"\x89PNG")
    headers, body = site.send("post-image", "--address", "https://example.org/a", "--caption", "c")
    assert json.loads(body) == {"address": "https://example.org/a", "caption": "c"}
    headers, body = site.send("post-image", "--image", "a.png", "--caption", "c")
    assert headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'filename="a.png"' in body and b"\x89PNG" in body
    assert b'name="caption"\r\n\r\nc\r\n' in body
    words = ["--content-type", "multipart/form-data", "--body", '{"address": "x", "n": 1}']
    headers, body = site.send("post-image", *words)
    assert headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="address"\r\n\r\nx\r\n' in body and b'name="n"\r\n\r\n1\r\n' in body
    headers, body = site.send("post-image", "--content-type", "application/x-www-form-urlencoded", "--address", "a b")
    assert (headers["Content-Type"], body) == ("application/x-www-form-urlencoded", b"address=a+b")
    headers, body = site.send("post-image", "--content-type=text/csv", "--body", "a,b\n")
    assert (headers["Content-Type"], body) == ("text/csv", b"a,b\n")
    words = ["--content-type", "text/csv", "--address", "x"]
    assert "cannot be given by members" in site.hca("site", "post-image", *words, "--body", "a", check=2).stderr
    assert "--address" in site.hca("site", "post-image", check=2).stderr
    assert "multipart/form-data, text/csv" in " ".join(site.hca("site", "post-image", "--help").stdout.split())


def test_members_of_members_by_dotted_options(site: Site) -> None:
    def sent(*words: str) -> Any:
        return json.loads(site.send("post-sample", "--name", "a", *words)[1])

    assert sent("--donor.age", "3", "--donor.email", "5") == {"name": "a", "donor": {"age": 3, "email": "5"}}
    assert sent("--donor", '{"age": 1, "x": 2}', "--donor.age", "3") == {"name": "a", "donor": {"age": 3, "x": 2}}
    whole = json.dumps({"name": "b", "donor": {"age": 1, "email": "e", "more": [1]}})
    assert sent("--body", whole, "--donor.age", "3") == {"name": "a", "donor": {"age": 3, "email": "e", "more": [1]}}
    assert sent("--organs", '{"name": "x"}', "--organs", '{"name": "y"}')["organs"] == [{"name": "x"}, {"name": "y"}]
    assert "--donor.age" in site.hca("site", "post-sample", "--name", "a", "--donor.age", "x", check=2).stderr
    assert "--donor.email TEXT" in site.hca("site", "post-sample", "--help", check=0).stdout


LISTS: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Lists", "version": "1"},
    "servers": [{"url": "/"}],
    "paths": {
        "/runs": {
            "post": operation(
                {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "required": ["organs", "donor"],
                            "properties": {
                                "organs": {"type": "array", "items": {"$ref": "#/components/schemas/Organ"}},
                                "donor": {
                                    "type": "object",
                                    "properties": {
                                        "age": {"type": "integer"},
                                        "organs": {"type": "array", "items": {"$ref": "#/components/schemas/Organ"}},
                                    },
                                },
                            },
                        }
                    }
                }
            )
        }
    },
    "components": {
        "schemas": {
            "Organ": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "weight": {"type": "number"},
                    "fresh": {"type": "boolean"},
                    "site": {"type": "object", "properties": {"code": {"type": "integer"}}},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Organ"}},
                    "id": {"type": "string", "readOnly": True},
                },
            }
        }
    },
}


@pytest.mark.parametrize(
    ("words", "organs"),
    [
        (["--organs.name", "liver"], [{"name": "liver"}]),
        (["--organs.name", "a", "--organs.name", "b"], [{"name": "a"}, {"name": "b"}]),
        (
            ["--organs.name", "a", "--organs.weight", "1.10", "--organs.name", "b", "--organs.fresh", "true"],
            [{"name": "a", "weight": 1.1}, {"name": "b", "fresh": True}],
        ),
        # The order of member options does not matter, except for members that exist already.
        (
            ["--organs.weight", "1", "--organs.name", "a", "--organs.weight", "2", "--organs.name", "b"],
            [{"weight": 1, "name": "a"}, {"weight": 2, "name": "b"}],
        ),
        (["--organs.site.code", "7", "--organs.name", "a"], [{"site": {"code": 7}, "name": "a"}]),
        (["--organs.tags", '["x", "y"]', "--organs.name=a"], [{"tags": ["x", "y"], "name": "a"}]),
        (["--organs.parts", '[{"name": "p"}]', "--organs.name", "a"], [{"parts": [{"name": "p"}], "name": "a"}]),
        # With whole items: missing members are added to the item.
        (
            ["--organs", '{"name": "a"}', "--organs.weight", "3", "--organs.name", "b", "--organs", '{"name": "c"}'],
            [{"name": "a", "weight": 3}, {"name": "b"}, {"name": "c"}],
        ),
        (["--organs", '[{"name": "a"}, {"name": "b"}]', "--organs.name", "c"], [{"name": n} for n in "abc"]),
    ],
)
def test_members_of_items_by_dotted_options(
    hca: Any, loopback: Any, words: list[str], organs: list[dict[str, Any]]
) -> None:
    loopback.route("GET", "/openapi.json", LISTS)
    loopback.route("POST", "/runs", {})
    hca("service", "add", "lists", f"{loopback.url}/openapi.json", check=0)
    nested = [word.replace("--organs", "--donor.organs") for word in words]
    if "--donor.organs" not in nested or nested[1].startswith("["):
        words = [*words, *nested, "--donor.age", "3"]
        donor: dict[str, Any] = {"organs": organs, "age": 3}
    else:
        # Inside an object, the whole list is one option.
        words, donor = [*words, "--donor.age", "3"], {"age": 3}
    hca("lists", "post-run", *words, check=0)
    assert json.loads(loopback.requests[-1][3]) == {"organs": organs, "donor": donor}
    if "1.10" in words:
        assert b"1.10" in loopback.requests[-1][3]


def test_members_of_items_in_help_and_skeleton_and_what_they_are_not(hca: Any, loopback: Any) -> None:
    loopback.route("GET", "/openapi.json", LISTS)
    hca("service", "add", "lists", f"{loopback.url}/openapi.json", check=0)
    text = hca("lists", "post-run", "--help", check=0).stdout
    assert "--organs.name TEXT" in text and "--organs.site.code N" in text and "--donor.organs.name TEXT" in text
    assert "--organs.id" not in text and "--organs.parts.name" not in text
    body = json.loads(hca("lists", "post-run", "--skeleton", check=0).stdout)
    organ = {"name": "", "weight": 0, "fresh": False, "site": {"code": 0}, "tags": [], "parts": []}
    assert body == {"organs": [organ], "donor": {"age": 0, "organs": [organ]}}
    loopback.route("POST", "/runs", {})
    whole = json.dumps({"organs": [{"name": "x"}], "donor": {"age": 1}})
    hca("lists", "post-run", "--body", whole, "--organs.name", "a", check=0)
    assert json.loads(loopback.requests[-1][3]) == {"organs": [{"name": "a"}], "donor": {"age": 1}}
    for more in (["--organs.weight", "x"], ["--null", "organs.name"], ["--null", "donor.organs.name"]):
        words = ["--organs.name", "a", "--donor.organs.name", "b"]
        assert more[0] in hca("lists", "post-run", *words, *more, check=2).stderr
    assert "--organs" in hca("lists", "post-run", "--donor.age", "3", check=2).stderr


def test_null_for_any_member(site: Site) -> None:
    def sent(*words: str) -> Any:
        return json.loads(site.send("post-sample", "--name", "a", *words)[1])

    assert sent("--null", "due") == {"name": "a", "due": None}
    assert sent("--null", "donor.email", "--donor.age", "3") == {"name": "a", "donor": {"age": 3, "email": None}}
    assert sent("--tags", '["x", null]') == {"name": "a", "tags": ["x", None]}
    assert "unknown member" in site.hca("site", "post-sample", "--name", "a", "--null", "none", check=2).stderr


def test_a_skeleton_to_fill_in(site: Site) -> None:
    before = len(site.loopback.requests)
    body = json.loads(site.hca("site", "post-sample", "--skeleton", check=0).stdout)
    assert body == {"name": "", "due": "", "tags": [], "donor": {"age": 0, "email": ""}, "organs": [{"name": ""}]}
    assert len(site.loopback.requests) == before
    assert json.loads(site.send("post-sample", "--body", json.dumps(body))[1]) == body
