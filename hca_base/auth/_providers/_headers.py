"""Headers from ``services.NAME.headers``, which are added to every request of a service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hca_base._service import ServiceLike
from hca_base.auth._stores._records import text
from hca_base.auth._stores._store import TokenStore, account_name, open_store, scheme_account
from hca_base.errors import AuthError, ConfigError
from hca_base.http import remember_secret, remember_secret_name


def fixed_headers(
    service: ServiceLike | None, config: Any, url: str, *, store: TokenStore | None = None
) -> dict[str, str]:
    """Return the headers of ``services.NAME.headers`` for a request to the URL.

    A value is a string, or ``{"key": SCHEME}``: the key stored by ``hca auth set-key NAME SCHEME``, only for its hosts.

    :raises ConfigError: the setting is not an object of such values
    :raises AuthError: no key of that name is stored
    """
    section, key = _section(service, config)
    if service is None or not section:
        return {}
    headers: dict[str, str] = {}
    for name, value in section.items():
        if isinstance(value, str):
            headers[name] = value
        elif isinstance(value, Mapping) and text(value.get("key")) and len(value) == 1:
            headers[name] = _stored_key(service, config, value["key"], url, store)
            remember_secret_name(name)
        else:
            raise ConfigError(f'{key}.{name} must be a string or {{"key": SCHEME}}, not {value!r}')
    return headers


def key_names(service: ServiceLike | None, config: Any) -> list[str]:
    """Return the names of keys that the headers of a service refer to."""
    section, _ = _section(service, config)
    return [value["key"] for value in section.values() if isinstance(value, Mapping) and text(value.get("key"))]


def _section(service: ServiceLike | None, config: Any) -> tuple[Mapping[str, Any], str]:
    if service is None or config is None:
        return {}, ""
    key = f"services.{service.name}.headers"
    section = config.get(("services", service.name, "headers"), None)
    if section is not None and not isinstance(section, Mapping):
        raise ConfigError(f"{key} must be an object of headers, not {section!r}")
    return section or {}, key


def _stored_key(service: ServiceLike, config: Any, scheme: str, url: str, store: TokenStore | None) -> str:
    from hca_base.auth._stores._records import why_not
    from hca_base.http import HttpSettings

    account = account_name(getattr(config, "profile", None), service.name)
    record = (store or open_store(config)).get(scheme_account(account, scheme))
    value = None if record is None else text(record.get("key")) or text(record.get("access_token"))
    if record is None or value is None:
        raise AuthError(
            f"no key {scheme} is stored for {service.name}", hint=f"hca auth set-key {service.name} {scheme}"
        )
    refusal = why_not(url, record.get("hosts", ()), HttpSettings.from_config(config).insecure_hosts)
    if refusal is not None:
        raise AuthError(f"the key {scheme} of {service.name} is not sent: {refusal}")
    remember_secret(value)
    return value
