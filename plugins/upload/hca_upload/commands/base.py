"""Base class of the commands: selects the area, and prints the output of hca 7."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, TypeVar

from hca_base.commands import Command
from hca_base.errors import UsageError
from hca_upload.area import UploadArea
from hca_upload.errors import UploadException
from hca_upload.settings import UploadConfig
from hca_upload.upload_service import UploadService
from hca_upload.uri import UploadAreaURI

Result = TypeVar("Result")


class UploadCommand(Command):
    """A command that prints the text that scripts written for hca 7 parse, unless another format is asked for."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from hca_base.output import add_output_options

        parser = super().get_parser(prog_name)
        self.add_arguments(parser)
        add_output_options(parser, default="text, as hca 7 printed it")
        return parser

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's own arguments."""

    @property
    def settings(self) -> UploadConfig:
        """The areas in the configuration."""
        return UploadConfig(self.config)

    def service(self, stage: str) -> UploadService:
        """A deployment."""
        return UploadService(stage, self.context.token, config=self.config)

    def area(self, uri: UploadAreaURI | None = None) -> UploadArea:
        """An area; default: the selected one."""
        uri = uri or self.settings.selected()
        return self.service(uri.deployment_stage).upload_area(uri)

    def tell(self, args: argparse.Namespace, data: Any, text: str) -> None:
        """Write the result: as text, or as data if a format or a query is requested."""
        if structured(args):
            self.emit(data, args)
        elif text:
            print(text, file=self.stdout)

    def telling(self, args: argparse.Namespace, work: Callable[[], Result]) -> Result:
        """The result of ``work``. Usage errors also go to stdout, if it is not a terminal: hca 7 wrote most of them
        there with exit code 0, so scripts search the text.
        """
        from hca_base.output import is_terminal

        try:
            return work()
        except (UploadException, UsageError) as error:
            if not structured(args) and not getattr(args, "quiet", False) and not is_terminal(self.stdout):
                print(error.message, file=self.stdout)
            raise

    def known_area(self, args: argparse.Namespace, given: str) -> UploadAreaURI:
        """The URI of an area given by its URI, its UUID, or a prefix of that."""
        if given.startswith("s3://"):
            return UploadAreaURI(given)
        settings = self.settings
        return settings.area_uri(self.telling(args, lambda: settings.area_uuid_from_partial_uuid(given)))


def structured(args: argparse.Namespace) -> bool:
    """Whether to write data instead of the text of hca 7."""
    return bool(args.output_format or args.output_query or args.output_columns or args.output_sort or args.output_file)


def filled(text: str) -> str:
    """A non-empty argument: an unset shell variable must not select the default.

    :raises ArgumentTypeError: it is empty
    """
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def add_area_options(parser: argparse.ArgumentParser) -> None:
    """``--env`` and ``--uuid``, hca 7's options to select an area."""
    parser.add_argument("--env", metavar="STAGE", help="stage of the area's deployment (default: the selected area's)")
    parser.add_argument("--uuid", type=filled, help="full UUID of an area (default: the selected area)")


def area_of(command: UploadCommand, args: argparse.Namespace) -> UploadArea:
    """The area given by ``--env`` and ``--uuid``, or the selected one."""
    settings = command.settings
    if args.env is not None:
        check_stage(args.env)
    if not args.uuid and not args.env:
        return command.area()
    uuid = args.uuid or settings.selected().area_uuid
    if not args.env:
        return command.area(settings.area_uri(uuid))
    bucket = settings.bucket_name_template.replace("{deployment_stage}", args.env)
    return command.area(UploadAreaURI(f"s3://{bucket}/{uuid}/"))


def check_stage(stage: str, what: str = "--env") -> None:
    """Check that a stage's name is valid in host and bucket names.

    :param what: its source, for the message
    :raises UsageError: it is not
    """
    if not (stage.isascii() and stage.isalnum()):
        raise UsageError(f"{what} {stage!r} is not a valid stage", hint="use a name such as 'prod' or 'staging'")
