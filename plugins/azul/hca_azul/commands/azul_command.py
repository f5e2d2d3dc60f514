"""What the commands of ``hca azul`` have in common."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hca_base.commands import Command, json_argument

if TYPE_CHECKING:
    from hca_azul.client import AzulClient
    from hca_azul.query.filters import Filters


class AzulCommand(Command):
    """A command of Azul, or of another deployment of it."""

    @property
    def client(self) -> AzulClient:
        """The client of the service that the command belongs to."""
        found: Any = self.service_client(service_name(self))
        return found

    def no_results(self, filters: Mapping[str, Any], catalog: str | None, facets: Mapping[str, Any]) -> None:
        """Say on stderr what may be behind an empty result."""
        from hca_azul.query.managed import tell_hidden
        from hca_azul.query.suggestions import unknown_values

        for line in unknown_values(filters, facets):
            self.note(line)
        told = tell_hidden(self.client, filters, catalog)
        if told:
            self.note(told)


def service_name(command: Command) -> str:
    """The service that a command belongs to: the first word of its name."""
    return (command.cmd_name or "azul").split(" ")[0]


def add_catalog(parser: argparse._ActionsContainer) -> None:
    """The option ``--catalog``."""
    parser.add_argument(
        "--catalog", metavar="NAME", help="release of the data (default: the setting azul.catalog, or the service's)"
    )


def add_filters(parser: argparse._ActionsContainer) -> None:
    """The options ``--filter`` and ``--filters``."""
    term: Any = parser.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="only what has this value; may be repeated. Commas and repeats of a field are alternatives, different "
        "fields must all match. organ=brain,heart; cells=1000..5000; disease=null. 'hca azul fields' lists the fields",
    )
    term.completer = "hca_azul.query.completion:filter_terms"
    parser.add_argument(
        "--filters",
        type=json_argument,
        metavar="JSON",
        help='filters as the service wants them: \'{"organ": {"is": ["brain"]}}\'; @FILE reads a file',
    )


def filters_of(args: argparse.Namespace) -> Filters:
    """The filters that the options ask for."""
    from hca_azul.query.filters import parse_filters

    terms = args.filter if isinstance(args.filter, list) else [args.filter]
    return parse_filters(terms, args.filters)
