"""A session of the interactive shell: its state, and running single lines."""

from __future__ import annotations

import itertools
import os
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hca_base.errors import HCAError, UsageError
from hca_base.output import note
from hca_base.shell._dispatch._errors import guard
from hca_base.shell._repl import _line
from hca_base.shell._repl._outputs import output_of, run_system
from hca_base.shell._repl._set import apply, values_for

if TYPE_CHECKING:
    from hca_base.shell._dispatch._app import HcaApp

_MAX_VALUES = 500
_MAX_NODES = 2000
#: Words of the commands that change the user's credentials.
_CREDENTIALS = frozenset({"auth", "login", "logout"})

BUILT_IN = {
    "help": "show help for a command or group",
    "?": "show help for a command or group",
    "use": "prefix commands with this service or group; alone: stop doing so",
    "set": "set profile, format, log_level or any setting for this session; alone: show what is set",
    "unset": "undo a 'set'",
    "history": "show the lines of this session",
    "cd": "change the working directory; alone: to your home",
    "pwd": "show the working directory",
    "clear": "clear the screen",
    "!": "run a command of the system's shell",
    "exit": "exit (or Ctrl-D)",
    "quit": "exit (or Ctrl-D)",
}


class Leave(Exception):
    """Raised when the user leaves the shell."""


