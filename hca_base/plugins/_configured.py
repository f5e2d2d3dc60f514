"""Services that the settings declare: ``services.NAME``, with or without the plugin of another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hca_base.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from hca_base.config import Config
    from hca_base.plugins._service import Service


def configured_names(config: Config | None) -> list[str]:
    """The services of ``services.*``, sorted.

    They are read from the layers: merging whole sections would import what merges them.
    """
    found: set[str] = set()
    for layer in config.layers if config is not None else ():
        section = layer.data.get("services")
        if isinstance(section, Mapping):
            found.update(name for name, value in section.items() if isinstance(value, Mapping) and name[:1] != "/")
    return sorted(found)


def configured_section(config: Config | None, name: str) -> Mapping[str, Any] | None:
    """``services.NAME``, or None."""
    if name not in configured_names(config):
        return None
    assert config is not None
    section = config.get(("services", name))
    return section if isinstance(section, Mapping) else None


def service_of_section(name: str, section: Mapping[str, Any], base: Service | None) -> Service:
    """The service that ``services.NAME`` declares.

    :param base: the service that it is another deployment of (``services.NAME.plugin``), if there is that plugin
    :raises hca_base.errors.UsageError: there is not
    :raises hca_base.errors.ConfigError: its credentials are none
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
            f"services.{name}.plugin is {section['plugin']!r}, but no plugin gives a service of that name",
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
            raise ConfigError(f"{where} is not a setting", hint=f"there are {', '.join(sorted(known))}")
        if key in ("scopes", "env"):
            found[key] = _names(where, value)
        elif key == "kind" and value not in CredentialScheme.KINDS:
            raise ConfigError(f"{where} must be one of {', '.join(CredentialScheme.KINDS)}, not {value!r}")
        elif key == "claims" and not isinstance(value, Mapping):
            raise ConfigError(f"{where} must be an object, not {value!r}")
        elif key == "google_access_tokens" and not isinstance(value, bool):
            raise ConfigError(f"{where} must be true or false, not {value!r}")
        elif key not in ("claims", "google_access_tokens") and not (value is None or isinstance(value, str)):
            raise ConfigError(f"{where} must be a text, not {value!r}")
        else:
            found[key] = value
    return found


def _names(where: str, value: Any) -> tuple[str, ...]:
    """A list of names; a single one may stand for itself."""
    if value is None:
        return ()
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise ConfigError(f"{where} must be a list of names, not {value!r}")
    return tuple(listed)
