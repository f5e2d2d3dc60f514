"""Resolves an identifier to the server that has the object."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hca_base.errors import ConfigError, NotFoundError, UsageError
from hca_base.http import HttpSettings
from hca_drs.resolving.prefixes import Pattern, api_url, bundled, configured, pattern_of
from hca_drs.resolving.registry import IDENTIFIERS_ORG, Registry
from hca_drs.resolving.uris import Identifier, encoded, parse_uri

if TYPE_CHECKING:
    from hca_base.http import Session


@dataclass(frozen=True, slots=True)
class Place:
    """The location of an object.

    :ivar server: URL of the server's API
    :ivar object_id: on the server, decoded
    :ivar origin: source of the mapping: ``uri``, ``settings``, ``bundled``, or the host of a registry
    :ivar trusted: False if only a registry maps it there: that server gets no credentials
    """

    identifier: Identifier
    server: str
    object_id: str
    origin: str
    trusted: bool = True

    @property
    def host(self) -> str:
        """Host and port of the server."""
        return urlsplit(self.server).netloc.lower()

    @property
    def url(self) -> str:
        """URL of the object."""
        query = f"?{self.identifier.query}" if self.identifier.query else ""
        return f"{self.server}/objects/{encoded(self.object_id)}{query}"

    @property
    def key(self) -> tuple[str, str, bool]:
        """A key that is equal for two identifiers of the same object."""
        return self.server, self.object_id, self.trusted


class Resolver:
    """Resolves identifiers; thread-safe.

    :param hosts: URL of a server by host, overriding the settings and the default
    """

    def __init__(self, config: Any, session: Session, hosts: dict[str, str] | None = None) -> None:
        self.config = config
        self.session = session
        self._hosts = hosts or {}
        self._insecure = HttpSettings.from_config(config).insecure_hosts
        self._settings = configured(config)
        self._bundled = {prefix: pattern_of(host) for prefix, host in bundled()["prefixes"].items()}
        self._learnt: dict[tuple[str, str], Pattern] = {}
        self._lock = threading.Lock()

    @property
    def registry(self) -> Registry | None:
        """The registry for unknown prefixes; None: do not look up."""
        value = self.config.get("drs.resolver", None) or "identifiers.org"
        if value == "none":
            return None
        if value == "identifiers.org":
            return Registry(IDENTIFIERS_ORG, self.session)
        if not str(value).startswith(("https://", "http://")):
            raise ConfigError(f"drs.resolver must be identifiers.org, none or a URL, not {value!r}")
        return Registry(str(value), self.session)

    def table(self) -> list[tuple[str, str, str]]:
        """All known prefixes: the prefix, its URL, its source."""
        rows = {prefix: (str(pattern), "bundled") for prefix, pattern in self._bundled.items()}
        rows |= {prefix: (str(pattern), "settings") for prefix, pattern in self._settings.items()}
        registry = self.registry
        for prefix, text in (registry.known() if registry is not None else {}).items():
            rows.setdefault(prefix, (text, f"{urlsplit(registry.url).netloc} (unconfirmed)" if registry else ""))
        return [(prefix, *rows[prefix]) for prefix in sorted(rows)]

    def place(self, uri: str, *, look_up: bool = True) -> Place:
        """The location of an identifier's object.

        :param look_up: False: do not query a registry for unknown prefixes
        :raises UsageError: it is not an identifier
        :raises NotFoundError: its prefix is unknown
        """
        found = parse_uri(uri, self.known)
        if found.kind == "url":
            return Place(found, found.base_url, found.object_id, "uri")
        if found.kind == "hostname":
            return Place(found, self.server_of(found.host), found.object_id, "uri")
        pattern, origin, trusted = self._pattern(found, look_up)
        server = self.server_of(urlsplit(pattern.base_url).netloc, pattern.base_url)
        return Place(found, server, pattern.object_id(found.object_id), origin, trusted)

    def server_of(self, host: str, usual: str | None = None) -> str:
        """URL of the API on a host: from the settings, else the default."""
        host = host.lower()
        if host in self._hosts:
            return self._hosts[host].rstrip("/")
        value = self.config.get(("drs", "hosts", host, "url"), None)
        if value is None:
            return usual or api_url(host, self._insecure)
        if not str(value).startswith(("https://", "http://")):
            raise ConfigError(f"drs.hosts.{host}.url must begin with https://, not {value!r}")
        return str(value).rstrip("/")

    @property
    def known(self) -> frozenset[str]:
        """The prefixes of the settings and of the bundled table."""
        return frozenset(self._settings) | frozenset(self._bundled)

    def _pattern(self, found: Identifier, look_up: bool) -> tuple[Pattern, str, bool]:
        if found.prefix in self._settings:
            return self._settings[found.prefix], "settings", True
        if found.prefix in self._bundled and not found.provider:
            return self._bundled[found.prefix], "bundled", True
        registry = self.registry if look_up else None
        if registry is None:
            raise NotFoundError(
                f"prefix {found.prefix!r} is unknown and cannot be looked up"
                + (" (drs.resolver is none)" if look_up else ""),
                hint=f"if you know its server: hca config set 'drs.prefixes.\"{found.prefix}\"' HOST",
            )
        with self._lock:
            key = (found.prefix, found.provider)
            if key not in self._learnt:
                self._learnt[key] = registry.pattern(*key)
            return self._learnt[key], urlsplit(registry.url).netloc, False


def confirm_prefix(resolver: Resolver, prefix: str) -> Pattern:
    """The URL that a registry has for a prefix, for the user to confirm.

    :raises UsageError: it is known without a registry
    :raises NotFoundError: it is not registered
    """
    prefix = prefix.lower().removeprefix("drs://").rstrip(":")
    if prefix in resolver.known:
        raise UsageError(
            f"prefix {prefix!r} needs no confirmation: it is known without a registry",
            hint="hca drs prefixes shows where it leads",
        )
    registry = resolver.registry
    if registry is None:
        raise UsageError("drs.resolver is none: hca does not look up prefixes", hint="hca config unset drs.resolver")
    return registry.pattern(prefix)
