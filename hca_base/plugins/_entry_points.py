"""The entry points of plugins: name conflicts, and loading with isolation of broken ones."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from hca_base.errors import PluginError
from hca_base.plugins import _records
from hca_base.plugins._metadata import normalized
from hca_base.plugins._records import EntryPointRecord, PluginDistribution

#: The version of the plugin API. It increases when plugins for the new version cannot run on the old one; the core
#: accepts every version from 1 to its own.
PLUGIN_API = 1


class BrokenPlugin:
    """An unusable entry point, with the reason.

    :ivar record: the entry point
    :ivar reason: one line
    """

    __slots__ = ("reason", "record")

    def __init__(self, record: EntryPointRecord, reason: str) -> None:
        self.record = record
        self.reason = reason

    def __repr__(self) -> str:
        return f"<broken {self.record!r}: {self.reason}>"


class Conflict:
    """A name that more than one distribution claims.

    :ivar winner: the entry point in use: the first one by distribution name
    :ivar losers: the others
    """

    __slots__ = ("losers", "winner")

    def __init__(self, winner: EntryPointRecord, losers: tuple[EntryPointRecord, ...]) -> None:
        self.winner = winner
        self.losers = losers

    def __str__(self) -> str:
        kind = {"hca.commands": "command", "hca.services": "service"}.get(self.winner.group, self.winner.group)
        name = self.winner.command if self.winner.group == "hca.commands" else self.winner.name
        others = " and ".join(sorted({loser.distribution for loser in self.losers}))
        return (
            f"{kind} '{name}' is claimed by {self.winner.distribution} and by {others}; "
            f"hca uses the one of {self.winner.distribution}, the first by name"
        )


class EntryPoints:
    """The entry points of this environment's plugins.

    :param distributions: distributions on the import path; by default they are looked up
    """

    def __init__(self, distributions: list[PluginDistribution] | None = None) -> None:
        found = _records.installed() if distributions is None else distributions
        self._distributions = sorted(found, key=lambda d: (normalized(d.name), d.version))
        self._tables: dict[str, dict[str, EntryPointRecord]] = {group: {} for group in _records.GROUPS}
        self._conflicts: dict[tuple[str, str], Conflict] = {}
        self._loaded: dict[EntryPointRecord, Any] = {}
        self._broken: dict[EntryPointRecord, BrokenPlugin] = {}
        for distribution in self._distributions:
            for record in distribution.records:
                self._claim(record)

    def _claim(self, record: EntryPointRecord) -> None:
        table = self._tables.get(record.group)
        if table is None:
            return
        name = record.command if record.group == "hca.commands" else record.name
        winner = table.setdefault(name, record)
        if winner is not record and winner.distribution != record.distribution:
            known = self._conflicts.get((record.group, name))
            self._conflicts[record.group, name] = Conflict(winner, (*(known.losers if known else ()), record))

    def distributions(self) -> list[PluginDistribution]:
        """The distributions with hca's entry points, by name."""
        return list(self._distributions)

    def records(self, group: str) -> Mapping[str, EntryPointRecord]:
        """Return entry points of a group by name, without conflicts. Command names have spaces (``dss download``)."""
        return self._tables[group]

    def commands(self) -> Mapping[str, EntryPointRecord]:
        """Hand-written commands: ``"dss download"`` -> entry point."""
        return self._tables["hca.commands"]

    def has_hooks(self, command: str) -> bool:
        """Return True if a plugin has hooks for a command (cliff's command hooks: a group named after the command)."""
        group = "hca.commands." + command.replace(" ", "_")
        return any(record.group == group for each in self._distributions for record in each.records)

    def conflicts(self) -> list[Conflict]:
        """Return names that several distributions claim."""
        return [self._conflicts[key] for key in sorted(self._conflicts)]

    def conflict(self, group: str, name: str) -> Conflict | None:
        """Return the conflict about a name, if there is one."""
        return self._conflicts.get((group, name))

    def load(self, record: EntryPointRecord) -> Any:
        """Import an entry point's object.

        :raises hca_base.errors.PluginError: any error of the plugin, in one line that names it
        """
        if record in self._loaded:
            return self._loaded[record]
        if record in self._broken:
            raise self._error(self._broken[record])
        reason = self._unusable(record)
        if reason is None:
            try:
                value = _import(record)
            except KeyboardInterrupt:
                raise
            # Importing a plugin may raise anything: SystemExit, AssertionError, SyntaxError.
            except BaseException as error:  # noqa: BLE001
                reason, cause = _reason(error), error
            else:
                self._loaded[record] = value
                return value
            self._broken[record] = BrokenPlugin(record, reason)
            raise self._error(self._broken[record]) from cause
        self._broken[record] = BrokenPlugin(record, reason)
        raise self._error(self._broken[record])

    def _unusable(self, record: EntryPointRecord) -> str | None:
        """Return why this distribution must not be imported: it requires another plugin API."""
        for distribution in self._distributions:
            if distribution.name != record.distribution:
                continue
            for other in distribution.records:
                if other.plugin_api is not None and not 1 <= other.plugin_api <= PLUGIN_API:
                    return wrong_api(other.plugin_api)
        return None

    def _error(self, broken: BrokenPlugin) -> PluginError:
        record = broken.record
        return PluginError(
            f"plugin {record.distribution} {record.version} cannot be used: {broken.reason}",
            hint=f"'hca plugin doctor' shows details; 'hca plugin uninstall {record.distribution}' removes it",
        )

    def broken(self) -> list[BrokenPlugin]:
        """Entry points that failed to load so far (:meth:`check` loads all of them)."""
        return list(self._broken.values())


def _import(record: EntryPointRecord) -> Any:
    import contextlib
    import importlib
    import sys

    module, _, attribute = record.value.partition(":")
    # stdout is for results: redirect what a plugin prints during import.
    with contextlib.redirect_stdout(sys.stderr):
        value: Any = importlib.import_module(module.strip())
        for part in attribute.strip().split(".") if attribute.strip() else ():
            value = getattr(value, part)
    return value


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split()) or "no message"
    if isinstance(error, SyntaxError) and error.filename:
        text = f"{error.msg} ({error.filename}, line {error.lineno})"
    return f"{type(error).__name__}: {text}"


def wrong_api(version: object) -> str:
    """Return why a plugin of that API version cannot be used."""
    if isinstance(version, int) and version > PLUGIN_API:
        return f"it requires plugin API {version}, but this hca has {PLUGIN_API}; upgrade hca-base"
    return f"it declares plugin API {version!r}; this hca supports 1 to {PLUGIN_API}"


#: The entry points of this process; None: look them up at the next use.
in_use: EntryPoints | None = None


def entry_points() -> EntryPoints:
    """Return the entry points of this process's environment; looked up once."""
    global in_use
    if in_use is None:
        in_use = EntryPoints(chosen_distributions())
    return in_use


def chosen_distributions() -> list[PluginDistribution]:
    """Return the installed plugins, restricted to ``HCA_PLUGINS`` if set (comma-separated names; empty: none)."""
    found, names = _records.installed(), os.environ.get("HCA_PLUGINS")
    if names is None:
        return found
    wanted = {normalized(name.strip()) for name in names.split(",") if name.strip()}
    return [distribution for distribution in found if normalized(distribution.name) in wanted]