class Session:
    """State that is kept between lines.

    :ivar prefix: the implied first word, or None
    :ivar last: exit code and seconds of the last line, or None
    :ivar pages: use the user's pager for results longer than the terminal
    :ivar seen: values in results by member name, newest last
    """

    def __init__(self, app: HcaApp, *, interactive: bool) -> None:
        self.app = app
        self.context = app.context
        self.catalog = app.catalog
        self.interactive = interactive
        self.pages = False
        self.prefix: str | None = None
        self.last: tuple[int, float] | None = None
        self.seen: dict[str, OrderedDict[str, None]] = {}
        self.lines: list[str] = []
        if interactive:
            app.remember = self.remember

    def execute(self, text: str) -> int:
        """Run one line and return its exit code. Errors are reported, and the session continues.

        :raises Leave: the line leaves the shell
        """
        leaving = False

        def action() -> int:
            nonlocal leaving
            try:
                return self._run(text)
            except Leave:
                leaving = True
                return 0

        started = time.monotonic()
        code = guard(action, self.context.options)
        self.last = code, time.monotonic() - started
        if leaving:
            raise Leave
        return code

    def _run(self, text: str) -> int:
        # Another process may have changed the settings since the last line.
        self.context.notice_changes()
        if "\0" in text:
            # Null characters are not valid in file names or arguments.
            raise UsageError("the line contains a NUL character")
        stripped = text.strip()
        if stripped.startswith("!"):
            return run_system(stripped[1:])
        line = _line.parse(text)
        words = line.words
        if words and words[0] == "hca":
            # The line was copied from the documentation.
            words = words[1:]
        if not words:
            if line.pipe is not None or line.output is not None:
                raise UsageError("there is no command whose output to redirect")
            return 0
        code = 0
        if len(words) > 1 and stripped.endswith(" ?"):
            words = self._partial(words[:-1])
        with output_of(line, paged=self.pages) as finish:
            code = self._dispatch(words)
        return int(finish(code))

    def _dispatch(self, words: list[str]) -> int:
        words = self.catalog.help_first(words)
        first, arguments = words[0], words[1:]
        if first in ("exit", "quit") and not arguments:
            raise Leave
        if first in ("help", "?") or words[-1] in ("-h", "--help"):
            return self._help([word for word in words if word not in ("-h", "--help")])
        if first == "history" and not arguments:
            self.app.stdout.write("".join(f"{line}\n" for line in self.lines))
            return 0
        if first in ("cd", "pwd", "clear"):
            return _place(first, arguments, self.app.stdout)
        if first == "use":
            return self._use(arguments)
        if first == "set":
            return self._set(arguments)
        if first == "unset":
            return self._unset(arguments)
        words = self._with_prefix(words)
        if self.catalog.is_bare_group(words):
            return self._help(words)
        try:
            return self.app.run_subcommand(words)
        finally:
            if _CREDENTIALS.intersection(words[:2]):
                # Clients must look for credentials again.
                self.context.forget()

    def _with_prefix(self, words: list[str]) -> list[str]:
        """Return the words with the implied first one, if that makes them a command."""
        if self.prefix is None:
            return words
        try:
            found, _ = self.catalog.find([self.prefix, *words])
        except UsageError as error:
            if self._is_known(words):
                return words
            # A mistyped command of the current service: suggest its names.
            raise error from None
        return [self.prefix, *words] if found.name.startswith(f"{self.prefix} ") else words

    def _is_known(self, words: list[str]) -> bool:
        """Return True if the words are a command or group without the implied first word."""
        try:
            return self.catalog.is_bare_group(words) or bool(self.catalog.find(words))
        except UsageError:
            return False

    def _partial(self, words: list[str]) -> list[str]:
        """Return the words that show help for an unfinished line: its command, without options and values."""
        names = list(itertools.takewhile(lambda word: not word.startswith("-"), words))
        whole = self._with_prefix(names)
        if self.catalog.is_bare_group(whole):
            return ["help", *names]
        _, rest = self.catalog.find(whole)
        return ["help", *names[: len(names) - len(rest)]]

    def _help(self, words: list[str]) -> int:
        from hca_base.commands import page
        from hca_base.shell._dispatch._help import command_help

        words = words[1:] if words and words[0] in ("help", "?") else words
        if not words and self.prefix is None:
            width = max(map(len, BUILT_IN)) + 2
            lines = [f"  {name:<{width}}{text}\n" for name, text in BUILT_IN.items()]
            notes = [
                "  COMMAND | LESS     send output to a system command\n",
                "  COMMAND > FILE     write output to a file; >> appends to it\n",
            ]
            page("".join(["In this shell:\n", *lines, *notes, "\n", command_help(self.catalog, []) or ""]))
            return 0
        words = [self.prefix] if not words and self.prefix else self._with_prefix(words)
        text = command_help(self.catalog, words)
        if text:
            page(text)
            return 0
        return self.app.run_subcommand([*words, "--help"])

    def _use(self, arguments: list[str]) -> int:
        if not arguments:
            self.prefix = None
            return 0
        if len(arguments) > 1 or not self.catalog.is_group(arguments[0]):
            raise UsageError(
                f"'use' requires a service or group, not {' '.join(arguments)!r}", hint="'help' lists them"
            )
        self.prefix = arguments[0]
        return 0

    def settings(self) -> dict[str, str]:
        """Return the session's settings, for the prompt and ``set``."""
        options = self.context.options
        found = {key: str(value) for key, value in options.overrides.items()}
        if options.log_level:
            found["log_level"] = options.log_level
        if options.profile:
            found["profile"] = options.profile
        return {"format" if key == "output.format" else key: value for key, value in found.items()}

    def _set(self, arguments: list[str]) -> int:
        if not arguments:
            for key, value in sorted(self.settings().items()):
                self.app.stdout.write(f"{key} = {value}\n")
            if self.interactive:
                note(
                    "'set NAME VALUE' sets profile, format, log_level or any setting; Tab lists them with their values"
                )
            return 0
        key, equals, value = arguments[0].partition("=")
        values = ([value] if equals else []) + arguments[1:]
        if len(values) != 1 or not key:
            known = values_for(key)
            hint = f"{key} is one of {', '.join(known)}" if known else "set profile local; set format yaml"
            raise UsageError("'set' requires a name and a value", hint=hint)
        apply(self.context, key, values[0])
        return 0

    def _unset(self, arguments: list[str]) -> int:
        from hca_base.shell._dispatch._logging import configure

        if len(arguments) != 1 or arguments[0] not in self.settings():
            raise UsageError("'unset' requires a name that was set", hint="'set' shows them")
        key, options = arguments[0], self.context.options
        if key == "profile":
            options.profile = None
        elif key == "log_level":
            options.log_level = None
            configure(self.context)
            return 0
        else:
            options.overrides.pop("output.format" if key == "format" else key, None)
        self.context.forget()
        return 0

    def remember(self, data: Any) -> None:
        """Remember the scalar values in a result by member name."""
        budget = _MAX_NODES
        stack: list[tuple[str, Any]] = [("", data)]
        while stack and budget:
            budget -= 1
            name, value = stack.pop()
            if isinstance(value, Mapping):
                stack.extend((str(key), inner) for key, inner in value.items())
            elif isinstance(value, list):
                stack.extend((name, inner) for inner in value[:200])
            elif isinstance(value, str) and name and 0 < len(value) <= 200 and value.isprintable():
                self._note_value(name, value)

    def _note_value(self, name: str, value: str) -> None:
        from hca_base.config import is_secret

        if is_secret(name):
            return
        parts = [(name, value)]
        if name.endswith("_fqid") and "." in value:
            # The DSS writes "UUID.VERSION" for bundles and files in search results.
            uuid, _, version = value.partition(".")
            parts += [("uuid", uuid), ("version", version), (name.replace("_fqid", "_uuid"), uuid)]
        for key, each in parts:
            values = self.seen.setdefault(key, OrderedDict())
            values.pop(each, None)
            values[each] = None
            while len(values) > _MAX_VALUES:
                values.popitem(last=False)

    def values_of(self, option: str) -> list[str]:
        """Return values seen for an option such as ``bundle_uuid``, newest first."""
        found: dict[str, None] = {}
        names = [option]
        while "_" in names[-1]:
            names.append(names[-1].partition("_")[2])
        for name in names:
            found.update(dict.fromkeys(reversed(self.seen.get(name, ()))))
        return list(found)


def _place(command: str, arguments: list[str], stdout: Any) -> int:
    """Run ``cd``, ``pwd`` or ``clear``.

    :raises HCAError: the directory does not exist
    """
    from hca_base.config import expand_home

    if len(arguments) > (command == "cd"):
        raise UsageError(f"{command!r} takes {'one directory' if command == 'cd' else 'no arguments'}")
    if command == "cd":
        target = expand_home(arguments[0] if arguments else "~")
        try:
            os.chdir(target)
        except OSError as error:
            raise HCAError(f"cannot change to {target}: {error.strerror or error}") from None
    elif command == "pwd":
        stdout.write(f"{os.getcwd()}\n")  # noqa: PTH109 - as the user went there, links included
    else:
        stdout.write("\x1b[2J\x1b[H" if stdout.isatty() else "")
    return 0
