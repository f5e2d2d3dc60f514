"""Base classes of commands."""

from __future__ import annotations

import abc
import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from hca_base.commands._bases._cliff import command as cliff_command
from hca_base.commands._bases._context import Context
from hca_base.commands._bases._page import columns, reflowed
from hca_base.commands._bases._parser import Parser

if TYPE_CHECKING:
    from hca_base.config import Config
    from hca_base.openapi import Client


class Command(cliff_command.Command, metaclass=abc.ABCMeta):
    """A command.

    The first line of the class's docstring is its summary, which is read from the source without importing the
    module; the rest is the description in its help.

    ``take_action(args)`` returns None, an exit code (int), or data, which is written according to the output options.
    It raises :class:`hca_base.errors.HCAError` for errors that a user can understand. Other exceptions are reported as
    bugs.

    :cvar output: offer the output options (``--format``, ``--query``, …)
    :cvar default_format: format of the output when none is chosen
    :cvar example: a command line for the help, without the leading ``hca``
    """

    # Report colliding hooks and options of plugins, which cliff drops by default.
    conflict_handler = "error"
    output = False
    default_format = "json"
    example = ""

    def __init__(self, app: Any, app_args: Any = None, cmd_name: str | None = None) -> None:
        super().__init__(app, app_args, cmd_name)

    def _load_hooks(self) -> None:
        # cliff looks up hooks of every command with stevedore, which takes longer than most commands. The scan of
        # entry points shows whether there are any.
        from hca_base.plugins import registry

        self._hooks: Any = []
        if self.cmd_name and registry().has_hooks(self.cmd_name):
            super()._load_hooks()

    @property
    def context(self) -> Context:
        """Options before the command, settings, clients."""
        found = getattr(self.app, "context", None)
        if found is None:
            found = Context()
            self.app.context = found  # type: ignore[attr-defined]
        context: Context = found
        return context

    @property
    def config(self) -> Config:
        """The settings."""
        return self.context.config

    @property
    def stdout(self) -> Any:
        """Where results go."""
        return getattr(self.app, "stdout", None) or sys.stdout

    def service_client(self, name: str) -> Client:
        """Return the client of a service; it is created once per session."""
        return self.context.client(name)

    def emit(self, data: Any, args: argparse.Namespace | None = None, **options: Any) -> None:
        """Write a result to stdout, or to the file in the output options in ``args``.

        :param data: a JSON-like value
        :param args: parsed arguments of a command that offers the output options
        :param options: arguments of :func:`hca_base.output.emit`, which override ``args``
        """
        from hca_base import output

        settings: dict[str, Any] = {"fmt": self.default_format}
        if args is not None:
            settings.update(output.output_options(args, self._format_config()))
        settings.update(options)
        settings.setdefault("stream", self.stdout)
        output.emit(data, **settings)

    def _format_config(self) -> Config | None:
        """Where ``output.format`` is looked up; tables of the core's own lists stay tables."""
        return self.config if self.default_format == "json" else None

    def note(self, message: str) -> None:
        """Print a message on stderr, unless ``--quiet``."""
        if not self.context.options.quiet:
            from hca_base.output import note

            note(message)

    # Overrides of cliff's Command

    def get_epilog(self) -> str:
        parts = [self._epilog or ""]
        if self.example:
            parts.append(f"example:\n  hca {self._example()}")
        parts += [epilog for hook in self._hooks if hook.obj is not None and (epilog := hook.obj.get_epilog())]
        return "\n\n".join(part for part in parts if part)

    def _example(self) -> str:
        """The example, under the name of the service that the command is shown for."""
        shown, written = (self.cmd_name or "").split(" "), self.example.split(" ")
        if len(shown) > 1 and shown[1:] == written[1 : len(shown)]:
            return " ".join([*shown, *written[len(shown) :]])
        return self.example

    def get_description(self) -> str:
        import inspect

        if type(self).__doc__ is None and not self._description:
            return ""
        return self._description or inspect.getdoc(type(self)) or ""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = Parser(
            prog=prog_name,
            texts=self._texts,
            conflict_handler=self.conflict_handler,
        )
        if self.output:
            from hca_base.output import add_output_options

            add_output_options(parser, default=self.default_format)
        for hook in self._hooks:
            if hook.obj is not None:
                hook.obj.get_parser(parser)
        return parser

    def _texts(self) -> tuple[str, str]:
        """What stands before and after the options in the help."""
        return reflowed(self.get_description(), max(20, min(columns(), 100) - 2)), self.get_epilog()

    @abc.abstractmethod
    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Run the command."""

    def run(self, parsed_args: argparse.Namespace) -> int:
        parsed_args = self._run_before_hooks(parsed_args)
        result = self._finish(self.take_action(parsed_args), parsed_args)
        result = self._run_after_hooks(parsed_args, result)
        return result if isinstance(result, int) else 0

    def _finish(self, result: Any, args: argparse.Namespace) -> int:
        if result is None:
            return 0
        if isinstance(result, int) and not isinstance(result, bool):
            return int(result)
        self.emit(result, args if self.output else None)
        return 0


class DataCommand(Command):
    """A command whose result is data: ``take_action`` returns it, and the output options say how it is shown.

    None stands for "nothing to show"; a number is data too, not an exit code.
    """

    output = True

    def _finish(self, result: Any, args: argparse.Namespace) -> int:
        if result is not None:
            self.emit(result, args)
        return 0


class Lister(DataCommand):
    """A command that lists things: ``take_action`` returns (column names, rows), or a list of objects."""

    default_format = "table"

    def _finish(self, result: Any, args: argparse.Namespace) -> int:
        if _is_columns(result):
            names, rows = result
            self.emit([dict(zip(names, row, strict=True)) for row in rows], args, **_order(args, names))
            return 0
        return super()._finish(result, args)


class ShowOne(DataCommand):
    """A command that shows one thing: ``take_action`` returns (names, values), or an object."""

    default_format = "table"

    def _finish(self, result: Any, args: argparse.Namespace) -> int:
        if _is_columns(result):
            names, values = result
            self.emit(dict(zip(names, values, strict=True)), args)
            return 0
        return super()._finish(result, args)

    def dict2columns(self, data: dict[str, Any]) -> tuple[Sequence[str], Sequence[Any]]:
        """The columns of a dictionary, as cliff's ``ShowOne`` has it."""
        return tuple(data), tuple(data.values())


def _is_columns(result: Any) -> bool:
    return (
        isinstance(result, tuple)
        and len(result) == 2
        and isinstance(result[0], (list, tuple))
        and isinstance(result[1], Iterable)
    )


def _order(args: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """Keep the columns' order, unless the user chose columns."""
    from hca_base.output import output_options

    chosen = output_options(args)
    if chosen.get("columns") or chosen.get("query"):
        return {}
    return {"columns": list(names)} if chosen.get("fmt") in ("table", "csv", "tsv", "value") else {}
