"""``hca local stop`` and ``hca local reset``."""

from __future__ import annotations

import argparse
import contextlib
import shutil
from pathlib import Path

from hca_base.commands import Command, confirm
from hca_base.errors import RefusedError
from hca_local.commands.base import add_data_dir, chosen_data_dir

#: The names that a deployment creates in its data directory; reset removes nothing else.
CONTENTS = (
    "blobs",
    "incoming",
    "multipart",
    "identity",
    "logs",
    "quarantine",
    "store.sqlite-wal",
    "store.sqlite-shm",
    "deployment.json",
    ".deployment.lock",
    "store.sqlite",
)


class Stop(Command):
    """Stop the embedded deployment.

    Keeps its data. Deletes the profile 'local' and its tokens; if 'hca local start' switched to that profile, no
    profile is in use afterwards.
    """

    example = "local stop"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_data_dir(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        data_dir = chosen_data_dir(parsed_args)
        if stop(data_dir):
            self.note(f"the embedded deployment has stopped; its data are kept in {data_dir}")
        else:
            self.note("no embedded deployment is running")
        self.context.forget()


class Reset(Command):
    """Delete everything that the embedded deployment keeps: bundles, files, upload areas, keys.

    The deployment is stopped first if it is running.
    """

    example = "local reset --yes"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_data_dir(parser)
        parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        data_dir = chosen_data_dir(parsed_args)
        if not data_dir.exists():
            self.note(f"{data_dir} is empty")
            return
        if not data_dir.is_dir() or (not (data_dir / "store.sqlite").exists() and any(data_dir.iterdir())):
            raise RefusedError(f"{data_dir} is not a data directory of the embedded deployment; nothing was deleted")
        confirm(f"Delete all data of the embedded deployment in {data_dir}?", yes=parsed_args.yes)
        stop(data_dir)
        for name in CONTENTS:
            remove(data_dir / name)
        # Remove the folder too, unless it holds files that the deployment did not create.
        with contextlib.suppress(OSError):
            data_dir.rmdir()
        self.context.forget()
        self.note("deleted; 'hca local start' creates a new deployment")


def stop(data_dir: Path) -> bool:
    """Stop a deployment and disconnect the profile from it; False if none is running."""
    from hca_local.server import process
    from hca_local.server.profile import disconnect

    ended = process.stop(data_dir)
    disconnect(data_dir)
    return ended


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
