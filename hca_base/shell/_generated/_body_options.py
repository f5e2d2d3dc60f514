"""Options for the body of a call: nested members by dotted names, null, and a skeleton to fill in."""

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

#: A dest that no parameter can have, since the API's parameters may have any name.
PREFIX = "api:"
_PREFIX = "member:"
_IN_ITEM = "item:"
_METAVARS = {"integer": "N", "number": "NUMBER", "boolean": "true|false", "string": "TEXT"}
_EMPTY: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}


def add_body_options(group: argparse._ArgumentGroup, operation: Operation, taken: set[str]) -> None:
    """Add an option for each nested member, ``--null`` and ``--skeleton``.

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
    """Return the current value of a list option; the command line's first item replaces a configured default."""
    if not getattr(namespace, f"given:{dest}", False):
        setattr(namespace, f"given:{dest}", True)
        setattr(namespace, dest, [])
    return getattr(namespace, dest)


class _InItem(argparse.Action):
    """Sets a member of a list's last item; if the item already has it, a new item is started."""

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
        """Return the object at a path in an item; None if it is not an object."""
        for part in path:
            if not isinstance(item, dict):
                return None
            item = item.setdefault(part, {})
        return item if isinstance(item, dict) else None


def with_members(values: dict[str, Any], args: argparse.Namespace, operation: Operation) -> dict[str, Any]:
    """Return the values of a call, overridden by individually given members."""
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
    """Return a body with all members, empty or with the first values in the document."""
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
    # The first part of a path is the parameter itself.
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
    """Prints a body to fill in and exits, like ``--help``; required options may be missing."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        sys.stdout.write(json.dumps(skeleton(self.operation), indent=2, default=str) + "\n")  # type: ignore[attr-defined]
        parser.exit()
