"""Base classes of commands, and the core's commands.

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

from hca_base._lazy import lazy_exports

if TYPE_CHECKING:
    from hca_base.commands._bases._base import Command as Command
    from hca_base.commands._bases._base import DataCommand as DataCommand
    from hca_base.commands._bases._base import Lister as Lister
    from hca_base.commands._bases._base import ShowOne as ShowOne
    from hca_base.commands._bases._confirm import confirm as confirm
    from hca_base.commands._bases._context import Context as Context
    from hca_base.commands._bases._context import GlobalOptions as GlobalOptions
    from hca_base.commands._bases._context import read_stdin_bytes as read_stdin_bytes
    from hca_base.commands._bases._context import stdin_lines as stdin_lines
    from hca_base.commands._bases._page import columns as columns
    from hca_base.commands._bases._page import page as page
    from hca_base.commands._bases._parser import Parser as Parser
    from hca_base.commands._bases._parser import shown_flags as shown_flags
    from hca_base.commands._bases._secret import read_secret as read_secret
    from hca_base.commands._bases._values import add_json_argument as add_json_argument
    from hca_base.commands._bases._values import boolean_argument as boolean_argument
    from hca_base.commands._bases._values import json_argument as json_argument
    from hca_base.commands._bases._values import text_argument as text_argument
    from hca_base.commands._table import COMMANDS as COMMANDS
    from hca_base.commands._table import GROUPS as GROUPS
    from hca_base.commands._table import HIDDEN as HIDDEN

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "COMMANDS": "._table",
        "Command": "._bases._base",
        "Context": "._bases._context",
        "DataCommand": "._bases._base",
        "GROUPS": "._table",
        "GlobalOptions": "._bases._context",
        "HIDDEN": "._table",
        "Lister": "._bases._base",
        "Parser": "._bases._parser",
        "ShowOne": "._bases._base",
        "add_json_argument": "._bases._values",
        "boolean_argument": "._bases._values",
        "columns": "._bases._page",
        "confirm": "._bases._confirm",
        "json_argument": "._bases._values",
        "page": "._bases._page",
        "read_secret": "._bases._secret",
        "read_stdin_bytes": "._bases._context",
        "shown_flags": "._bases._parser",
        "stdin_lines": "._bases._context",
        "text_argument": "._bases._values",
    },
)
