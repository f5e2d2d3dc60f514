"""Checks the responses of the embedded service against the plugin's OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


class Contract:
    """The operations of a document.

    :param document: parsed; its references are within itself
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self._paths = [
            (re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)) + r"\Z"), item)
            for path, item in document["paths"].items()
        ]

    def problems(self, method: str, path: str, status: int, answer: Any) -> list[str]:
        """Return how a response violates the document.

        :param path: below the server's URL, without a query
        :param answer: the parsed body
        """
        where = f"{method} {path}"
        operation = next((item.get(method.lower()) for pattern, item in self._paths if pattern.match(path)), None)
        if operation is None:
            return [f"{where} is not in the document"]
        response = operation["responses"].get(str(status))
        if response is None:
            return [f"{where} answered {status}, which the document does not name"]
        schema = response.get("content", {}).get("application/json", {}).get("schema")
        return [f"{where}: {problem}" for problem in self._validate(schema, answer)] if schema else []

    def _validate(self, schema: Mapping[str, Any], value: Any) -> list[str]:
        import jsonschema

        checker = jsonschema.Draft4Validator(_with_nulls({**schema, "components": self.document["components"]}))
        return [f"{'/'.join(map(str, error.path))}: {error.message[:200]}" for error in checker.iter_errors(value)]


def _with_nulls(value: Any) -> Any:
    """A schema of OpenAPI 3.0 as JSON Schema: ``nullable`` becomes the type null."""
    if isinstance(value, list):
        return [_with_nulls(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: _with_nulls(each) for name, each in value.items()}
    if found.get("nullable") is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    return found
