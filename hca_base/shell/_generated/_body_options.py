"""Options for the body of a call: members of members and of items by dotted names, null, a skeleton to fill in."""

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

#: A dest that no option of ours has: the API's parameters may have any name.
PREFIX = "api:"
_PREFIX = "member:"
_IN_ITEM = "item:"
_METAVARS = {"integer": "N", "number": "NUMBER", "boolean": "true|false", "string": "TEXT"}
_EMPTY: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}


def add_body_options(group: argparse._ArgumentGroup, operation: Operation, taken: set[str]) -> None:
    """Add an option for each member of a member, ``--null`` and ``--skeleton``.

    :param taken: the options of the operation's parameters
    """
    for parameter in operation.parameters:
        for name, type_ in parameter.members:
            flag = parameter.option + f".{name}".replace(".[]", "").replace("[]", "")
            if flag in taken:
                continue
            listed, in_item, inner = name.rpartition("[].")
            about = "member of a list item" if in_item else "member of the body"
            action = group.add_argument(
                flag,
                dest=f"{_IN_ITEM if in_item else _PREFIX}{parameter.python_name}.{name}",
                metavar=_METAVARS.get(type_, "JSON"),
                type=of_type(type_),
                action=_InItem if in_item else "store",
                help=about
                + ("" if type_ in _METAVARS else ", as JSON")
                + ("; repeat for the next item" if in_item else ""),
            )
            if isinstance(action, _InItem):
                action.inner = inner.split(".")
                action.holder = (
                    f"{_PREFIX}{parameter.python_name}.{listed}" if listed else PREFIX + parameter.python_name
                )
    group.add_argument(
        *own_flags(taken, "--null"),
        dest="null_members",
        metavar="MEMBER",
        action="append",
        help="send null for this member of the body (name or a.b.c); may be repeated",
    )
    action = group.add_argument(
        *own_flags(taken, "--skeleton"), action=_Skeleton, nargs=0, dest="skeleton", help="print a template of the body"
    )
    action.operation = operation  # type: ignore[attr-defined]


def begun(namespace: argparse.Namespace, dest: str) -> Any:
    """The value of a list option so far; the first item of the command line replaces a default of the settings."""
    if not getattr(namespace, f"given:{dest}", False):
        setattr(namespace, f"given:{dest}", True)
        setattr(namespace, dest, [])
    return getattr(namespace, dest)


class _InItem(argparse.Action):
    """Sets a member of the last item of a list; one that the item has already is of the next item."""

    holder: str
    inner: list[str]

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        items = getattr(namespace, self.holder, None) if self.holder.startswith(_PREFIX) else None
        if items is None:
            items = begun(namespace, self.holder)
        if not isinstance(items, list):
            raise argparse.ArgumentError(self, "the list is given as something else already")
        *path, name = self.inner
        holder = self._within(items[-1] if items else None, path)
        if holder is None or name in holder:
            items.append({})
            holder = self._within(items[-1], path)
        assert holder is not None
        holder[name] = values

    def _within(self, item: Any, path: list[str]) -> dict[str, Any] | None:
        """The object at a path in an item; None where something else is."""
        for part in path:
            if not isinstance(item, dict):
                return None
            item = item.setdefault(part, {})
        return item if isinstance(item, dict) else None


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
            raise UsageError(f"--null: unknown member {first!r} of the body", hint="see --help for its members")
        if dot:
            laid[f"{parameter.python_name}.{rest}"] = None
        else:
            found[parameter.python_name] = NULL
    for name, value in laid.items():
        first, *path = name.split(".")
        holder = found.get(first)
        if isinstance(holder, list):
            raise UsageError(f"--null: {name} is in a list; give its items as JSON")
        if not isinstance(holder, dict):
            holder = found[first] = Overlay()
        for part in path[:-1]:
            inner = holder.get(part)
            if isinstance(inner, list):
                raise UsageError(f"--null: {name} is in a list; give its items as JSON")
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
    # The first part of a path stands for the parameter itself.
    value: dict[str, Any] = {}
    for name, type_ in parameter.members:
        *path, last = (name if name.startswith("[]") else f".{name}").split(".")
        holder: Any = value
        for part in path:
            key, listed = part.removesuffix("[]"), part.endswith("[]")
            inner = holder.get(key)
            if not inner:
                inner = holder[key] = [{}] if listed else {}
            holder = inner[0] if listed else inner
        holder[last] = {} if type_ == "object" else _EMPTY.get(type_)
    return value[""]


class _Skeleton(argparse.Action):
    """Shows a body to fill in, and ends, as ``--help`` does: required options need not be given."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        sys.stdout.write(json.dumps(skeleton(self.operation), indent=2, default=str) + "\n")  # type: ignore[attr-defined]
        parser.exit()
