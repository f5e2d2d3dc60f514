"""``hca profile``: named sets of settings."""

from __future__ import annotations

import argparse
from typing import Any

from hca_base import config as settings
from hca_base.commands._bases._base import Command, Lister
from hca_base.commands._bases._confirm import confirm
from hca_base.errors import HCAError, RefusedError, UsageError


class ProfileList(Lister):
    """List the profiles.

    The current profile is marked.
    """

    example = "profile list"

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        chosen = self.context.options.profile or settings.active_profile()
        rows = [
            (name, "*" if name == chosen else "", str(settings.profile_path(name))) for name in settings.list_profiles()
        ]
        return ["name", "in use", "file"], rows


class ProfileCreate(Command):
    """Create a profile.

    Pass its settings as KEY=VALUE, or copy those of another profile with --copy.
    """

    example = "profile create staging DSSClient.swagger_url=https://dss.staging.example.org/v1/swagger.json"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name", help="letters, digits, - and _")
        parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="initial settings")
        parser.add_argument("--copy", metavar="NAME", help="copy the settings of this profile")
        parser.add_argument("--use", action="store_true", help="switch to the profile")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_base.commands._settings._values import check_value

        pairs = []
        for given in parsed_args.settings:
            key, equals, text = given.partition("=")
            if not equals or not key:
                raise UsageError(f"{given!r} is not KEY=VALUE")
            pairs.append((key, settings.parse_value(text)))
        # Check everything before creating the profile, so that a retry does not find it already there.
        begin = {} if parsed_args.copy is None else _settings_of(parsed_args.copy)
        for key, value in pairs:
            check_value(
                key, value, hint=f"after creating it: hca config set --profile {parsed_args.name} --force KEY VALUE"
            )
            settings.put_value(begin, key, value, place=f"profile {parsed_args.name}")
        path = settings.create_profile(parsed_args.name, begin)
        if parsed_args.use:
            self._use(parsed_args.name)
        self.context.forget()
        self.note(f"{path} created")

    def _use(self, name: str) -> None:
        try:
            settings.use_profile(name)
        except HCAError:
            settings.delete_profile(name)
            raise


class ProfileUse(Command):
    """Switch to a profile.

    'default' selects no profile. HCA_PROFILE and --profile override this choice.
    """

    example = "profile use staging"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name", help="a profile, or 'default' for none")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        import os

        from hca_base.output import warn

        settings.use_profile(None if parsed_args.name == "default" else parsed_args.name)
        self.context.forget()
        other = os.environ.get("HCA_PROFILE")
        if other and other != parsed_args.name:
            warn(f"HCA_PROFILE is set to {other}, which overrides this choice")


class ProfileDelete(Command):
    """Delete a profile.

    Deletes its settings; its stored logins stay until 'hca auth logout'. A profile that belongs to a running deployment
    is deleted by the command that stops it, or with --force.
    """

    example = "profile delete staging"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name")
        parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
        parser.add_argument("--force", action="store_true", help="delete the profile even if its deployment is running")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        if parsed_args.name in settings.list_profiles():
            manager = settings.manager_of(parsed_args.name)
            if manager is not None and not parsed_args.force:
                raise RefusedError(
                    f"profile {parsed_args.name} belongs to a running deployment",
                    hint=f"stop the deployment: {manager}; or pass --force to delete only its profile",
                )
            confirm(f"Delete profile {parsed_args.name} and its settings?", yes=parsed_args.yes)
        settings.delete_profile(parsed_args.name)
        self.context.forget()


def _settings_of(name: str) -> dict[str, Any]:
    """Return the settings in a profile's file."""
    try:
        return settings.read_file(settings.profile_path(name))
    except FileNotFoundError:
        raise settings.missing_profile(name, "'hca profile list' lists the profiles") from None
