"""``hca azul download`` and ``hca anvil download``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hca_azul.commands.azul_command import AzulCommand, plugin_name

if TYPE_CHECKING:
    from hca_azul.download.downloading import DownloadRequest
    from hca_azul.download.outcome import Outcome
    from hca_azul.download.samplesheet import SampleSheet
    from hca_azul.download.selection import Selection
    from hca_base.transfer import TransferOptions

POLICIES = ("error", "error-if-different", "take-first", "take-last", "rename")


class DownloadCommand(AzulCommand):
    """A command that downloads, or lists what to download."""

    # Options

    def add_selection(self, parser: argparse.ArgumentParser) -> None:
        """Add the options that select files."""
        unit = "dataset" if plugin_name(self) == "anvil" else "project"
        group = parser.add_argument_group("which files")
        group.add_argument(
            "unit",
            nargs="*",
            metavar=unit.upper(),
            help=f"files of these {unit}s: UUID, short name, title, accession, slug, or address in the data portal",
        )
        self.add_filters(group)
        group.add_argument(
            "--file", action="append", default=[], metavar="UUID", help="download this file; may be repeated"
        )
        group.add_argument(
            "--manifest",
            metavar="FILE",
            help="files of this manifest (compact, PFB, BDBag, curl, or of the old data store), which may be gzipped, "
            "or of a manifest URL of the data portal; - reads stdin",
        )
        self.add_catalog(group)

    def add_naming(self, parser: argparse.ArgumentParser) -> None:
        """Add the options for names."""
        group = parser.add_argument_group("names")
        group.add_argument(
            "--name-template",
            metavar="TEMPLATE",
            help="names below the directory (default: {project}/{name}); also {uuid}, {stem}, {suffix}, {organ}, "
            "{species}, {sample}, {bundle}, {format}, {library}, {read}, {sha256}, {md5}, {version}, {project_id}",
        )
        group.add_argument(
            "--on-collision",
            choices=POLICIES,
            default="rename",
            help="if several files have the same name: refuse, refuse if their content differs, take the first or last "
            "one, or add the beginning of its UUID to the name of each (rename, the default)",
        )

    def add_download(self, parser: argparse.ArgumentParser) -> None:
        """Add the options for the download."""
        from hca_base.transfer import add_transfer_options

        parser.add_argument(
            "--download-dir", default=".", metavar="DIR", help="where to download to (default: the working directory)"
        )
        parser.add_argument(
            "--sources",
            default="mirror,azul,drs",
            metavar="LIST",
            help="sources, in order of preference: mirror (public, requires no login), azul, drs (requires a Terra "
            "account) (default: mirror,azul,drs)",
        )
        group = parser.add_argument_group("sample sheets")
        group.add_argument(
            "--samplesheet",
            metavar="FILE",
            help="write a table of the reads that belong together (CSV), for pipelines; - is stdout",
        )
        group.add_argument(
            "--for",
            dest="pipeline",
            choices=("scrnaseq", "rnaseq", "fetchngs"),
            help="nf-core pipeline that the sample sheet is for: each sample is a library, and file names have no "
            "spaces; fetchngs lists run accessions, one per line, and downloads nothing",
        )
        group.add_argument(
            "--pooled",
            choices=("error", "split", "join"),
            help="with --for scrnaseq or rnaseq: files with reads of several libraries are refused, listed for each "
            "library, or listed as one sample (default: error)",
        )
        group.add_argument(
            "--sheet-paths",
            choices=("absolute", "relative"),
            help="paths in the sample sheet (default with --for: absolute)",
        )
        parser.add_argument(
            "--skip-unavailable",
            action="store_true",
            help="exit with 0 even if some selected files are unavailable or have managed access",
        )
        add_transfer_options(parser)

    # From options to arguments

    def selection_of(self, args: argparse.Namespace) -> Selection:
        """Return the selection."""
        from hca_azul.download.selection import Selection

        return Selection(units=args.unit, filters=self.filters_of(args), uuids=args.file, manifest=args.manifest)

    def request_of(self, args: argparse.Namespace, options: TransferOptions) -> DownloadRequest:
        """Return the download settings."""
        from hca_azul.download.downloading import DownloadRequest

        return DownloadRequest(
            catalog=args.catalog,
            template=args.name_template,
            policy=args.on_collision,
            sources=tuple(name.strip() for name in args.sources.split(",") if name.strip()),
            skip_unavailable=args.skip_unavailable,
            samplesheet=self._samplesheet_of(args),
            options=options,
        )

    def _samplesheet_of(self, args: argparse.Namespace) -> SampleSheet | None:
        from pathlib import Path

        from hca_azul.download.samplesheet import SampleSheet
        from hca_base.errors import UsageError

        if args.pooled and args.pipeline not in ("scrnaseq", "rnaseq"):
            raise UsageError("--pooled requires --for scrnaseq or --for rnaseq")
        if args.samplesheet is None:
            if args.pipeline or args.sheet_paths:
                raise UsageError("--for and --sheet-paths require --samplesheet FILE")
            return None
        return SampleSheet(Path(args.samplesheet), args.pipeline, args.pooled or "error", args.sheet_paths)

    def fetch(self, args: argparse.Namespace, selection: Selection) -> None:
        """Download, print the report, and raise an error for missing files."""
        from hca_azul.download.downloading import run
        from hca_base.transfer import options_from_args

        if args.progress is None and self.context.progress == "none":
            args.progress = "none"
        options = options_from_args(args, self.config)
        request = self.request_of(args, options)
        outcome = run(self.client, selection, args.download_dir, request)
        failure = outcome.failure(args.skip_unavailable, dry_run=options.dry_run)
        self._report_outcome(outcome, options, failure)
        self._report_sheet(request.samplesheet)
        if options.dry_run:
            lost = {"unavailable": outcome.unavailable + outcome.offline, "managed": outcome.report.counts["managed"]}
            self.emit({"catalog": outcome.catalog, **outcome.plan, **lost})
        if failure is not None:
            raise failure

    def _report_sheet(self, sheet: SampleSheet | None) -> None:
        """Print what was written for a pipeline."""
        from hca_base.output import counted

        if sheet is not None and sheet.rows is not None and str(sheet.path) != "-":
            noun = "accession" if sheet.replaces_download else "row"
            self.note(f"{sheet.path}: {counted(sheet.rows, noun)}")

    def _report_outcome(self, outcome: Outcome, options: TransferOptions, failure: Exception | None) -> None:
        """Print a summary to stderr, except what an error reports."""
        from hca_base.output import counted

        if outcome.renamed:
            self.note(
                f"{counted(outcome.renamed, 'file')} of shared names were renamed with the beginning of their UUIDs"
            )
        if outcome.left_out:
            self.note(f"{counted(outcome.left_out, 'file')} left out for others of the same names")
        self.warn_managed(outcome.managed.beside(failure))
        if outcome.downloads:
            self.note(outcome.report.summary())
        if outcome.unavailable and options.report is None:
            shown = ", ".join(ascii(name)[1:-1] for name in outcome.examples)
            self.note(f"{outcome.unavailable:,} cannot be downloaded: {shown}" + ", …" * (outcome.unavailable > 5))


class Download(DownloadCommand):
    """Download files by project, dataset, filter or UUID, or from a manifest.

    Each file comes from the first source that has it: the public mirror, the service, or the repository itself (which
    requires a Terra account). hca verifies checksums. After an interruption, run the same command again to resume. Each
    file is stored once in DIR/.hca and linked to its name. DIR/hca-azul.lock.json records the catalog, so that later
    downloads into DIR use the same release while the service offers it. With --manifest, the mirror is enough, even if
    the service is down.

    Exit codes: 3 if a project that you name, or everything that matches, has managed access; 4 if no source has some of
    the listed files (the others are downloaded); 7 if a file does not match its checksum (it is quarantined). With
    --skip-unavailable, the first two are 0. --report FILE lists every file.
    """

    example = "azul download BrainCells --download-dir data --samplesheet samples.csv"
    anvil_example = "anvil download ANVIL_1000G_high_coverage_2019 --filter format=.vcf.gz --download-dir data"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        self.add_selection(parser)
        self.add_naming(parser)
        self.add_download(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        self.fetch(parsed_args, self.selection_of(parsed_args))
