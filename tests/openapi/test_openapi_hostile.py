"""Hostile documents: no crash, no hang, bounded memory, no terminal sequences, no shadowed client attributes."""

from __future__ import annotations

import inspect
import json
import keyword
import subprocess
import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hca_base.errors import DocumentError, HCAError, UsageError
from hca_base.openapi import Client, Document, Index, bind
from hca_base.openapi import example as example_of
from hca_base.openapi._client._documentation import docstring, signature
from hca_base.openapi._client._request import build

RESERVED = frozenset(dir(Client)) | {"session", "config", "document", "credentials"}


def check(document: Document) -> None:
    """Conditions that hold for any document that was read."""
    index = Index.of(document)
    names = index.names()
    assert len(names) == len(set(names))
    for command, summary in index.summaries(aliases=True):
        assert printable(command) and printable(summary)
    for problem in document.problems:
        assert printable(str(problem)) and len(str(problem)) < 2000
    for operation in document.operations:
        assert index.find(operation.command) is not None
        assert index.find(operation.method_name) == index.find(operation.name)
        assert operation.method_name.isidentifier() and not keyword.iskeyword(operation.method_name)
        assert operation.method_name not in RESERVED and not operation.name.startswith("_")
        assert len(operation.name) < 400
        python_names = [each.python_name for each in operation.parameters]
        options = [each.option for each in operation.parameters]
        assert len(set(python_names)) == len(python_names) and len(set(options)) == len(options)
        assert all(name.isidentifier() and not keyword.iskeyword(name) for name in python_names)
        assert all(option.startswith("--") and len(option) > 2 and printable(option) for option in options)
        assert list(signature(operation).parameters) == python_names
        text = docstring(operation)
        assert harmless(text.replace("\n", ""))
        compile(example_of(operation), "example", "eval")
        inspect.cleandoc(text)
        try:
            values = bind(operation, dict.fromkeys(python_names, "x"))
            with build(operation, values, "https://example.org/v1") as request:
                assert request.url.startswith("https://example.org/v1/") and request.url.isascii()
        except UsageError as error:
            assert printable(str(error))


def harmless(text: str) -> bool:
    """The text contains no terminal control; joiners and soft hyphens are part of some scripts."""
    return not any(unicodedata.category(c) in ("Cc", "Cs") or c in "\u061c\u200e\u200f" for c in text) and not any(
        "\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069" for c in text
    )


def printable(text: str) -> bool:
    return not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co") for c in text)


# Specific attacks


def test_references_that_fan_out() -> None:
    """Each schema contains the next one twice: 2**200 if expanded naively."""
    schemas: dict[str, Any] = {
        f"S{n}": {
            word: [{"$ref": f"#/components/schemas/S{n + 1}"}, {"$ref": f"#/components/schemas/S{n + 1}"}],
            "properties": {f"p{n}": {"type": "string"}},
        }
        for n, word in enumerate(["allOf", "oneOf", "anyOf"] * 20)
    }
    schemas["S60"] = {"type": "object", "properties": {"last": {"type": "integer"}}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}
    document = Document.load(
        {"openapi": "3.0.0", "paths": {"/x": {"post": {"requestBody": body}}}, "components": {"schemas": schemas}}
    )
    check(document)
    assert {"p0", "p59", "last"} <= {each.name for each in document.operations[0].parameters}


def test_chains_and_cycles() -> None:
    schemas: dict[str, Any] = {f"S{n}": {"$ref": f"#/components/schemas/S{n + 1}"} for n in range(5000)}
    schemas["Deep"] = {}
    node = schemas["Deep"]
    for _ in range(900):
        node["allOf"] = [{}]
        node = node["allOf"][0]
    schemas["Self"] = {"allOf": [{"$ref": "#/components/schemas/Self"}]}
    schemas["Ping"] = {"oneOf": [{"$ref": "#/components/schemas/Pong"}]}
    schemas["Pong"] = {"anyOf": [{"$ref": "#/components/schemas/Ping"}]}
    paths = {
        f"/{name}": {
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}
            }
        }
        for name in ("S0", "Deep", "Self", "Ping")
    }
    document = Document.load({"openapi": "3.0.0", "paths": paths, "components": {"schemas": schemas}})
    check(document)
    assert len(document.operations) == 4 and len(document.problems) == 4
    assert not any(problem.lost for problem in document.problems)


