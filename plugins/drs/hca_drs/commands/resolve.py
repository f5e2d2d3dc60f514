"""``hca drs resolve`` and ``hca drs stat``."""

from __future__ import annotations

import argparse
from typing import Any

from hca_base.commands import Lister
from hca_base.errors import HCAError
from hca_drs.commands.drs_command import DRSCommand, Failures, add_passport, add_uris, uris_of


class Resolve(DRSCommand, Lister):
    """Show which server has an object, without contacting that server.

    Prefixes of compact identifiers are looked up in the settings (drs.prefixes), in the table that ships with hca, and
    at identifiers.org, whose answers are cached for a week. If only identifiers.org names a server, hca sends it no
    stored credentials until you confirm it: hca drs prefixes --confirm PREFIX.
    """

    example = "drs resolve drs://dg.4503:dg.4503/fc046e84-6cf9-43a3-99cc-ffa2964b88cb"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_uris(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        rows = []
        for uri in uris_of(parsed_args):
            place = self.client.resolve(uri)
            rows.append(
                {
                    "uri": uri,
                    "kind": place.identifier.kind,
                    "server": place.host,
                    "object id": place.object_id,
                    "url": place.url,
                    "named by": place.origin,
                    "credentials": "allowed" if place.trusted else "not sent; confirm the prefix first",
                }
            )
        return rows


class Stat(DRSCommand, Lister):
    """Show name, size, checksum and ways to read objects.

    -f json prints the complete response of the server.
    """

    example = "drs stat drs://drs.example.org/314159"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_uris(parser)
        add_passport(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_base.output import output_options

        self.passports(parsed_args)
        whole = output_options(parsed_args).get("fmt") in ("json", "jsonl", "yaml")
        rows, failures, entries = [], Failures(self), _entries(self, uris_of(parsed_args))
        for entry in entries:
            if entry.object is None:
                failures.add(entry.uri, entry.error)
                continue
            found = entry.object
            rows.append({"uri": entry.uri, **found.raw} if whole else found.summary())
            for kind, why in found.digests.unknown:
                self.note(f"{entry.uri}: checksum {kind}: {why}")
        if rows:
            self.emit(rows, parsed_args)
        failures.raise_any(len(entries))
        return None


def _entries(command: DRSCommand, uris: list[str]) -> list[Any]:
    """Metadata of the objects themselves, not of their members."""
    from hca_drs.download.bundles import Entry
    from hca_drs.servers.reading import read_many

    servers = command.client.servers
    entries, asked = [], []
    for uri in uris:
        entry = Entry(uri, "", 0)
        entries.append(entry)
        try:
            asked.append((entry, servers.resolver.place(uri)))
        except HCAError as error:
            entry.error = error
    for (entry, _), found in zip(asked, read_many(servers, [place for _, place in asked]), strict=True):
        if isinstance(found, HCAError):
            entry.error = found
        else:
            entry.object = found
    return entries
