"""The interface of services for all packages: URLs, document, and authentication."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol


@dataclasses.dataclass(frozen=True)
class Scheme:
    """One way to authenticate with a service.

    :ivar kind: ``oauth2`` (a login with bearer tokens), ``bearer`` (a token that the user has), ``apikey``, ``basic``,
        ``mtls`` (a client certificate) or ``none``
    :ivar audience: ``aud`` of self-signed tokens of a service account
    :ivar scopes: OAuth 2 scopes of a login
    :ivar claims: further claims of self-signed tokens; ``{email}`` in a value stands for the account's address
    :ivar client_settings_path: path on the service's host that gives the OAuth client settings, or None
    :ivar authorization_url: authorization endpoint, where a login starts
    :ivar token_url: token endpoint, where a code is exchanged for tokens
    :ivar api_key_header: header that carries an API key
    :ivar api_key_query: query parameter that carries an API key
    :ivar api_key_config_key: configuration key that may contain the API key
    :ivar env: environment variables that may contain the token or key, in order of precedence
    :ivar api_key_cookie: name of a cookie that carries an API key
    :ivar openid_url: URL of an OpenID Connect discovery document
    :ivar device_url: device authorization endpoint (RFC 8628)
    :ivar google_access_tokens: whether access tokens of Google itself are accepted
    :ivar flow: of OAuth 2 in a document: ``authorizationCode``, ``implicit``, ``password``, ``clientCredentials``
    """

    kind: str = "none"
    audience: str | None = None
    scopes: tuple[str, ...] = ()
    claims: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    client_settings_path: str | None = None
    authorization_url: str | None = None
    token_url: str | None = None
    api_key_header: str | None = None
    api_key_query: str | None = None
    api_key_config_key: str | None = None
    env: tuple[str, ...] = ()
    api_key_cookie: str | None = None
    openid_url: str | None = None
    device_url: str | None = None
    google_access_tokens: bool = False
    flow: str | None = None

    @property
    def takes_bearer_tokens(self) -> bool:
        """Whether credentials travel as ``Authorization: Bearer``."""
        return self.kind in ("oauth2", "bearer")

    @property
    def api_key_name(self) -> str | None:
        """The header, query parameter or cookie that carries the API key."""
        return self.api_key_header or self.api_key_query or self.api_key_cookie


class ServiceLike(Protocol):
    """A service, as the packages below the plugins know it; :class:`hca_base.plugins.Service` has all of it."""

    @property
    def name(self) -> str: ...

    @property
    def client_section(self) -> str: ...

    @property
    def document_url_key(self) -> str: ...

    @property
    def bundled_document(self) -> tuple[str, str] | None: ...

    @property
    def config_defaults(self) -> Mapping[str, Any]: ...

    @property
    def credentials(self) -> Scheme: ...

    @property
    def safe_operations(self) -> tuple[str, ...]: ...

    @property
    def empty_bodies(self) -> bool: ...

    @property
    def retired_hosts(self) -> Mapping[str, str]: ...

    @property
    def hints(self) -> Mapping[str, str]: ...

    def naming_of(self, config: Any) -> str: ...

    def document_url(self, config: Any) -> str: ...

    def base_url(self, config: Any) -> str | None: ...

    def bundled_bytes(self) -> bytes | None: ...

    def credential_providers(self, config: Any) -> list[Any]: ...
