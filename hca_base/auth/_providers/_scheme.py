"""The authentication scheme of a service, from its plugin or its document's security schemes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from hca_base._service import Scheme


def scheme_from_security(schemes: Mapping[str, Mapping[str, Any]] | None) -> Scheme:
    """Return the scheme for the security schemes of an OpenAPI or Swagger document.

    With several kinds, a login takes precedence over a key, and a key over a password.
    """
    best = Scheme()
    for entry in (schemes or {}).values():
        found = _one(entry)
        if found is not None and _RANK[found.kind] > _RANK[best.kind]:
            best = found
    return best


_RANK = {"oauth2": 4, "bearer": 3, "apikey": 2, "basic": 1, "mtls": 0, "none": 0}


def usable_schemes(schemes: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Scheme]:
    """Return the security schemes of a document that hca supports, by name."""
    found = {name: _one(entry) for name, entry in (schemes or {}).items()}
    return {name: scheme for name, scheme in found.items() if scheme is not None}


def is_same(declared: Scheme, scheme: Scheme) -> bool:
    """Return True if the scheme of a plugin or the settings is this one of the document."""
    if declared.takes_bearer_tokens:
        return scheme.takes_bearer_tokens
    return declared.kind == scheme.kind and (declared.api_key_name or "").lower() == (scheme.api_key_name or "").lower()


def merged(own: Scheme, scheme: Scheme) -> Scheme:
    """Merge a document's scheme with the details from its plugin or the settings."""
    if own.kind != scheme.kind:
        return own
    changes = {field.name: getattr(own, field.name) for field in dataclasses.fields(Scheme)}
    return dataclasses.replace(scheme, **{name: value for name, value in changes.items() if value})


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
    if kind == "mutualTLS":
        return Scheme(kind="mtls")
    if kind == "apiKey" and _text(entry.get("name")):
        place = {"header": "api_key_header", "query": "api_key_query", "cookie": "api_key_cookie"}
        member = place.get(str(entry.get("in")))
        return Scheme(kind="apikey", **{member: entry["name"]}) if member else None
    return None


_SWAGGER2_FLOWS = {"accessCode": "authorizationCode", "application": "clientCredentials", "password": "password"}


def _oauth2(entry: Mapping[str, Any]) -> Scheme:
    flows = entry.get("flows")
    if isinstance(flows, Mapping):
        order = ("authorizationCode", "implicit", "password", "clientCredentials")
        flow = next((name for name in order if isinstance(flows.get(name), Mapping)), None)
        chosen: Mapping[str, Any] = flows[flow] if flow is not None else {}
        device = flows.get("deviceAuthorization")
        device = device if isinstance(device, Mapping) else {}
    else:  # Swagger 2 has one flow per scheme, with its members beside the type
        chosen, device, flow = entry, {}, _SWAGGER2_FLOWS.get(str(entry.get("flow")))
    scopes = chosen.get("scopes")
    return Scheme(
        kind="oauth2",
        scopes=tuple(each for each in scopes if isinstance(each, str)) if isinstance(scopes, Mapping | list) else (),
        authorization_url=_text(chosen.get("authorizationUrl")),
        token_url=_text(chosen.get("tokenUrl")) or _text(device.get("tokenUrl")),
        device_url=_text(device.get("deviceAuthorizationUrl")),
        flow=flow,
    )


def takes_google_tokens(scheme: Scheme) -> bool:
    """Return True if a service accepts Google access tokens: its plugin says so, or its login is at Google."""
    if scheme.kind != "oauth2":
        return False
    if scheme.google_access_tokens:
        return True
    try:
        host = urlsplit(scheme.authorization_url or "").hostname
    except ValueError:  # a document may contain anything; a login reports the error
        return False
    return host == "accounts.google.com"


def signs_own_tokens(scheme: Scheme) -> bool:
    """Return True if a service accepts tokens signed by a service account."""
    return scheme.kind == "oauth2" and bool(scheme.audience or scheme.claims)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
