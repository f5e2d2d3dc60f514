"""``hca drs download``."""

from __future__ import annotations

import argparse
from typing import Any

from hca_drs.commands.drs_command import DRSCommand, add_passport, add_uris, uris_of
from hca_drs.commands.listing import add_limits


class Download(DRSCommand):
    """Download objects, and the members of bundles.

    Each object is read with the first access method that works (https, s3, gs), from a URL that is renewed when it
    expires, and verified with the strongest checksum that its server provides. After an interruption, run the same
    command again to resume.
    """

    example = "drs download drs://drs.example.org/314159 --download-dir data"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from hca_base.transfer import add_transfer_options

        parser = super().get_parser(prog_name)
        add_uris(parser)
        parser.add_argument(
            "--download-dir", default=".", metavar="DIR", help="where to download to (default: the working directory)"
        )
        parser.add_argument(
            "--access", metavar="LIST", help="access methods, in order of preference (default: https,s3,gs)"
        )
        parser.add_argument("--region", metavar="REGION", help="preferred cloud region, such as us-east-1")
        parser.add_argument(
            "--flat", action="store_true", help="put all files directly into DIR, without directories for bundles"
        )
        parser.add_argument(
            "--on-collision",
            choices=("rename", "error"),
            default="rename",
            help="if several objects have the same name: add a part of a digest (default), or fail",
        )
        add_limits(parser)
        add_passport(parser)
        add_transfer_options(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_base.transfer import options_from_args

        args = parsed_args
        self.passports(args)
        if args.progress is None and not self.context.options.progress:
            args.progress = "none"
        options = options_from_args(args, self.config)
        access = [name.strip() for name in args.access.split(",") if name.strip()] if args.access is not None else None
        outcome = self.client.run_download(
            uris_of(args),
            args.download_dir,
            self.client.preferences(access=access, region=args.region),
            flat=args.flat,
            on_collision=args.on_collision,
            max_depth=args.max_depth,
            max_objects=args.max_objects,
            options=options,
        )
        for line in outcome.notes():
            self.note(line)
        self.note(outcome.report.summary())
        outcome.report.raise_for_failures("downloaded")
        return outcome.plan if options.dry_run else None