def test_yaml_alias_bombs() -> None:
    lines = ["openapi: 3.0.0", "paths: {}", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    with pytest.raises(DocumentError, match="aliases expand to more than"):
        Document.load("\n".join(lines).encode())
    with pytest.raises(DocumentError, match="undefined alias"):
        Document.load(b"openapi: 3.0.0\npaths: &p {/x: *p}")


LIMITED = """if True:
    import resource, sys
    resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
    from hca_base.openapi import Document
    from hca_base.errors import HCAError
    try:
        Document.load(sys.stdin.buffer.read(), base_url="x")
    except HCAError as error:
        print(str(error)[:200])
"""


@pytest.mark.parametrize(
    "content",
    [
        b'{"openapi": "3.0.0", "x": ' + b'{"a":' * 2_000_000,
        b'{"openapi": "3.0.0", "x": ' + b"[" * 5_000_000,
        b"openapi: 3.0.0\n" + b"? " * 100_000,
        b"openapi: 3.0.0\nx:\n" + b"".join(b" " * n + b"- \n" for n in range(2000)),
        b"openapi: 3.0.0\nx: " + b"9" * 1_000_000,
        b'{"openapi": "3.0.0", "x": ' + b"9" * 1_000_000 + b"}",
    ],
    ids=["objects", "arrays", "keys", "sequences", "yaml integer", "json integer"],
)
def test_depth_costs_neither_crash_nor_memory(content: bytes) -> None:
    """In a child process, because it might crash the interpreter."""
    done = subprocess.run([sys.executable, "-c", LIMITED], input=content, capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") <= 1


@pytest.mark.parametrize(
    "text",
    [
        "\x1b]0;owned\x07",
        "\x1b[2J\x1b[31mred",
        "\x9b31m",
        "a\rb",
        "\u202egnp.exe",
        "%s %(default)s %n",
        "{0.__class__}",
        '"""; import os; """',
        "\\x1b[31m",
        "\x00",
        "[link](javascript:alert(1)) <script>x</script>",
    ],
)
def test_texts_that_would_steer_a_terminal(text: str) -> None:
    parameter = {
        "name": f"p{text}",
        "in": "query",
        "description": text,
        "schema": {"enum": [text, "b"], "default": text},
    }
    operation = {
        "summary": text,
        "description": text,
        "operationId": text,
        "tags": [text],
        "parameters": [parameter],
        "responses": {"200": {"description": text}, "404": {"description": text}, text: {"description": text}},
    }
    document = Document.load(
        {
            "openapi": "3.0.0",
            "info": {"title": text, "description": text},
            "paths": {"/x": {"get": operation}, text: {"get": {}}, f"/{text}": {"get": {}}},
        }
    )
    check(document)
    assert "get_x" in [each.name for each in document.operations]


def test_a_client_of_a_hostile_document_keeps_its_attributes(web: Any) -> None:
    names = sorted(RESERVED | {"__class__", "__init__", "__dict__", "mro", "self"})
    web.documents["/d"] = {
        "openapi": "3.0.0",
        "paths": {
            f"/{name}": {
                "get": {"parameters": [{"name": each, "in": "query", "schema": {}} for each in names], "responses": {}}
            }
            for name in names
        },
    }
    client = Client(swagger_url=f"{web.url}/d")
    assert client.document.problems == ()
    before = {name: getattr(type(client), name) for name in dir(Client)}
    for operation in client.document.operations:
        getattr(client, operation.name)(**{each.python_name: "1" for each in operation.parameters})
    assert {name: getattr(type(client), name) for name in dir(Client)} == before
    assert type(client) is Client and client.base_url == web.url
    assert [name for name, _ in web.seen[0].query] == names


def test_many_operations_of_one_name_cost_little() -> None:
    marks = "-_.:~!@ ;,'()*+&=$"
    paths = {f"/a{one}{two}b": {"get": {}} for one in marks for two in marks}
    document = Document.load({"openapi": "3.0.0", "paths": paths})
    assert len(document.operations) == len(paths)
    check(document)


# Fuzzing


TEXT = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "",
            "x",
            "__class__",
            "class",
            "self",
            "\x1b[31m",
            "\u202e",
            "%s",
            "uuid",
            "help",
            "version",
            "format",
            "a-b",
            "a_b",
        ]
    ),
)
LEAF = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT)
ANY = st.recursive(
    LEAF, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)), max_leaves=8
)
REFERENCE = st.builds(
    lambda target: {"$ref": target},
    st.one_of(
        st.sampled_from(["#/components/schemas/A", "#/components/schemas/B", "#/definitions/A", "#", "#/", "#/paths"]),
        TEXT,
    ),
)


