"""``hca azul tables``."""

from __future__ import annotations

import argparse
from typing import Any

from hca_base.commands import Lister

FORMATS = ("tsv", "jsonl", "parquet")


class Tables(Lister):
    """Write the tables of a PFB or verbatim manifest: one for each kind of entity.

    Takes manifests of the formats terra.pfb, verbatim.pfb and verbatim.jsonl. Each row is an entity, with the column
    id, its values, and columns links.TABLE with the ids of related entities in another table. In a TSV, several values
    are joined by ' || '. PFB requires fastavro, and --as parquet requires pyarrow.
    """

    example = "azul tables brain.pfb --output-dir brain"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "file", metavar="FILE", help="manifest: terra.pfb, verbatim.pfb or verbatim.jsonl; - reads stdin"
        )
        parser.add_argument(
            "--output-dir", default=".", metavar="DIR", help="where to write them (default: the working directory)"
        )
        parser.add_argument("--as", dest="form", choices=FORMATS, default="tsv", help="format (default: tsv)")
        parser.add_argument("--force", action="store_true", help="replace files that exist")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_azul.manifest.table_files import write_tables

        args = parsed_args
        written = write_tables(args.file, args.output_dir, args.form, force=args.force)
        return [
            {"table": one.table, "rows": one.rows, "columns": one.columns, "file": str(one.path)} for one in written
        ]
