"""``hca dss download-collection``."""

from __future__ import annotations

import argparse
from typing import Any

from hca_dss.commands.transfer_command import TransferCommand, add_download_dir, add_replica


class DownloadCollection(TransferCommand):
    """Download what a collection links to.

    Bundles go to DIR/UUID.VERSION, as with 'hca dss download'. Files that the collection links to, in full or in part,
    go to DIR/files/UUID.VERSION. Nested collections are followed, each once.
    """

    example = "dss download-collection --uuid 8a1c6a45-2b1e-4a34-8b8b-6b1e6d0d8a4e --replica aws --download-dir data"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--uuid", required=True, help="the collection")
        add_replica(parser)
        parser.add_argument(
            "--version",
            help="version of the collection, of the form 2018-11-02T113344.698028Z (default: the latest)",
        )
        add_download_dir(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        args = parsed_args
        options = self.transfer_options(args)
        report = self.client.download_collection(
            args.uuid, args.replica, args.version, args.download_dir, options=options
        )
        return self.tell(report, options)
