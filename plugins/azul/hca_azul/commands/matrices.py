"""``hca azul matrices``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from hca_azul.commands.download import DownloadCommand
from hca_base.output import add_output_options

if TYPE_CHECKING:
    from hca_azul.download.matrices import Matrix, MatrixQuery, MatrixSearch
    from hca_azul.lists.entries import Entry

COLUMNS = ("project", "name", "species", "organ", "stage", "library", "content", "made_by", "cells", "bytes", "id")
#: Option name -> the service's field for projects.
_FIELDS = {
    "species": "genusSpecies",
    "organ": "effectiveOrgan",
    "stage": "developmentStage",
    "library": "libraryConstructionApproach",
}


class Matrices(DownloadCommand):
    """List matrices by species, organ, stage and library preparation; with --download, download them.

    Lists the matrices of the DCP's uniform processing and of contributors. --by-format adds other files with a matrix
    format. Comma-separated values are alternatives. The exit code is 3 if a PROJECT or all matching matrices have
    managed access; they are still listed.
    """

    example = "azul matrices --species 'Homo sapiens' --organ brain --download --download-dir data"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("project", nargs="*", metavar="PROJECT", help="only matrices of these projects")
        for name in _FIELDS:
            parser.add_argument(f"--{name}", action="append", default=[], metavar="VALUE", help=f"of this {name}")
        self.add_filters(parser)
        self.add_catalog(parser)
        parser.add_argument(
            "--by-format", action="store_true", help="also include files that are matrices by their format"
        )
        parser.add_argument("--intermediate", action="store_true", help="also include intermediate results")
        parser.add_argument("--download", action="store_true", help="download them")
        add_output_options(parser, default="table", exclude=("output", "sort"))
        self.add_naming(parser)
        self.add_download(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_azul.download.matrices import MatrixSearch
        from hca_azul.query.managed import Managed, error_of

        args = parsed_args
        search = MatrixSearch(self.client, self._query(args))
        found = list(search)
        if args.download or args.dry_run:
            self._download(args, search, found)
            return
        self._emit(args, found)
        self._suggest(search)
        # Without a named project, managed access is an error only if nothing else matches.
        if search.managed and (args.project or not self._allowed(search, found)) and not args.skip_unavailable:
            raise error_of(self.client, search.managed)
        self.warn_managed(Managed(search.managed))

    def _allowed(self, search: MatrixSearch, found: list[Matrix]) -> list[Entry]:
        """The files that the user can access."""
        managed = {unit.uuid for unit in search.managed}
        return [matrix.entry for matrix in found if matrix.entry.project_id not in managed]

    def _download(self, args: argparse.Namespace, search: MatrixSearch, found: list[Matrix]) -> None:
        """Download the matrices that the user can access.

        :raises AuthError: all of them, or a project named by the user, have managed access
        """
        from hca_azul.download.selection import Selection
        from hca_azul.query.managed import Managed

        self._suggest(search)
        managed = Managed(search.managed)
        named = managed.units if args.project else []
        self.fetch(args, Selection(entries=self._allowed(search, found), managed=managed, named=named))

    def _query(self, args: argparse.Namespace) -> MatrixQuery:
        from hca_azul.download.matrices import MatrixQuery
        from hca_azul.download.selection import with_units
        from hca_azul.query.filters import parse_filters, split_values
        from hca_azul.query.units import find_units
        from hca_base.errors import UsageError

        filters = self.filters_of(args)
        asked = [f"{_FIELDS[name]}={text}" for name in _FIELDS for text in getattr(args, name)]
        for name, operation in parse_filters(self.flavour, asked).items():
            if name in filters:
                raise UsageError(f"{name} is given both as a filter and as an option")
            filters[name] = operation
        units = [found.unit for found in find_units(self.client, args.project, args.catalog)]
        return MatrixQuery(
            with_units(self.client, filters, units),
            {name: [one for text in getattr(args, name) for one in split_values(text)] for name in _FIELDS},
            args.catalog,
            args.by_format,
            args.intermediate,
        )

    def _emit(self, args: argparse.Namespace, found: list[Matrix]) -> None:
        from hca_azul.query.rows import for_people
        from hca_base.output import output_options

        rows: list[dict[str, Any]] = [matrix.row() for matrix in found]
        chosen = output_options(args)
        form = chosen.get("fmt") or "table"
        if form == "table" and not chosen.get("query"):
            rows = for_people(rows)
        if form in ("table", "csv", "tsv", "value") and not chosen.get("columns") and not chosen.get("query"):
            chosen["columns"] = list(COLUMNS)
        self.emit(rows, None, **{**chosen, "fmt": form})

    def _suggest(self, search: MatrixSearch) -> None:
        """Explain why nothing was found."""
        if search.projects.total == 0:
            self.suggest(search.query.filters, search.projects.facets)
