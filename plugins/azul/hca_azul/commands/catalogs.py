"""``hca azul catalogs`` and ``hca azul summary``."""

from __future__ import annotations

import argparse
from typing import Any

from hca_azul.commands.azul_command import AzulCommand, add_catalog, add_filters, filters_of
from hca_base.commands import Lister


class Catalogs(AzulCommand, Lister):
    """List the catalogs: releases of the data.

    The service removes old ones as new ones come. Downloads note in which catalog they were made.
    """

    example = "azul catalogs"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--all", action="store_true", help="also the internal ones, which are the service's tests")
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
    """Sum up: how many projects, donors, cells, files and bytes there are.

    With filters, of what matches them. Data of managed access counts whether or not you may have it.
    """

    output = True
    default_format = "table"
    example = "azul summary --filter organ=brain"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_filters(parser)
        add_catalog(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_azul.query.calls import compact_json, get_json
        from hca_azul.query.rows import inner, whole
        from hca_base.errors import ServiceError
        from hca_base.output import format_bytes, output_options

        client = self.client
        filters = filters_of(parsed_args)
        answer = get_json(
            client,
            "/index/summary",
            {
                "catalog": client.catalog(parsed_args.catalog),
                "filters": compact_json(filters) if filters else None,
            },
        )
        if not isinstance(answer, dict):
            raise ServiceError("the service's answer is no summary", status=200)
        chosen = output_options(parsed_args)
        if (chosen.get("fmt") or "table") != "table" or chosen.get("columns") or chosen.get("query"):
            return answer
        cells = sum(whole(one.get("totalCellCountByOrgan")) or 0 for one in inner(answer, "cellCountSummaries"))
        formats = [(str(one.get("format")), whole(one.get("count")) or 0) for one in inner(answer, "fileTypeSummaries")]
        formats.sort(key=lambda one: -one[1])
        organs = answer.get("organTypes")
        named = ", ".join(str(one) for one in (organs if isinstance(organs, list) else ()) if one) or "none"

        def count(member: str) -> str:
            return f"{whole(answer.get(member)) or 0:,}"

        return {
            "catalog": client.catalog(parsed_args.catalog),
            "projects": count("projectCount"),
            "species": count("speciesCount"),
            "donors": count("donorCount"),
            "specimens": count("specimenCount"),
            "cells": f"{cells:,}",
            "laboratories": count("labCount"),
            "files": count("fileCount"),
            "size": format_bytes(whole(answer.get("totalFileSize")) or 0),
            "formats": ", ".join(f"{form} ({count:,})" for form, count in formats[:8]),
            "organs": named if len(named) < 200 else named[:197] + "…",
        }
