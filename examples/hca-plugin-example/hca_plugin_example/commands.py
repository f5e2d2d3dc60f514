"""Commands written by hand. Those of the document's operations need no code."""

from __future__ import annotations

import argparse
from typing import Any

from hca_base.commands import ShowOne


class Overview(ShowOne):
    """Show what the service is.

    The first line above is what 'hca example' lists; the rest is shown by 'hca example overview --help'.
    """

    example = "example overview"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--upper-case", action="store_true", help="shout")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        found = self.service_client("example").overview()
        if parsed_args.upper_case:
            found["title"] = found["title"].upper()
        return found
