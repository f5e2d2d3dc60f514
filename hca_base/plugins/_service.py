"""A plugin's declaration of its service: plain data that is cheap to import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hca_base._service import Scheme
from hca_base.errors import ConfigError, PluginError
from hca_base.plugins._entry_points import PLUGIN_API

if TYPE_CHECKING:
    from hca_base.config import Config


@dataclass(frozen=True)
class CredentialScheme(Scheme):
    """How a service authenticates requests.

    The members are those of :class:`hca_base.auth.Scheme`.
    """

    client_settings_path: str | None = "/internal/application_secrets"

    KINDS = ("oauth2", "apikey", "basic", "bearer", "mtls", "none")

    def __post_init__(self) -> None:
        if self.kind not in self.KINDS:
            raise PluginError(f"credential scheme {self.kind!r} is not one of {', '.join(self.KINDS)}")


@dataclass(frozen=True)
class Service:
    """An HTTP API that is described by an OpenAPI 3 or Swagger 2 document.

    :param name: first word of its commands, such as ``dss``
    :param title: one-line title
    :param plugin_api: version of the plugin contract that it was written for
    :param client_section: configuration section with its settings; default: ``services.NAME``
    :param document_url_key: configuration key of the document's URL; default: ``CLIENT_SECTION.url``
    :param bundled_document: (package, file in it) of a document that ships with the plugin
    :param config_defaults: the lowest configuration layer while the service is in use
    :param config_schema: JSON Schema of its sections, by section name
    :param credentials: how the service authenticates requests
    :param safe_operations: operations that are safe to retry despite their HTTP method
    :param empty_bodies: a PATCH, POST or PUT without any member of its JSON body sends ``{}``, for services that refuse
        a request without a body that their document calls optional
    :param retired_hosts: host name -> hint for users who cannot reach it
    :param hints: error reason (or HTTP status as a string) -> hint
    :param base_url_key: configuration key of the base URL, if it differs from the document's
    :param plugin: name of the plugin service that this one is another deployment of
    :param naming: how its operations are named: ``operation`` (by their operationIds) or ``path`` (by method and path,
        as hca 7 did); the setting ``services.NAME.naming`` goes before it
    """

    name: str
    title: str = ""
    plugin_api: int = PLUGIN_API
    client_section: str = ""
    document_url_key: str = ""
    bundled_document: tuple[str, str] | None = None
    config_defaults: Mapping[str, Any] = field(default_factory=dict)
    config_schema: Mapping[str, Any] = field(default_factory=dict)
    credentials: CredentialScheme = field(default_factory=CredentialScheme)
    safe_operations: tuple[str, ...] = ()
    empty_bodies: bool = False
    retired_hosts: Mapping[str, str] = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)
    base_url_key: str | None = None
    plugin: str | None = None
    naming: str = "operation"

    NAMINGS = ("operation", "path")

    def __post_init__(self) -> None:
        if self.naming not in self.NAMINGS:
            raise PluginError(f"naming {self.naming!r} is not one of {', '.join(self.NAMINGS)}")
        section = self.client_section or f"services.{self.name}"
        object.__setattr__(self, "client_section", section)
        if not self.document_url_key:
            object.__setattr__(self, "document_url_key", f"{section}.url")

    def document_url(self, config: Config) -> str:
        """Return the URL or path of the service's document.

        :raises hca_base.errors.ConfigError: no layer sets it
        """
        self.add_defaults(config)
        value = config.get(self.document_url_key)
        if not isinstance(value, str) or not value:
            raise ConfigError(
                f"no document is set for service {self.name}: {self.document_url_key} is missing",
                hint=f"hca config set {self.document_url_key} URL",
            )
        return value

    def naming_of(self, config: Config) -> str:
        """Return how its operations are named: ``operation`` or ``path``.

        :raises hca_base.errors.ConfigError: the setting is neither
        """
        value = config.get(("services", self.name, "naming"))
        if value is None:
            return self.naming
        if value not in self.NAMINGS:
            raise ConfigError(
                f"services.{self.name}.naming must be {' or '.join(self.NAMINGS)}, not {value!r}",
                hint=f"use 'hca config set services.{self.name}.naming {self.naming}'",
            )
        return str(value)

    def base_url(self, config: Config) -> str | None:
        """Return the base URL from the configuration that overrides the document's, or None."""
        self.add_defaults(config)
        value = config.get(self.base_url_key or f"{self.client_section}.base_url")
        return value if isinstance(value, str) and value else None

    def add_defaults(self, config: Config) -> None:
        """Put the plugin's defaults below all other layers of ``config``."""
        if self.config_defaults:
            config.add_defaults(self.plugin or self.name, self.config_defaults, self.config_schema or None)

    def credential_providers(self, config: Any) -> list[Any]:
        """Return plugins' credential providers, for :func:`hca_base.auth.credentials_for`."""
        from hca_base.plugins._credentials import credential_providers

        return list(credential_providers(self, config))

    def bundled_bytes(self) -> bytes | None:
        """Return the document in the plugin's package, or None."""
        if self.bundled_document is None:
            return None
        # Not importlib.resources, which takes 10 ms: nearly all plugins are plain directories.
        import importlib.util

        package, name = self.bundled_document
        try:
            spec = importlib.util.find_spec(package)
            if spec is None or not spec.submodule_search_locations:
                return None
            loader: Any = spec.loader
            return bytes(loader.get_data(f"{next(iter(spec.submodule_search_locations))}/{name}"))
        except (OSError, ImportError, AttributeError):
            return None
