"""The registry of services and clients from plugins and settings, tolerant of broken ones."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hca_base import _extension_points
from hca_base.errors import ConfigError, HCAError, PluginError, UsageError
from hca_base.plugins import _entry_points
from hca_base.plugins._entry_points import (
    PLUGIN_API,
    BrokenPlugin,
    EntryPoints,
    chosen_distributions,
    wrong_api,
)
from hca_base.plugins._records import EntryPointRecord, PluginDistribution

if TYPE_CHECKING:
    from hca_base.config import Config
    from hca_base.openapi import Client
    from hca_base.plugins._service import Service


class Registry(EntryPoints):
    """The plugins of this environment: their entry points, services and clients.

    :param distributions: distributions on the import path; by default they are looked up
    """

    def __init__(self, distributions: list[PluginDistribution] | None = None) -> None:
        super().__init__(distributions)
        self._declared: dict[EntryPointRecord, Any] = {}

    def deployment_of(self, name: str, config: Config | None) -> str | None:
        """Return the plugin's service of which ``services.NAME`` is another deployment, with the same commands."""
        if name not in configured_names(config) or (
            name in self._tables["hca.services"] and self.hidden_service(name, config) is None
        ):
            return None
        assert config is not None
        like = config.get(("services", name, "plugin"))
        return like if isinstance(like, str) and like in self._tables["hca.services"] else None

    def hidden_service(self, name: str, config: Config | None) -> EntryPointRecord | None:
        """Return a plugin's service that is hidden because the user gave its name to another service before, or None.

        A plugin installed later does not take over a name: ``services.NAME`` with its own document keeps it.
        """
        record = self._tables["hca.services"].get(name)
        if record is None or name not in configured_names(config):
            return None
        section = configured_section(config, name)
        if section is None or not isinstance(section.get("url"), str):
            return None
        try:
            # Some plugins have their settings there.
            own = self._service_of(record).client_section == f"services.{name}"
        except PluginError:
            own = False
        return None if own else record

    def service_names(self, config: Config | None = None) -> dict[str, str]:
        """Return names of all services -> title, without imports, including ``services.*`` in ``config``."""
        found = {name: record.summary for name, record in self._tables["hca.services"].items()}
        for name in configured_names(config):
            if name not in found or self.hidden_service(name, config) is not None:
                section = configured_section(config, name) or {}
                found[name] = str(section.get("title") or section.get("url") or "")
        return found

    def check(self) -> list[BrokenPlugin]:
        """Load every entry point of every plugin, and return the broken ones."""
        for distribution in self._distributions:
            for record in distribution.records:
                try:
                    if record.group == "hca.services":
                        self._imported_service(record)
                    else:
                        self.load(record)
                except PluginError:
                    pass
        return self.broken()

    def _service_of(self, record: EntryPointRecord) -> Service:
        found: Service | None = self._kept(record)
        return self._imported_service(record) if found is None else found

    def _kept(self, record: EntryPointRecord) -> Any:
        """Return a plugin's cached declaration; None if it must be imported, or is already imported."""
        if record in self._loaded or record in self._broken or self._unusable(record) is not None:
            return None
        if record not in self._declared:
            from hca_base.plugins._declared import kept

            self._declared[record] = kept(record)
        return self._declared[record]

    def _imported_service(self, record: EntryPointRecord) -> Service:
        from hca_base.plugins._service import Service

        value = self._load_and_keep(record)
        reason = None
        if not isinstance(value, Service):
            reason = f"{record.value} is a {type(value).__name__}, not a Service"
        elif not isinstance(value.plugin_api, int) or not 1 <= value.plugin_api <= PLUGIN_API:
            reason = wrong_api(value.plugin_api)
        elif value.name != record.name:
            reason = f"{record.value} is named {value.name!r}, but its entry point is named {record.name!r}"
        if reason is not None:
            self._loaded.pop(record, None)
            self._broken[record] = BrokenPlugin(record, reason)
            raise self._error(self._broken[record])
        found: Service = value
        return found

    def _load_and_keep(self, record: EntryPointRecord) -> Any:
        """Import an entry point's object, and cache its declaration for the next process."""
        if record in self._loaded:
            return self._loaded[record]
        from hca_base.plugins._declared import keep

        before = set(sys.modules)
        value = self.load(record)
        keep(record, value, set(sys.modules) - before)
        return value

    def services(self, config: Config | None = None) -> dict[str, Service]:
        """Return all usable services by name, without those of broken plugins (see :meth:`broken`)."""
        found = {}
        for name in self.service_names(config):
            try:
                found[name] = self.service(name, config)
            except HCAError:
                continue
        return found

    def config_schemas(self) -> list[Mapping[str, Any]]:
        """Return the schemas of settings that plugins declare, without those of broken plugins."""
        found = [service.config_schema for service in self.services().values() if service.config_schema]
        for record in self._tables["hca.settings"].values():
            try:
                schema = self._kept(record)
                if schema is None:
                    schema = self._load_and_keep(record)
            except HCAError:
                continue
            if isinstance(schema, Mapping):
                found.append(schema)
        return found

    def service(self, name: str, config: Config | None = None) -> Service:
        """Return the service with a name, from a plugin or from ``services.NAME`` in the configuration.

        :raises hca_base.errors.UsageError: there is none
        :raises hca_base.errors.PluginError: its plugin is broken
        """
        record = self._tables["hca.services"].get(name)
        if record is not None and self.hidden_service(name, config) is None:
            return self._service_of(record)
        section = configured_section(config, name)
        if section is not None:
            like = section.get("plugin")
            record = self._tables["hca.services"].get(str(like)) if like is not None else None
            return service_of_section(name, section, self._service_of(record) if record is not None else None)
        import difflib

        near = difflib.get_close_matches(name, self.service_names(config), 1)
        raise UsageError(
            f"unknown service {name!r}",
            hint=f"did you mean {near[0]!r}?" if near else "'hca service list' lists the services",
        )

    def client_class(self, name: str, config: Config | None = None) -> type[Client]:
        """Return the client class that a plugin registered for a service, or the generic one."""
        section = configured_section(config, name) or {}
        default = "" if self.hidden_service(name, config) is not None else name
        record = self._tables["hca.clients"].get(str(section.get("plugin") or default))
        if record is not None:
            loaded: type[Client] = self.load(record)
            return loaded
        from hca_base.openapi import Client

        return Client