def sometimes(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Usually valid values; sometimes a reference or anything else."""
    return st.one_of(strategy, strategy, strategy, REFERENCE, ANY)


SCHEMA = st.deferred(
    lambda: sometimes(
        st.fixed_dictionaries(
            {},
            optional={
                "type": sometimes(
                    st.sampled_from(
                        [
                            "string",
                            "integer",
                            "number",
                            "boolean",
                            "array",
                            "object",
                            "file",
                            "null",
                            ["string", "null"],
                        ]
                    )
                ),
                "properties": sometimes(st.dictionaries(TEXT, SCHEMA, max_size=3)),
                "required": sometimes(st.lists(TEXT, max_size=2)),
                "items": SCHEMA,
                "enum": sometimes(st.lists(LEAF, max_size=3)),
                "allOf": sometimes(st.lists(SCHEMA, max_size=2)),
                "oneOf": sometimes(st.lists(SCHEMA, max_size=2)),
                "anyOf": sometimes(st.lists(SCHEMA, max_size=2)),
                "additionalProperties": st.one_of(st.booleans(), SCHEMA),
                "default": ANY,
                "pattern": TEXT,
                "format": TEXT,
                "description": sometimes(TEXT),
                "minimum": LEAF,
                "maximum": LEAF,
                "minLength": LEAF,
                "maxItems": LEAF,
                "readOnly": LEAF,
            },
        )
    )
)
PARAMETER = sometimes(
    st.fixed_dictionaries(
        {
            "name": sometimes(TEXT),
            "in": sometimes(st.sampled_from(["query", "header", "cookie", "path", "body", "formData"])),
        },
        optional={
            "required": st.one_of(st.booleans(), ANY),
            "schema": SCHEMA,
            "description": sometimes(TEXT),
            "style": sometimes(st.sampled_from(["form", "simple", "deepObject", "matrix"])),
            "explode": LEAF,
            "collectionFormat": sometimes(st.sampled_from(["csv", "multi"])),
            "content": sometimes(st.dictionaries(TEXT, ANY, max_size=2)),
            "type": sometimes(st.sampled_from(["string", "integer", "array", "file"])),
            "enum": sometimes(st.lists(LEAF, max_size=2)),
        },
    )
)
CONTENT = sometimes(
    st.dictionaries(
        st.one_of(
            st.sampled_from(["application/json", "multipart/form-data", "*/*", "application/octet-stream"]), TEXT
        ),
        sometimes(st.fixed_dictionaries({}, optional={"schema": SCHEMA})),
        max_size=2,
    )
)
OPERATION = sometimes(
    st.fixed_dictionaries(
        {},
        optional={
            "parameters": sometimes(st.lists(PARAMETER, max_size=4)),
            "requestBody": sometimes(st.fixed_dictionaries({"content": CONTENT}, optional={"required": LEAF})),
            "responses": sometimes(
                st.dictionaries(
                    st.sampled_from(["200", "206", "302", "404", "default", "4XX", ""]),
                    sometimes(
                        st.fixed_dictionaries(
                            {}, optional={"description": ANY, "content": CONTENT, "headers": ANY, "schema": SCHEMA}
                        )
                    ),
                    max_size=3,
                )
            ),
            "security": sometimes(st.lists(st.dictionaries(TEXT, ANY, max_size=2), max_size=2)),
            "servers": sometimes(st.lists(ANY, max_size=2)),
            "summary": ANY,
            "description": ANY,
            "tags": ANY,
            "consumes": ANY,
            "produces": ANY,
            "deprecated": LEAF,
        },
    )
)
PATH = st.one_of(
    st.sampled_from(
        ["/a", "/a/{x}", "/a/{x}/{y}", "/{x}", "/", "/v1/a", "/a-b", "/a.b/{uuid}", "/%7B", "//", "/{", "/}{"]
    ),
    TEXT,
    TEXT.map(lambda text: f"/{text}"),
)
ITEM = sometimes(
    st.dictionaries(st.sampled_from(["get", "post", "put", "head", "parameters", "servers"]), OPERATION, max_size=3)
)
DOCUMENT = st.fixed_dictionaries(
    {"paths": st.dictionaries(PATH, ITEM, max_size=5)},
    optional={
        "info": ANY,
        "servers": sometimes(st.lists(ANY, max_size=2)),
        "host": ANY,
        "basePath": ANY,
        "schemes": ANY,
        "security": ANY,
        "securityDefinitions": ANY,
        "definitions": sometimes(st.dictionaries(st.sampled_from("AB"), SCHEMA, max_size=2)),
        "components": sometimes(
            st.fixed_dictionaries(
                {},
                optional={
                    "schemas": sometimes(st.dictionaries(st.sampled_from("AB"), SCHEMA, max_size=2)),
                    "securitySchemes": ANY,
                },
            )
        ),
    },
)
VERSION = st.sampled_from([{"swagger": "2.0"}, {"openapi": "3.0.3"}, {"openapi": "3.1.0"}])


def any_document(version: dict[str, str], body: dict[str, Any]) -> None:
    try:
        document = Document.load({**version, **body}, base_url="https://example.org/d.json")
        check(document)
        base = document.base_url
        assert base is None or base.startswith(("http://", "https://"))
    except HCAError as error:
        assert printable(str(error))


QUICK = settings(
    max_examples=300, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
LONG = settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)


@QUICK
@given(VERSION, DOCUMENT)
@example({"openapi": "3.0.0"}, {"paths": {"/x": {"get": {"parameters": [{"name": "a", "in": "query", "schema": []}]}}}})
def test_any_document(version: dict[str, str], body: dict[str, Any]) -> None:
    any_document(version, body)


@pytest.mark.hardening
@pytest.mark.timeout(3000)
@LONG
@given(VERSION, DOCUMENT)
def test_any_document_at_length(version: dict[str, str], body: dict[str, Any]) -> None:
    any_document(version, body)


@QUICK
@given(
    st.binary(max_size=60),
    st.sampled_from([b"", b"openapi: 3.0.0\n", b'{"openapi": "3.0.0",', b"swagger: '2.0'\npaths:\n"]),
)
def test_any_bytes(content: bytes, start: bytes) -> None:
    try:
        check(Document.load(start + content))
    except DocumentError as error:
        assert "\n" not in str(error)


@QUICK
@given(st.dictionaries(st.text(max_size=8), ANY, max_size=4))
def test_yaml_is_read_as_what_was_written(data: dict[str, Any]) -> None:
    """JSON parsed as YAML is the same data, with either parser."""
    text = json.dumps(data)
    content = f'openapi: "3.0.0"\nx: {text}\n'
    if "\x7f" in text or "\\ud" in text:  # YAML escapes have no surrogate pairs
        return
    if "NaN" in text or "Infinity" in text:  # Python writes them, but they are not JSON; YAML reads texts
        return
    loaded = Document.load(content.encode()).root["x"]
    assert json.dumps(loaded).lower() == json.dumps(json.loads(text)).lower()
