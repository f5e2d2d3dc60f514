"""``hca azul export``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hca_azul.commands.download import DownloadCommand

if TYPE_CHECKING:
    from hca_azul.download.exports import Export as Exported

TOOLS = ("aria2", "s5cmd", "curl", "datalad")


class Export(DownloadCommand):
    """Write a list of files for another program to download.

    The list has the service's own URLs, which do not expire, and no token. Data with managed access require one:
    --with-token writes your token into a list for curl, and signed URLs that expire within the hour into one for aria2;
    only you can read such a file. 'download' itself needs no list. Lists for s5cmd contain only files of the public
    mirror.

    Other programs check less: s5cmd and curl do not verify checksums, and none of them waits when the service asks
    clients to wait.
    """

    example = "azul export BrainCells --to aria2 --output brain.aria2"
    anvil_example = "anvil export ANVIL_1000G_high_coverage_2019 --to aria2 --output 1000g.aria2"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        self.add_selection(parser)
        self.add_naming(parser)
        parser.add_argument("--to", required=True, choices=TOOLS, help="program to write the list for")
        parser.add_argument("--output", default="-", metavar="FILE", help="where to write it (default: stdout)")
        parser.add_argument("--force", action="store_true", help="replace a file that exists")
        parser.add_argument(
            "--with-token", action="store_true", help="include the credentials that managed data require"
        )
        parser.add_argument(
            "--sources",
            default="mirror,azul",
            metavar="LIST",
            help="sources, in order of preference (default: mirror,azul)",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_azul.download.exports import ExportRequest, build_export, save_export
        from hca_azul.download.outcome import ABSENT_OFFLINE
        from hca_azul.query.managed import error_of
        from hca_base.errors import HCAError, UnreachableError, UsageError
        from hca_base.output import counted

        args = parsed_args
        if args.with_token and args.output == "-":
            raise UsageError("--with-token requires --output FILE, because the list contains a token")
        if args.output != "-" and not args.force and Path(args.output).is_file():
            raise UsageError(
                f"{args.output} already exists", hint="pass --force to replace it, or --output FILE for another name"
            )
        request = ExportRequest(
            self.selection_of(args),
            args.to,
            args.catalog,
            args.name_template,
            args.on_collision,
            tuple(name.strip() for name in args.sources.split(",") if name.strip()),
            args.with_token,
        )
        export = build_export(self.client, request)
        if args.output == "-":
            self.stdout.write(export.text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))
        else:
            save_export(export, Path(args.output))
        failure: HCAError | None = None
        if export.offline:
            told = f"{counted(export.offline, 'file')} not in the list: {ABSENT_OFFLINE}"
            failure = UnreachableError(told, hint="run the same command again when the service is back")
        elif export.named:
            failure = error_of(self.client, export.named)
        self._report_export(export, args.output, failure)
        if failure is not None:
            raise failure

    def _report_export(self, export: Exported, output: str, failure: Exception | None) -> None:
        """Print to stderr what the list contains and what it omits, except what an error reports."""
        from hca_base.output import counted, format_bytes, warn

        self.warn_managed(export.managed.beside(failure))
        if export.secret:
            warn(f"{output} contains your token or signed URLs: keep it private, and delete it when you are done")
        command = export.command.replace("FILE", Path(output).name if output != "-" else "FILE")
        self.note(f"{counted(export.files, 'file')}, {format_bytes(export.bytes)}; to download them: {command}")
        if export.left_out:
            name, why = next(iter(export.left_out.items()))
            warn(f"{counted(len(export.left_out), 'file')} left out; the first: {ascii(name)[1:-1]}: {why}")
