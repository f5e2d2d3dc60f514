"""Options and helper functions of several commands."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hca_base.commands import Command
from hca_cellxgene.filters import FIELDS

if TYPE_CHECKING:
    from hca_cellxgene.client import CellxgeneClient


class CellxgeneCommand(Command):
    """A command of CELLxGENE Discover, or of another deployment of it."""

    @property
    def client(self) -> CellxgeneClient:
        """The client of the service that the command belongs to."""
        found: Any = self.service_client((self.cmd_name or "cellxgene").split(" ")[0])
        return found

    def explain_empty(self, filters: Mapping[str, Sequence[str]]) -> None:
        """Explain on stderr why filters matched nothing: values that no dataset has, or no dataset with all of them."""
        for field, value, similar in self.client.unmatched:
            also = f"; similar: {', '.join(similar)}" if similar else ""
            self.note(f"no dataset has {field.replace('_', ' ')} {value!r}{also}")
        if self.client.nothing_matched and not self.client.unmatched:
            names = " and ".join(f"--{field.replace('_', '-')}" for field in filters)
            self.note(f"no dataset matches {names} together; each of them matches some")


def add_filters(parser: argparse._ActionsContainer) -> None:
    """Add an option for each filter."""
    group = (
        parser.add_argument_group(
            "filters",
            "A label or an ontology term ID. A repeated filter matches any of its values; all filters must match.",
        )
        if isinstance(parser, argparse.ArgumentParser)
        else parser
    )
    for field in FIELDS:
        group.add_argument(
            f"--{field.replace('_', '-')}", action="append", default=[], metavar="VALUE", help=_help(field)
        )
    group.add_argument(
        "--with-descendants",
        action="store_true",
        help="also match ontology terms below the given ones (needs cellxgene-ontology-guide)",
    )


def filters_of(args: argparse.Namespace) -> dict[str, list[str]]:
    """Return the values of the filters that were given, by field."""
    chosen = {field: getattr(args, field) for field in FIELDS}
    return {field: [values] if isinstance(values, str) else values for field, values in chosen.items() if values}


def _help(field: str) -> str:
    examples = {"tissue": "lung", "disease": "COVID-19", "organism": "'Homo sapiens'", "cell_type": "'T cell'"}
    words = field.replace("_", " ")
    return f"filter by {words}" + (f", such as {examples[field]}" if field in examples else "")
