"""What the commands have in common: which area they are about, and how they say what hca 7 said."""

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
        """The areas that the configuration knows."""
        return UploadConfig(self.config)

    def service(self, stage: str) -> UploadService:
        """A deployment."""
        return UploadService(stage, self.context.token, config=self.config)

    def area(self, uri: UploadAreaURI | None = None) -> UploadArea:
        """An area; default: the selected one."""
        uri = uri or self.settings.selected()
        return self.service(uri.deployment_stage).upload_area(uri)

    def tell(self, args: argparse.Namespace, data: Any, text: str) -> None:
        """Write the result: the text, or the data where a format or a query is asked for."""
        if structured(args):
            self.emit(data, args)
        elif text:
            print(text, file=self.stdout)

    def telling(self, args: argparse.Namespace, work: Callable[[], Result]) -> Result:
        """The result of ``work``. What is wrong with the arguments is told on stdout too, when a program reads that:
        there hca 7 said it, for most of them with exit code 0, so that scripts had to look for the words.
        """
        from hca_base.output import is_terminal

        try:
            return work()
        except (UploadException, UsageError) as error:
            if not structured(args) and not getattr(args, "quiet", False) and not is_terminal(self.stdout):
                print(error.message, file=self.stdout)
            raise

    def known_area(self, args: argparse.Namespace, given: str) -> UploadAreaURI:
        """The address of an area that is given by its address, UUID, or the beginning of that."""
        if given.startswith("s3://"):
            return UploadAreaURI(given)
        settings = self.settings
        return settings.area_uri(self.telling(args, lambda: settings.area_uuid_from_partial_uuid(given)))


def structured(args: argparse.Namespace) -> bool:
    """Whether data is asked for, instead of the text of hca 7."""
    return bool(args.output_format or args.output_query or args.output_columns or args.output_sort or args.output_file)


def filled(text: str) -> str:
    """An argument that must not be empty, as that of an unset variable is: nothing else is taken for it.

    :raises ArgumentTypeError: it is
    """
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def add_area_options(parser: argparse.ArgumentParser) -> None:
    """``--env`` and ``--uuid``, with which hca 7 named an area."""
    parser.add_argument("--env", metavar="STAGE", help="stage of the area's deployment (default: the selected area's)")
    parser.add_argument("--uuid", type=filled, help="full UUID of an area (default: the selected area)")


def area_of(command: UploadCommand, args: argparse.Namespace) -> UploadArea:
    """The area that ``--env`` and ``--uuid`` name, or the selected one."""
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
    """See that the name of a stage can be part of the names of hosts and buckets.

    :param what: where it was given
    :raises UsageError: it cannot
    """
    if not (stage.isascii() and stage.isalnum()):
        raise UsageError(f"{what} {stage!r} is not a valid stage", hint="use a name such as 'prod' or 'staging'")
