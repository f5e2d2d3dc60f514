"""``hca dss login`` and ``hca dss logout``."""

from __future__ import annotations

import argparse
from typing import Any

from hca_base.commands import Command, read_secret
from hca_dss.commands.transfer_command import seconds, service_name


class Login(Command):
    """Log in to the service.

    Opens your browser, and stores the login in the system's keyring or, without one, in a file that only you can read.
    'hca auth status' shows it; 'hca auth login dss' has more options.

    Programs need no login: set GOOGLE_APPLICATION_CREDENTIALS to the key file of a service account, or
    HCA_ACCESS_TOKEN to a token.
    """

    example = "dss login --remote"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--access-token",
            default="",
            metavar="TOKEN",
            help="store this token instead of logging in; - reads it from stdin, where other users cannot see it",
        )
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--remote",
            action="store_true",
            help="for a browser on another machine: show the URL to open, and ask for the result",
        )
        how.add_argument(
            "--device",
            action="store_true",
            help="show a short code to enter on any device, if the issuer supports that",
        )
        how.add_argument("--no-browser", action="store_true", help="show the URL, and do not open a browser")
        parser.add_argument(
            "--timeout", metavar="SECONDS", type=seconds, help="time limit for the login (default: 600)"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        token = parsed_args.access_token
        if token == "-":
            token = read_secret(None, what="token", alone=not self.app.interactive_mode)
        elif token:
            from hca_base.output import warn

            warn("--access-token TOKEN shows the token to every user of this machine; --access-token - reads stdin")
        client: Any = self.service_client(service_name(self))
        check = client.check_access_token(token) if token else None
        client.login(
            access_token=token,
            remote=parsed_args.remote,
            device=parsed_args.device,
            open_browser=not parsed_args.no_browser,
            timeout=parsed_args.timeout,
        )
        # The message of hca 7, on the same stream.
        self.stdout.write("Storing access credentials\n")
        if check is not None:
            self.note(f"the token is stored; {check}")


class Logout(Command):
    """Delete the stored login of the service."""

    example = "dss logout"

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        client: Any = self.service_client(service_name(self))
        if not client.logout():
            self.note("no login was stored")
