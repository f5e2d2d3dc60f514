"""The lists of ``hca azul`` and ``hca anvil``: projects, samples, datasets, donors, files, …."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from hca_azul.commands.azul_command import AzulCommand, field_completer

if TYPE_CHECKING:
    from hca_azul.query.managed import OpenSearch

#: Default number of rows in a table.
TABLE_ROWS = 100
#: Formats that show complete entities, one by one.
_WHOLE = ("json", "jsonl", "yaml")


class _View(NamedTuple):
    """How to show a list."""

    form: str
    columns: list[str]
    whole: bool
    settings: dict[str, Any]


class _Listing(AzulCommand):
    """A listing."""

    output = True
    default_format = "table"
    kind: ClassVar[str] = ""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = self._without_sort(prog_name)
        self.add_filters(parser)
        self.add_catalog(parser)
        field: Any = parser.add_argument(
            "--sort", metavar="FIELD", help="sort by this field; FIELD:desc sorts in descending order"
        )
        field.completer = field_completer(self)
        parser.add_argument(
            "--limit",
            type=_limit,
            metavar="N",
            help=f"show at most N; 0 for all (default: {TABLE_ROWS} in a table, else all)",
        )
        parser.add_argument(
            "--columns-only",
            action="store_true",
            help="json, jsonl and yaml: show the columns of the table instead of whole entities",
        )
        return parser

    def _without_sort(self, prog_name: str) -> argparse.ArgumentParser:
        # The service sorts, because it sees all pages.
        from hca_base.commands import Command
        from hca_base.output import add_output_options

        self.output = False
        parser = Command.get_parser(self, prog_name)
        self.output = True
        add_output_options(parser, default=self.default_format, exclude=("sort",))
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_base import output

        args = parsed_args
        view = self._view(args)
        limit = args.limit if args.limit is not None else (TABLE_ROWS if view.form == "table" else 0)
        search = self._search(args, limit)
        output.emit_stream(_Rows(self, search, view), **view.settings)
        self._report_rest(search, limit if args.limit is None else 0)

    def _view(self, args: argparse.Namespace) -> _View:
        from hca_base import output

        chosen = output.output_options(args)
        form = chosen.get("fmt") or self.default_format
        columns = chosen.get("columns")
        whole = form in _WHOLE and not columns and not args.columns_only
        if not whole and not columns and not chosen.get("query"):
            columns = list(self.flavour.columns[self.kind])
        settings = {**chosen, "fmt": form, "stream": self.stdout}
        if columns:
            settings["columns"] = columns
        return _View(form, list(columns or ()) if not chosen.get("query") else [], whole, settings)

    def _search(self, args: argparse.Namespace, limit: int) -> OpenSearch:
        from hca_azul.query.managed import OpenSearch
        from hca_base.errors import UsageError

        field, _, order = (args.sort or "").partition(":")
        if args.sort and (not field or order not in ("", "asc", "desc")):
            raise UsageError(f"--sort takes FIELD, FIELD:asc or FIELD:desc, not {args.sort!r}")
        return OpenSearch(
            self.client,
            self.kind,
            self.filters_of(args),
            catalog=args.catalog,
            sort=self.flavour.field_of(field).name if field else None,
            order=(order or "asc") if field else None,
            limit=limit or None,
        )

    def _report_rest(self, search: OpenSearch, cut: int) -> None:
        """Explain what is missing from the rows, and why."""
        from hca_azul.query.managed import error_of

        managed = search.left_out()
        if search.total == 0 and not managed.units:
            self.suggest(search.filters, search.facets)
        elif cut and search.total is not None and search.total > cut:
            self.note(f"{cut} of {search.total:,} {self.kind} shown; --limit 0 shows all")
        if search.total == 0 and managed.units:
            raise error_of(self.client, managed.units)
        self.warn_managed(managed)


class _Rows:
    """The rows of a list, as an iterable (not a generator, which a formatter could close early)."""

    def __init__(self, command: _Listing, search: OpenSearch, view: _View) -> None:
        self._command, self.search, self._view = command, search, view

    def __iter__(self) -> Any:
        from hca_azul.query.links import linked
        from hca_azul.query.rows import for_people
        from hca_base.plugins import link_columns

        hits = self.search.hits()
        if self._view.whole:
            return iter(hits)
        row, kind = self._command.flavour.row, self._command.kind
        sources = link_columns(self._view.columns, self._command.config)
        rows: Any = (linked(row(kind, hit), hit, sources) for hit in hits)
        if self._view.form == "table":
            rows = for_people(rows)
            if self._view.columns:
                rows = [{name: row.get(name) for name in self._view.columns} for row in rows]
        return iter(rows)


class Projects(_Listing):
    """List projects.

    Tables show the most useful columns; json, jsonl and yaml print the complete data of the service, page by page. The
    column access shows which projects' files require a login with access; without one, their samples, files and bundles
    are not listed. More columns: accessions, publications, cellxgene, links, duosId, dataUseRestriction. With
    hca-cellxgene installed, -c cellxgene shows the collection of the same publication.
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
    example = "azul files --filter organ=lung --sort size:desc --limit 20"


class Bundles(_Listing):
    """List bundles: files that belong together, such as those of one sequencing run."""

    kind = "bundles"
    example = "azul bundles -f jsonl"


class Datasets(_Listing):
    """List datasets.

    The column access shows which datasets' files require a login with access; without one, their donors, biosamples and
    files are not listed. More columns: owner, investigator, duosId, dataUseRestriction.
    """

    kind = "datasets"
    example = "anvil datasets --filter species=Human -c dataset -c consent -c duosId"


class Donors(_Listing):
    """List donors."""

    kind = "donors"
    example = "anvil donors --filter sex=Female"


class Biosamples(_Listing):
    """List biosamples."""

    kind = "biosamples"
    example = "anvil biosamples --filter organ=blood"


class Activities(_Listing):
    """List activities, such as sequencing runs and alignments."""

    kind = "activities"
    example = "anvil activities --filter activity=Sequencing"


def _limit(text: str) -> int:
    if not text.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)
