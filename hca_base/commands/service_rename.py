"""``hca service rename``: rename an added service."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from hca_base import config as settings
from hca_base.auth import TokenStore, open_store
from hca_base.commands._bases._base import Command
from hca_base.commands.service import check_name
from hca_base.errors import HCAError, NotFoundError, RefusedError, UsageError
from hca_base.plugins import registry


class ServiceRename(Command):
    """Rename a service that you added.

    Also renames its settings, stored credentials and command defaults. If a plugin provides a service with the old
    name, that name refers to the plugin's service from then on.
    """

    example = "service rename drs my-drs"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name", help="current name")
        parser.add_argument("new", help="new name: lower-case letters, digits and single dashes")
        parser.add_argument("--profile", metavar="NAME", help="rename it in this profile only")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        old, new, profile = parsed_args.name, parsed_args.new, parsed_args.profile
        if old == new and self.config.origin(("services", old)) is not None:
            raise RefusedError(f"the service is already named {old!r}", hint="choose another name")
        check_name(new, self.config, hint="choose another name, or remove that one: hca service remove " + new)
        origin = self.config.origin(("services", old))
        if origin is None:
            record = registry().records("hca.services").get(old)
            if record is not None:
                raise RefusedError(f"{old} belongs to plugin {record.distribution} and cannot be renamed")
            raise NotFoundError(f"unknown service {old!r}", hint="list the services: hca service list")
        if profile is None and origin.layer.startswith("profile "):
            profile = origin.layer.removeprefix("profile ")
        defaults = self._defaults(old)
        store = open_store(self.config)
        accounts = _accounts(store, old, profile)
        # Copy first and remove last, so that an interruption loses no credentials.
        for account in accounts:
            _copy(store, account, f"{account.rpartition('/')[0]}/{new}")
        path = settings.profile_path(profile) if profile else settings.paths.user_config_file()
        with settings.edit_file(path) as data:
            _move(data, old, new, defaults)
        for account in accounts:
            store.delete(account)
        self.context.forget()
        self.note(f"{old} is now {new}; 'hca {new}' lists its commands")
        if self.config.origin(("services", old)) is not None:
            self.note(f"{old} is also set in {self.config.origin(('services', old))}, where it keeps its name")

    def _defaults(self, name: str) -> list[str]:
        """Names of sections with defaults for the service's commands."""
        from hca_base.openapi import DocumentCache

        try:
            index = DocumentCache(self.config).get(self.context.service(name))
            commands = [command for command, _ in index.summaries(aliases=True)]
        except HCAError:
            return []
        return [f"{name}_{command}".replace("-", "_") for command in commands]


def _accounts(store: TokenStore, name: str, profile: str | None) -> list[str]:
    found = [account for account in store.accounts() if account.rpartition("/")[2] == name]
    return [account for account in found if profile is None or account.rpartition("/")[0] == profile]


def _copy(store: TokenStore, account: str, target: str) -> None:
    record = store.get(account)
    if record is not None and store.get(target) is None:
        store.put(target, record)


def _move(data: dict[str, Any], old: str, new: str, defaults: Iterable[str]) -> None:
    services = data.get("services")
    if not isinstance(services, dict) or old not in services:
        raise RefusedError(f"service {old!r} is set in another file, which this command does not change")
    if new in services:
        raise UsageError(f"service {new!r} already exists", hint="choose another name")
    # Keep its position, to preserve the order of the user's file.
    data["services"] = {new if name == old else name: section for name, section in services.items()}
    for key in [key for key in data if key in set(defaults)]:
        data[new.replace("-", "_") + key[len(old) :]] = data.pop(key)
