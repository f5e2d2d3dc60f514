"""The options of a generated command, from the parameters of its operation."""

from __future__ import annotations

import argparse
import enum
import json
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hca_base.commands import Parser, boolean_argument, json_argument, text_argument
from hca_base.output import OWN
from hca_base.shell._generated._request_options import add_request_options

if TYPE_CHECKING:
    from hca_base.openapi import Operation, Parameter

#: A dest that no option of ours has: the API's parameters may have any name.
PREFIX = "api:"
_MAX_SHOWN_CHOICES = 12


class OperationParser(Parser):
    """A parser with an option for each parameter, required ones first, and the output options that they leave free.

    What its help says is made when it is asked for: a command that runs needs nothing of it.

    :param texts: gives what stands before and after the options in the help
    :param pages: the answer may be a list in pages
    """

    def __init__(
        self, operation: Operation, prog: str, texts: Callable[[], tuple[str, str]], *, pages: bool = False
    ) -> None:
        from hca_base.output import add_output_options, own_flags

        super().__init__(prog=prog, add_help=False)
        self._texts: Callable[[], tuple[str, str]] | None = texts
        self._parameters: list[tuple[argparse.Action, Parameter]] = []
        taken = {option_of(parameter) for parameter in operation.parameters}
        required = self.add_argument_group("required") if operation.required else None
        optional = self.add_argument_group("optional")
        for parameter in operation.required:
            assert required is not None
            self._parameters.append((_add(required, parameter), parameter))
        for parameter in operation.optional:
            # A secret has no option: everyone on the machine can read the arguments of a process.
            if not parameter.credential:
                self._parameters.append((_add(optional, parameter), parameter))
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
            help="show the status and the headers of the answer first, or only HEADER; may be repeated",
        )

    def _add_paging(self, group: argparse._ArgumentGroup, operation: Operation, taken: set[str]) -> None:
        from hca_base.output import own_flags

        group.add_argument(
            *own_flags(taken, "--limit"),
            dest="limit",
            metavar="N",
            type=_whole_number,
            help="get at most N items" + (" (--limit is the size of a page)" if "--limit" in taken else ""),
        )
        group.add_argument(
            *own_flags(taken, "--no-paginate"),
            dest="paginate",
            action="store_false",
            default=True,
            help="get only the first page",
        )

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the words; a whole body stands for its required members."""
        whole = [each for each, parameter in self._parameters if parameter.whole]
        given = {word.partition("=")[0] for word in args or () if word.startswith("--")}
        if any(given.intersection(action.option_strings) or action.default is not None for action in whole):
            for action, parameter in self._parameters:
                if parameter.location == "body":
                    action.required = False
        return super().parse_args(args, namespace)

    def fill_in(self) -> None:
        """Make the texts of the help."""
        if self._texts is not None:
            self.describe(*self._texts())
            self._texts = None
            for action, parameter in self._parameters:
                action.help = _help_of(parameter)

    def format_help(self) -> str:
        self.fill_in()
        return super().format_help()


def values_of(args: argparse.Namespace, operation: Operation) -> dict[str, Any]:
    """The arguments that were given, by the operation's Python names."""
    found = {}
    for parameter in operation.parameters:
        value = getattr(args, PREFIX + parameter.python_name, None)
        if value is not None:
            found[parameter.python_name] = value
    return found


def option_of(parameter: Parameter) -> str:
    """The option of a parameter. None takes a name of ours that must stay free."""
    taken = parameter.option.startswith(OWN) and not parameter.whole
    return f"--{parameter.location}-{parameter.name}" if taken else parameter.option


