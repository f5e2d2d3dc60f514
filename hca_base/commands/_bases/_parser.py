"""The argument parser of all commands."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from hca_base.commands._bases._page import columns, page
from hca_base.errors import ConfigError, UsageError


def shown_flags(flags: Sequence[str]) -> list[str]:
    """Return the names of an option without the reserved ``--hca-…``, unless it is the only one."""
    return [flag for flag in flags if not flag.startswith("--hca-")] or list(flags)


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal, at most 100 columns; descriptions keep their lines."""

    def __init__(self, prog: str, **kwargs: Any) -> None:
        # argparse creates a formatter for each added option; these must not look up the terminal's width.
        super().__init__(prog, **{"width": 78, "max_help_position": 28, **kwargs})

    def format_help(self) -> str:
        self._width = max(20, min(columns(), 100) - 2)
        self._max_help_position = min(28, max(self._width - 20, 4))
        return super().format_help()

    def _format_action_invocation(self, action: argparse.Action) -> str:
        # Only show reserved names if the plain ones are taken.
        names = action.option_strings
        action.option_strings = shown_flags(names)
        try:
            return super()._format_action_invocation(action)
        finally:
            action.option_strings = names

    def _expand_help(self, action: argparse.Action) -> str:
        # argparse formats all choices for every help text, and ours would look up entry points for them.
        if action.help and "%(choices" not in action.help and action.choices is not None:
            choices, action.choices = action.choices, None
            try:
                return super()._expand_help(action)
            finally:
                action.choices = choices
        return super()._expand_help(action)


class Parser(argparse.ArgumentParser):
    """An argument parser that never guesses, and raises exceptions instead of exiting.

    Options cannot be abbreviated, declaring an option twice is a programming error, and an invalid command line
    raises :class:`hca_base.errors.UsageError`. Help texts are created on demand, because running a command does not
    need them.

    :param texts: returns the help before and after the options, which is used unchanged
    """

    def __init__(self, *args: Any, texts: Callable[[], tuple[str, str]] | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", HelpFormatter)
        kwargs["allow_abbrev"] = False
        super().__init__(*args, **kwargs)
        # From Python 3.14 on argparse colours help, and format_help would escape its control sequences.
        self.color = False
        self._texts = texts

    def fill_in(self) -> None:
        """Create the help texts; texts that were set on the parser are kept."""
        if self._texts is not None:
            # If a text contains %(prog), argparse formats it and fails on any other %.
            before, after = (text.replace("%", "%%") if "%(prog)" in text else text for text in self._texts())
            self.description, self.epilog = self.description or before, self.epilog or after
            self._texts = None

    def error(self, message: str) -> NoReturn:
        # argparse shows "{type!r} value" for types without a docstring; there is only space for one line.
        raise UsageError(" ".join(message.split()), hint=f"see '{self.prog} --help'")

    def format_help(self) -> str:
        from hca_base.output import safe_text

        self.fill_in()
        # The help may contain a service's texts.
        return safe_text(super().format_help())

    def print_help(self, file: Any = None) -> None:
        page(self.format_help(), file)

    def apply_defaults(
        self,
        defaults: Mapping[str, Any],
        section: str,
        origin: Callable[[tuple[str, str]], object] | None = None,
    ) -> None:
        """Use the configuration's defaults for options; a required option that has one need not be given.

        :param defaults: by option name, with ``_`` for ``-``
        :param section: their configuration section, for messages
        :param origin: returns where a key is set, for messages
        :raises hca_base.errors.ConfigError: a value is not valid for its option
        """
        if not defaults:
            return
        for action in self._actions:
            for key in _keys_of(action):
                if key in defaults and action.dest not in ("help", argparse.SUPPRESS):
                    try:
                        value = _converted(action, defaults[key], f"{section}.{key}")
                    except ConfigError as error:
                        # The key may have dashes in the file.
                        places = [origin((section, name)) for name in (key, key.replace("_", "-")) if origin]
                        place = next((f"{place}: " for place in places if place is not None), "")
                        raise ConfigError(f"{place}{error.message}", hint=error.hint) from None
                    action.default = value
                    action.required = False
                    break


def _keys_of(action: argparse.Action) -> list[str]:
    keys = [action.dest.rpartition(":")[2]]
    keys += [option.lstrip("-").replace("-", "_") for option in action.option_strings if option.startswith("--")]
    return keys


def _converted(action: argparse.Action, value: Any, key: str) -> Any:
    if isinstance(value, list) and (action.nargs in ("*", "+") or isinstance(action, argparse._AppendAction)):
        return [_converted_one(action, each, key) for each in value]
    return _converted_one(action, value, key)


def _converted_one(action: argparse.Action, value: Any, key: str) -> Any:
    if value is None:
        return None
    import json
    from pathlib import Path

    if action.choices is not None and value not in (allowed := list(action.choices)):
        raise ConfigError(
            f"{key} is {value!r}; the option takes {', '.join(str(choice) for choice in allowed)}",
            hint=f"hca config set {key} {allowed[0]}" if allowed else None,
        )
    wanted = None
    if action.nargs == 0:
        if isinstance(action.const, bool) and not isinstance(value, bool):
            # Any non-empty string would count as true.
            wanted = "true or false"
    elif isinstance(value, (int, float)):
        # Convert it like a value on the command line.
        try:
            return action.type(json.dumps(value)) if callable(action.type) else json.dumps(value)
        except (ValueError, TypeError, argparse.ArgumentTypeError) as error:
            wanted = str(error) if isinstance(error, argparse.ArgumentTypeError) else "something else"
    elif isinstance(value, (list, dict)) and action.type in (None, str, int, float, Path):
        wanted = "one value"
    if wanted is not None:
        raise ConfigError(
            f"{key} is {json.dumps(value)}; the option takes {wanted}",
            hint=f"fix it with 'hca config set' or 'hca config unset {key}'",
        )
    # A string goes through the option's type at the end of parsing; argparse does that for defaults.
    return value
