"""Read secrets from the terminal or stdin."""

from __future__ import annotations

import itertools
import sys

from hca_base.commands._bases._context import stdin_errors
from hca_base.errors import UsageError

#: Maximum length of a line in characters.
_LIMIT = 1 << 20
_MAX_LINES = 1000


def read_secret(prompt: str | None, *, what: str = "token or key", alone: bool = True) -> str:
    """A line that is not to be seen: typed without echo, or from stdin where that is not a terminal.

    :param prompt: None: read stdin in any case
    :param what: name of the secret in errors
    :param alone: nothing else may be on stdin; in the interactive shell the next line may be the next command
    :return: the line without white space at its ends; empty if the user typed nothing
    :raises UsageError: stdin holds none, or more than one line: no secret has several, and a part is no secret
    """
    if prompt is not None and sys.stdin is not None and sys.stdin.isatty():
        import getpass

        try:
            return getpass.getpass(prompt, stream=sys.stderr)
        except EOFError:
            return ""
    with stdin_errors():
        lines = iter(lambda: sys.stdin.readline(_LIMIT), "") if sys.stdin is not None else iter(())
        stripped = (line.strip() for line in itertools.islice(lines, _MAX_LINES if alone else 1))
        # Read only two lines: a file given by mistake may be large.
        found = list(itertools.islice(filter(None, stripped), 2))
    if not found:
        raise UsageError(f"stdin has no {what}")
    if len(found) > 1:
        raise UsageError("stdin has more than one line", hint=f"send only the {what}, on one line")
    return found[0]
