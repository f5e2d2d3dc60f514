"""cliff's application with hca's own command lookup and error reporting."""

from __future__ import annotations

import argparse
import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

from hca_base import __version__
from hca_base.commands import Context
from hca_base.commands._bases._cliff import app as cliff_app
from hca_base.commands._bases._cliff import commandmanager, help
from hca_base.commands._bases._parser import HelpFormatter
from hca_base.errors import ConfigError, DocumentError, ExitCode, HCAError, UsageError
from hca_base.shell._dispatch._catalog import Catalog
from hca_base.shell._dispatch._found import Found
from hca_base.shell._dispatch._split import OPTIONS

NAMESPACE = "hca.commands"


class HcaCommandManager(commandmanager.CommandManager):
    """Finds commands in the catalog by their exact names, and only imports the one that runs."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._added: dict[str, Any] = {}
        super().__init__(NAMESPACE, convert_underscores=True)

    def load_commands(self, namespace: str) -> None:
        self.group_list.append(namespace)

    def add_command(self, name: str, command_class: Any) -> None:
        # Unlike hca's own, cliff's 'help' and 'complete' import every command.
        if not getattr(command_class, "__module__", "").startswith("cliff."):
            self._added[name] = commandmanager.EntryPointWrapper(name, command_class)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        yield from self._added.items()
        for name in self.catalog.names():
            yield name, self.catalog.find(name.split(" "))[0]

    def find(self, argv: list[str]) -> tuple[Any, list[str]]:
        """Return the entry (with ``name`` and ``load()``) of a command line, and the remaining words.

        :raises hca_base.errors.HCAError: there is no such command, or its plugin is broken
        """
        for name, entry in self._added.items():
            words = name.split(" ")
            if list(argv[: len(words)]) == words:
                return entry, list(argv[len(words) :])
        return self.catalog.find(argv)

    def find_command(self, argv: list[str]) -> tuple[Any, str, list[str]]:
        """cliff's interface to :meth:`find`.

        :raises ValueError: there is no such command
        """
        try:
            found, rest = self.find(argv)
            return found.load(), found.name, rest
        except HCAError as error:
            raise ValueError(str(error)) from error

    def get_command_names(self, group: str | None = None) -> list[str]:
        return list(self.catalog.names())


class HcaApp(cliff_app.App):
    """The application.

    :param context: options before the command, settings, clients
    :param catalog: all commands
    :param shell: runs the interactive shell, which is in a higher layer
    :param find: searches commands and documentation; also in a higher layer
    """

    NAME = "hca"

    def __init__(
        self,
        context: Context,
        catalog: Catalog,
        shell: Callable[..., int] | None = None,
        find: Callable[..., Any] | None = None,
    ) -> None:
        self.context = context
        self.catalog = catalog
        self._shell = shell
        self.search = functools.partial(find, catalog) if find is not None else None
        self.remember: Callable[[Any], None] = _forget_it
        super().__init__(
            description="Human Cell Atlas", version=__version__, command_manager=HcaCommandManager(catalog)
        )
        self.options: Any = context.options

    def build_option_parser(
        self, description: str | None, version: str | None, argparse_kwargs: dict[str, Any] | None = None
    ) -> argparse.ArgumentParser:
        """The options before the command, for tools that describe the application; :mod:`._split` parses them."""
        # argparse creates its formatter for each option, which imports shutil, bz2 and lzma.
        parser = argparse.ArgumentParser(
            prog="hca", description=description, formatter_class=HelpFormatter, add_help=False, allow_abbrev=False
        )
        for names, metavar, text in OPTIONS:
            if metavar:
                parser.add_argument(*names, metavar=metavar, help=text)
            else:
                parser.add_argument(*names, action="store_true", help=text)
        return parser

    def run(self, argv: list[str]) -> int:
        """Run one command. The caller handles all errors."""
        from hca_base.config import ensure_user_config
        from hca_base.shell._dispatch._logging import configure

        ensure_user_config()
        configure(self.context)
        self._tell_warnings()
        self.initialize_app(argv)
        return self.run_subcommand(argv)

    def _tell_warnings(self) -> None:
        """Warn about sources of settings that were skipped."""
        from hca_base.output import warn

        try:
            warnings = self.context.config.warnings
        except ConfigError:
            return  # reported by the command that needs the settings
        for warning in warnings:
            warn(warning)

    def interact(self) -> None:
        """Open the interactive shell, or run the lines of stdin."""
        raise SystemExit(self.interactive_shell())

    def interactive_shell(self, *, errexit: bool = False, commands: list[str] | None = None) -> int:
        """Run the interactive shell until the user leaves; return the exit code.

        :param errexit: stop at the first command that fails, if stdin is not a terminal
        :param commands: lines to run instead of stdin
        """
        if self._shell is None:
            raise UsageError("the interactive shell is not available")
        return self._shell(self, errexit=errexit, commands=commands)

    def run_subcommand(self, argv: list[str]) -> int:
        found, rest = self._find(argv)
        factory = found.load()
        arguments: dict[str, Any] = {}
        if "cmd_name" in inspect.getfullargspec(factory.__init__).args:
            arguments["cmd_name"] = found.name
        command = factory(self, self.options, **arguments)
        result: Any = ExitCode.FAILED
        problem: BaseException | None = None
        try:
            self.prepare_to_run_command(command)
            name = found.name if self.interactive_mode else f"{self.NAME} {found.name}"
            parser = command.get_parser(name)
            parser.allow_abbrev = False
            self._apply_defaults(parser, found)
            result = command.run(parser.parse_args(rest))
            return result if isinstance(result, int) and not isinstance(result, bool) else ExitCode.OK
        except help.HelpExit:
            result = ExitCode.OK
            return ExitCode.OK
        except BaseException as error:
            problem = error
            raise
        finally:
            self.clean_up(command, result if isinstance(result, int) else 0, problem)

    def _find(self, argv: list[str]) -> tuple[Found, list[str]]:
        manager = self.command_manager
        assert isinstance(manager, HcaCommandManager)
        try:
            found, rest = manager.find(argv)
        except DocumentError:
            # The cached document is missing: fetch it, since the command will call the service anyway.
            if not self.catalog.fetch_missing(argv):
                raise
            found, rest = manager.find(argv)
        if isinstance(found, Found):
            found = self.catalog.resolve(found, rest)
            from hca_base.output import warn

            for warning in self.catalog.warnings(found.name):
                warn(warning)
        return found, rest

    def _apply_defaults(self, parser: argparse.ArgumentParser, found: Any) -> None:
        """Return defaults for the options of this command, from its section in the settings."""
        name = found.name
        apply = getattr(parser, "apply_defaults", None)
        # Commands that repair the settings must also run if the settings cannot be read.
        if apply is None or name.startswith(("config ", "profile ", "plugin ", "completion ")):
            return
        config = self.context.config
        for section in getattr(found, "sections", (name.replace(" ", "_").replace("-", "_"),)):
            apply(config.command_defaults(section), section, config.origin)

    # The interactive shell redirects stdout to pipes and files while a command runs.

    @property
    def stdout(self) -> Any:
        """The current stdout."""
        return sys.stdout

    @stdout.setter
    def stdout(self, stream: Any) -> None:
        pass


def _forget_it(data: Any) -> None:
    """Do nothing: only interactive sessions remember results."""
