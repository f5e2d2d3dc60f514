"""The record of one login or key, and the hosts that it may be sent to.

A record is a JSON object. All members except ``kind`` and ``hosts`` are optional:

=================  ==================================================================================================
kind               ``oauth2`` (a login), ``token`` (a bearer token), ``apikey`` or ``basic``
hosts              allowed targets: origins (``https://dss.example``) or hosts (``dss.example``, ``localhost:8765``)
access_token       for ``oauth2`` and ``token``
expires_at         of the access token, seconds since 1970 by this machine's clock
lifetime           of the access token in seconds, according to the issuer
refresh_token      with ``token_url``, ``client_id``, ``client_secret`` and ``auth_method`` (``basic`` or ``post``)
ended              why the login can no longer be refreshed; the refresh token is then removed
grant              ``client_credentials`` if the same request returns the next token
scope, issuer      as granted by the issuer
identity           the user at the service: an e-mail address, or the subject
obtained_at        when, seconds since 1970
key                for ``apikey``, with ``header``, ``query`` or ``cookie``, the name that it is sent under
username           for ``basic``, with ``password``
=================  ==================================================================================================
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from hca_base.http import Origin, is_loopback, origin_of, remember_secret

#: Members that are never shown.
SECRET_MEMBERS = ("access_token", "refresh_token", "client_secret", "key", "password", "id_token")

#: Clocks may differ by this many seconds from those of issuers and services.
CLOCK_SKEW = 300.0


class Record(dict[str, Any]):
    """A stored login or key; its text form hides what is secret."""

    def __repr__(self) -> str:
        shown = {name: "[hidden]" if name in SECRET_MEMBERS else value for name, value in self.items()}
        return f"Record({shown})"

    __str__ = __repr__

    def remember_secrets(self) -> Record:
        """Redact the secrets of this record in logs and messages."""
        for name in SECRET_MEMBERS:
            remember_secret(self.get(name))
        return self


def bearer_record(
    token: str,
    hosts: Iterable[str],
    *,
    expires_at: float | None = None,
    identity: str | None = None,
    issuer: str | None = None,
) -> Record:
    """Return a record for a bearer token that cannot be refreshed.

    If expiry, identity and issuer are not given, they are read from the token if it is a JWT.
    """
    claims = jwt_claims(token)
    record = Record(
        kind="token",
        hosts=list(hosts),
        access_token=token,
        expires_at=expires_at if expires_at is not None else number(claims.get("exp")),
        identity=identity or identity_of(claims),
        issuer=issuer or text(claims.get("iss")),
        obtained_at=time.time(),
    )
    return Record({name: value for name, value in record.items() if value is not None})


def key_record(key: str, hosts: Iterable[str], **travels_as: str | None) -> Record:
    """A record for an API key.

    :param travels_as: one of ``header``, ``query``, ``cookie``: the name that the service reads the key from
    """
    named = {name: value for name, value in travels_as.items() if value}
    return Record(kind="apikey", hosts=list(hosts), key=key, obtained_at=time.time(), **named)


def jwt_claims(token: object) -> dict[str, Any]:
    """The claims of a JWT, unverified, so for showing only; empty for anything else."""
    if not isinstance(token, str) or token.count(".") != 2:
        return {}
    payload = token.split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def identity_of(claims: Mapping[str, Any]) -> str | None:
    """Return the user in a token's claims, in one line: the DSS's e-mail claim, ``email``, or the subject."""
    from hca_base.output import safe_text

    for name in ("https://auth.data.humancellatlas.org/email", "email", "preferred_username", "sub"):
        found = text(claims.get(name))
        if found:
            return safe_text(found, one_line=True)
    return None


def number(value: object) -> float | None:
    """Parse a JSON number or numeric string; None for other values. hca 7 wrote ``"-1"`` for an unknown time."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or value <= 0:
        return None
    return float(value)


def text(value: object) -> str | None:
    """Return a non-empty string, or None."""
    return value if isinstance(value, str) and value else None


def seconds_left(record: Mapping[str, Any]) -> float | None:
    """Return the remaining lifetime of the access token in seconds, negative if expired; None if unknown."""
    expires_at = number(record.get("expires_at"))
    return None if expires_at is None else expires_at - time.time()


def can_renew(record: Mapping[str, Any]) -> bool:
    """Return True if a login can be renewed without the user."""
    return bool(record.get("refresh_token")) or record.get("grant") == "client_credentials"


def near_expiry(record: Mapping[str, Any]) -> bool:
    """Return True if the access token should be refreshed before its next use.

    This is five minutes before it expires, to allow for clock skew, or in the last fifth of a short lifetime.
    """
    left = seconds_left(record)
    if left is None:
        return False
    lifetime = number(record.get("lifetime"))
    return left < (CLOCK_SKEW if lifetime is None else min(CLOCK_SKEW, lifetime / 5))


# Where a secret may be sent

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def _plain(host: str) -> str:
    return "127.0.0.1" if host in _THIS_MACHINE else host


def is_bound_to(url: str, hosts: Iterable[str]) -> bool:
    """Return True if one of the hosts matches the URL."""
    asked = origin_of(url)
    return any(_matches(asked, entry) for entry in hosts)


def _matches(asked: Origin, entry: str) -> bool:
    if "://" in entry:
        try:
            bound = origin_of(entry)
        except Exception:  # noqa: BLE001 - an entry that makes no sense binds to nothing
            return False
        if _plain(bound.host) != _plain(asked.host):
            return False
        same = (bound.scheme, bound.port) == (asked.scheme, asked.port)
        return same or (bound.scheme, bound.port, asked.scheme, asked.port) == ("http", 80, "https", 443)
    host, _, port = entry.rpartition(":")
    if not port.isdigit() or "::" in entry:
        host, port = entry, ""
    return _plain(host.strip("[]").lower()) == _plain(asked.host) and (not port or int(port) == asked.port)


def is_protected(url: str, insecure_hosts: Iterable[str] = ()) -> bool:
    """Return True if a secret may be sent to the URL: https, loopback, or ``http.insecure_hosts``."""
    origin = origin_of(url)
    if origin.scheme == "https" or is_loopback(origin.host):
        return True
    named = {entry.lower() for entry in insecure_hosts}
    return origin.host in named or f"{origin.host}:{origin.port}" in named


def why_not(url: str, hosts: Iterable[str], insecure_hosts: Iterable[str]) -> str | None:
    """Return why a secret bound to ``hosts`` must not be sent to the URL, or None."""
    origin = origin_of(url)
    hosts = list(hosts)
    if not is_bound_to(url, hosts):
        return f"it is for {', '.join(hosts) or 'no host'}, not for {origin}"
    if not is_protected(url, insecure_hosts):
        return f"{origin} is not encrypted; add {origin.host} to http.insecure_hosts to send it anyway"
    return None
