"""``hca cellxgene collections``, ``datasets`` and ``facets``."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hca_cellxgene.commands.options import CellxgeneCommand, add_filters, filters_of
from hca_cellxgene.filters import FIELDS, labels
from hca_cellxgene.rows import COLLECTION_COLUMNS, DATASET_COLUMNS, collection_row, dataset_row, short

if TYPE_CHECKING:
    from hca_base.plugins import Link

#: Rows of a table when the user does not say how many.
TABLE_ROWS = 100
#: Formats that get records as the service describes them.
_COMPLETE = ("json", "jsonl", "yaml")


class _Listing(CellxgeneCommand):
    """A filtered listing."""

    output = True
    default_format = "table"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_filters(parser)
        parser.add_argument(
            "--limit",
            type=_limit,
            metavar="N",
            help=f"show at most N; 0 shows all (default: {TABLE_ROWS} in a table, else all)",
        )
        return parser

    def show(
        self, args: argparse.Namespace, found: list[dict[str, Any]], row: Any, columns: Sequence[str], noun: str
    ) -> None:
        """Write records: rows of columns, or as the service describes them."""
        from hca_base.output import counted, output_options
        from hca_base.plugins import link_columns

        chosen = output_options(args)
        form = chosen.get("fmt") or self.default_format
        limit = args.limit if args.limit is not None else (TABLE_ROWS if form == "table" else 0)
        shown = found[: limit or None]
        wanted = list(chosen.get("columns") or ())
        if form in _COMPLETE and not wanted:
            self.emit(shown, args)
        else:
            sources = link_columns(wanted, self.config)
            rows = [with_links(row(record), sources) for record in shown]
            if form == "table":
                rows = [{name: short(value) for name, value in one.items()} for one in rows]
            options = {} if wanted or chosen.get("query") else {"columns": list(columns)}
            self.emit(rows, args, fmt=form, **options)
        if len(shown) < len(found):
            self.note(f"{len(shown):,} of {counted(len(found), noun)} shown; pass --limit 0 to show all")
        if not found:
            self.explain_empty(filters_of(args))


def with_links(row: dict[str, Any], sources: Mapping[str, Mapping[str, Link]]) -> dict[str, Any]:
    """Add the entries of other services for the row's publication."""
    from hca_base.plugins import plain_doi

    for name, known in sources.items():
        link = known.get(plain_doi(str(row.get("doi") or "")))
        row.setdefault(name, f"{link.title} {link.url}".strip() if link else None)
    return row


class Collections(_Listing):
    """List collections: groups of datasets, usually of one publication.

    Tables show the most useful columns; json, jsonl and yaml print the complete data of the service. -c with the name
    of another service that links by DOI, such as hca, adds that service's entry for the same publication.
    """

    example = "cellxgene collections --tissue lung --disease COVID-19"

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        found = self.client.collections(filters_of(parsed_args), with_descendants=parsed_args.with_descendants)
        self.show(parsed_args, found, collection_row, COLLECTION_COLUMNS, "collection")


class Datasets(_Listing):
    """List datasets.

    Tables show the most useful columns; json, jsonl and yaml print the complete data of the service.
    """

    example = "cellxgene datasets --tissue lung --cell-type 'T cell' --organism 'Homo sapiens'"

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        found = self.client.datasets(filters_of(parsed_args), with_descendants=parsed_args.with_descendants)
        found.sort(key=lambda dataset: -(dataset.get("cell_count") or 0))
        self.show(parsed_args, found, dataset_row, DATASET_COLUMNS, "dataset")


class Facets(CellxgeneCommand):
    """Count the values of filters over the datasets that match."""

    output = True
    default_format = "table"
    example = "cellxgene facets tissue disease --organism 'Homo sapiens'"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("field", nargs="+", choices=sorted(FIELDS), metavar="FIELD", help="one of %(choices)s")
        add_filters(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> list[dict[str, Any]]:
        datasets = self.client.datasets(filters_of(parsed_args), with_descendants=parsed_args.with_descendants)
        self.explain_empty(filters_of(parsed_args))
        rows = []
        for field in dict.fromkeys(parsed_args.field):
            counts: Counter[str] = Counter()
            cells: Counter[str] = Counter()
            for dataset in datasets:
                for label in set(labels(dataset, field)):
                    counts[label] += 1
                    cells[label] += dataset.get("cell_count") or 0
            rows += [
                {"field": field, "value": label, "datasets": count, "cells": cells[label]}
                for label, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
            ]
        return rows


def _limit(text: str) -> int:
    if not text.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)
