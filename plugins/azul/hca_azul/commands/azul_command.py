"""Base classes of the commands of ``hca azul`` and ``hca anvil``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hca_base.commands import Command, json_argument

if TYPE_CHECKING:
    from hca_azul.client import AzulJobs
    from hca_azul.flavours.flavour import Flavour
    from hca_azul.query.filters import Filters
    from hca_azul.query.managed import Managed


class AzulCommand(Command):
    """A command of Azul, of AnVIL, or of another deployment of either.

    :cvar anvil_example: the example of the help of AnVIL's command, where it is another one
    """

    anvil_example = ""
    #: Fields of --filter: the service's name -> the user's.
    _typed: Mapping[str, str] = {}

    def get_epilog(self) -> str:
        if self.anvil_example and plugin_name(self) == "anvil":
            self.example = self.anvil_example
        return super().get_epilog()

    @property
    def client(self) -> AzulJobs:
        """The client of the service that the command belongs to."""
        found: Any = self.service_client(service_name(self))
        return found

    @property
    def flavour(self) -> Flavour:
        """The flavour of the service's data."""
        from hca_azul.flavours.registry import flavour_of

        return flavour_of(plugin_name(self))

    def add_catalog(self, parser: argparse._ActionsContainer) -> None:
        """Add the option ``--catalog``."""
        section = plugin_name(self)
        parser.add_argument(
            "--catalog",
            metavar="NAME",
            help=f"release of the data (default: the setting {section}.catalog, or that of the service)",
        )

    def add_filters(self, parser: argparse._ActionsContainer) -> None:
        """Add the options ``--filter`` and ``--filters``."""
        anvil = plugin_name(self) == "anvil"
        example = "organ=blood; size=1000..5000" if anvil else "organ=brain,heart; cells=1000..5000"
        field = "datasets.title" if anvil else "organ"
        term: Any = parser.add_argument(
            "--filter",
            action="append",
            default=[],
            metavar="FIELD=VALUE",
            help="only entities with this value; may be repeated. Comma-separated and repeated values of a field are "
            f"alternatives; different fields must all match. {example}; disease=null. 'hca {plugin_name(self)} fields' "
            "lists the fields",
        )
        term.completer = f"hca_azul.query.completion:{'anvil_' * anvil}filter_terms"
        parser.add_argument(
            "--filters",
            type=json_argument,
            metavar="JSON",
            help=f'filters in the service\'s format: \'{{"{field}": {{"is": ["VALUE"]}}}}\'; @FILE reads a file',
        )

    def filters_of(self, args: argparse.Namespace) -> Filters:
        """Return the filters from the options."""
        from hca_azul.query.filters import parse_filters

        terms = args.filter if isinstance(args.filter, list) else [args.filter]
        found = parse_filters(self.flavour, terms, args.filters)
        names = [term.partition("=")[0].strip() for term in terms]
        self._typed = {self.flavour.field_of(name).name: name for name in names}
        return found

    def warn_managed(self, managed: Managed) -> None:
        """Warn of excluded data; ``--quiet`` does not suppress it."""
        from hca_azul.query.managed import message
        from hca_base.output import warn

        if managed:
            warn(message(self.client, managed))

    def suggest(self, filters: Mapping[str, Any], facets: Mapping[str, Any]) -> None:
        """Print to stderr which filter values do not exist, with suggestions."""
        from hca_azul.query.suggestions import unknown_values

        for line in unknown_values(filters, facets, self._typed):
            self.note(line)


def service_name(command: Command) -> str:
    """The service of a command: the first word of its name."""
    return (command.cmd_name or "azul").split(" ")[0]


def plugin_name(command: Command) -> str:
    """The plugin service, azul or anvil, of a command; that of the parent if its service is another deployment."""
    name = service_name(command)
    if name in ("azul", "anvil"):
        return name
    return command.context.service(name).plugin or "azul"


def field_completer(command: Command) -> str:
    """The completer of field names."""
    return f"hca_azul.query.completion:{'anvil_' * (plugin_name(command) == 'anvil')}field_names"
