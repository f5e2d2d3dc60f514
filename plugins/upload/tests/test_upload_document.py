"""The bundled document is equivalent to the original service's, with its own wording."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hca_upload import UploadClient
from hca_upload.service import SERVICE

from hca_base.openapi import Document

ORIGINAL = Path(__file__).resolve().parents[4] / "shared" / "contracts" / "upload-swagger.json"
#: Descriptions, and references to the original service's code.
_TEXT = {"description", "summary", "operationId", "tags"}
#: Responses that deviate from the original's schema; test_upload_types.py checks them.
_TEXT |= {"x-answer"}

NAMES = [
    "get_version",
    "get_health",
    "get_v1_health",
    "post_area",
    "delete_area",
    "head_area",
    "post_area_credential",
    "get_area_checksums",
    "get_area_validations",
    "put_area_files_info",
    "put_area_validate",
    "post_area_update_checksum",
    "post_area_update_validation",
    "get_area",
    "put_area",
    "get_area_checksum",
    "get_area_validate",
]


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(SERVICE.bundled_bytes() or b"")
    # If the original repeats a definition, ours has it once and references it.
    checksums = document["definitions"].pop("Checksums")
    for name in ("ChecksumInfo", "FileInfo"):
        assert document["definitions"][name]["properties"]["checksums"]["$ref"] == "#/definitions/Checksums"
        document["definitions"][name]["properties"]["checksums"] = checksums
    return document


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
            if names or (key not in _TEXT and (key, value) != ("parameters", []))
        }
    return [_facts(each) for each in node] if isinstance(node, list) else node


@pytest.mark.parametrize("part", ["swagger", "host", "basePath", "schemes", "consumes", "produces", "definitions"])
def test_the_frame_is_that_of_the_original(part: str, ours: dict[str, Any], original: dict[str, Any]) -> None:
    names = part == "definitions"
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
    assert _facts(ours["securityDefinitions"], True).keys() == original["securityDefinitions"].keys()
    for name, scheme in original["securityDefinitions"].items():
        assert _facts(ours["securityDefinitions"][name]) == _facts(scheme)


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
            assert operation["summary"], f"{method} {path}"
            for parameter in operation.get("parameters", ()):
                if "properties" not in parameter.get("schema", {}):
                    assert parameter["description"], f"{method} {path} {parameter['name']}"
                for name, member in parameter.get("schema", {}).get("properties", {}).items():
                    assert member["description"], f"{method} {path} {name}"


def test_operations_have_the_names_of_hca_7(ours: dict[str, Any]) -> None:
    document = Document.load(ours)
    names = {operation.name for operation in document.operations} | {alias.name for alias in document.aliases}
    assert {operation.path_name for operation in document.operations} | {"get_v1_health"} == set(NAMES) <= names
    assert not document.problems


@pytest.mark.parametrize("name", NAMES)
def test_every_operation_is_a_method_with_help(name: str) -> None:
    client = UploadClient(swagger_url=str(Path(inspect.getfile(UploadClient)).parent / "document.json"))
    assert inspect.getdoc(getattr(client, name))


def test_paths_that_share_a_name_also_have_one_of_their_own(ours: dict[str, Any]) -> None:
    document = Document.load(ours, naming="path")
    with_file = document.operation("post_area_by_filename")
    assert (with_file.method.upper(), with_file.path) == ("POST", "/v1/area/{upload_area_uuid}/{filename}")
