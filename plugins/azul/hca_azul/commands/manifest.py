"""``manifest`` and ``metadata`` of ``hca azul`` and ``hca anvil``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_azul.commands.azul_command import AzulCommand, plugin_name

if TYPE_CHECKING:
    from hca_azul.query.units import Found

FORMATS = ("compact", "curl", "terra.pfb", "verbatim.jsonl", "verbatim.pfb")


class Manifest(AzulCommand):
    """Get a manifest: the list of files that match filters, with their metadata.

    The service prepares it in the background, which takes seconds for a project and up to half an hour for everything.
    After an interruption, the same command continues with the manifest that is being prepared. The file appears when it
    is complete.

    Formats: compact is a table with tabs; curl is a configuration file for curl; terra.pfb and verbatim.pfb are Avro,
    for Terra and for the command 'tables'; verbatim.jsonl has the metadata as contributors gave them. 'download
    --manifest' reads all of them. Other format names are sent to the service unchanged.
    """

    example = "azul manifest --filter project=BrainCells --output brain.tsv"
    anvil_example = "anvil manifest --filter dataset=ANVIL_1000G_high_coverage_2019 --output 1000g.tsv"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        form: Any = parser.add_argument(
            "--format", default="compact", help=f"format: {', '.join(FORMATS)} (default: compact)"
        )
        form.completer = "hca_azul.query.completion:manifest_formats"
        self.add_filters(parser)
        self.add_catalog(parser)
        unit = "dataset" if plugin_name(self) == "anvil" else "project"
        parser.add_argument(
            f"--{unit}", dest="unit", metavar="NAME", help=f"only this {unit}: UUID, short name, title or accession"
        )
        _add_saving(parser, "manifest with the format's suffix, such as manifest.tsv")
        parser.add_argument("--new", action="store_true", help="do not continue with a manifest that is being prepared")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_azul.download.selection import with_units
        from hca_azul.manifest.manifests import Manifest as Job
        from hca_azul.manifest.manifests import save_manifest
        from hca_azul.query.managed import Managed, OpenSearch, error_of
        from hca_base.output import format_bytes, warn

        args = parsed_args
        client = self.client
        units = [_accessible(self, args.unit, args.catalog).unit] if args.unit else []
        filters = with_units(client, self.filters_of(args), units)
        search = OpenSearch(client, "files", filters, catalog=args.catalog, limit=1, page_size=1)
        list(search.hits())
        managed = Managed([]) if units else search.left_out()
        if search.total == 0 and managed.units:
            raise error_of(client, managed.units)
        self.warn_managed(managed)
        if search.total == 0:
            self.suggest(filters, search.facets)
            warn("no file matches: the manifest is empty")
        job = Job(
            client, filters, args.format, catalog=args.catalog, wait=args.wait, say=self.note, resume=not args.new
        )
        secret = args.format == "curl" and client.has_credentials
        if secret:
            warn("releases before 17 write the token into manifests of this format: keep the file private")
        name, size = save_manifest(job, args.output, secret=secret, force=args.force)
        if name != "-":
            self.note(f"{name}: {format_bytes(size)}, catalog {job.catalog}")
        if args.format == "curl" and plugin_name(self) == "anvil":
            self.note("manifests of this format list mirrored files only; those of the format compact list all")


class Metadata(AzulCommand):
    """Get the metadata of a project or dataset as one table: a row for each file, with tabs between columns.

    Columns that are empty in all rows are left out. --barcodes adds columns with the positions of cell barcodes and
    unique molecular identifiers in the reads, if the project's library protocols describe them.
    """

    example = "azul metadata BrainCells --output brain.tsv"
    anvil_example = "anvil metadata ANVIL_1000G_high_coverage_2019 --output 1000g.tsv"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        anvil = plugin_name(self) == "anvil"
        unit = "dataset" if anvil else "project"
        parser.add_argument(
            "unit", metavar=unit.upper(), help=f"{unit}: UUID, short name, title, accession, or address in the portal"
        )
        self.add_catalog(parser)
        _add_saving(parser, f"the {unit}'s short name with .tsv")
        parser.add_argument("--all-columns", action="store_true", help="also write empty columns")
        if anvil:
            parser.set_defaults(barcodes=False)
        else:
            parser.add_argument("--barcodes", action="store_true", help="show where barcodes and UMIs are in the reads")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_azul.download.naming import part
        from hca_azul.manifest.metadata import project_table
        from hca_base.errors import UsageError
        from hca_base.output import counted

        args = parsed_args
        unit = _accessible(self, args.unit, args.catalog).unit
        output = args.output or f"{part(unit.short or unit.uuid)}.tsv"
        if output != "-" and not args.force and Path(output).is_file():
            raise UsageError(f"{output} exists", hint="pass --force to replace it, or --output for another name")
        rows, columns = project_table(
            self.client,
            self.flavour.unit_filter([unit.key]),
            output,
            catalog=args.catalog,
            wait=args.wait,
            say=self.note,
            all_columns=args.all_columns,
            barcodes=args.barcodes,
        )
        told = counted(rows, "row")
        self.note(f"{output}: {told}, {counted(columns, 'column')}" if output != "-" else told)


def _accessible(command: AzulCommand, name: str, catalog: str | None) -> Found:
    """The project or dataset with this name.

    :raises AuthError: it has managed access: the service would list none of its files
    """
    from hca_azul.query.managed import error_of
    from hca_azul.query.units import find_unit

    found = find_unit(command.client, name, catalog)
    if found.unit.accessible is False:
        raise error_of(command.client, [found.unit])
    return found


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds of at least 0")
    return seconds


def _add_saving(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--output", metavar="FILE", help=f"file to write; - for stdout (default: {default})")
    parser.add_argument("--force", action="store_true", help="replace a file that exists")
    parser.add_argument("--wait", type=_seconds, metavar="SECONDS", help="time limit for the service (default: 3600)")