def registry() -> Registry:
    """Return the plugins of this process's environment; looked up once.

    ``HCA_PLUGINS`` restricts them to the named distributions (comma-separated). If it is empty, all are excluded, which
    helps if a plugin is broken.
    """
    found = _entry_points.in_use
    if not isinstance(found, Registry):
        found = _entry_points.in_use = Registry(chosen_distributions())
    return found


def reset_registry() -> None:
    """Look up the plugins again at the next use, after an install or removal in this process."""
    _entry_points.in_use = None


def service_of(name: str, config: Config | None = None) -> Service:
    """Return the service with a name; see :meth:`Registry.service`. ``config`` defaults to the user's."""
    if config is None:
        from hca_base.config import load

        config = load()
    return registry().service(name, config)


def client(service: str | Service, **options: Any) -> Client:
    """Return a client of a service, of the class that its plugin registered or the generic one.

    :param service: name of an installed or configured service, or a :class:`Service`
    :param options: arguments of the client class, such as ``config`` or ``profile``
    :raises hca_base.errors.UsageError: unknown service
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
    if service in registry().records("hca.clients") and registry().hidden_service(service, config) is None:
        # A plugin's class has its service as default.
        return cls(**options)
    return cls(service=found, **options)


def _load_extension(group: str, name: str) -> Any:
    record = registry().records(group).get(name)
    return None if record is None else registry().load(record)


_extension_points.names_of = lambda group: registry().records(group)
_extension_points.load_one = _load_extension


def configured_names(config: Config | None) -> list[str]:
    """Return the names in ``services.*``, sorted.

    They are read from the layers, because merging sections would import slow modules.
    """
    found: set[str] = set()
    for layer in config.layers if config is not None else ():
        section = layer.data.get("services")
        if isinstance(section, Mapping):
            found.update(name for name, value in section.items() if isinstance(value, Mapping) and name[:1] != "/")
    return sorted(found)


def configured_section(config: Config | None, name: str) -> Mapping[str, Any] | None:
    """Return ``services.NAME``, or None."""
    if name not in configured_names(config):
        return None
    assert config is not None
    section = config.get(("services", name))
    return section if isinstance(section, Mapping) else None


def service_of_section(name: str, section: Mapping[str, Any], base: Service | None) -> Service:
    """Return the service that ``services.NAME`` declares.

    :param base: the service of which it is another deployment (``services.NAME.plugin``), if that plugin is installed
    :raises hca_base.errors.UsageError: the plugin is not installed
    :raises hca_base.errors.ConfigError: its credentials are not valid
    """
    from dataclasses import replace

    from hca_base.plugins._service import CredentialScheme, Service

    title = str(section.get("title") or "")
    if base is not None:
        return replace(
            base,
            name=name,
            title=title or base.title,
            client_section=f"services.{name}",
            document_url_key=f"services.{name}.url",
            base_url_key=None,
            plugin=base.name,
        )
    if section.get("plugin") is not None:
        raise UsageError(
            f"services.{name}.plugin is {section['plugin']!r}, but no plugin provides a service of that name",
            hint="'hca plugin list' shows the installed plugins",
        )
    given = section.get("credentials")
    scheme = CredentialScheme(**_scheme_fields(name, given)) if isinstance(given, Mapping) else CredentialScheme()
    return Service(
        name=name,
        title=title,
        credentials=scheme,
        safe_operations=_names(f"services.{name}.safe_operations", section.get("safe_operations")),
    )


def _scheme_fields(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    from dataclasses import fields

    from hca_base.plugins._service import CredentialScheme

    known = {field.name for field in fields(CredentialScheme)}
    found: dict[str, Any] = {}
    for key, value in given.items():
        where = f"services.{name}.credentials.{key}"
        if key not in known:
            raise ConfigError(f"{where} is not a setting", hint=f"use one of {', '.join(sorted(known))}")
        if key in ("scopes", "env"):
            found[key] = _names(where, value)
        elif key == "kind" and value not in CredentialScheme.KINDS:
            raise ConfigError(f"{where} must be one of {', '.join(CredentialScheme.KINDS)}, not {value!r}")
        elif key == "claims" and not isinstance(value, Mapping):
            raise ConfigError(f"{where} must be an object, not {value!r}")
        elif key == "google_access_tokens" and not isinstance(value, bool):
            raise ConfigError(f"{where} must be true or false, not {value!r}")
        elif key not in ("claims", "google_access_tokens") and not (value is None or isinstance(value, str)):
            raise ConfigError(f"{where} must be a string, not {value!r}")
        else:
            found[key] = value
    return found


def _names(where: str, value: Any) -> tuple[str, ...]:
    """Return a list of names from a list or a single name."""
    if value is None:
        return ()
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise ConfigError(f"{where} must be a list of names, not {value!r}")
    return tuple(listed)
