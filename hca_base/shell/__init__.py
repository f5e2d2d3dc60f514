"""The command line: finding the command, running it, and telling what went wrong."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``hca`` with these arguments (by default the process's) and return the exit code."""
    import sys

    from hca_base.shell._dispatch._main import run

    return run(list(sys.argv[1:] if argv is None else argv))
