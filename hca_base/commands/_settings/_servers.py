"""Select a new service's server, and the values of the variables in its URL."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hca_base.commands._bases._context import read_stdin_line
from hca_base.errors import UsageError

if TYPE_CHECKING:
    from hca_base.openapi import Index

#: Placeholder defaults for values that differ for each user.
_PLACEHOLDER = re.compile(r"your|example|placeholder|change.?me|[<>{}]|^$", re.IGNORECASE)


def server_settings(index: Index, server: str | None, words: Iterable[str]) -> dict[str, Any]:
    """Return the settings ``server`` and ``server_variables`` of a new service.

    Prompts for variables without a usable default.

    :param server: the server that the user chose
    :param words: ``NAME=VALUE`` for variables
    :raises UsageError: there is no such server or variable; or a value is missing and stdin is not a terminal
    """
    given = dict(_pair(word) for word in words)
    chosen = index.server(server)
    variables: Mapping[str, Any] = chosen["variables"] if chosen else {}
    for name in given:
        if name not in variables:
            known = f"it has: {', '.join(variables)}" if variables else "it has no variables"
            raise UsageError(f"the server's URL has no variable {name!r}", hint=known)
    for name, variable in variables.items():
        if name not in given and _needs_value(name, variable):
            given[name] = _ask(name, variable, chosen["url"])
    if not index.base_url_at(server, given) and variables:
        raise UsageError(f"the values of {', '.join(variables)} do not form a valid URL with {chosen['url']}")
    found: dict[str, Any] = {"server": server} if server is not None else {}
    return {**found, "server_variables": given} if given else found


def _needs_value(name: str, variable: Mapping[str, Any]) -> bool:
    default = variable["default"]
    if default is None or (str(default).casefold() == name.casefold() and not variable["enum"]):
        return True
    return not variable["enum"] and _PLACEHOLDER.search(str(default)) is not None


def _ask(name: str, variable: Mapping[str, Any], url: str) -> str:
    about = f" ({variable['description']})" if variable["description"] else ""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            f"the service URL is {url}, and {name}{about} has no default",
            hint=f"pass --server-variable {name}=VALUE, or --base-url URL",
        )
    choices = f" [{', '.join(variable['enum'])}]" if variable["enum"] else ""
    sys.stderr.write(f"The service URL is {url}\n{name}{about}{choices}: ")
    sys.stderr.flush()
    value = read_stdin_line().strip()
    if not value:
        raise UsageError(f"{name} is required", hint=f"pass --server-variable {name}=VALUE, or --base-url URL")
    return value


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not (name and equals and value):
        raise UsageError(f"{word!r} is not a variable; write NAME=VALUE")
    return name, value
