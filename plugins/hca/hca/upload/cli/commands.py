"""The commands of ``hca upload`` as in hca 7: classes that take parsed arguments and run the command."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, ClassVar


class UploadCLICommand:
    """Making an object runs the command.

    :param args: its arguments, parsed
    :raises SystemExit: it failed, with the exit code
    :cvar command: its name
    :cvar arguments: name or flags of an argument -> parameters of ``add_argument``
    """

    command: ClassVar[str] = ""
    arguments: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @classmethod
    def add_parser(cls, upload_subparsers: Any) -> None:
        """Add the command to the sub-parsers of an ``argparse`` parser."""
        if not cls.command:
            return
        parser = upload_subparsers.add_parser(cls.command, help=cls.__doc__, description=cls.__doc__)
        for names, options in cls.arguments.items():
            parser.add_argument(*names.split(), **options)
        parser.set_defaults(entry_point=cls)

    def __init__(self, args: argparse.Namespace) -> None:
        from hca_base.shell import main

        code = main(["upload", self.command, *self._words(args)])
        if code:
            raise SystemExit(code)

    @classmethod
    def _words(cls, args: argparse.Namespace) -> list[str]:
        """The command line equivalent to the parsed arguments."""
        words: list[str] = []
        plain: list[str] = []
        for names, options in cls.arguments.items():
            last = names.split()[-1]
            value = getattr(args, last.lstrip("-").replace("-", "_"), None)
            if not last.startswith("-"):
                plain += value if isinstance(value, list) else [str(value)]
            elif options.get("action") == "store_true":
                words += [last] if value else []
            elif value is not None:
                # As --option=value: a value may begin with a dash.
                words.append(f"{last}={value}")
        return [*words, *(["--", *plain] if plain else [])]


_AREA: Mapping[str, Mapping[str, Any]] = {
    "uuid_or_alias": {"help": "UUID of an upload area, or its beginning"},
}
_WHERE: Mapping[str, Mapping[str, Any]] = {
    "--env": {"help": "stage of the area's deployment (default: that of the selected area)"},
    "--uuid": {"help": "UUID of an area (default: the selected area)"},
}
_SWITCH: Mapping[str, Any] = {"action": "store_true"}


class SelectCommand(UploadCLICommand):
    """Select the upload area that files go to."""

    command = "select"
    arguments: ClassVar = {"uri_or_alias": {"help": "address of an upload area, or the beginning of its UUID"}}


class UploadCommand(UploadCLICommand):
    """Upload files to the selected upload area."""

    command = "files"
    arguments: ClassVar = {
        "upload_paths": {"nargs": "+", "metavar": "<upload_path>", "help": "files and directories"},
        "-t --target-filename": {"metavar": "<filename>", "help": "name in the area, when one file is uploaded"},
        "--file-extension": {"metavar": "<fileextension>", "help": "only files in directories with this suffix"},
        "--no-transfer-acceleration": {**_SWITCH, "help": "do not use S3 Transfer Acceleration"},
        "-q --quiet": {**_SWITCH, "help": "print nothing"},
        "-s --sync": {**_SWITCH, "help": "leave out what is there already"},
    }


class ListAreaCommand(UploadCLICommand):
    """List the files in the selected upload area."""

    command = "list"
    arguments: ClassVar = {"-l --long": {**_SWITCH, "help": "also show size, address, type and checksums"}}


class ListAreasCommand(UploadCLICommand):
    """List the upload areas that are known."""

    command = "areas"


class ForgetCommand(UploadCLICommand):
    """Forget an upload area."""

    command = "forget"
    arguments: ClassVar = _AREA


class CredsCommand(UploadCLICommand):
    """Show credentials for the bucket of an upload area."""

    command = "creds"
    arguments: ClassVar = _AREA


class ListFileStatusCommand(UploadCLICommand):
    """Show how far the service is with a file."""

    command = "status"
    arguments: ClassVar = {"filename": {"help": "name of the file"}, **_WHERE}


class GenerateStatusReportCommand(UploadCLICommand):
    """Write a report on the files of an upload area."""

    command = "report"
    arguments: ClassVar = {**_WHERE, "--output_file_name": {"help": "name of the report (default: the area's UUID)"}}
