"""The bases of commands, and the core's own commands.

A plugin's command is a class in an entry point of the group ``hca.commands``::

    class Hello(hca_base.commands.Command):
        \"\"\"Greet somebody.\"\"\"

        def get_parser(self, prog_name):
            parser = super().get_parser(prog_name)
            parser.add_argument("--name", default="world")
            return parser

        def take_action(self, args):
            return {"hello": args.name}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy_exports

if TYPE_CHECKING:
    from ._base import Command as Command
    from ._base import DataCommand as DataCommand
    from ._base import Lister as Lister
    from ._base import ShowOne as ShowOne
    from ._confirm import confirm as confirm
    from ._context import Context as Context
    from ._context import GlobalOptions as GlobalOptions
    from ._context import read_stdin_bytes as read_stdin_bytes
    from ._context import stdin_lines as stdin_lines
    from ._page import columns as columns
    from ._page import page as page
    from ._parser import Parser as Parser
    from ._table import COMMANDS as COMMANDS
    from ._table import GROUPS as GROUPS
    from ._table import HIDDEN as HIDDEN
    from ._values import add_json_argument as add_json_argument
    from ._values import boolean_argument as boolean_argument
    from ._values import json_argument as json_argument
    from ._values import text_argument as text_argument

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "COMMANDS": "._table",
        "Command": "._base",
        "Context": "._context",
        "DataCommand": "._base",
        "GROUPS": "._table",
        "GlobalOptions": "._context",
        "HIDDEN": "._table",
        "Lister": "._base",
        "Parser": "._parser",
        "ShowOne": "._base",
        "add_json_argument": "._values",
        "boolean_argument": "._values",
        "columns": "._page",
        "confirm": "._confirm",
        "json_argument": "._values",
        "page": "._page",
        "read_stdin_bytes": "._context",
        "stdin_lines": "._context",
        "text_argument": "._values",
    },
)
