"""Selects the operations that become tools, and describes each to the assistant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hca_base.openapi import Client, Operation, Parameter

#: Our own arguments, in addition to those of an operation.
OFFSET, PAGE, QUERY = "hca_offset", "hca_page", "hca_query"
_TYPES = {"string", "integer", "number", "boolean", "array", "object"}


@dataclass(frozen=True)
class Tool:
    """An operation of a service, as a tool.

    :ivar name: unique among all tools; letters, digits, ``_`` and ``-``
    """

    name: str
    service: str
    client: Client
    operation: Operation

    @property
    def read_only(self) -> bool:
        """Whether a call is safe: by its HTTP method, or as declared by the service's plugin."""
        return self.operation.safe

    @property
    def description(self) -> str:
        """The operation's description in the document."""
        operation = self.operation
        kind = "" if self.read_only else "CHANGES DATA. "
        parts = [f"{kind}{operation.summary or operation.name}", operation.description]
        return "\n\n".join(part.strip() for part in parts if part.strip())

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the tool's arguments."""
        offered = [parameter for parameter in self.operation.parameters if not parameter.credential]
        properties = {parameter.python_name: parameter_schema(parameter) for parameter in offered}
        properties[QUERY] = {"type": "string", "description": "JMESPath expression that selects a part of the result"}
        if self.read_only:
            properties[PAGE] = {"type": "integer", "minimum": 1, "description": "Page of a list (default: 1)"}
        properties[OFFSET] = {"type": "integer", "minimum": 0, "description": "Byte of the result to continue at"}
        return {
            "type": "object",
            "properties": properties,
            "required": [parameter.python_name for parameter in offered if parameter.required],
            "additionalProperties": False,
        }


def parameter_schema(parameter: Parameter) -> dict[str, Any]:
    """Return the JSON schema of one argument."""
    schema: dict[str, Any] = {}
    if parameter.type in _TYPES:
        schema["type"] = parameter.type
    if parameter.type == "array":
        schema["items"] = {"type": parameter.items} if parameter.items in _TYPES else {}
    if parameter.enum and all(isinstance(value, str) for value in parameter.enum):
        schema["enum"] = list(parameter.enum)
    about = " ".join(part for part in (parameter.description.strip(), parameter.schema_note) if part)
    if about:
        schema["description"] = about
    return schema


@dataclass(frozen=True)
class Choice:
    """What the user allows an assistant to do.

    :ivar services: names of services
    :ivar operations: patterns of operations; empty: all
    :ivar writes: patterns of operations that may change data
    """

    services: Sequence[str]
    operations: Sequence[str] = ()
    writes: Sequence[str] = ()

    def allows(self, service: str, operation: Operation) -> bool:
        """Return whether an operation becomes a tool."""
        if self.operations and not matches(service, operation, self.operations):
            return False
        return operation.safe or matches(service, operation, self.writes)


def matches(service: str, operation: Operation, patterns: Iterable[str]) -> bool:
    """Return whether a pattern matches the operation: ``get-*`` of any service, or ``dss:get-*`` of one."""
    for pattern in patterns:
        of, _, command = pattern.rpartition(":")
        if fnmatchcase(operation.command, command) and (not of or fnmatchcase(service, of)):
            return True
    return False


def tools_of(clients: dict[str, Client], choice: Choice) -> list[Tool]:
    """Return the tools, in the order of the services and of their documents.

    :raises UsageError: a pattern matches no operation of the services
    """
    from hca_base.errors import UsageError

    found = [
        (service, client, operation) for service, client in clients.items() for operation in client.document.operations
    ]
    for option, patterns in (("--operations", choice.operations), ("--allow-writes", choice.writes)):
        for pattern in patterns:
            if not any(matches(service, operation, [pattern]) for service, _, operation in found):
                raise UsageError(
                    f"{option} {pattern!r} matches no operation of {', '.join(clients)}",
                    hint=f"'hca {next(iter(clients))} --help' lists operations",
                )
    return [
        Tool(tool_name(service, operation), service, client, operation)
        for service, client, operation in found
        if choice.allows(service, operation)
    ]


def tool_name(service: str, operation: Operation) -> str:
    """Return the name of a tool: ``dss_get_bundle``."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", f"{service}_{operation.name}")
