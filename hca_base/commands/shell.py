"""``hca shell``: the interactive shell."""

from __future__ import annotations

import argparse

from hca_base.commands._bases._base import Command
from hca_base.errors import UsageError


class Shell(Command):
    """Open the interactive shell, or run a batch of lines from stdin.

    At a terminal: completion with Tab, history with the arrow keys and Ctrl-R, 'help' for help, Ctrl-D to leave. When
    stdin is not a terminal, its lines are run one after the other; the exit code is that of the last command that
    failed, or 0.
    """

    example = "shell --errexit < commands.txt"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("-e", "--errexit", action="store_true", help="stop at the first command that fails")
        parser.add_argument("-c", "--command", action="append", metavar="LINE", help="run this line; can be repeated")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        interact = getattr(self.app, "interactive_shell", None)
        if interact is None or self.app.interactive_mode:
            raise UsageError("already in the shell")
        code: int = interact(errexit=parsed_args.errexit, commands=parsed_args.command)
        return code
