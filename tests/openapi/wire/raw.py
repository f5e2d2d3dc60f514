"""Reads the operations of a document without the product's code: references, parameters, bodies."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")


@dataclasses.dataclass
class RawOperation:
    """An operation, as in the document.

    :ivar parameters: (location, name) -> parameter object, including form members of Swagger 2
    :ivar bodies: media type -> media type object
    """

    method: str
    path: str
    parameters: dict[tuple[str, str], dict[str, Any]]
    bodies: dict[str, dict[str, Any]]


class Raw:
    """A document."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.swagger2 = "swagger" in root

    def resolve(self, node: Any) -> Any:
        for _ in range(50):
            if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
                return node
            reference = node["$ref"]
            if not reference.startswith("#/"):
                return {}
            node = self.root
            for part in reference[2:].split("/"):
                key = unquote(part).replace("~1", "/").replace("~0", "~")
                node = node[int(key)] if isinstance(node, list) else (node or {}).get(key)
                if isinstance(node, dict) and isinstance(node.get("$ref"), str) and part is not reference:
                    node = self.resolve(node)
        return {}

    def merged(self, schema: Any, depth: int = 0) -> dict[str, Any]:
        """A schema with references resolved, allOf merged, and the first of oneOf or anyOf selected."""
        schema = self.resolve(schema)
        if not isinstance(schema, dict):
            return {}
        found = {key: value for key, value in schema.items() if key not in ("allOf", "oneOf", "anyOf")}
        if "required" in found:
            found["required"] = _names(found["required"])
        parts = list(schema.get("allOf") or ()) if depth < 12 else []
        for word in ("oneOf", "anyOf"):
            choices = [each for each in schema.get(word) or () if self.resolve(each) not in ({}, {"type": "null"})]
            if choices and depth < 12:
                parts.append(choices[0])
        for part in parts:
            other = self.merged(part, depth + 1)
            members = {**other.get("properties", {}), **found.get("properties", {})}
            required = [name for each in (found, other) for name in _names(each.get("required"))]
            found = {**other, **found}
            if members:
                found["properties"] = members
            if required:
                found["required"] = required
        return found

    def is_choice(self, schema: Any) -> bool:
        """Whether exactly one of several schemas must match; a value for the first may match others too."""
        schema = self.resolve(schema)
        return isinstance(schema, dict) and len(schema.get("oneOf") or ()) > 1

    def operations(self) -> Iterator[RawOperation]:
        paths = self.resolve(self.root.get("paths")) or {}
        for path, item in paths.items():
            item = self.resolve(item)
            if not isinstance(item, dict) or not path.startswith("/"):
                continue
            methods = {method: item[method] for method in METHODS if method in item}
            methods.update(item.get("additionalOperations") or {})
            for method, operation in methods.items():
                operation = self.resolve(operation)
                if isinstance(operation, dict):
                    yield self._operation(method.upper(), path, item, operation)

    def _operation(self, method: str, path: str, item: dict[str, Any], raw: dict[str, Any]) -> RawOperation:
        parameters: dict[tuple[str, str], dict[str, Any]] = {}
        bodies: dict[str, dict[str, Any]] = {}
        for node in [*(item.get("parameters") or ()), *(raw.get("parameters") or ())]:
            node = self.resolve(node)
            if node.get("in") == "body":
                for kind in raw.get("consumes") or self.root.get("consumes") or ["application/json"]:
                    bodies[kind] = {"schema": node.get("schema")}
            elif isinstance(node.get("name"), str):
                parameters[str(node.get("in")), node["name"]] = node
        for name in re.findall(r"\{[+]?([^{}/]*?)[*]?\}", path):
            # Some documents do not declare them; the location can only be the path.
            undeclared = {"in": "path", "name": name, "required": True, "type": "string", "schema": {"type": "string"}}
            parameters.setdefault(("path", name), undeclared)
        request = self.resolve(raw.get("requestBody"))
        if isinstance(request, dict) and not self.swagger2:
            bodies.update(request.get("content") or {})
        return RawOperation(method, path, parameters, bodies)


def _names(value: Any) -> list[str]:
    # Some documents have "required: true" in a member, as in another specification.
    return value if isinstance(value, list) else []
