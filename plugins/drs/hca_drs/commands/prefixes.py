"""``hca drs prefixes``."""

from __future__ import annotations

import argparse
from typing import Any

from hca_base.commands import Lister
from hca_base.config import set_value
from hca_base.errors import UsageError
from hca_drs.commands.drs_command import DRSCommand


class Prefixes(DRSCommand, Lister):
    """List the prefixes of compact identifiers and their servers, or confirm one.

    A prefix that is set (hca config set 'drs.prefixes."dg.4503"' HOST) overrides the table that ships with hca, which
    overrides identifiers.org.
    """

    example = "drs prefixes"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--confirm",
            metavar="PREFIX",
            help="store the server that the registry names for PREFIX in your settings, and send it your credentials",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_drs.resolving.resolver import confirm_prefix

        resolver = self.client.servers.resolver
        if parsed_args.confirm is not None:
            prefix = parsed_args.confirm.lower().removeprefix("drs://").rstrip(":")
            if not prefix:
                raise UsageError("no prefix is given", hint="write --confirm PREFIX, such as --confirm dg.4503")
            pattern = confirm_prefix(resolver, prefix)
            set_value(("drs", "prefixes", prefix), str(pattern))
            self.context.forget()
            self.note(f"{prefix} leads to {pattern}; its server may receive your credentials")
            return None
        return ["prefix", "leads to", "named by"], resolver.table()
