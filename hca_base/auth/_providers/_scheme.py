"""How a service wants to know who is asking: from its plugin, or from the security schemes of its document."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit


@dataclasses.dataclass(frozen=True)
class Scheme:
    """The members of a plugin's ``CredentialScheme``, which it stands in for where there is no plugin.

    :ivar kind: ``oauth2``, ``apikey``, ``basic``, ``bearer`` or ``none``
    :ivar openid_url: of an OpenID Connect discovery document
    :ivar device_url: device authorization endpoint (RFC 8628)
    :ivar api_key_cookie: name of a cookie that carries an API key
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
    api_key_cookie: str | None = None
    api_key_config_key: str | None = None
    env: tuple[str, ...] = ()
    openid_url: str | None = None
    device_url: str | None = None
    google_access_tokens: bool = False


class ServiceLike(Protocol):
    """What this package asks of a service; ``hca_base.plugins.Service`` is one."""

    @property
    def name(self) -> str: ...

    @property
    def client_section(self) -> str: ...

    @property
    def credentials(self) -> Any: ...

    def document_url(self, config: Any) -> str: ...


def scheme_from_security(schemes: Mapping[str, Mapping[str, Any]] | None) -> Scheme:
    """The scheme that the security schemes of an OpenAPI or Swagger document make.

    Where there are several of different kinds, a login comes before a key, and a key before a password.
    """
    best = Scheme()
    for entry in (schemes or {}).values():
        found = _one(entry)
        if found is not None and _RANK[found.kind] > _RANK[best.kind]:
            best = found
    return best


_RANK = {"oauth2": 4, "bearer": 3, "apikey": 2, "basic": 1, "none": 0}


def _one(entry: Mapping[str, Any]) -> Scheme | None:
    kind = entry.get("type")
    if kind == "oauth2":
        return _oauth2(entry)
    if kind == "openIdConnect":
        return Scheme(kind="oauth2", scopes=("openid", "email"), openid_url=_text(entry.get("openIdConnectUrl")))
    if kind == "basic":  # Swagger 2
        return Scheme(kind="basic")
    if kind == "http":
        name = str(entry.get("scheme", "")).lower()
        return Scheme(kind=name) if name in ("basic", "bearer") else None
    if kind == "apiKey" and _text(entry.get("name")):
        place = {"header": "api_key_header", "query": "api_key_query", "cookie": "api_key_cookie"}
        member = place.get(str(entry.get("in")))
        return Scheme(kind="apikey", **{member: entry["name"]}) if member else None
    return None


def _oauth2(entry: Mapping[str, Any]) -> Scheme:
    flows = entry.get("flows")
    if isinstance(flows, Mapping):
        order = ("authorizationCode", "implicit", "password", "clientCredentials")
        chosen: Mapping[str, Any] = next((flows[name] for name in order if isinstance(flows.get(name), Mapping)), {})
        device = flows.get("deviceAuthorization")
        device = device if isinstance(device, Mapping) else {}
    else:  # Swagger 2 has one flow per scheme, with its members beside the type
        chosen, device = entry, {}
    scopes = chosen.get("scopes")
    return Scheme(
        kind="oauth2",
        scopes=tuple(each for each in scopes if isinstance(each, str)) if isinstance(scopes, Mapping | list) else (),
        authorization_url=_text(chosen.get("authorizationUrl")),
        token_url=_text(chosen.get("tokenUrl")) or _text(device.get("tokenUrl")),
        device_url=_text(device.get("deviceAuthorizationUrl")),
    )


def takes_google_tokens(scheme: Any) -> bool:
    """Whether a service accepts access tokens of Google itself: its plugin says so, or its logins start at Google."""
    if scheme.kind != "oauth2":
        return False
    if getattr(scheme, "google_access_tokens", False):
        return True
    try:
        host = urlsplit(scheme.authorization_url or "").hostname
    except ValueError:  # a document may hold anything; a login will say what is wrong with it
        return False
    return host == "accounts.google.com"


def signs_own_tokens(scheme: Any) -> bool:
    """Whether a service accepts tokens that a service account signed for it."""
    return scheme.kind == "oauth2" and bool(scheme.audience or scheme.claims)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
