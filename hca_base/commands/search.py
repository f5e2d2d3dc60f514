"""``hca search``: find commands, operations, options, settings and documentation by words."""

from __future__ import annotations

import argparse
from typing import Any

from hca_base.commands._bases._base import Lister
from hca_base.errors import UsageError

KINDS = ("command", "operation", "option", "setting", "page")


class Search(Lister):
    """Find commands, operations, options, settings and documentation by words.

    Searches all services, and makes no requests. Word endings are ignored: retries finds retry. The best matches come
    first; -f json lists all of them with their scores.
    """

    example = "search download resume"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("words", nargs="+", metavar="WORD", help="words to search for; all must match")
        parser.add_argument(
            "--kind", action="append", choices=KINDS, default=[], help="only entries of this kind; can be repeated"
        )
        parser.add_argument(
            "--limit", type=_count, default=20, metavar="N", help="show at most N entries of a kind (default: 20)"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_base.output import output_options

        search = getattr(self.app, "search", None)
        if search is None:
            raise UsageError("search is not available")
        hits, text = search(parsed_args.words, parsed_args.kind, parsed_args.limit)
        if any(output_options(parsed_args).get(name) for name in ("fmt", "query", "columns", "sort")):
            return ["kind", "name", "summary", "score"], [(*hit[:3], round(hit[3], 2)) for hit in hits]
        self.stdout.write(text)
        return None


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid number of entries")
    return int(text)
