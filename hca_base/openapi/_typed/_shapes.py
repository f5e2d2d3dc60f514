"""Describe the shape of a result for ``help()``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hca_base.openapi._document._operation import Operation
from hca_base.openapi._document._schema import Schema
from hca_base.openapi._document._text import one_line
from hca_base.openapi._typed._nodes import Nodes

_NAMES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "array": "list", "object": "dict"}
_MAX_DEPTH = 3
_MAX_MEMBERS = 30
_MAX_LINES = 80
_MAX_CHOICES = 8


def shape_lines(nodes: Nodes, operation: Operation) -> list[str]:
    """Return the members of a JSON result, one per line, up to a limit."""
    for answer in nodes.answers(operation):
        if "json" in answer.content_type or answer.content_type == "*/*":
            found = list(_members(nodes, nodes.resolver.schema(answer.node), 0))
            return found if len(found) <= _MAX_LINES else [*found[:_MAX_LINES], "…"]
    return []


def _members(nodes: Nodes, schema: Schema, depth: int) -> Iterator[str]:
    if schema.type == "array":
        yield from _members(nodes, nodes.resolver.schema(schema.items), depth)
        return
    if depth >= _MAX_DEPTH:
        return
    for number, (name, node) in enumerate(schema.properties.items()):
        if number == _MAX_MEMBERS:
            yield "    " * depth + f"… and {len(schema.properties) - number} more"
            return
        member = nodes.resolver.schema(node)
        yield "    " * depth + f"{one_line(name)}: {_words(nodes, member)}"
        yield from _members(nodes, member, depth + 1)


def _words(nodes: Nodes, schema: Schema) -> str:
    if schema.enum and len(schema.enum) <= _MAX_CHOICES:
        words = f"one of {', '.join(one_line(str(each)) for each in schema.enum)}"
    elif schema.type == "array":
        item: Any = nodes.resolver.schema(schema.items)
        words = f"list of {_NAMES.get(item.type, 'values')}"
    else:
        words = _NAMES.get(schema.type, "any")
    return words + (" or None" if schema.nullable else "")
