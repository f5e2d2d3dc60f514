"""``hca azul matrices``."""

from __future__ import annotations

import argparse
from typing import Any

from hca_azul.commands.azul_command import add_catalog, add_filters, filters_of
from hca_azul.commands.download import DownloadCommand, add_download, add_naming
from hca_base.output import add_output_options

COLUMNS = ("project", "name", "species", "organ", "stage", "library", "content", "made_by", "cells", "bytes", "id")
#: Our name -> the service's field for projects.
_FIELDS = {
    "species": "genusSpecies",
    "organ": "effectiveOrgan",
    "stage": "developmentStage",
    "library": "libraryConstructionApproach",
}


class Matrices(DownloadCommand):
    """List matrices, by species, organ, stage and library preparation; with --download, get them.

    Listed are those that the DCP's uniform processing made and those of the contributors. --by-format adds files
    that have a matrix's format and are not listed as one. Values with commas between them are alternatives.
    """

    example = "azul matrices --species 'Homo sapiens' --organ brain --download --download-dir data"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("project", nargs="*", metavar="PROJECT", help="of these projects only")
        for name in _FIELDS:
            parser.add_argument(f"--{name}", action="append", default=[], metavar="VALUE", help=f"of this {name}")
        add_filters(parser)
        add_catalog(parser)
        parser.add_argument("--by-format", action="store_true", help="also files that are matrices by their format")
        parser.add_argument("--intermediate", action="store_true", help="also intermediate results")
        parser.add_argument("--download", action="store_true", help="download them")
        add_output_options(parser, default="table", exclude=("output", "sort"))
        add_naming(parser)
        add_download(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_azul.download.matrices import find_matrices
        from hca_azul.download.selection import Selection
        from hca_azul.query.filters import parse_filters
        from hca_azul.query.projects import find_project
        from hca_azul.query.rows import for_people
        from hca_base.errors import UsageError
        from hca_base.output import output_options

        args = parsed_args
        client = self.client
        strata = {name: [one for text in getattr(args, name) for one in _values(text)] for name in _FIELDS}
        asked = [f"{_FIELDS[name]}={text}" for name in _FIELDS for text in getattr(args, name)]
        filters: dict[str, Any] = filters_of(args)
        for name, operation in parse_filters(asked).items():
            if name in filters:
                raise UsageError(f"{name} is both filtered and given by an option of its own")
            filters[name] = operation
        if args.project:
            if "projectId" in filters:
                raise UsageError("a project is named, and projectId is filtered, too")
            named = [find_project(client, name, args.catalog) for name in args.project]
            filters["projectId"] = {"is": [project.uuid for project in named]}
        found = list(
            find_matrices(
                client,
                filters,
                strata=strata,
                catalog=args.catalog,
                by_format=args.by_format,
                intermediate=args.intermediate,
            )
        )
        if not found:
            search = client.search("projects", filters, catalog=args.catalog, limit=1, page_size=1)
            if not list(search):
                self.no_results(filters, args.catalog, search.facets)
        if args.download or args.dry_run:
            return self.fetch(args, Selection(entries=[matrix.entry for matrix in found]))
        rows: list[dict[str, Any]] = [matrix.row() for matrix in found]
        chosen = output_options(args)
        form = chosen.get("fmt") or "table"
        if form == "table" and not chosen.get("query"):
            rows = for_people(rows)
        if form in ("table", "csv", "tsv", "value") and not chosen.get("columns") and not chosen.get("query"):
            chosen["columns"] = list(COLUMNS)
        self.emit(rows, None, **{**chosen, "fmt": form})
        return None


def _values(text: str) -> list[str]:
    from hca_azul.query.filters import split_values

    return split_values(text)
