"""``hca azul projects``, ``samples``, ``files`` and ``bundles``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any, ClassVar

from hca_azul.commands.azul_command import AzulCommand, add_catalog, add_filters, filters_of

#: Rows of a table when nobody says how many.
TABLE_ROWS = 100
#: Formats that get whole entities, one after another.
_WHOLE = ("json", "jsonl", "yaml")


class _Listing(AzulCommand):
    """A listing."""

    output = True
    default_format = "table"
    kind: ClassVar[str] = ""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = self._without_sort(prog_name)
        add_filters(parser)
        add_catalog(parser)
        field: Any = parser.add_argument("--sort", metavar="FIELD", help="field to sort by; FIELD:desc turns the order")
        field.completer = "hca_azul.query.completion:field_names"
        parser.add_argument(
            "--limit",
            type=_limit,
            metavar="N",
            help=f"at most N of them; 0 for all (default: {TABLE_ROWS} in a table, else all)",
        )
        parser.add_argument(
            "--columns-only",
            action="store_true",
            help="json, jsonl and yaml: the columns of the table, in place of all that the service says",
        )
        return parser

    def _without_sort(self, prog_name: str) -> argparse.ArgumentParser:
        # The service sorts: it sees all pages.
        from hca_base.commands import Command
        from hca_base.output import add_output_options

        self.output = False
        parser = Command.get_parser(self, prog_name)
        self.output = True
        add_output_options(parser, default=self.default_format, exclude=("sort",))
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_azul.query.fields import field_of
        from hca_azul.query.rows import COLUMNS, for_people, row_of
        from hca_base import output
        from hca_base.errors import UsageError

        args = parsed_args
        chosen = output.output_options(args)
        form = chosen.get("fmt") or self.default_format
        filters = filters_of(args)
        field, _, order = (args.sort or "").partition(":")
        if args.sort and (not field or order not in ("", "asc", "desc")):
            raise UsageError(f"--sort is FIELD, FIELD:asc or FIELD:desc, not {args.sort!r}")
        limit = args.limit if args.limit is not None else (TABLE_ROWS if form == "table" else 0)
        search = self.client.search(
            self.kind,
            filters,
            catalog=args.catalog,
            sort=field_of(field).name if field else None,
            order=(order or "asc") if field else None,
            limit=limit or None,
        )
        columns = chosen.get("columns")
        whole = form in _WHOLE and not columns and not args.columns_only
        rows: Any = search if whole else (row_of(self.kind, hit) for hit in search)
        if not whole and not columns and not chosen.get("query"):
            columns = list(COLUMNS[self.kind])
        if form == "table":
            rows = for_people(rows)
            if columns:
                rows = [{name: row.get(name) for name in columns} for row in rows] if not chosen.get("query") else rows
        settings = {**chosen, "fmt": form, "stream": self.stdout}
        if columns:
            settings["columns"] = columns
        output.emit_stream(_Counted(rows, search), **settings)
        if search.total == 0:
            self.no_results(filters, args.catalog, search.facets)
        elif limit and search.total is not None and search.total > limit and args.limit is None:
            self.note(f"{limit} of {search.total:,} {self.kind} shown; --limit 0 shows all")


class _Counted:
    """Rows, as an iterable of their own (not a generator that a formatter could close half-way)."""

    def __init__(self, rows: Any, search: Any) -> None:
        self._rows = rows
        self.search = search

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)


class Projects(_Listing):
    """List projects.

    A table shows what people look for; json, jsonl and yaml give all that the service says, page after page as it
    comes. The column access says which projects' files need a login: their samples, files and bundles are
    not listed without one.
    """

    kind = "projects"
    example = "azul projects --filter organ=brain --filter species='Homo sapiens' --sort cells:desc"


class Samples(_Listing):
    """List samples: specimens, cell lines and organoids."""

    kind = "samples"
    example = "azul samples --filter project=BrainCells --filter disease=null"


class Files(_Listing):
    """List files."""

    kind = "files"
    example = "azul files --filter format=h5ad --filter organ=lung --sort size:desc --limit 20"


class Bundles(_Listing):
    """List bundles: files that belong together, such as those of one sequencing run."""

    kind = "bundles"
    example = "azul bundles --filter project=BrainCells -f jsonl"


def _limit(text: str) -> int:
    if not text.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)
