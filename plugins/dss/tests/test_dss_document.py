"""The bundled document is equivalent to the original service's, with its own wording."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hca_dss.client import DSSClient
from hca_dss.service import SERVICE

from hca_base.openapi import Document
from tests.lib import Runner

ORIGINAL = Path(__file__).resolve().parents[4] / "shared" / "contracts" / "dss-swagger.json"
#: Descriptions, and references to the original service's code.
_TEXT = {"description", "summary", "operationId"}
#: Responses that deviate from the original's schema; test_dss_types.py checks them.
_TEXT |= {"x-answer"}

NAMES = [
    "get_bundles_all",
    "get_bundles_checkout",
    "get_bundle",
    "put_bundle",
    "delete_bundle",
    "patch_bundle",
    "post_bundles_checkout",
    "get_collections",
    "put_collection",
    "get_collection",
    "delete_collection",
    "patch_collection",
    "get_events",
    "get_event",
    "get_file",
    "put_file",
    "head_file",
    "post_search",
    "get_subscriptions",
    "put_subscription",
    "get_subscription",
    "delete_subscription",
]


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    return json.loads(SERVICE.bundled_bytes() or b"")


@pytest.fixture(scope="module")
def original() -> dict[str, Any]:
    if not ORIGINAL.exists():
        pytest.skip("the recorded contracts are not beside this checkout")
    return json.loads(ORIGINAL.read_text(encoding="utf-8"))


def _facts(node: Any, names: bool = False) -> Any:
    """A document without its texts. ``names``: the keys are names, one of which may be ``description``."""
    if isinstance(node, dict):
        return {
            key: _facts(value, not names and key in ("properties", "headers", "paths", "definitions", "responses"))
            for key, value in node.items()
            if names or key not in _TEXT
        }
    return [_facts(each) for each in node] if isinstance(node, list) else node


@pytest.mark.parametrize("part", ["swagger", "host", "basePath", "schemes", "produces", "definitions", "responses"])
def test_the_frame_is_that_of_the_original(part: str, ours: dict[str, Any], original: dict[str, Any]) -> None:
    names = part in ("definitions", "responses")
    assert _facts(ours[part], names) == _facts(original[part], names)


def test_paths_and_methods_are_those_of_the_original(ours: dict[str, Any], original: dict[str, Any]) -> None:
    def pairs(document: dict[str, Any]) -> set[tuple[str, str]]:
        return {(path, method) for path, methods in document["paths"].items() for method in methods}

    assert pairs(ours) == pairs(original)


def test_operations_are_those_of_the_original(ours: dict[str, Any], original: dict[str, Any]) -> None:
    for path, methods in original["paths"].items():
        for method, operation in methods.items():
            assert _facts(ours["paths"][path][method]) == _facts(operation), f"{method} {path}"


def test_security_is_that_of_the_original(ours: dict[str, Any], original: dict[str, Any]) -> None:
    mine, theirs = ours["securityDefinitions"], original["securityDefinitions"]
    assert mine.keys() == theirs.keys()
    for name, scheme in theirs.items():
        assert mine[name]["scopes"].keys() == scheme["scopes"].keys()
        assert {k: v for k, v in _facts(mine[name]).items() if k != "scopes"} == {
            k: v for k, v in _facts(scheme).items() if k != "scopes"
        }


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("description", "summary") and isinstance(value, str):
                yield value
            else:
                yield from _texts(value)
    elif isinstance(node, list):
        for each in node:
            yield from _texts(each)


def test_the_words_are_our_own(ours: dict[str, Any], original: dict[str, Any]) -> None:
    def sentences(document: dict[str, Any]) -> set[str]:
        parts = {part.strip() for text in _texts(document) for part in re.split(r"(?<=\.)\s+|\n", text)}
        return {part for part in parts if len(part) > 14}

    assert not sentences(ours) & sentences(original)


def test_every_operation_and_parameter_is_explained(ours: dict[str, Any]) -> None:
    for path, methods in ours["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"] and operation["description"], f"{method} {path}"
            for parameter in operation["parameters"]:
                assert parameter["description"], f"{method} {path} {parameter['name']}"
                for name, member in parameter.get("schema", {}).get("properties", {}).items():
                    assert member["description"], f"{method} {path} {name}"


def test_operations_have_the_names_of_hca_7(ours: dict[str, Any]) -> None:
    document = Document.load(ours)
    assert sorted(operation.name for operation in document.operations) == sorted(NAMES)
    assert not document.problems


@pytest.mark.parametrize("name", NAMES)
def test_every_operation_is_a_method_with_a_signature_and_help(name: str, tmp_path: Path) -> None:
    client = DSSClient(swagger_url=str(Path(inspect.getfile(DSSClient)).parent / "document.json"))
    method = getattr(client, name)
    parameters = inspect.signature(method).parameters
    if name not in ("get_collections",):
        assert "replica" in parameters or name == "put_file"
    assert f":param {next(iter(parameters))}:" in inspect.getdoc(method) or "param" in (inspect.getdoc(method) or "")


def test_importing_the_service_imports_nothing_heavy(nowhere: Runner) -> None:
    import subprocess
    import sys

    code = (
        "import sys, hca_dss.service\n"
        "print([m for m in ('requests', 'boto3', 'json', 'jsonschema', 'yaml', 'hca_base.openapi._client._client') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
