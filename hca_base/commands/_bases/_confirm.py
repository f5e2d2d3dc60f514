"""Confirmation prompts."""

from __future__ import annotations

import sys

from hca_base.commands._bases._context import read_stdin_line
from hca_base.errors import UsageError


def confirm(question: str, *, yes: bool = False) -> None:
    """Continue only if the user agrees.

    :param question: text that ends in a question mark
    :param yes: the user passed an option to agree
    :raises hca_base.errors.UsageError: the user did not agree, or cannot be asked
    """
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            f"{question} Cannot ask for confirmation: not a terminal", hint="pass --yes to skip the question"
        )
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if read_stdin_line().strip().lower() not in ("y", "yes"):
        raise UsageError("not done")
