"""Names shared by several operations."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hca_base.errors import UsageError
from hca_base.openapi._document._operation import Operation, Parameter
from hca_base.openapi._document._text import printable


@dataclasses.dataclass(frozen=True)
class Alias:
    """A name of the path rule that several operations share; the path parameters select one.

    :ivar name: Python name
    :ivar operations: the operations, each with its own name and different path parameters, shortest path first
    """

    name: str
    operations: tuple[Operation, ...]

    @property
    def command(self) -> str:
        return self.name.replace("_", "-")

    @property
    def safe(self) -> bool:
        """True if none of the operations changes anything."""
        return all(operation.safe for operation in self.operations)

    @property
    def path_names(self) -> tuple[str, ...]:
        """Python names of the path parameters of all the operations."""
        return tuple(dict.fromkeys(name for operation in self.operations for name in operation.path_names))

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters of all operations by Python name; required if all operations require them."""
        found: dict[str, Parameter] = {}
        for operation in self.operations:
            for parameter in operation.parameters:
                found.setdefault(parameter.python_name, parameter)
        required = set.intersection(*({each.python_name for each in op.required} for op in self.operations))
        return tuple(dataclasses.replace(parameter, required=name in required) for name, parameter in found.items())

    def choose(self, given: Iterable[str], spell: Callable[[Operation], str] | None = None) -> Operation:
        """Return the operation that the given arguments select.

        Unsafe operations require every path parameter that any of them has, because omitting one could change or delete
        more than intended.

        :param given: Python names of the arguments
        :param spell: writes an operation's own name for the hint
        :raises UsageError: no operation is selected, or the selection is ambiguous
        """
        names = self.path_names
        wanted = set(names).intersection(given)
        fitting = [each for each in self.operations if set(each.path_names) == wanted]
        if len(fitting) == 1 and (self.safe or wanted == set(names)):
            return fitting[0]
        ways = [f"{(spell or _name_of)(each)} ({each.method} {printable(each.path)})" for each in self.operations]
        shown = self.command if spell else self.name
        raise UsageError(
            f"{shown} is ambiguous: it needs {' and '.join(names)}"
            if not self.safe
            else f"{shown} is ambiguous with {', '.join(sorted(wanted)) or 'no path parameter'}",
            hint=f"use {', '.join(ways[:-1])} or {ways[-1]}",
        )

    def given(self, arguments: Mapping[str, Any]) -> set[str]:
        """Return the Python names of the path parameters among the arguments of a call.

        :raises UsageError: one of them is None
        """
        found = set()
        for operation in self.operations:
            for parameter in operation.parameters:
                if parameter.location != "path":
                    continue
                for key in (parameter.python_name, parameter.name):
                    if key not in arguments:
                        continue
                    if arguments[key] is None:
                        raise UsageError(f"{self.name}: {key} must not be None")
                    found.add(parameter.python_name)
        return found


def _name_of(operation: Operation) -> str:
    return operation.method_name
