"""Which plugin gives what, and what happens when one of them is broken."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hca_base.errors import HCAError, PluginError, UsageError
from hca_base.plugins import _records
from hca_base.plugins._configured import configured_names, configured_section, service_of_section
from hca_base.plugins._records import EntryPointRecord, PluginDistribution, normalized

if TYPE_CHECKING:
    from hca_base.config import Config
    from hca_base.openapi import Client
    from hca_base.plugins._service import Service


class BrokenPlugin:
    """An entry point that cannot be used, and why.

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
            f"{self.winner.distribution} has it, being the first by name"
        )


class Registry:
    """The plugins of this environment.

    :param distributions: what was found on the import path; by default it is looked up
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

    # -- what there is, without importing anything --

    def distributions(self) -> list[PluginDistribution]:
        """The distributions that have entry points of ours, by name."""
        return list(self._distributions)

    def records(self, group: str) -> Mapping[str, EntryPointRecord]:
        """Entry points of a group by name, conflicts settled. Names of commands have spaces (``dss download``)."""
        return self._tables[group]

    def commands(self) -> Mapping[str, EntryPointRecord]:
        """Hand-written commands: ``"dss download"`` -> entry point."""
        return self._tables["hca.commands"]

    def deployment_of(self, name: str, config: Config | None) -> str | None:
        """The plugin's service that ``services.NAME`` is another deployment of; its commands are that one's too."""
        if name in self._tables["hca.services"] or name not in configured_names(config):
            return None
        assert config is not None
        like = config.get(("services", name, "plugin"))
        return like if isinstance(like, str) and like in self._tables["hca.services"] else None

    def has_hooks(self, command: str) -> bool:
        """Whether any plugin hooks into a command (cliff's command hooks: a group named after the command)."""
        group = "hca.commands." + command.replace(" ", "_")
        return any(record.group == group for each in self._distributions for record in each.records)

    def conflicts(self) -> list[Conflict]:
        """Names that more than one distribution claims."""
        return [self._conflicts[key] for key in sorted(self._conflicts)]

    def conflict(self, group: str, name: str) -> Conflict | None:
        """The conflict about one name, if there is one."""
        return self._conflicts.get((group, name))

    def service_names(self, config: Config | None = None) -> dict[str, str]:
        """Names of all services -> title, without importing them; those of ``services.*`` in ``config`` too."""
        found = {name: record.summary for name, record in self._tables["hca.services"].items()}
        for name in configured_names(config):
            if name not in found:
                section = configured_section(config, name) or {}
                found[name] = str(section.get("title") or section.get("url") or "")
        return found

    # -- loading, each on its own --

    def load(self, record: EntryPointRecord) -> Any:
        """Import what an entry point names.

        :raises hca_base.errors.PluginError: whatever went wrong in the plugin, in one line that names it
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
            # A plugin may do anything at import: raise SystemExit, fail an assertion, have a syntax error.
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
        """Why nothing of this distribution may be imported: it was written for another plugin API."""
        from hca_base.plugins._service import PLUGIN_API

        for distribution in self._distributions:
            if distribution.name != record.distribution:
                continue
            for other in distribution.records:
                if other.plugin_api is not None and not 1 <= other.plugin_api <= PLUGIN_API:
                    return _wrong_api(other.plugin_api)
        return None

    def _error(self, broken: BrokenPlugin) -> PluginError:
        record = broken.record
        return PluginError(
            f"plugin {record.distribution} {record.version} cannot be used: {broken.reason}",
            hint=f"'hca plugin doctor' says more; 'hca plugin uninstall {record.distribution}' removes it",
        )

    def check(self) -> list[BrokenPlugin]:
        """Load every entry point of every plugin and say which ones are broken."""
        for distribution in self._distributions:
            for record in distribution.records:
                try:
                    if record.group == "hca.services":
                        self._service_of(record)
                    else:
                        self.load(record)
                except PluginError:
                    pass
        return self.broken()

    def broken(self) -> list[BrokenPlugin]:
        """Entry points that could not be loaded so far (:meth:`check` tries all of them)."""
        return list(self._broken.values())

    def _service_of(self, record: EntryPointRecord) -> Service:
        from hca_base.plugins._service import PLUGIN_API, Service

        value = self.load(record)
        reason = None
        if not isinstance(value, Service):
            reason = f"{record.value} is a {type(value).__name__}, not a Service"
        elif not isinstance(value.plugin_api, int) or not 1 <= value.plugin_api <= PLUGIN_API:
            reason = _wrong_api(value.plugin_api)
        elif value.name != record.name:
            reason = f"{record.value} calls itself {value.name!r}, its entry point calls it {record.name!r}"
        if reason is not None:
            self._loaded.pop(record, None)
            self._broken[record] = BrokenPlugin(record, reason)
            raise self._error(self._broken[record])
        found: Service = value
        return found

    def services(self, config: Config | None = None) -> dict[str, Service]:
        """All services that can be used, by name; a broken plugin's is left out (see :meth:`broken`)."""
        found = {}
        for name in self.service_names(config):
            try:
                found[name] = self.service(name, config)
            except HCAError:
                continue
        return found

    def service(self, name: str, config: Config | None = None) -> Service:
        """The service of that name, from a plugin or from ``services.NAME`` in the configuration.

        :raises hca_base.errors.UsageError: there is none
        :raises hca_base.errors.PluginError: its plugin is broken
        """
        record = self._tables["hca.services"].get(name)
        if record is not None:
            return self._service_of(record)
        section = configured_section(config, name)
        if section is not None:
            like = section.get("plugin")
            record = self._tables["hca.services"].get(str(like)) if like is not None else None
            return service_of_section(name, section, self._service_of(record) if record is not None else None)
        import difflib

        near = difflib.get_close_matches(name, self.service_names(config), 1)
        raise UsageError(
            f"there is no service {name!r}",
            hint=f"did you mean {near[0]!r}?" if near else "'hca service list' shows those there are",
        )

    def client_class(self, name: str, config: Config | None = None) -> type[Client]:
        """The client class that a plugin registered for a service, or the generic one."""
        section = configured_section(config, name) or {}
        record = self._tables["hca.clients"].get(str(section.get("plugin") or name))
        if record is not None:
            loaded: type[Client] = self.load(record)
            return loaded
        from hca_base.openapi import Client

        return Client


def _import(record: EntryPointRecord) -> Any:
    import contextlib
    import importlib
    import sys

    module, _, attribute = record.value.partition(":")
    # Results are all that stdout is for: what a plugin prints while it is imported must not get into them.
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


def _wrong_api(version: object) -> str:
    from hca_base.plugins._service import PLUGIN_API

    if isinstance(version, int) and version > PLUGIN_API:
        return f"it needs plugin API {version}, this hca has {PLUGIN_API}; upgrade hca-base"
    return f"it declares plugin API {version!r}; this hca knows 1 to {PLUGIN_API}"


_registry: Registry | None = None


def registry() -> Registry:
    """The plugins of this process's environment; looked up once.

    ``HCA_PLUGINS`` restricts them to the distributions it names (separated by commas); when it is empty there is none,
    which is the way out when a plugin makes trouble.
    """
    global _registry
    if _registry is None:
        _registry = Registry(_chosen(_records.installed(), os.environ.get("HCA_PLUGINS")))
    return _registry


def _chosen(found: list[PluginDistribution], names: str | None) -> list[PluginDistribution]:
    if names is None:
        return found
    wanted = {normalized(name.strip()) for name in names.split(",") if name.strip()}
    return [distribution for distribution in found if normalized(distribution.name) in wanted]


def reset_registry() -> None:
    """Look the plugins up again at the next use: something was installed or removed in this process."""
    global _registry
    _registry = None


def service_of(name: str, config: Config | None = None) -> Service:
    """The service of that name; see :meth:`Registry.service`. Without ``config`` the user's is loaded."""
    if config is None:
        from hca_base.config import load

        config = load()
    return registry().service(name, config)


def client(service: str | Service, **options: Any) -> Client:
    """A client for a service: the class that its plugin registered, or the generic one.

    :param service: name of an installed or configured service, or a :class:`Service`
    :param options: arguments of the client class, such as ``config`` or ``profile``
    :raises hca_base.errors.UsageError: there is no such service
    :raises hca_base.errors.PluginError: its plugin is broken
    """
    if not isinstance(service, str):
        from hca_base.openapi import Client

        return Client(service, **options)
    config = options.get("config")
    if config is None:
        from hca_base.config import load

        config = options["config"] = load(profile=options.get("profile"))
    found = registry().service(service, config)
    cls = registry().client_class(service, config)
    if service in registry().records("hca.clients"):
        # A plugin's class knows its service.
        return cls(**options)
    return cls(service=found, **options)
