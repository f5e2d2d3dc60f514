"""``hca dss download``."""

from __future__ import annotations

import argparse
from typing import Any

from hca_dss.commands.transfer_command import TransferCommand, add_choice, add_download_dir, add_patience, add_replica


class Download(TransferCommand):
    """Download a bundle.

    Downloads the files to DIR/UUID.VERSION, under their names in the bundle, together with bundle.json, the bundle's
    manifest. Each file is stored once in the filestore DIR/.hca and linked from there. After a failure or an
    interruption, run the same command again: complete files are not downloaded again.

    hca refuses a bundle (exit code 5) if a file name would leave the directory, is a device name on some system, or
    clashes with another on a case-insensitive disk. A file that does not match its checksum is never moved into place
    (exit code 7).
    """

    example = "dss download --bundle-uuid 5f4e3dd6-8a12-4b21-9a7c-2a65cd01f3b0 --replica aws --no-data"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--bundle-uuid", required=True, metavar="UUID", help="the bundle")
        add_replica(parser)
        parser.add_argument(
            "--version",
            default="",
            help="version of the bundle, of the form 2018-11-02T113344.698028Z (default: the latest)",
        )
        add_download_dir(parser)
        parser.add_argument(
            "--metadata-filter",
            nargs="+",
            default=("*",),
            metavar="PATTERN",
            help="download only metadata files (those that are indexed) whose names match one of these shell patterns; "
            "case-sensitive",
        )
        parser.add_argument(
            "--data-filter",
            nargs="+",
            default=("*",),
            metavar="PATTERN",
            help="download only data files (all others) whose names match one of these shell patterns",
        )
        add_choice(parser)
        add_patience(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        args = parsed_args
        options = self.transfer_options(args)
        report = self.client.download(
            args.bundle_uuid,
            args.replica,
            args.version,
            args.download_dir,
            args.metadata_filter,
            args.data_filter,
            args.no_metadata,
            args.no_data,
            options=options,
        )
        return self.tell(report, options)
