"""The commands of ``hca upload`` as classes: creating an object runs the command.

New programs use :class:`hca_upload.UploadArea` and related classes, which return results instead of text.
"""

from __future__ import annotations

from hca._moved import moved
from hca.upload.cli.commands import (
    CredsCommand,
    ForgetCommand,
    GenerateStatusReportCommand,
    ListAreaCommand,
    ListAreasCommand,
    ListFileStatusCommand,
    SelectCommand,
    UploadCLICommand,
    UploadCommand,
)

moved(__name__, "UploadService, UploadArea and UploadConfig of hca_upload do what the commands do")

__all__ = [
    "CredsCommand",
    "ForgetCommand",
    "GenerateStatusReportCommand",
    "ListAreaCommand",
    "ListAreasCommand",
    "ListFileStatusCommand",
    "SelectCommand",
    "UploadCLICommand",
    "UploadCommand",
    "add_commands",
]

_COMMANDS: tuple[type[UploadCLICommand], ...] = (
    SelectCommand,
    UploadCommand,
    ListAreaCommand,
    ListAreasCommand,
    ForgetCommand,
    CredsCommand,
    ListFileStatusCommand,
    GenerateStatusReportCommand,
)


def add_commands(subparsers: object) -> None:
    """Add ``upload`` and its commands to the sub-parsers of an ``argparse`` parser."""
    upload = subparsers.add_parser("upload", help="upload files to the platform")  # type: ignore[attr-defined]
    upload.set_defaults(entry_point=lambda args: upload.print_help())
    group = upload.add_subparsers()
    group.add_parser("help").set_defaults(entry_point=lambda args: upload.print_help())
    for command in _COMMANDS:
        command.add_parser(group)
