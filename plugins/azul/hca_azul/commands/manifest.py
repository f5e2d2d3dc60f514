"""``hca azul manifest`` and ``hca azul metadata``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hca_azul.commands.azul_command import AzulCommand, add_catalog, add_filters, filters_of

FORMATS = ("compact", "curl", "terra.pfb", "terra.bdbag", "verbatim.jsonl", "verbatim.pfb")


class Manifest(AzulCommand):
    """Get a manifest: the list of files that match filters, with their metadata.

    The service makes it in the background, which takes seconds for a project and up to half an hour for everything.
    Interrupted, the same command goes on with the manifest that is being made. The file appears when it is whole.

    Formats: compact is a table with tabs, which 'hca azul download --manifest' takes; curl is a configuration
    file for curl, whose addresses lapse; terra.pfb and verbatim.pfb are for Terra and other tools; verbatim.jsonl has
    the metadata as contributors gave them; terra.bdbag is known to releases before 17 only.
    """

    example = "azul manifest --filter project=BrainCells --output brain.tsv"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--format", choices=FORMATS, default="compact", help="format (default: compact)")
        add_filters(parser)
        add_catalog(parser)
        parser.add_argument("--project", metavar="NAME", help="only this project: UUID, short name or title")
        _add_saving(parser, "manifest with the format's suffix, such as manifest.tsv")
        parser.add_argument("--new", action="store_true", help="do not take up a manifest that is under way")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_azul.manifest.manifests import Manifest as Job
        from hca_azul.manifest.manifests import save_manifest
        from hca_azul.query.managed import check_shown, tell_hidden
        from hca_azul.query.projects import find_project
        from hca_base.errors import UsageError
        from hca_base.output import format_bytes, warn

        args = parsed_args
        client = self.client
        filters: dict[str, Any] = filters_of(args)
        if args.project:
            project = find_project(client, args.project, args.catalog)
            check_shown(client, project)
            if "projectId" in filters:
                raise UsageError("a project is named, and projectId is filtered, too")
            filters |= project.filters
        elif told := tell_hidden(client, filters, args.catalog):
            self.note(told)
        job = Job(
            client,
            filters,
            args.format,
            catalog=args.catalog,
            wait=args.wait,
            say=self.note,
            resume=not args.new,
        )
        secret = args.format == "curl" and client.has_credentials
        if secret:
            warn("the service writes the token into manifests of this format: keep it to yourself")
        name, size = save_manifest(job, args.output, secret=secret, force=args.force)
        if name != "-":
            self.note(f"{name}: {format_bytes(size)}, catalog {job.catalog}")


class Metadata(AzulCommand):
    """Get the metadata of a project as one table: a row for each file, with tabs between columns.

    Columns that are empty in all rows are left out. With --barcodes, columns are added that say where reads have
    their cell barcodes and unique molecular identifiers, as far as the project's library protocols do.
    """

    example = "azul metadata BrainCells --barcodes --output brain.tsv"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("project", metavar="PROJECT", help="project: UUID, short name or title")
        add_catalog(parser)
        _add_saving(parser, "the project's short name with .tsv")
        parser.add_argument("--all-columns", action="store_true", help="also columns that are empty")
        parser.add_argument("--barcodes", action="store_true", help="say where barcodes and UMIs are in the reads")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_azul.manifest.metadata import project_table
        from hca_azul.query.managed import check_shown
        from hca_azul.query.projects import find_project
        from hca_base.errors import UsageError

        args = parsed_args
        project = find_project(self.client, args.project, args.catalog)
        check_shown(self.client, project)
        from hca_azul.download.naming import part

        output = args.output or f"{part(project.short or project.uuid)}.tsv"
        if output != "-" and not args.force and Path(output).is_file():
            raise UsageError(f"{output} is there already", hint="--force replaces it, --output FILE takes another name")
        rows, columns = project_table(
            self.client,
            project,
            output,
            catalog=args.catalog,
            wait=args.wait,
            say=self.note,
            all_columns=args.all_columns,
            barcodes=args.barcodes,
        )
        self.note(f"{output}: {rows:,} rows, {columns} columns" if output != "-" else f"{rows:,} rows")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid number of seconds from 0 on")
    return seconds


def _add_saving(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--output", metavar="FILE", help=f"where to save it; - for stdout (default: {default})")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    parser.add_argument(
        "--wait", type=_seconds, metavar="SECONDS", help="how long to wait for the service (default: 3600)"
    )
