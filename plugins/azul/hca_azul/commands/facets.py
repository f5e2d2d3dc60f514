"""``hca azul facets`` and ``hca azul fields``."""

from __future__ import annotations

import argparse
from typing import Any

from hca_azul.commands.azul_command import AzulCommand, field_completer
from hca_base.commands import Lister


class Facets(AzulCommand, Lister):
    """Show the values of fields and how often each occurs.

    Without FIELD, shows the most frequent values of each field. Counts the entities that match the filters; a filter on
    a field does not narrow the values of that field. The exit code is 3 if everything that matches has managed access;
    projects and datasets themselves are public, and are counted.
    """

    example = 'azul facets organ species --filter library="10x 3\' v2"'
    anvil_example = "anvil facets species sex --filter organ=blood"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        field: Any = parser.add_argument(
            "field", nargs="*", metavar="FIELD", help="field, by its own name or a short one"
        )
        field.completer = field_completer(self)
        flavour = self.flavour
        parser.add_argument(
            "--of",
            choices=flavour.kinds,
            default=flavour.units,
            help=f"what to count (default: {flavour.units})",
        )
        self.add_filters(parser)
        self.add_catalog(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_azul.flavours.hits import terms_of
        from hca_azul.query.managed import OpenSearch, error_of, find_managed
        from hca_base.errors import NotFoundError

        args = parsed_args
        search = OpenSearch(self.client, args.of, self.filters_of(args), catalog=args.catalog, limit=1, page_size=1)
        list(search.hits())
        # Projects and datasets are public, and counted, even if their files are not.
        public = args.of == self.flavour.units
        managed = find_managed(self.client, search.filters, args.catalog) if public else search.left_out()
        if search.total == 0 and managed.units and not public:
            raise error_of(self.client, managed.units)
        if search.total == 0 and not managed.units:
            self.suggest(search.filters, search.facets)
        self.warn_managed(managed)
        if not args.field:
            return [
                {
                    "field": name,
                    "values": len(terms_of(search.facets, name)),
                    "most frequent": ", ".join(_shown(term) for term, _ in terms_of(search.facets, name)[:4]),
                }
                for name in sorted(search.facets)
            ]
        rows = []
        for given in args.field:
            name = self.flavour.field_of(given, search.facets).name
            if name not in search.facets:
                raise NotFoundError(
                    f"the service does not count values of {name}",
                    hint=f"use one of {', '.join(sorted(search.facets))}",
                )
            rows += [
                {"field": name, "value": _shown(term) if isinstance(term, dict) else term, args.of: count}
                for term, count in terms_of(search.facets, name)
            ]
        return rows


def _shown(term: Any) -> str:
    if isinstance(term, dict):
        return " ".join(str(part) for part in term.values() if part is not None)
    return "(none)" if term is None else str(term)


class Fields(AzulCommand, Lister):
    """List the fields that can be filtered and sorted by, with plain names for them.

    Filters accept any of the names. Makes no requests.
    """

    example = "azul fields"

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        return [
            {"field": field.name, "also": ", ".join(field.aliases), "kind": field.kind, "about": field.about}
            for field in self.flavour.table
        ]
