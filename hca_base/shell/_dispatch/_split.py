"""Split a command line at its first command word.

Only options before that word are options of ``hca`` itself: in ``hca dss get-bundle --version V``, it is the bundle's
version. Options are matched by their exact names.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from hca_base.commands import GlobalOptions
from hca_base.errors import UsageError

#: (options, metavar or None, description), in the order of the help
OPTIONS: tuple[tuple[tuple[str, ...], str | None, str], ...] = (
    (("-h", "--help"), None, "show this help"),
    (("--version",), None, "show the version"),
    (("-v", "--verbose"), None, "show more; -vv shows requests"),
    (("-q", "--quiet"), None, "show only results, warnings and errors"),
    (("--debug",), None, "show requests in full (without secrets) and tracebacks"),
    (("--profile",), "NAME", "use this profile's settings"),
    (("--config",), "KEY=VALUE", "set one setting for this command; can be repeated"),
    (("--access-token",), "TOKEN", "token for the service; '-' reads it from stdin"),
    (("--no-progress",), None, "show no progress"),
    (("--no-color",), None, "use no colours, as with NO_COLOR in the environment"),
    (("--log-level",), "LEVEL", "DEBUG, INFO, WARNING, ERROR or CRITICAL"),
    (("--log-file",), "FILE", "write log messages to this file too"),
)

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_TAKES_VALUE = {name for names, metavar, _ in OPTIONS if metavar for name in names}
_NAMES = [name for names, _, _ in OPTIONS for name in names]


def split(argv: Sequence[str]) -> tuple[GlobalOptions, list[str]]:
    """Return the options before the first command word, and the rest.

    :raises hca_base.errors.UsageError: an unknown option, or one without its value
    """
    options = GlobalOptions()
    rest = list(argv)
    while rest:
        word = rest[0]
        if word == "--":
            rest.pop(0)
            break
        if not word.startswith("-") or word == "-":
            break
        rest.pop(0)
        _apply(options, word, rest)
    return options, rest


def _apply(options: GlobalOptions, word: str, rest: list[str]) -> None:
    name, equals, value = word.partition("=")
    if len(word) > 2 and word[1] != "-" and not equals:
        # -vv, -vq: single letters together
        for letter in word[1:]:
            if letter not in "vqh":
                raise _unknown(f"-{letter}" if len(word) == 2 else word)
            _apply(options, f"-{letter}", rest)
        return
    if name in _TAKES_VALUE:
        if not equals:
            if not rest:
                raise UsageError(f"{name} requires a value", hint="see 'hca --help'")
            value = rest.pop(0)
        _set(options, name, value)
        return
    if equals and name in _NAMES:
        raise UsageError(f"{name} does not take a value", hint="see 'hca --help'")
    if name in ("-h", "--help"):
        options.help = True
    elif name == "--version":
        options.version = True
    elif name in ("-v", "--verbose"):
        options.verbose_level = max(options.verbose_level, 1) + 1
    elif name in ("-q", "--quiet"):
        options.verbose_level = 0
    elif name == "--debug":
        options.debug = True
    elif name == "--no-progress":
        options.progress = False
    elif name == "--no-color":
        # Set NO_COLOR (https://no-color.org) for programs that hca starts, such as pagers.
        os.environ["NO_COLOR"] = "1"
    else:
        raise _unknown(name)


def _set(options: GlobalOptions, name: str, value: str) -> None:
    if name == "--profile":
        options.profile = value
    elif name == "--access-token":
        options.access_token = value
    elif name == "--log-file":
        options.log_file = value
    elif name == "--log-level":
        if value.upper() not in LEVELS:
            raise UsageError(f"--log-level is {value!r}; it takes {', '.join(LEVELS)}")
        options.log_level = value.upper()
    elif name == "--config":
        key, equals, text = value.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--config requires KEY=VALUE, not {value!r}")
        from hca_base.config import parse_value

        options.overrides[key.strip()] = parse_value(text)


def _unknown(name: str) -> UsageError:
    import difflib

    near = difflib.get_close_matches(name, _NAMES, 1)
    hint = f"did you mean {near[0]}?" if near else "pass options of a command after the command; see 'hca --help'"
    return UsageError(f"unknown option {name}", hint=hint)
