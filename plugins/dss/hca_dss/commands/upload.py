"""``hca dss upload``."""

from __future__ import annotations

import argparse
from typing import Any

from hca_base.errors import HCAError
from hca_dss.commands.transfer_command import TransferCommand, add_replica, seconds


class Upload(TransferCommand):
    """Upload a directory as a bundle.

    Uploads the files to an S3 bucket with their checksums, registers them with the service, and creates a bundle that
    lists them by their paths below the directory. Prints the UUIDs and versions of the bundle and its files. After a
    failure or an interruption, run the same command again within a week: it continues with the same bundle if no file
    has changed.

    The S3 keys come from the profile, or from where the AWS tools find them (environment variables, ~/.aws).
    """

    sends = True
    output = True
    example = "dss upload --src-dir my-bundle --replica aws --staging-bucket my-staging-bucket"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--src-dir", required=True, metavar="DIR", help="directory to upload")
        add_replica(parser)
        parser.add_argument(
            "--staging-bucket",
            metavar="BUCKET",
            help="S3 bucket that the service can read, as NAME or s3://NAME/PREFIX (default: the setting "
            "s3.staging_bucket)",
        )
        parser.add_argument(
            "--timeout-seconds",
            type=seconds,
            default=1200,
            metavar="SECONDS",
            help="time limit for the service to copy one file (default: 1200)",
        )
        parser.add_argument("--bundle-uuid", metavar="UUID", help="UUID for the bundle (default: a new one)")

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        args = parsed_args
        result = self.client.upload(
            args.src_dir,
            args.replica,
            args.staging_bucket,
            args.timeout_seconds,
            bundle_uuid=args.bundle_uuid,
            options=self.transfer_options(args),
        )
        if "bundle_uuid" in result:
            self._emit_bundle(result, args)
            return None
        return result or None

    def _emit_bundle(self, result: dict[str, Any], args: argparse.Namespace) -> None:
        """Write the result; if that fails, print the bundle's UUID to stderr, so that the user can find it again."""
        try:
            self.emit(result, args)
        except (HCAError, OSError):
            from hca_base.output import note

            # Also with --quiet: it is part of the error.
            note(f"uploaded bundle {result['bundle_uuid']}.{result['version']}")
            raise
