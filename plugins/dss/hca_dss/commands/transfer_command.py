"""Base class and options of the transfer commands."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from hca_base.commands import Command
from hca_base.errors import HCAError

if TYPE_CHECKING:
    from hca_base.transfer import Report, TransferOptions
    from hca_dss.client import DSSClient

REPLICAS = ("aws", "gcp")


class TransferCommand(Command):
    """A command that moves files.

    :cvar sends: it uploads
    """

    sends = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from hca_base.transfer import add_transfer_options

        parser = super().get_parser(prog_name)
        self.add_arguments(parser)
        add_transfer_options(parser, upload=self.sends, tags=self.sends)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command. If files failed, the summary is printed before the error."""
        try:
            return super().run(parsed_args)
        except HCAError as error:
            if error.report is not None:
                self.note(error.report.summary())
            raise

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's own options."""
        raise NotImplementedError

    @property
    def client(self) -> DSSClient:
        """The client of the service that the command belongs to (``dss``, or another deployment of it)."""
        found: Any = self.service_client(service_name(self))
        return found

    def transfer_options(self, args: argparse.Namespace) -> TransferOptions:
        """Transfer options: the common ones, and hca 7's two equivalents."""
        from hca_base.transfer import options_from_args

        changes: dict[str, Any] = {}
        if args.retries is None and getattr(args, "num_retries", None) is not None:
            changes["retries"] = args.num_retries
        if getattr(args, "min_delay_seconds", None) is not None:
            changes["min_delay"] = args.min_delay_seconds
        if isinstance(args.progress, bool):
            # The default of hca 7's option --no-progress may come from the settings.
            args.progress = "none" if args.progress else None
        if args.progress is None and self.context.progress == "none":
            args.progress = "none"
        return options_from_args(args, self.config, **changes)

    def tell(self, report: Report, options: TransferOptions) -> dict[str, int] | None:
        """Print a summary to stderr; for a dry run, return its result."""
        self.note(report.summary())
        return report.plan or None if options.dry_run else None


def service_name(command: Command) -> str:
    """The service of a command: the first word of its name."""
    return (command.cmd_name or "dss").split(" ")[0]


def add_replica(parser: argparse._ActionsContainer) -> None:
    """The option ``--replica``."""
    parser.add_argument(
        "--replica",
        required=True,
        choices=REPLICAS,
        help="copy of the data: aws (Amazon Web Services) or gcp (Google Cloud Platform)",
    )


def add_download_dir(parser: argparse._ActionsContainer) -> None:
    """The option ``--download-dir``."""
    parser.add_argument(
        "--download-dir", default="", metavar="DIR", help="where to download to (default: the working directory)"
    )


def add_choice(parser: argparse._ActionsContainer) -> None:
    """The options ``--no-metadata`` and ``--no-data``."""
    parser.add_argument("--no-metadata", action="store_true", help="skip metadata files (those that are indexed)")
    parser.add_argument("--no-data", action="store_true", help="skip data files (all others)")


def add_patience(parser: argparse._ActionsContainer) -> None:
    """The retry options of hca 7."""
    parser.add_argument(
        "--num-retries",
        type=_natural,
        metavar="N",
        help="give up on a file after N retries without progress; the same as --retries (default: 10)",
    )
    parser.add_argument(
        "--min-delay-seconds",
        type=seconds,
        metavar="SECONDS",
        help="pause before the first retry; it doubles with each retry (default: 0.25)",
    )


def _natural(text: str) -> int:
    if not text.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def seconds(text: str) -> float:
    """A non-negative number of seconds from the command line.

    :raises ArgumentTypeError: it is negative, not a number, or too large
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid number of seconds")
    return value
