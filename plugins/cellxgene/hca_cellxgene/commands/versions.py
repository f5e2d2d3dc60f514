"""``hca cellxgene versions``."""

from __future__ import annotations

import argparse
from typing import Any

from hca_cellxgene.commands.options import CellxgeneCommand
from hca_cellxgene.rows import date


class Versions(CellxgeneCommand):
    """List the versions of a dataset or of a collection, newest first."""

    output = True
    default_format = "table"
    example = "cellxgene versions $DATASET_ID"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("id", metavar="ID", help="UUID of a dataset or collection")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> list[dict[str, Any]]:
        from hca_base.errors import NotFoundError, ServiceError

        name = parsed_args.id.strip().lower()
        for method, argument, what in (
            ("list_dataset_versions", "dataset_id", "dataset"),
            ("list_collection_versions", "collection_id", "collection"),
        ):
            try:
                found = getattr(self.client, method)(**{argument: name})
            except ServiceError as error:
                if error.status not in (400, 403, 404):
                    raise
                continue
            versions = found.get("datasets", []) if isinstance(found, dict) else found
            return [self._row(version, what) for version in versions]
        raise NotFoundError(
            f"{parsed_args.id} is not the UUID of a public dataset or collection",
            hint="'hca cellxgene datasets' and 'hca cellxgene collections' list them",
        )

    def _row(self, version: dict[str, Any], what: str) -> dict[str, Any]:
        return {
            "version": version.get(f"{what}_version_id"),
            "date": date(version),
            "title": version.get("title") or version.get("name"),
            "cells" if what == "dataset" else "datasets": version.get("cell_count")
            if what == "dataset"
            else len(version.get("datasets") or []),
        }
