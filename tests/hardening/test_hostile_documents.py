"""Hostile documents as commands: their help, their completion and their options."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from hca_base.errors import HCAError, UsageError
from hca_base.openapi import Document
from hca_base.plugins import Service
from tests.lib import Loopback, Runner
from tests.openapi import test_openapi_hostile as MADE

SERVICE = Service(name="evil", title="Evil")
#: Options of hca, of the formatters, of argparse, and words that are special to Python or a shell.
TAKEN = [
    *("version", "help", "format", "h", "f", "c", "o", "v", "q", "query", "column", "sort", "output", "debug", "quiet"),
    *("profile", "config", "access-token", "yes", "verbose", "progress", "paginate", "no-paginate"),
    *("class", "def", "None", "self", "__class__", "__init__"),
    *("a%20b", "%s", "{0}", "$HOME", "`id`", "--", "-", "=", "é", "a\u0308"),
]


def steers(text: str) -> bool:
    return any(
        (unicodedata.category(c) in ("Cc", "Cs") and c != "\n")
        or c in "\u061c\u200e\u200f"
        or "\u202a" <= c <= "\u202e"
        or "\u2066" <= c <= "\u2069"
        for c in text
    )


def as_commands(version: dict[str, str], body: dict[str, Any]) -> None:
    from hca_base.shell._generated._arguments import values_of
    from hca_base.shell._generated._operation_help import parser_of

    try:
        document = Document.load({**version, **body}, base_url="https://example.org/d.json")
    except HCAError:
        return
    for operation in document.operations:
        parser = parser_of(SERVICE, operation, f"hca evil {operation.command}")
        assert not steers(parser.format_help())
        assert not steers(parser.format_usage())
        words = []
        for parameter in operation.required:
            words += [parameter.option, "1"]
        try:
            values = values_of(parser.parse_args(words), operation)
            assert set(values) <= {each.python_name for each in operation.parameters}
        except UsageError as error:
            assert not steers(str(error))


@settings(max_examples=200, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(MADE.VERSION, MADE.DOCUMENT)
def test_any_document_as_commands(version: dict[str, str], body: dict[str, Any]) -> None:
    as_commands(version, body)


@pytest.mark.hardening
@pytest.mark.timeout(3000)
@settings(max_examples=8000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(MADE.VERSION, MADE.DOCUMENT)
def test_any_document_as_commands_at_length(version: dict[str, str], body: dict[str, Any]) -> None:
    as_commands(version, body)


def test_options_that_hca_has_too_reach_the_service(hca: Runner, loopback: Loopback) -> None:
    """After the command they are the operation's; each is sent under its own name."""
    document = {
        "openapi": "3.0.3",
        "servers": [{"url": loopback.url}],
        "paths": {
            "/all": {
                "get": {
                    "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in TAKEN],
                    "responses": {"200": {"description": "", "content": {"application/json": {}}}},
                }
            }
        },
    }
    seen: list[dict[str, list[str]]] = []
    loopback.route("GET", "/all", lambda query, body: seen.append(query) or {"done": True})
    (hca.cwd / "d.json").write_text(json.dumps(document), encoding="utf-8")
    hca("service", "add", "evil", "d.json", check=0)
    loaded = Document.load(document)
    options = {each.name: each.option for each in loaded.operations[0].parameters}
    assert len(set(options.values())) == len(TAKEN)
    given_words = [f"{option}=x{number}" for number, option in enumerate(options.values()) if option != "--help"]
    done = hca("evil", "get-all", *given_words, check=0)
    assert json.loads(done.stdout) == {"done": True}
    expected = {name: [f"x{n}"] for n, (name, option) in enumerate(options.items()) if option != "--help"}
    assert seen[-1] == expected
    shown = hca("evil", "get-all", "--help", check=0)
    assert "Traceback" not in shown.stderr and all(option in shown.stdout for option in options.values())
    listed = hca("completion", "--help", check=0)
    assert not steers(listed.stdout)
