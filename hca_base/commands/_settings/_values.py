"""Helpers of the commands for settings: schemas, checks, target files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hca_base import config as settings
from hca_base.commands._bases._base import Command, DataCommand
from hca_base.errors import ConfigError, HCAError


def plugin_schemas() -> list[Any]:
    """Return the configuration schemas of all usable plugins."""
    from hca_base.plugins import registry

    return registry().config_schemas()


def check_value(key: str, value: Any, *, force: bool = False, hint: str | None = None) -> None:
    """Check a value before it is set, and print warnings.

    :param force: only warn about errors too
    :param hint: of the error
    :raises ConfigError: it is not valid
    """
    from hca_base.output import warn

    for problem in settings.check_value(key, value, plugin_schemas()):
        if problem.severity == "error" and not force:
            raise ConfigError(f"{problem.key}: {problem.message}", hint=hint)
        warn(f"{problem.key}: {problem.message}")


def with_plugin_defaults(config: settings.Config) -> settings.Config:
    """Return the settings with the defaults of all plugins as lowest layers."""
    from hca_base.plugins import registry

    for service in registry().services(config).values():
        service.add_defaults(config)
    return config


def known_settings() -> dict[str, Any]:
    """Return the schema of each setting by its dotted key."""

    def leaves(part: dict[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        for name, setting in part.get("properties", {}).items():
            if name.startswith(("$", "/")):
                continue
            if "properties" in setting:
                yield from leaves(setting, (*above, name))
            else:
                yield settings.join_key((*above, name)), setting

    return dict(leaves(settings.schema(plugin_schemas()), ()))


def built_in_defaults() -> dict[str, Any]:
    """Return the built-in defaults by dotted key."""
    found = {key: setting["default"] for key, setting in known_settings().items() if "default" in setting}
    # The settings of a service's own login fall back to those of all logins.
    return {key: value for key, value in found.items() if key.startswith("auth.") or ".auth." not in key}


def warn_if_overridden(command: Command, key: str, *, file: Path | None, profile: str | None) -> None:
    """Warn that a change of a setting has no effect, since a higher layer sets it as well.

    :param file: the file that was changed; default: the profile's, or the user's
    """
    from hca_base.output import warn

    changed = file or (settings.profile_path(profile) if profile else settings.paths.user_config_file())
    try:
        config = command.config
        paths = [layer.path for layer in config.layers]
        if changed not in paths:
            return
        # An option of this command does not affect later ones.
        later = config.layers[paths.index(changed) + 1 :]
        above = settings.Config(tuple(layer for layer in later if layer.path is not None))
        origin = above.origin(key)
        if origin is None or isinstance(config.get(key), dict | list):
            return  # Objects and lists may combine several layers.
    except HCAError:
        return
    warn(f"{key} in {changed} has no effect: {origin} overrides it")


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add the options that select the file to change."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--profile",
        metavar="NAME",
        help="profile to change (default: that of 'hca --profile', or config.json)",
    )
    where.add_argument("--file", metavar="FILE", type=Path, help="file to change")


def profile_of(command: Command, args: argparse.Namespace) -> str | None:
    """Return the profile to change: from the option after or before the command."""
    name = args.profile
    if name is None and args.file is None:
        name = command.context.options.profile
    if name is not None:
        # An empty name (from an unset variable) must not select the user's file.
        settings.check_profile_name(name)
    return None if name == "default" else name


def command_names(config: settings.Config) -> list[str]:
    """Return the names of all commands, whose sections hold defaults of options."""
    from hca_base.commands._table import COMMANDS
    from hca_base.openapi import DocumentCache
    from hca_base.plugins import registry

    names = [*COMMANDS, *registry().commands()]
    for name, service in registry().services(config).items():
        try:
            names += [f"{name} {command}" for command, _ in DocumentCache(config).get(service).summaries(aliases=True)]
        except HCAError:
            continue
    return names


def report(command: Command, config: settings.Config) -> int:
    """Print problems of settings; return the exit code."""
    problems = settings.validate(config, plugin_schemas(), commands=command_names(config))
    for problem in problems:
        command.stdout.write(f"{problem.severity}: {problem}\n")
    if any(problem.severity == "error" for problem in problems):
        return 2
    if not problems:
        count = sum(layer.path is not None for layer in config.layers)
        command.note(f"{count} file{'' if count == 1 else 's'} checked, no problems found")
    return 0


def active_profile_or_none() -> str | None:
    """Return the active profile; None if it cannot be read."""
    try:
        return settings.active_profile()
    except ConfigError:
        return None


def nearest_key(key: str, known: list[str]) -> str | None:
    """Return the most similar known key."""
    import difflib

    lowered = {name.lower(): name for name in known}
    found = difflib.get_close_matches(key.lower(), lowered, 1)
    return lowered[found[0]] if found else None


def plain(command: DataCommand, value: Any, args: argparse.Namespace) -> Any:
    """Print a string result unchanged if no format was chosen; return what remains to be written."""
    from hca_base.output import output_options

    options = output_options(args)
    if not isinstance(value, str) or options.get("fmt") or options.get("query"):
        return value
    command.emit(value, args, fmt="value")
    return None
