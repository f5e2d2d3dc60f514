"""The options of a generated command, from the parameters of its operation."""

from __future__ import annotations

import argparse
import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hca_base.commands import Parser
from hca_base.output import OWN
from hca_base.shell._generated._body_options import PREFIX, add_body_options, begun, with_members
from hca_base.shell._generated._request_options import add_request_options, is_raw
from hca_base.shell._generated._values import Items, body_bytes, reads_null, type_of, whole_number

if TYPE_CHECKING:
    from hca_base.openapi import Operation, Parameter

_MAX_SHOWN_CHOICES = 12


class OperationParser(Parser):
    """Return a parser with an option for each parameter, required ones first, and the unclaimed output options.

    :param texts: returns the help before and after the options
    :param pages: the response may be a paginated list
    """

    def __init__(
        self, operation: Operation, prog: str, texts: Callable[[], tuple[str, str]], *, pages: bool = False
    ) -> None:
        from hca_base.output import add_output_options, own_flags

        super().__init__(prog=prog, add_help=False, texts=texts)
        self._parameters: list[tuple[argparse.Action, Parameter]] = []
        self._has_json_body = operation.body == "json"
        taken = {option_of(parameter) for parameter in operation.parameters}
        required = self.add_argument_group("required") if operation.required else None
        optional = self.add_argument_group("optional")
        for parameter in operation.required:
            assert required is not None
            self._parameters.append((_add(required, parameter), parameter))
        for parameter in operation.optional:
            # Secrets have no option, because all users of the machine can read a process's arguments.
            if not parameter.credential:
                self._parameters.append((_add(optional, parameter), parameter))
        if operation.body == "json":
            add_body_options(optional, operation, taken)
        optional.add_argument(*own_flags(taken, "-h", "--help"), action="help", help="show this help")
        if pages:
            self._add_paging(optional, operation, taken)
        add_request_options(self, operation, taken)
        group = add_output_options(self, default="json", exclude=taken)
        group.add_argument(
            *own_flags(taken, "-i", "--include"),
            dest="include",
            metavar="HEADER",
            nargs="?",
            const="*",
            action="append",
            help="show the status and headers of the response first, or only HEADER; may be repeated",
        )

    def _add_paging(self, group: argparse._ArgumentGroup, operation: Operation, taken: set[str]) -> None:
        from hca_base.output import own_flags

        group.add_argument(
            *own_flags(taken, "--limit"),
            dest="limit",
            metavar="N",
            type=whole_number,
            help="get at most N items" + (" (--limit sets the page size)" if "--limit" in taken else ""),
        )
        group.add_argument(
            *own_flags(taken, "--no-paginate"),
            dest="paginate",
            action="store_false",
            default=True,
            help="get only the first page",
        )

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the words; a whole body, or a form instead of JSON, replaces the required members."""
        words = [word for word in args or () if word.startswith("-")]
        given = {word.partition("=")[0] for word in words}
        others = [
            action
            for action, parameter in self._parameters
            if parameter.whole or (parameter.location == "formData" and self._has_json_body)
        ]
        if any(given.intersection(action.option_strings) or action.default is not None for action in others):
            for action, parameter in self._parameters:
                if parameter.location == "body":
                    action.required = False
        for action, parameter in self._parameters:
            # Its members provide an object or the items of a list.
            if parameter.members and any(word.startswith(f"{option_of(parameter)}.") for word in words):
                action.required = False
        if self._has_json_body and is_raw(args or ()):
            for action, parameter in self._parameters:
                if parameter.whole:
                    action.type = body_bytes
        return super().parse_args(args, namespace)

    def fill_in(self) -> None:
        """Create the help texts, including those of the options."""
        if self._texts is not None:
            for action, parameter in self._parameters:
                action.help = _help_of(parameter)
        super().fill_in()


def values_of(args: argparse.Namespace, operation: Operation) -> dict[str, Any]:
    """Return the given arguments by the operation's Python names."""
    found = {}
    for parameter in operation.parameters:
        value = getattr(args, PREFIX + parameter.python_name, None)
        if value is not None:
            found[parameter.python_name] = value
    return with_members(found, args, operation) if operation.body == "json" else found


