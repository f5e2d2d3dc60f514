"""``hca drs list``."""

from __future__ import annotations

import argparse
from typing import Any

from hca_base.commands import Lister
from hca_drs.commands.drs_command import DRSCommand, Failures, add_passport, add_uris, uris_of


def add_limits(parser: argparse.ArgumentParser) -> None:
    """The options for the depth of bundles."""
    parser.add_argument(
        "--max-depth", type=_number, default=32, metavar="N", help="maximum depth of nested bundles (default: 32)"
    )
    parser.add_argument(
        "--max-objects",
        type=_number,
        default=1_000_000,
        metavar="N",
        help="maximum number of objects (default: 1000000)",
    )


def _number(text: str) -> int:
    value = int(text) if text.strip().isdecimal() and len(text) < 12 else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return value


class List(DRSCommand, Lister):
    """List objects and, recursively, the members of bundles."""

    example = "drs list drs://drs.example.org/bundle"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_uris(parser)
        add_limits(parser)
        add_passport(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        self.passports(parsed_args)
        rows, failures = [], Failures(self)
        for entry in self.client.walk(
            uris_of(parsed_args), max_depth=parsed_args.max_depth, max_objects=parsed_args.max_objects
        ):
            row: dict[str, Any] = {"path": entry.path or entry.uri, "kind": "missing", "size": None, "checksum": None}
            if entry.object is not None:
                row |= {key: entry.object.summary()[key] for key in ("kind", "size", "checksum")}
            if entry.cycle:
                row["kind"] = "cycle"
                self.note(f"{entry.path} contains itself; its members are listed once")
            if entry.error is not None:
                failures.add(row["path"], entry.error)
            rows.append({**row, "uri": entry.uri})
        self.emit(sorted(rows, key=lambda row: str(row["path"])), parsed_args)
        failures.raise_any(len(rows))
        return None
