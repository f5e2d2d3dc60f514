"""``hca config``: show, change and check the settings."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from hca_base import config as settings
from hca_base.commands._bases._base import Command, DataCommand, Lister
from hca_base.commands._settings._values import (
    active_profile_or_none,
    add_target,
    built_in_defaults,
    check_value,
    known_settings,
    nearest_key,
    plain,
    plugin_schemas,
    profile_of,
    report,
    warn_if_overridden,
    with_plugin_defaults,
)
from hca_base.errors import NotFoundError


class ConfigShow(Lister):
    """Show all settings, and where each comes from.

    Secrets are masked. Built-in defaults are shown with --defaults.
    """

    example = "config show --origin"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("section", nargs="?", help="only this section, such as DSSClient")
        parser.add_argument("--origin", action="store_true", help="show the file and line that each comes from")
        parser.add_argument(
            "--defaults", action="store_true", help="show settings that are not set, too, with their built-in defaults"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        config = with_plugin_defaults(self.config)
        rows = []
        if parsed_args.defaults:
            config = config.copy_over("built-in", built_in_defaults())
        for key, value, origin in config.items():
            if parsed_args.section and key != parsed_args.section and not key.startswith(f"{parsed_args.section}."):
                continue
            shown = settings.masked(key, value)
            text = shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)
            rows.append((key, text, origin.layer, str(origin)) if parsed_args.origin else (key, text))
        names = ["key", "value", "layer", "origin"] if parsed_args.origin else ["key", "value"]
        return names, sorted(rows)


class ConfigGet(DataCommand):
    """Print one setting.

    Prints strings unchanged and everything else as JSON. Secrets are not masked.
    """

    example = "config get DSSClient.swagger_url"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("key", help="such as http.timeout")
        parser.add_argument("--origin", action="store_true", help="print where it is set instead")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        config = with_plugin_defaults(self.config)
        value = config.get(parsed_args.key)
        if value is None:
            raise NotFoundError(f"{parsed_args.key} is not set", hint=_hint_for_unset(parsed_args.key, config))
        return plain(self, str(config.origin(parsed_args.key)) if parsed_args.origin else value, parsed_args)


def _hint_for_unset(key: str, config: settings.Config) -> str:
    """Return a hint for a key without a value: its built-in default, or a similar key."""
    known = known_settings()
    if key in known:
        default = known[key].get("default")
        shown = "" if default is None else f"; its built-in default is {json.dumps(default)}"
        return f"set it with 'hca config set {key} VALUE'{shown}"
    near = nearest_key(key, [name for name in {*known, *(name for name, _, _ in config.items())} if name != key])
    return f"did you mean {near}?" if near else "run 'hca config show --defaults' to list all settings"


class ConfigSet(Command):
    """Set one setting.

    A value that is JSON (a number, true, [1, 2], {…}) is stored as JSON, anything else as a string.
    """

    example = "config set DSSClient.swagger_url http://127.0.0.1:8765/v1/swagger.json"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("key", help="such as http.timeout")
        parser.add_argument(
            "value", help="JSON or text; - reads it from stdin, which keeps it out of the shell history"
        )
        parser.add_argument("--text", action="store_true", help="store the value as a string, even if it is valid JSON")
        parser.add_argument("--force", action="store_true", help="set a value that the schema rejects")
        add_target(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_base.commands._bases._context import read_stdin

        text = read_stdin().rstrip("\r\n") if parsed_args.value == "-" else parsed_args.value
        value = text if parsed_args.text else settings.parse_value(text)
        check_value(parsed_args.key, value, force=parsed_args.force, hint="--force sets it anyway")
        profile = profile_of(self, parsed_args)
        settings.set_value(parsed_args.key, value, file=parsed_args.file, profile=profile)
        self.context.forget()
        warn_if_overridden(self, parsed_args.key, file=parsed_args.file, profile=profile)


class ConfigUnset(Command):
    """Remove one setting.

    A value from a lower layer, such as the site's file, then applies again.
    """

    example = "config unset http.timeout"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("key", help="such as http.timeout")
        add_target(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        profile = profile_of(self, parsed_args)
        if not settings.unset_value(parsed_args.key, file=parsed_args.file, profile=profile):
            where = parsed_args.file or profile or settings.paths.user_config_file()
            raise NotFoundError(f"{parsed_args.key} is not set in {where}", hint="run 'hca config show --origin'")
        self.context.forget()
        warn_if_overridden(self, parsed_args.key, file=parsed_args.file, profile=profile)


class ConfigPath(Lister):
    """Print which files settings are read from.

    Lists the files in order of precedence, lowest first. Files that do not exist are marked.
    """

    example = "config path --user"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--user", action="store_true", help="print only the path of the user's file")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        user = settings.paths.user_config_file()
        if parsed_args.user:
            return plain(self, str(user), parsed_args)
        files = [("site", settings.paths.site_config_file()), ("user", user)]
        profile = self.context.options.profile or active_profile_or_none()
        if profile and profile != "default":
            files.append((f"profile {profile}", settings.profile_path(profile)))
        extra = os.environ.get("HCA_CONFIG_FILE", "").split(os.pathsep)
        files += [("HCA_CONFIG_FILE", Path(name)) for name in extra if name]
        rows = [(layer, str(path), "yes" if path.exists() else "no") for layer, path in files]
        return ["layer", "path", "exists"], rows


class ConfigValidate(Command):
    """Check all settings.

    Each problem is printed with its file, line and key; the exit code is 2 if there is an error.
    """

    example = "config validate"

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        config = settings.load(profile=self.context.options.profile, tolerant=True)
        return report(self, config)


class ConfigSchema(DataCommand):
    """Print the JSON Schema of the settings.

    Editors that know JSON Schema can complete and check config.json with it.
    """

    example = "config schema > hca.schema.json"

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        return settings.schema(plugin_schemas())
