"""``hca dss create-version`` and ``hca dss refresh-swagger``."""

from __future__ import annotations

import argparse

from hca_base.commands import Command
from hca_dss.commands.transfer_command import service_name


class CreateVersion(Command):
    """Print a version string for the current time."""

    example = "dss create-version"

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_dss.versions import new_version

        self.stdout.write(f"{new_version()}\n")


class RefreshSwagger(Command):
    """Fetch the service's document again.

    Commands and their options come from that document. hca caches it for a week, then fetches it again automatically.
    """

    example = "dss refresh-swagger"

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        client = self.service_client(service_name(self))
        client.refresh()
        self.note(f"the document at {client.swagger_url} is up to date now")
