"""``hca azul catalogs`` and ``hca azul summary``."""

from __future__ import annotations

import argparse
from typing import Any

from hca_azul.commands.azul_command import AzulCommand
from hca_base.commands import Lister


class Catalogs(AzulCommand, Lister):
    """List the catalogs: releases of the data.

    The service removes old catalogs when it adds new ones. Downloads record the catalog that they used.
    """

    example = "azul catalogs"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--all", action="store_true", help="also show internal catalogs, which the service uses for tests"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        found = self.client.known_catalogs()
        entries = found.all if parsed_args.all else found.shown()
        return [
            {
                "catalog": name,
                "atlas": str(entry.get("atlas") or ""),
                "default": name == found.default,
                "sources": len(_sources(entry)),
            }
            for name, entry in sorted(entries.items())
        ]


def _sources(entry: dict[str, Any]) -> list[Any]:
    plugins = entry.get("plugins")
    repository = plugins.get("repository") if isinstance(plugins, dict) else None
    sources = repository.get("sources") if isinstance(repository, dict) else None
    return sources if isinstance(sources, list) else []


class Summary(AzulCommand):
    """Count projects, donors, cells, files and bytes.

    With filters, counts only what matches them. Projects and datasets with managed access are counted too; of their
    files, the service counts only those that you can access.
    """

    output = True
    default_format = "table"
    example = "azul summary --filter organ=brain"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        self.add_filters(parser)
        self.add_catalog(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_azul.flavours.hits import inner, whole
        from hca_azul.query.calls import compact_json, get_json
        from hca_azul.query.managed import find_managed
        from hca_base.errors import ServiceError
        from hca_base.output import format_bytes, output_options

        client = self.client
        filters = self.filters_of(parsed_args)
        answer = get_json(
            client,
            "/index/summary",
            {
                "catalog": client.catalog(parsed_args.catalog),
                "filters": compact_json(filters) if filters else None,
            },
        )
        if not isinstance(answer, dict):
            raise ServiceError("the service's response is not a summary", status=200)
        self.warn_managed(find_managed(client, filters, parsed_args.catalog))
        chosen = output_options(parsed_args)
        if (chosen.get("fmt") or "table") != "table" or chosen.get("columns") or chosen.get("query"):
            return answer
        told = {"catalog": client.catalog(parsed_args.catalog)}
        told |= {label: f"{whole(answer.get(name)) or 0:,}" for label, name in self.flavour.summary.items()}
        told["size"] = format_bytes(whole(answer.get("totalFileSize")) or 0)
        cells = sum(whole(one.get("totalCellCountByOrgan")) or 0 for one in inner(answer, "cellCountSummaries"))
        if cells:
            told["cells"] = f"{cells:,}"
        summaries = inner(answer, "fileTypeSummaries") or inner(answer, "fileFormats")
        formats = sorted(((whole(one.get("count")) or 0, str(one.get("format"))) for one in summaries), reverse=True)
        told["formats"] = ", ".join(f"{form} ({count:,})" for count, form in formats[:8])
        organs = answer.get("organTypes")
        if isinstance(organs, list):
            named = ", ".join(str(one) for one in organs if one) or "none"
            told["organs"] = named if len(named) < 200 else named[:197] + "…"
        return told
