"""The bundled document and the embedded Azul, compared with the service's own document (release 9.2)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
from hca_azul.flavours.hca import HCA
from hca_azul.service import SERVICE
from hca_azul.testing import EmbeddedAzul

CONTRACT = Path(__file__).resolve().parents[3].parent / "shared" / "contracts" / "azul-openapi.json"


@pytest.fixture(scope="module")
def original() -> dict[str, Any]:
    if not CONTRACT.exists():
        pytest.skip("the recorded contracts are not beside this checkout")
    found: dict[str, Any] = json.loads(CONTRACT.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def bundled() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SERVICE.bundled_bytes() or b"{}")
    return found


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any], list[dict[str, Any]]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield path, method, operation, [*methods.get("parameters", []), *operation.get("parameters", [])]


def test_the_bundled_document_has_all_operations_and_parameters(
    original: dict[str, Any], bundled: dict[str, Any]
) -> None:
    own = {(path, method): (o, p) for path, method, o, p in operations(bundled)}
    for path, method, operation, parameters in operations(original):
        assert (path, method) in own, f"{method} {path}"
        ours, our_parameters = own[path, method]
        known = {(p["name"], p["in"]): p for p in our_parameters}
        assert set(known) == {(p["name"], p["in"]) for p in parameters}, f"{method} {path}"
        for parameter in parameters:
            mine = known[parameter["name"], parameter["in"]]
            assert mine.get("required", False) == parameter.get("required", False)
            schema, our_schema = parameter.get("schema"), mine.get("schema")
            if schema is not None:
                assert our_schema["type"] == schema["type"], f"{method} {path} {parameter['name']}"
                if parameter["name"] not in ("catalog", "entity_type"):
                    assert set(schema.get("enum", [])) <= set(our_schema.get("enum", schema.get("enum", [])))
        assert set(operation["responses"]) <= set(ours["responses"]), f"{method} {path}"


def test_the_words_of_the_bundled_document_are_not_the_originals(
    original: dict[str, Any], bundled: dict[str, Any]
) -> None:
    def texts(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            for name, value in node.items():
                if name in ("description", "summary") and isinstance(value, str):
                    yield " ".join(value.split())
                yield from texts(value)
        elif isinstance(node, list):
            for value in node:
                yield from texts(value)

    theirs = {text for text in texts(original) if len(text) > 30}
    assert not theirs & set(texts(bundled))


def test_fields_and_their_filters_are_the_originals(original: dict[str, Any], bundled: dict[str, Any]) -> None:
    parameters = original["paths"]["/index/{entity_type}"]["get"]["parameters"]
    theirs = next(p for p in parameters if p["name"] == "filters")["content"]["application/json"]["schema"]
    ours = bundled["components"]["schemas"]["Filters"]["properties"]
    assert set(theirs["properties"]) <= set(HCA.fields)
    examples: list[Any] = [
        {"is": ["a"]},
        {"is": [None]},
        {"is": [1]},
        {"is": [True]},
        {"is": [{"value": "1", "unit": "year"}]},
        {"is": [{"namespace": "geo", "accession": "x"}]},
        {"within": [[1, 2]]},
        {"within": [1, 2]},
        {"is": "a"},
        {},
    ]
    for name, schema in theirs["properties"].items():
        if HCA.fields[name].kind == "range":
            continue
        for example in examples:
            # Booleans are not numbers in JSON, and null needs "nullable", which JSON Schema lacks.
            if example in ({"is": [None]}, {"is": [True]}):
                continue
            assert _valid(example, schema) == _valid(example, ours[name]), f"{name} {example}"
    sort = next(p for p in parameters if p["name"] == "sort")["schema"]["enum"]
    our_sort = bundled["paths"]["/index/{entity_type}"]["get"]["parameters"]
    assert set(sort) <= set(next(p for p in our_sort if p["name"] == "sort")["schema"]["enum"])


def _valid(value: Any, schema: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(nullable(schema)).is_valid(value))


def nullable(schema: Any) -> Any:
    """A schema of OpenAPI 3.0 as JSON Schema."""
    if isinstance(schema, list):
        return [nullable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: nullable(value) for name, value in schema.items() if name not in ("nullable", "example")}
    if found.get("format") == "url":
        del found["format"]
    if schema.get("nullable") is True and "type" in found:
        found["type"] = [found["type"], "null"]
    return found


QUERIES = [
    ("GET", "/version", "/version"),
    ("GET", "/health", "/health"),
    ("GET", "/index/catalogs", "/index/catalogs"),
    ("GET", "/index/summary", "/index/summary"),
    ("GET", '/index/summary?filters={"organ":{"is":["brain"]}}', "/index/summary"),
    *[("GET", f"/index/{kind}?size=2", "/index/{entity_type}") for kind in ("projects", "samples", "files", "bundles")],
    ("POST", "/index/files", "/index/{entity_type}"),
    ("HEAD", "/index/files", "/index/{entity_type}"),
    ("PUT", "/manifest/files?format=compact", "/manifest/files"),
    ("PUT", "/fetch/manifest/files?format=curl", "/fetch/manifest/files"),
    ("GET", "/repository/sources", "/repository/sources"),
]


@pytest.mark.parametrize("waits", [0, 2])
def test_answers_of_the_embedded_azul_fit_the_original(original: dict[str, Any], waits: int) -> None:
    with EmbeddedAzul() as azul:
        azul.faults.manifest_waits = azul.faults.file_waits = waits
        queries = list(QUERIES)
        file = azul.atlas.projects[0].files[0]
        queries += [
            ("GET", f"/repository/files/{file.uuid}?version={file.version}", "/repository/files/{file_uuid}"),
            ("GET", f"/fetch/repository/files/{file.uuid}", "/fetch/repository/files/{file_uuid}"),
            ("GET", f"/index/projects/{azul.atlas.projects[0].uuid}", "/index/{entity_type}/{entity_id}"),
        ]
        for method, target, path in queries:
            fits(original, azul, method, target, path)


def fits(original: dict[str, Any], azul: EmbeddedAzul, method: str, target: str, path: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(method, azul.url + target, allow_redirects=False, timeout=10)
    documented = original["paths"][path][method.lower()]["responses"]
    assert str(answer.status_code) in documented, f"{method} {target}: {answer.status_code} {answer.text}"
    response = documented[str(answer.status_code)]
    for name, header in response.get("headers", {}).items():
        if name != "Content-Disposition":
            assert name in answer.headers, f"{method} {target} lacks {name}"
            if header.get("schema", {}).get("type") == "integer":
                assert answer.headers[name].isdigit()
    content = response.get("content", {}).get("application/json")
    if content and method != "HEAD":
        assert answer.headers["Content-Type"] == "application/json"
        schema = nullable(content.get("schema", {}))
        if path.startswith("/fetch/repository") and answer.json()["Status"] == 301:
            # The document omits a member that the protocol has.
            schema["properties"]["Retry-After"] = {"type": "integer"}
        jsonschema.validate(answer.json(), schema)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/index/files?catalog=none", 404),
        ("/index/files?size=1001", 400),
        ("/index/projects?size=51", 400),
        ("/index/files?unknown=1", 400),
        ("/index/files?filters=x", 400),
        ('/index/files?filters={"organ":{"is":[],"within":[]}}', 400),
        ("/index/files?sort=accessible", 400),
        ("/manifest/files/never", 400),
        ("/repository/files/00000000-0000-0000-0000-000000000000", 404),
    ],
)
def test_refusals_have_the_services_shape(azul: EmbeddedAzul, target: str, status: int) -> None:
    answer = requests.get(azul.url + target, timeout=10)
    assert answer.status_code == status
    assert set(answer.json()) == {"Code", "Message"}


def test_a_parameter_must_not_be_in_both_places(azul: EmbeddedAzul) -> None:
    answer = requests.post(f"{azul.url}/index/files?filters={{}}", json={"filters": "{}"}, timeout=10)
    assert answer.status_code == 400
    answer = requests.post(f"{azul.url}/index/files", json={"filters": {}}, timeout=10)
    assert answer.status_code == 400
