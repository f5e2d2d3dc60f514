"""Base classes and helpers of the commands of ``hca drs``."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hca_base.commands import Command, stdin_lines
from hca_base.config import expand_home
from hca_base.errors import ExitCode, HCAError, UsageError

if TYPE_CHECKING:
    from hca_drs.client import DRSClient

#: Most hints in one error: each server has its own.
_HINTS = 3


class DRSCommand(Command):
    """A command about identifiers of any DRS server."""

    @property
    def client(self) -> DRSClient:
        """The client, with the user's settings."""
        found: Any = self.service_client((self.cmd_name or "drs").split(" ")[0])
        return found

    def passports(self, args: argparse.Namespace) -> None:
        """Use the passports given for this run."""
        from hca_drs.servers.accounts import read_passports, read_secret_file
        from hca_drs.servers.servers import host_of

        given = {}
        for value in args.passport:
            host, equals, path = value.partition("=")
            if not equals or not host or not path:
                raise UsageError(f"--passport {value!r} does not name a host", hint="write --passport HOST=FILE")
            given[host_of(host)] = read_passports(read_secret_file(path))
        if given:
            self.client.use_passports(given)


class Failures:
    """Collects objects that servers do not return, and reports each once at the end."""

    def __init__(self, command: DRSCommand) -> None:
        self.command = command
        self._all: list[tuple[str, HCAError]] = []

    def add(self, name: str, error: HCAError) -> None:
        """Add an error."""
        self._all.append((name, error))

    def raise_any(self, count: int) -> None:
        """Raise an error if any were added.

        :param count: total number of objects
        :raises HCAError: the error of a single object, or a combined one, with the common exit code if they share it
        """
        if len(self._all) == 1:
            raise self._all[0][1]
        if not self._all:
            return
        from hca_base.output import with_subject

        for name, error in self._all:
            self.command.note(with_subject(name, str(error)))
        codes = {error.exit_code for _, error in self._all}
        hints = dict.fromkeys(error.hint for _, error in self._all if error.hint)
        failure = HCAError(
            f"{len(self._all):,} of {count:,} objects could not be read", hint="; ".join([*hints][:_HINTS]) or None
        )
        failure.exit_code = codes.pop() if len(codes) == 1 else ExitCode.FAILED
        raise failure


def add_uris(parser: argparse.ArgumentParser) -> None:
    """The identifiers, from the command line or a file."""
    group = parser.add_argument_group("which objects")
    group.add_argument(
        "uri", nargs="*", metavar="URI", help="drs://HOST/ID, drs://PREFIX:ID, or the https URL of an object"
    )
    group.add_argument(
        "--from",
        dest="from_file",
        metavar="FILE",
        help="read identifiers from FILE, one a line, or the first column of a table (TSV, or .csv); - for stdin",
    )


def add_passport(parser: argparse.ArgumentParser) -> None:
    """The option ``--passport``."""
    parser.add_argument(
        "--passport",
        action="append",
        default=[],
        metavar="HOST=FILE",
        help="GA4GH passports for a server, for this run only; may be repeated",
    )


def uris_of(args: argparse.Namespace) -> list[str]:
    """The given identifiers; lines that begin with # are comments.

    :raises UsageError: there are none, or the file is not readable
    """
    uris = list(args.uri)
    if args.from_file:
        uris += _lines(args.from_file)
    if not uris and args.from_file:
        raise UsageError(f"{'stdin' if args.from_file == '-' else args.from_file} lists no identifier")
    if not uris:
        raise UsageError("no identifier is given", hint="name a drs:// identifier, or a file with --from FILE")
    return uris


def _lines(path: str) -> Iterator[str]:
    try:
        if path == "-":
            lines = [str(line) for line in stdin_lines(sys.stdin)]
        else:
            lines = expand_home(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', None) or 'not a text file'}") from None
    comma = path.lower().endswith(".csv")
    for number, line in enumerate(lines):
        # In a table, the first column is used; its first line may be a header.
        try:
            cells = next(csv.reader([line], delimiter="," if comma else "\t"), [])
        except csv.Error:
            cells = [line]
        text = cells[0].strip() if cells else ""
        if text and not text.startswith("#") and not (number == 0 and len(cells) > 1 and ":" not in text):
            yield text
