"""``hca dss download-manifest``."""

from __future__ import annotations

import argparse
from typing import Any

from hca_dss.commands.transfer_command import TransferCommand, add_choice, add_download_dir, add_patience, add_replica


class DownloadManifest(TransferCommand):
    """Download the files that a manifest lists.

    The manifest is a tab-separated table with a header row and one file per row. The layout none needs file_uuid,
    file_name, file_sha256 and file_size, and uses file_version; the layout bundle needs bundle_uuid, bundle_version,
    file_name and file_sha256, and compares the others with the bundle. Other columns are kept, but not used.

    With the layout none, files are stored only in the filestore DIR/.hca. With the layout bundle, they are also linked
    into DIR/UUID.VERSION for each bundle, together with all its metadata files and bundle.json.

    When all files are complete, a copy of the manifest with the column file_path is written to the working directory
    under the same name. If the manifest itself is there, it is replaced, with a warning.

    Invalid rows are reported before anything is downloaded (exit code 2). A file or bundle that the service does not
    have is a failure (exit code 4, or 1 if there are failures of several kinds); the others are still downloaded.
    """

    example = "dss download-manifest --manifest manifest.tsv --replica aws --layout bundle"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--manifest", required=True, metavar="FILE", help="the manifest")
        add_replica(parser)
        parser.add_argument(
            "--layout", default="none", choices=("none", "bundle"), help="directory layout of the files (default: none)"
        )
        add_choice(parser)
        add_patience(parser)
        add_download_dir(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        args = parsed_args
        options = self.transfer_options(args)
        report = self.client.download_manifest(
            args.manifest,
            args.replica,
            args.layout,
            args.no_metadata,
            args.no_data,
            download_dir=args.download_dir,
            options=options,
        )
        return self.tell(report, options)
