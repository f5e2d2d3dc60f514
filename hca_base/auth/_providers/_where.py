"""Origins, authentication scheme and login settings of a service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hca_base._service import Scheme, ServiceLike
from hca_base.auth._providers._kinds import hosts_of
from hca_base.auth._providers._scheme import is_same, merged, scheme_from_security, usable_schemes
from hca_base.errors import AuthError, ConfigError


def scheme_of(service: ServiceLike | None, security_schemes: Mapping[str, Mapping[str, Any]] | None) -> Scheme:
    """Return the scheme of the plugin or settings, completed from the document; else the document's."""
    if service is not None and service.credentials.kind != "none":
        own = service.credentials
        return next(
            (merged(own, each) for each in usable_schemes(security_schemes).values() if is_same(own, each)), own
        )
    return scheme_from_security(security_schemes)


def service_hosts(service: ServiceLike | None, config: Any, base_url: str | None = None) -> list[str]:
    """Return the origins of a service's base URL and of its document's URL."""
    document = None
    if service is not None and config is not None:
        try:
            document = service.document_url(config)
            if base_url is None:
                base_url = service.base_url(config)
        except ConfigError:
            document = None
    return hosts_of(base_url, document)


def no_base_url(service: ServiceLike) -> AuthError:
    """Return the error for a service whose hosts are unknown."""
    return AuthError(f"no base URL is configured for {service.name}", hint=f"set {service.client_section}.base_url")


def host_name(hosts: list[str]) -> str:
    """Return the name for a service without one: its first host."""
    return hosts[0].partition("://")[2] if hosts else "unknown"


def setting(config: Any, service: ServiceLike | None, name: str) -> Any:
    """Return a login setting: ``SECTION.auth.NAME`` of the service, else ``auth.NAME``; None if neither is set."""
    if config is None:
        return None
    value = config.get(f"{service.client_section}.auth.{name}", None) if service is not None else None
    return value if value is not None else config.get(f"auth.{name}", None)
