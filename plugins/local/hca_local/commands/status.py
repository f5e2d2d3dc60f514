"""``hca local status``, ``hca local logs`` and ``hca local token``."""

from __future__ import annotations

import argparse
import json
import time
import urllib.request
from collections import deque
from pathlib import Path
from typing import Any

from hca_base.commands import Command
from hca_base.errors import ExitCode, NotFoundError, UsageError
from hca_local.commands.base import add_data_dir, chosen_data_dir

_MOST_LINES = 10_000_000
_LOGS = {"server": "server.log", "access": "access.log", "output": "output.log"}


class Status(Command):
    """Show whether the embedded deployment is running, and where.

    The exit code is 0 if it answers, and 6 if it does not.
    """

    output = True
    default_format = "table"
    example = "local status -f json"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_data_dir(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        from hca_base.config import active_profile
        from hca_local.server import process

        data_dir = chosen_data_dir(parsed_args)
        state = process.running(data_dir)
        answered = _ask(state["api_url"]) if state else None
        shown: dict[str, Any] = {"running": answered is not None}
        if state is not None:
            shown |= state
            shown["components"] = (answered or {}).get("components", [])
        shown["data_dir"] = str(data_dir)
        shown["profile_in_use"] = active_profile()
        self.emit(shown, parsed_args)
        return ExitCode.OK if answered is not None else ExitCode.UNREACHABLE


class Logs(Command):
    """Show the deployment's logs: errors, or with --access each request."""

    example = "local logs --lines 20"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_data_dir(parser)
        parser.add_argument("-n", "--lines", type=int, default=50, help="number of lines to show (default: 50)")
        parser.add_argument("--follow", action="store_true", help="follow the log, until Ctrl-C")
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--access", dest="log", action="store_const", const="access", help="show requests and responses"
        )
        which.add_argument(
            "--output", dest="log", action="store_const", const="output", help="show the output of the process"
        )
        parser.set_defaults(log="server")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_local.server.process import log_dir

        if not 0 <= parsed_args.lines <= _MOST_LINES:
            raise UsageError(f"--lines must be from 0 to {_MOST_LINES}, not {parsed_args.lines}")
        path = log_dir(chosen_data_dir(parsed_args)) / _LOGS[parsed_args.log]
        try:
            position = self._show(path, 0, parsed_args.lines)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError(f"log {path} does not exist", hint="'hca local start' starts the deployment") from None
        if position == 0:
            self.note(f"{path} is empty")
        while parsed_args.follow:
            time.sleep(0.5)
            if path.exists():
                # Shorter than before: the log was rotated.
                position = self._show(path, position if path.stat().st_size >= position else 0, None)

    def _show(self, path: Path, start: int, lines: int | None) -> int:
        from hca_base.output import safe_text

        with path.open("rb") as file:
            file.seek(start)
            for line in file if lines is None else deque(file, maxlen=lines):
                # Names in requests are untrusted input.
                self.stdout.write(safe_text(line.decode("utf-8", "replace").rstrip("\n")) + "\n")
            self.stdout.flush()
            return file.tell()


class Token(Command):
    """Print a token for one of the embedded deployment's test users.

    'user' can do everything except delete bundles, which 'admin' can do too. The other tokens are for testing how
    requests are refused, each for a different reason.
    """

    example = "local token admin"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from hca_local.identity import NAMES, PEOPLE

        parser = super().get_parser(prog_name)
        parser.add_argument(
            "name", nargs="?", default="user", choices=NAMES, help=_people({name: PEOPLE[name].about for name in NAMES})
        )
        parser.add_argument("--lifetime", type=int, metavar="SECONDS", help="lifetime of the token (default: a year)")
        add_data_dir(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_local.identity import open_identity
        from hca_local.server import process

        data_dir = chosen_data_dir(parsed_args)
        if not (data_dir / "store.sqlite").exists():
            raise NotFoundError(f"no deployment in {data_dir}", hint="'hca local start' creates one")
        if parsed_args.lifetime is not None and parsed_args.lifetime <= 0:
            raise UsageError("--lifetime must be a number of seconds above 0")
        state = process.running(data_dir)
        identity = open_identity(data_dir, state["api_url"] if state else "http://127.0.0.1")
        given = {} if parsed_args.lifetime is None else {"lifetime": parsed_args.lifetime}
        self.stdout.write(identity.token(parsed_args.name, **given) + "\n")


def _people(about: dict[str, str]) -> str:
    return "; ".join(f"{name}: {text}" for name, text in about.items()).replace("%", "%%")


def _ask(url: str) -> dict[str, Any] | None:
    """The status that a deployment reports; None if it does not answer. No proxy: it runs on this machine."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/-/status", timeout=5) as response:
            found = json.loads(response.read(1 << 20))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
