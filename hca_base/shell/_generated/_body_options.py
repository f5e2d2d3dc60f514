"""Options for the body of a call: members of members by dotted names, null, and a skeleton to fill in."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from hca_base.errors import UsageError
from hca_base.output import own_flags
from hca_base.shell._generated._values import of_type

if TYPE_CHECKING:
    from hca_base.openapi import Operation, Parameter

_PREFIX = "member:"
_METAVARS = {"integer": "N", "number": "NUMBER", "boolean": "true|false", "string": "TEXT"}
_EMPTY: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}


def add_body_options(group: argparse._ArgumentGroup, operation: Operation, taken: set[str]) -> None:
    """Add an option for each member of a member, ``--null`` and ``--skeleton``.

    :param taken: the options of the operation's parameters
    """
    for parameter in operation.parameters:
        for name, type_ in parameter.members:
            flag = f"{parameter.option}.{name}"
            if flag not in taken:
                group.add_argument(
                    flag,
                    dest=f"{_PREFIX}{parameter.python_name}.{name}",
                    metavar=_METAVARS.get(type_, "JSON"),
                    type=of_type(type_),
                    help="a member of the above" if type_ in _METAVARS else "a member of the above, as JSON",
                )
    group.add_argument(
        *own_flags(taken, "--null"),
        dest="null_members",
        metavar="MEMBER",
        action="append",
        help="send null for this member of the body (name or a.b.c); may be repeated",
    )
    action = group.add_argument(
        *own_flags(taken, "--skeleton"), action=_Skeleton, nargs=0, dest="skeleton", help="show a body to fill in"
    )
    action.operation = operation  # type: ignore[attr-defined]


def with_members(values: dict[str, Any], args: argparse.Namespace, operation: Operation) -> dict[str, Any]:
    """The values of a call with the members that were given on their own laid over them."""
    from hca_base.openapi import NULL, Overlay

    found = dict(values)
    given = {name.removeprefix(_PREFIX): value for name, value in vars(args).items() if name.startswith(_PREFIX)}
    laid = {name: value for name, value in given.items() if value is not None}
    for name in getattr(args, "null_members", None) or ():
        first, dot, rest = name.lstrip("-").partition(".")
        parameter = operation.parameter(first) or operation.parameter(first.replace("-", "_"))
        if parameter is None or parameter.location != "body":
            raise UsageError(f"--null: the body has no member {first!r}", hint="see --help for its members")
        if dot:
            laid[f"{parameter.python_name}.{rest}"] = None
        else:
            found[parameter.python_name] = NULL
    for name, value in laid.items():
        first, *path = name.split(".")
        holder = found.get(first)
        if not isinstance(holder, dict):
            holder = found[first] = Overlay()
        for part in path[:-1]:
            inner = holder.get(part)
            holder[part] = holder = type(holder)(inner) if isinstance(inner, dict) else type(holder)()
        holder[path[-1]] = value
    return found


def skeleton(operation: Operation) -> dict[str, Any]:
    """A body with all members, empty or of the values that the document names first."""
    found: dict[str, Any] = {}
    for parameter in operation.parameters:
        if parameter.location == "body" and not parameter.whole:
            found[parameter.name] = _value(parameter)
    return found


def _value(parameter: Parameter) -> Any:
    if parameter.enum:
        return parameter.enum[0]
    if parameter.default is not None:
        return parameter.default
    if not parameter.members:
        return _EMPTY.get(parameter.type)
    value: dict[str, Any] = {}
    for name, type_ in parameter.members:
        *path, last = name.split(".")
        holder = value
        for part in path:
            holder = holder.setdefault(part, {})
        holder[last] = {} if type_ == "object" else _EMPTY.get(type_)
    return value


class _Skeleton(argparse.Action):
    """Shows a body to fill in, and ends, as ``--help`` does: required options need not be given."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        sys.stdout.write(json.dumps(skeleton(self.operation), indent=2, default=str) + "\n")  # type: ignore[attr-defined]
        parser.exit()