def _add(group: argparse._ArgumentGroup, parameter: Parameter) -> argparse.Action:
    settings: dict[str, Any] = {
        "dest": PREFIX + parameter.python_name,
        "required": parameter.required,
        "metavar": _metavar(parameter),
        "type": _type_of(parameter),
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
        # Two parameters of one option: the document's own clash. The second is reached by its full name.
        return group.add_argument(f"--{parameter.location}-{parameter.option.lstrip('-')}", **settings)


class _Extend(argparse.Action):
    """Collects the items of a list: several words, the option repeated, or a JSON list; or null, alone."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        if not getattr(namespace, f"{self.dest}:given", False):
            # The first one replaces a default of the configuration.
            setattr(namespace, f"{self.dest}:given", True)
            setattr(namespace, self.dest, [])
        before = getattr(namespace, self.dest)
        if any(isinstance(value, enum.Enum) for value in values):
            if before or len(values) > 1:
                raise argparse.ArgumentError(self, "null stands alone")
            setattr(namespace, self.dest, values[0])
            return
        if isinstance(before, enum.Enum):
            raise argparse.ArgumentError(self, "null stands alone")
        found = list(before or [])
        for value in values:
            if isinstance(value, _Items):
                found.extend(value)
            else:
                found.append(value)
        setattr(namespace, self.dest, found)


class _Items(list[Any]):
    """A JSON list that was given as one word."""


def _type_of(parameter: Parameter) -> Callable[[str], Any]:
    if parameter.whole and parameter.type == "string":
        return _body_text
    plain: Callable[[str], Any]
    if parameter.whole and parameter.type == "array":
        plain = _json_items
    else:
        plain = _item_type(parameter.items) if parameter.type == "array" else _scalar_type(parameter.type)
    if parameter.type in ("file", "string") and not _reads_null(parameter):
        return plain

    def value(text: str) -> Any:
        from hca_base.openapi import NULL

        if text.strip() == "null" and _reads_null(parameter):
            return NULL
        found = plain(text)
        if found is None and parameter.type != "array":
            # None would stand for an option that is not given. A URL has no null, but texts.
            return "null" if parameter.type == "any" and parameter.location != "body" else NULL
        return found

    value.__name__ = getattr(plain, "__name__", "value")
    return value


def _reads_null(parameter: Parameter) -> bool:
    """Whether the word ``null`` is JSON's null: where that can be sent, and the word means nothing else as a text."""
    texts = parameter.type == "string" or (parameter.type == "array" and parameter.items in (None, "string"))
    return parameter.takes_null and (not texts or ("null" not in parameter.choices and bool(parameter.choices)))


def _scalar_type(name: str | None) -> Callable[[str], Any]:
    types: dict[str | None, Callable[[str], Any]] = {
        "integer": _integer,
        "number": _number,
        "boolean": boolean_argument,
        "object": json_argument,
        "any": _anything,
        "file": _file,
    }
    return types.get(name, str)


def _item_type(name: str | None) -> Callable[[str], Any]:
    scalar = _scalar_type(name)

    def item(value: str) -> Any:
        if value[:1] in ("[", "@") or value == "-":
            if name in (None, "string") and value[:1] != "[":
                return value
            if name == "file" and value[:1] != "[":
                return scalar(value)
            try:
                parsed = json_argument(value)
            except argparse.ArgumentTypeError:
                if name in (None, "string"):
                    return value
                raise
            return _Items(parsed) if isinstance(parsed, list) else parsed
        return scalar(value)

    item.__name__ = getattr(scalar, "__name__", "value")
    return item


def _json_items(value: str) -> Any:
    """Items of a whole body that is a list: a JSON list, ``@FILE``, ``-``, or one item."""
    found = _anything(value)
    return _Items(found) if isinstance(found, list) else found


def _body_text(value: str) -> Any:
    """A body that is text: the text itself, ``@FILE`` or ``-``, whose bytes go as they are."""
    return _file(value) if value == "-" or value.startswith("@") else value


_body_text.__name__ = "text"


def _whole_number(value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise argparse.ArgumentTypeError(f"{value!r} is not a number of items")
    return int(value[:18])


def _integer(value: str) -> int:
    try:
        return int(value, 10)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number") from None


def _number(value: str) -> float | int:
    try:
        return int(value, 10)
    except ValueError:
        pass
    try:
        return float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number") from None


def _anything(value: str) -> Any:
    text = text_argument(value) if value.startswith("@") or value == "-" else value
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _file(value: str) -> Any:
    """The content of a file, for parameters that carry one: a path (a pipe's, too), or ``-`` for stdin."""
    from hca_base.commands import read_stdin_bytes
    from hca_base.config import expand_home

    if value == "-":
        return read_stdin_bytes()
    path = expand_home(value.removeprefix("@"))
    try:
        folder = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise argparse.ArgumentTypeError(f"there is no file {path}") from None
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path} cannot be read: {error.strerror or error}") from None
    if folder:
        raise argparse.ArgumentTypeError(f"{path} is a folder; name a file")
    return path


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
    if _reads_null(parameter):
        parts.append("The word null is JSON's null.")
    elif parameter.nullable and parameter.location == "body" and parameter.type == "string":
        parts.append('null is sent as the string "null".')
    return _escaped(" ".join(part for part in parts if part))


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