def option_of(parameter: Parameter) -> str:
    """Return the option of a parameter, which never uses a name reserved by hca."""
    taken = parameter.option.startswith(OWN) and not parameter.whole
    return f"--{parameter.location}-{parameter.name}" if taken else parameter.option


def _add(group: argparse._ArgumentGroup, parameter: Parameter) -> argparse.Action:
    settings: dict[str, Any] = {
        "dest": PREFIX + parameter.python_name,
        "required": parameter.required,
        "metavar": _metavar(parameter),
        "type": type_of(parameter),
    }
    if parameter.type == "array":
        settings |= {"nargs": "+", "action": _Extend}
    elif parameter.type == "boolean":
        settings |= {"nargs": "?", "const": True}
    flags = [option_of(parameter)]
    if parameter.whole and flags != [f"{OWN}body"]:
        flags.append(f"{OWN}body")
    try:
        return group.add_argument(*flags, **settings)
    except argparse.ArgumentError:
        # Two parameters of the document have the same option: the second one gets its full name.
        return group.add_argument(f"--{parameter.location}-{parameter.option.lstrip('-')}", **settings)


class _Extend(argparse.Action):
    """Collects the items of a list: several words, the option repeated, or a JSON list; or null, alone."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        before = begun(namespace, self.dest)
        if any(isinstance(value, enum.Enum) for value in values):
            if before or len(values) > 1:
                raise argparse.ArgumentError(self, "null cannot be combined with other values")
            setattr(namespace, self.dest, values[0])
            return
        if isinstance(before, enum.Enum):
            raise argparse.ArgumentError(self, "null cannot be combined with other values")
        found = list(before or [])
        for value in values:
            if isinstance(value, Items):
                found.extend(value)
            else:
                found.append(value)
        setattr(namespace, self.dest, found)


def _metavar(parameter: Parameter) -> str:
    choices = [str(choice) for choice in parameter.choices]
    short = len(choices) <= _MAX_SHOWN_CHOICES and sum(map(len, choices)) < 60
    if choices and short and all(choice.isprintable() and " " not in choice for choice in choices):
        shown = "{" + ",".join(choices) + "}"
    else:
        names = {
            "integer": "N",
            "number": "NUMBER",
            "boolean": "true|false",
            "object": "JSON",
            "any": "VALUE",
            "file": "FILE",
            "array": {"object": "JSON", "integer": "N", "number": "NUMBER"}.get(parameter.items or "", "VALUE"),
        }
        shown = names.get(
            parameter.type, parameter.name.upper().replace("-", "_") if _plain(parameter.name) else "TEXT"
        )
    return shown


def _plain(name: str) -> bool:
    return name.isascii() and name.replace("_", "").replace("-", "").isalnum()


def _help_of(parameter: Parameter) -> str:
    from hca_base.openapi import facts
    from hca_base.output import plain_text

    parts = [" ".join(plain_text(parameter.description, 10_000).split()), facts(parameter)]
    if parameter.whole and parameter.type == "string":
        parts.append("Text, @FILE, or - for stdin.")
    elif parameter.type in ("object", "any") or parameter.items == "object" or parameter.whole:
        parts.append("JSON, @FILE, or - for stdin.")
    if parameter.type == "any" and parameter.location == "body":
        parts.append("A value that is valid JSON is sent as JSON; to send a string, quote it twice: '\"1.10\"'.")
    if reads_null(parameter):
        parts.append("null is sent as JSON null.")
    elif parameter.nullable and parameter.location == "body" and parameter.type == "string":
        parts.append('null is sent as the string "null".')
    return _escaped(" ".join(part for part in parts if part))


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
