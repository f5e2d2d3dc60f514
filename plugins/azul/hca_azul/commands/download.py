"""``hca azul download``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_azul.commands.azul_command import AzulCommand, add_catalog, add_filters, filters_of

if TYPE_CHECKING:
    from hca_azul.download.downloading import Outcome, Wishes
    from hca_azul.download.selection import Selection
    from hca_base.transfer import TransferOptions

POLICIES = ("error", "error-if-different", "take-first", "take-last", "rename")


def add_selection(parser: argparse.ArgumentParser) -> None:
    """The ways to say which files."""
    group = parser.add_argument_group("which files")
    group.add_argument("project", nargs="*", metavar="PROJECT", help="of these projects: UUID, short name or title")
    add_filters(group)
    group.add_argument("--file", action="append", default=[], metavar="UUID", help="this file; may be repeated")
    group.add_argument(
        "--manifest",
        metavar="FILE",
        help="those of a manifest (compact, or one of the old data store), or of a curl configuration",
    )
    add_catalog(group)


def selection_of(args: argparse.Namespace) -> Selection:
    """What was selected."""
    from hca_azul.download.selection import Selection

    return Selection(
        projects=args.project,
        filters=filters_of(args),
        uuids=args.file,
        manifest=Path(args.manifest) if args.manifest else None,
    )


def add_naming(parser: argparse.ArgumentParser) -> None:
    """The options about names."""
    group = parser.add_argument_group("names")
    group.add_argument(
        "--name-template",
        metavar="TEMPLATE",
        help="names below the directory (default: {project}/{name}); also {uuid}, {stem}, {suffix}, {organ}, "
        "{species}, {sample}, {bundle}, {format}, {library}, {read}, {sha256}, {version}, {project_id}",
    )
    group.add_argument(
        "--on-collision",
        choices=POLICIES,
        default="rename",
        help="when several files have one name: refuse, refuse if their content differs, take the first or last of "
        "them, or add the beginning of its UUID to the name of each (rename, the default)",
    )


def add_download(parser: argparse.ArgumentParser) -> None:
    """The options about downloading."""
    from hca_base.transfer import add_transfer_options

    parser.add_argument(
        "--download-dir", default=".", metavar="DIR", help="where to download to (default: the working directory)"
    )
    parser.add_argument(
        "--sources",
        default="mirror,azul,drs",
        metavar="LIST",
        help="where to get files, the best first: mirror (public, needs no login), azul, drs (needs a Terra account) "
        "(default: mirror,azul,drs)",
    )
    parser.add_argument(
        "--samplesheet", metavar="FILE", help="write a table of the reads that belong together (CSV), for pipelines"
    )
    parser.add_argument(
        "--skip-unavailable",
        action="store_true",
        help="exit with 0 even if some listed files are unavailable",
    )
    add_transfer_options(parser)


def wishes_of(args: argparse.Namespace, options: TransferOptions) -> Wishes:
    """How the download is to be."""
    from hca_azul.download.downloading import Wishes

    return Wishes(
        catalog=args.catalog,
        template=args.name_template,
        policy=args.on_collision,
        sources=tuple(name.strip() for name in args.sources.split(",") if name.strip()),
        skip_unavailable=args.skip_unavailable,
        samplesheet=args.samplesheet,
        options=options,
    )


class DownloadCommand(AzulCommand):
    """A command that downloads."""

    def fetch(self, args: argparse.Namespace, selection: Selection) -> Any:
        """Download, tell about it, and raise for what is missing."""
        from hca_azul.download.downloading import run
        from hca_base.transfer import options_from_args

        if args.progress is None and self.context.progress == "none":
            args.progress = "none"
        options = options_from_args(args, self.config)
        outcome = run(self.client, selection, args.download_dir, wishes_of(args, options))
        self.tell(outcome, options)
        if options.dry_run:
            return {"catalog": outcome.catalog, **outcome.plan, "unavailable": outcome.unavailable}
        outcome.raise_for_failures(args.skip_unavailable)
        return None

    def tell(self, outcome: Outcome, options: TransferOptions) -> None:
        """Sum up on stderr."""
        if outcome.renamed:
            self.note(f"{outcome.renamed:,} files that share names got the beginning of their UUIDs into them")
        if outcome.left_out:
            self.note(f"{outcome.left_out:,} files were left out for others of the same names")
        if outcome.hidden:
            from hca_azul.query.managed import told_of

            self.note(told_of(self.client, outcome.hidden))
        report = outcome.engine if outcome.engine is not None and options.dry_run else outcome.report
        self.note(report.summary())
        if outcome.unavailable and options.report is None:
            shown = ", ".join(ascii(name)[1:-1] for name in outcome.examples)
            self.note(f"{outcome.unavailable:,} cannot be downloaded: {shown}" + ", …" * (outcome.unavailable > 5))


class Download(DownloadCommand):
    """Download files: of projects, of filters, by UUID, or of a manifest.

    Files come from the public mirror where it has them, else from the service, else from the repository itself
    (with a Terra account). They are compared with their checksums; interrupted, the same command goes on where it
    stopped. Each is kept once in DIR/.hca and linked to its name. DIR/hca-azul.lock.json notes the catalog, so that
    later downloads into DIR are of the same release as long as it is there.

    Files that are listed and that no source offers are reported, and the others are downloaded: exit code 4 then, or
    0 with --skip-unavailable. Wrong bytes are put into quarantine (exit code 7). --report FILE has every file.
    """

    example = "azul download BrainCells --filter format=fastq.gz --download-dir data --samplesheet samples.csv"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_selection(parser)
        add_naming(parser)
        add_download(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        return self.fetch(parsed_args, selection_of(parsed_args))
