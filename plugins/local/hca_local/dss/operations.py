"""The operations of the document: finding the one for a method and path, and validating its request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hca_local.dss.document import BASE_PATH
from hca_local.dss.errors import method_not_allowed, unknown_route
from hca_local.dss.validation import BodyCheck, ParameterCheck


@dataclass(frozen=True)
class Operation:
    """One method of one path; ``secured`` if it needs a token."""

    method: str
    path: str
    secured: bool
    parameters: tuple[ParameterCheck, ...]
    body: BodyCheck | None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class _Node:
    """A path segment in the tree of all paths: literals are matched before the parameter."""

    literals: dict[str, _Node] = field(default_factory=dict)
    parameter: tuple[str, _Node] | None = None
    operations: dict[str, Operation] = field(default_factory=dict)


class Operations:
    """All operations of a Swagger 2.0 document, found by method and path."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._root = _Node()
        self.all: list[Operation] = []
        for path, item in document["paths"].items():
            node, names = self._root, path.strip("/").split("/")
            for name in names:
                node = _child(node, name)
            for method, operation in item.items():
                if method in {"get", "head", "put", "post", "patch", "delete"}:
                    made = _operation(document, method.upper(), path, item, operation)
                    node.operations[made.method] = made
                    self.all.append(made)

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        """The operation and its path parameters. Raises the gateway's error if there is no match."""
        node, parameters = self._walk(path)
        operation = node.operations.get(method)
        if operation is None:
            raise method_not_allowed(method)
        return operation, parameters

    def methods(self, path: str) -> list[str]:
        """The methods that a path supports. Raises as :meth:`find`."""
        return list(self._walk(path)[0].operations)

    def _walk(self, path: str) -> tuple[_Node, dict[str, str]]:
        base, _, rest = path.partition(BASE_PATH + "/")
        if base or not rest:
            raise unknown_route()
        node = self._root
        parameters: dict[str, str] = {}
        for segment in rest.split("/"):
            if segment in node.literals:
                node = node.literals[segment]
            elif node.parameter is not None and segment:
                name, node = node.parameter
                parameters[name] = segment
            else:
                raise unknown_route()
        if not node.operations:
            raise unknown_route()
        return node, parameters


def _child(node: _Node, name: str) -> _Node:
    if not name.startswith("{"):
        return node.literals.setdefault(name, _Node())
    if node.parameter is None:
        node.parameter = name.strip("{}"), _Node()
    return node.parameter[1]


def _operation(
    document: Mapping[str, Any], method: str, path: str, item: Mapping[str, Any], operation: Mapping[str, Any]
) -> Operation:
    checks: list[ParameterCheck] = []
    body = None
    for given in [*item.get("parameters", []), *operation.get("parameters", [])]:
        parameter = _resolved(document, given)
        if parameter["in"] == "body":
            body = BodyCheck(parameter["schema"], document.get("definitions", {}))
        elif parameter["in"] in {"query", "path"}:
            checks.append(ParameterCheck(parameter))
    # The query is validated before the path, as in the original.
    checks.sort(key=lambda check: check.place != "query")
    secured = bool(operation.get("security", document.get("security")))
    return Operation(method, path, secured, tuple(checks), body)


def _resolved(document: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = value.get("$ref")
    if reference is None:
        return value
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return _resolved(document, found)
