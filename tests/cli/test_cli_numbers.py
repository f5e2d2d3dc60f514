"""Numbers in responses are printed with the service's digits, and are still numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.lib import Loopback, Runner

#: Numbers that Python would format differently: each is printed as here.
TEXTS = (
    "1.10", "100.00", "1e400", "-1E+5", "9007199254740993", "12345678901234567890", "0.12345678901234567890", "1.5",
    "-0.0", "1e-7", "7",
)  # fmt: skip
HITS = [{"id": f"hit-{place}", "size": text} for place, text in enumerate(TEXTS)]


def body(hits: list[dict[str, str]]) -> bytes:
    """The response, with its numbers as strings."""
    items = ", ".join(f'{{"id": "{hit["id"]}", "size": {hit["size"]}}}' for hit in hits)
    return f'{{"hits": [{items}]}}'.encode()


@pytest.fixture
def store(hca: Runner, loopback: Loopback) -> Runner:
    listed = {"type": "object", "properties": {"hits": {"type": "array", "items": {}}, "next": {"type": "string"}}}
    answer = {"200": {"description": "hits", "content": {"application/json": {"schema": listed}}}}
    lines = {"200": {"description": "hits", "content": {"application/x-ndjson": {}}}}
    document = {
        "openapi": "3.0.3",
        "info": {"title": "Store", "version": "1"},
        "servers": [{"url": "/"}],
        "paths": {
            "/hits": {"get": {"responses": answer}},
            "/hit": {"post": {"responses": answer}},
            "/lines": {"get": {"responses": lines}},
        },
    }
    loopback.route("GET", "/openapi.json", document)
    loopback.route("GET", "/hits", (200, {"Content-Type": "application/json"}, body(HITS)))
    loopback.route("POST", "/hit", (200, {"Content-Type": "application/json"}, body(HITS)))
    lines_ = "".join(f'{{"size": {text}}}\n' for text in TEXTS).encode()
    loopback.route("GET", "/lines", (200, {"Content-Type": "application/x-ndjson"}, lines_))
    hca("service", "add", "store", f"{loopback.url}/openapi.json", check=0)
    return hca


def shown(text: str) -> list[str]:
    """The numbers of a JSON text, unparsed."""
    found: list[str] = []
    json.loads(text, parse_float=found.append, parse_int=found.append)
    return found


@pytest.mark.parametrize("name", ["get-hits", "post-hit"])
def test_json_has_the_digits_of_the_answer(store: Runner, name: str) -> None:
    for words in (["-f", "json"], [], ["--query", "hits"], ["--query", "hits[].size"]):
        assert shown(store("store", name, *words, check=0).stdout) == list(TEXTS), words
    ids = json.loads(store("store", name, "--query", "hits[].id", check=0).stdout)
    assert ids == [hit["id"] for hit in HITS]


@pytest.mark.parametrize(
    "words", [["get-hits", "-f", "jsonl"], ["get-lines", "-f", "jsonl"], ["get-lines", "-f", "json"]]
)
def test_items_have_the_digits_of_the_answer(store: Runner, words: list[str]) -> None:
    out = store("store", *words, check=0).stdout
    found = shown(out) if "json" in words else [number for line in out.splitlines() for number in shown(line)]
    assert found == list(TEXTS)


@pytest.mark.parametrize("fmt", ["csv", "tsv", "value", "table"])
def test_columns_have_the_digits_of_the_answer(store: Runner, fmt: str) -> None:
    lines = store("store", "get-hits", "-f", fmt, "-c", "size", check=0).stdout.splitlines()
    found = [line.strip("| ") for line in lines if line.strip("| +-").removeprefix("-")[:1].isdigit()]
    assert [each for each in found if each] == list(TEXTS)


def test_yaml_has_numbers_of_the_same_value(store: Runner) -> None:
    out = store("store", "get-hits", "-f", "yaml", check=0).stdout
    sizes: list[Any] = [hit["size"] for hit in yaml.safe_load(out)["hits"]]
    assert sizes == [json.loads(text) for text in TEXTS]
    assert "size: 1.10\n" in out and "size: 1.0e+400\n" in out and "size: 0.12345678901234567890\n" in out


def test_numbers_are_sorted_and_compared_as_numbers(store: Runner) -> None:
    rows = store("store", "get-hits", "-f", "jsonl", "--sort", "size", "-c", "size", check=0).stdout.splitlines()
    assert [number for row in rows for number in shown(row)] == sorted(TEXTS, key=float)
    assert store("store", "get-hits", "--query", "hits[?size > `1e300`].id", "-f", "value", check=0).stdout == "hit-2\n"
    least = store("store", "get-hits", "--query", "min_by(hits, &size).size", check=0).stdout
    assert least == "-1E+5\n"
    total = store("store", "get-hits", "--query", "sum(hits[?size < `2`].size)", check=0).stdout
    assert float(total) == sum(float(text) for text in TEXTS if float(text) < 2)


def test_what_json_does_not_have_is_null(store: Runner, loopback: Loopback) -> None:
    loopback.route("GET", "/hits", (200, {"Content-Type": "application/json"}, b'{"hits": [NaN, -Infinity, 1.10]}'))
    assert store("store", "get-hits", "-f", "jsonl", check=0).stdout == "null\nnull\n1.10\n"
