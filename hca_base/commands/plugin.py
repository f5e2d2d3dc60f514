"""``hca plugin``: list, install and remove plugins."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hca_base.commands._bases._base import Command, Lister
from hca_base.commands._bases._confirm import confirm
from hca_base.commands._bases._values import seconds_argument
from hca_base.commands._table import COMMANDS
from hca_base.errors import NotFoundError, RefusedError
from hca_base.plugins import (
    PluginDistribution,
    available_plugins,
    check_plugins,
    checked_names,
    installer,
    registry,
    reset_registry,
    run_installer,
    users_of,
)


class PluginList(Lister):
    """List the installed plugins and what they provide.

    Each plugin is loaded in a separate process, so that plugins that hang or crash are listed too.
    """

    example = "plugin list --broken"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--broken", action="store_true", help="list only plugins that cannot be used, and why")
        which.add_argument(
            "--available",
            action="store_true",
            help="list the plugins of this project that are not installed, and where to get them",
        )
        parser.add_argument(
            "--timeout",
            type=seconds_argument,
            default=15.0,
            metavar="SECONDS",
            help="time limit for each plugin (default: 15)",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        if parsed_args.available:
            names = ["plugin", "what it is", "source", "install"]
            available = available_plugins()
            if not available:
                self.note("all plugins of this project are installed")
            return names, [(each.name, each.summary, each.source, each.command) for each in available]
        problems = check_plugins(parsed_args.timeout)
        rows = []
        for each in registry().distributions():
            wrong = problems.get(each.name, [])
            if parsed_args.broken and not wrong:
                continue
            services = sorted(record.name for record in each.records if record.group == "hca.services")
            commands = [record for record in each.records if record.group == "hca.commands"]
            rows.append(
                {
                    "plugin": each.name,
                    "version": each.version,
                    "services": ", ".join(services),
                    "commands": len(commands),
                    "plugin API": _api_of(each),
                    "status": _status(each, wrong),
                    "reason": "; ".join(_reason(problem) for problem in wrong) or _claims(each),
                }
            )
        return rows


def _api_of(distribution: PluginDistribution) -> int:
    from hca_base.plugins import PLUGIN_API

    declared = [record.plugin_api for record in distribution.records if record.plugin_api is not None]
    return max(declared) if declared else PLUGIN_API


def _status(distribution: PluginDistribution, wrong: list[dict[str, str]]) -> str:
    if not wrong:
        return "ok"
    names = {(problem["group"], problem["name"]) for problem in wrong}
    return "broken" if ("", "") in names or len(names) >= len(distribution.records) else "broken in part"


def _reason(problem: dict[str, str]) -> str:
    name = problem["name"].replace("_", " ") if problem["group"] == "hca.commands" else problem["name"]
    return f"{name}: {problem['reason']}" if name else problem["reason"]


def _claims(distribution: PluginDistribution) -> str:
    """Return the names that this plugin and others claim."""
    lost = [
        str(conflict)
        for conflict in registry().conflicts()
        if distribution.name in {record.distribution for record in conflict.losers}
    ]
    hidden = [
        f"command '{record.command}' is hidden by that of hca itself"
        for record in distribution.records
        if record.group == "hca.commands" and record.command in COMMANDS
    ]
    return "; ".join([*lost, *hidden])


class PluginInstall(Command):
    """Install a plugin into this environment.

    Names, requirements (hca-dss>=9), directories, files and URLs are passed to pip, or to uv if pip is not installed.
    """

    example = "plugin install hca-dss"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name", nargs="+", help="distribution, directory, file or URL")
        parser.add_argument("-U", "--upgrade", action="store_true", help="upgrade plugins that are already installed")
        parser.add_argument("-e", "--editable", action="store_true", help="install directories in editable mode")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        names = checked_names(parsed_args.name, paths=True)
        command = installer("install", names)
        if parsed_args.upgrade:
            command.append("--upgrade")
        before = {(each.name, each.version) for each in registry().distributions()}
        for name in names:
            path = Path(name)
            if parsed_args.editable:
                command += ["--editable", str(path)]
            else:
                command.append(str(path.absolute()) if path.is_dir() else name)
        run_installer(command)
        _look_again(self)
        new = [each for each in registry().distributions() if (each.name, each.version) not in before]
        for each in new:
            services = [record.name for record in each.records if record.group == "hca.services"]
            commands = [f"'hca {record.command}'" for record in each.records if record.group == "hca.commands"]
            gives = [f"service {name}" for name in services] + commands[:5]
            self.note(f"{each.name} {each.version} installed: {', '.join(gives) or 'no commands'}")
        if not new:
            self.note("done; the installed distributions contain no new plugin")


class PluginUninstall(Command):
    """Remove a plugin from this environment."""

    example = "plugin uninstall hca-dss"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name", nargs="+", help="distribution, or a service that it provides")
        parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        names = [_distribution_of(name) for name in checked_names(parsed_args.name, paths=False)]
        command = installer("uninstall", names)
        dependents = sorted({user for name in names for user in users_of(name)} - set(names))
        if dependents:
            self.note(f"{', '.join(dependents)} will miss the removed plugins")
        confirm(f"Remove {', '.join(names)}?", yes=parsed_args.yes)
        if "pip" in command[1:3]:
            command.append("--yes")
        run_installer([*command, *names])
        _look_again(self)
        self.note(f"{', '.join(names)} removed")


def _look_again(command: Command) -> None:
    import importlib

    importlib.invalidate_caches()
    reset_registry()
    command.context.forget()


def _distribution_of(name: str) -> str:
    """Return the distribution with a name, or with a service of that name."""
    wanted = name.lower().replace("_", "-")
    if wanted == "hca-base":
        raise RefusedError("hca-base is hca itself, not a plugin", hint="pip uninstall hca-base removes it")
    for each in registry().distributions():
        if each.name.lower().replace("_", "-") == wanted:
            return each.name
    record = registry().records("hca.services").get(name)
    if record is not None:
        return record.distribution
    raise NotFoundError(f"no plugin {name!r} is installed", hint="'hca plugin list' lists the installed plugins")
