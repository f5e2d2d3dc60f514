"""Credentials for each server: one account per host in the user's token store.

==========================  =====================================================================================
``PROFILE/drs@HOST``        a bearer token, or a user name and password
``PROFILE/drs-gen3@HOST``   an API key of Gen3, which is exchanged for tokens
``PROFILE/drs-passport@…``  GA4GH passports, one a line
==========================  =====================================================================================
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hca_base.auth import Record, account_name, credentials_for, jwt_claims, key_record, open_store
from hca_base.config import expand_home
from hca_base.errors import AuthError, HCAError, UsageError
from hca_base.http import is_loopback, origin_of, remember_secret, same_host
from hca_base.plugins import CredentialScheme
from hca_drs.resolving.prefixes import bundled
from hca_drs.service import SERVICE

if TYPE_CHECKING:
    from hca_base.auth import Credentials
    from hca_base.http import Session
    from hca_base.plugins import Service

#: Path where Gen3 exchanges API keys, on the host of its DRS server.
GEN3_PATH = "/user/credentials/api/access_token"
KINDS = ("stored", "google", "gen3")
_GOOGLE = CredentialScheme(
    kind="oauth2",
    scopes=("openid", "email"),
    client_settings_path=None,
    authorization_url="https://accounts.google.com/o/oauth2/v2/auth",
    token_url="https://oauth2.googleapis.com/token",
)
_LIMIT = 1 << 20
#: Seconds before its expiry at which a token is renewed.
_EARLY = 60.0


def auth_of(host: str, config: Any) -> str:
    """The source of a host's tokens: ``stored``, ``google`` or ``gen3``.

    :raises UsageError: the setting has another value
    """
    known = bundled()["hosts"].get(host, {}).get("auth", "stored")
    value = config.get(("drs", "hosts", host, "auth"), None) or known
    if value not in KINDS:
        raise UsageError(f"drs.hosts.{host}.auth must be one of {', '.join(KINDS)}, not {value!r}")
    return str(value)


def service_at(host: str, config: Any, name: str = "drs") -> Service:
    """The service with a separate account in the token store for a host."""
    google = auth_of(host, config) == "google"
    return replace(SERVICE, name=f"{name}@{host}", credentials=_GOOGLE if google else SERVICE.credentials)


def account_at(host: str, config: Any, name: str = "drs") -> str:
    """Name of a host's account in the token store."""
    return account_name(getattr(config, "profile", None), f"{name}@{host}")


def is_own_server(server: str, config: Any) -> bool:
    """Whether a server is that of ``drs.base_url``, the only one that gets tokens given for a run."""
    own = SERVICE.base_url(config)
    return bool(own) and same_host(origin_of(str(own)), origin_of(server))


def unused_token(server: str, config: Any, token: str | None) -> str:
    """The option or variable whose token is not sent to a server; empty if there is none.

    :param token: of ``--access-token``
    """
    given = "--access-token" if token is not None else "HCA_ACCESS_TOKEN" if os.environ.get("HCA_ACCESS_TOKEN") else ""
    return "" if is_own_server(server, config) else given


def credentials_at(server: str, config: Any, session: Session, token: str | None = None) -> Credentials:
    """The credentials for a server.

    A token of this run (``--access-token``, ``HCA_ACCESS_TOKEN``) is for the server of ``drs.base_url`` alone.

    :param server: its URL
    """
    host = urlsplit(server).netloc.lower()
    is_own = is_own_server(server, config)
    return credentials_for(
        service_at(host, config),
        config,
        token=token if is_own else None,
        base_url=server,
        session=session,
        extra=[Gen3Provider(server, config, session)],
        run_tokens=is_own,
    )


class Gen3Provider:
    """Exchanges a stored API key of Gen3 for access tokens, only at the key's own host."""

    name = "Gen3 API key"

    def __init__(self, server: str, config: Any, session: Session) -> None:
        self.origin = str(origin_of(server))
        self.session = session
        self._store = open_store(config)
        self._account = account_at(urlsplit(server).netloc.lower(), config, "drs-gen3")
        self._lock = threading.Lock()
        self._token: str | None = None
        self._key: str | None = None
        self._why = ""
        self.expires_at: float | None = None

    def authorization(self, url: str, *, refresh: bool = False) -> Mapping[str, str] | None:
        """Headers for a request to the URL, or None if no key is stored."""
        with self._lock:
            if not self._has_key(url):
                return None
            ends = self.expires_at
            if refresh or self._token is None or (ends is not None and ends - _EARLY < time.time()):
                self._exchange()
            self._why = f"an API key for {urlsplit(self.origin).netloc}, exchanged"
            return {"Authorization": f"Bearer {self._token}"}

    def look(self, url: str) -> bool:
        """Return whether a key is stored; makes no requests."""
        with self._lock:
            return self._has_key(url)

    def explain(self) -> str:
        """Why it returned nothing, or the source of what it returned."""
        return self._why

    def _has_key(self, url: str) -> bool:
        if not same_host(origin_of(self.origin), origin_of(url)):
            self._why = f"it is for {self.origin}"
            return False
        if self._key is None:
            record = self._store.get(self._account)
            self._key = str(record["key"]) if record is not None and record.get("key") else ""
        self._why = "an API key" if self._key else "no API key is stored"
        return bool(self._key)

    def _exchange(self) -> None:
        host = urlsplit(self.origin).netloc
        try:
            # Redirects must not receive the key.
            response = self.session.call(
                "POST",
                self.origin + GEN3_PATH,
                json={"api_key": self._key},
                auth="no",
                redirect="no",
                max_body=_LIMIT,
                sensitive=True,
            )
            token = response.json().get("access_token")
        except HCAError as error:
            raise AuthError(
                f"{host} issues no token for the stored API key: {error}",
                hint=f"create a new key on the profile page of {host}, then: hca drs login {host} --gen3 FILE",
            ) from None
        except (ValueError, AttributeError):
            token = None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise AuthError(f"{host} responded to the API key with something that is not a token")
        remember_secret(token)
        ends = jwt_claims(token).get("exp")
        self._token = token
        self.expires_at = float(ends) if isinstance(ends, int | float) else time.time() + 600


def read_gen3_key(text: str) -> str:
    """The API key from a Gen3 ``credentials.json``, or the bare key.

    :raises UsageError: the text contains none
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = {"api_key": text.strip()}
    key = found.get("api_key") if isinstance(found, dict) else None
    if not isinstance(key, str) or not key or not key.isascii() or not key.isprintable():
        raise UsageError("not a Gen3 API key", hint="download credentials.json from the profile page of the site")
    remember_secret(key)
    return key


def read_passports(text: str) -> list[str]:
    """The passports in a file: JSON (a list, or an object with ``passports``), or one per line.

    :raises UsageError: the text contains none
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = text.split()
    if isinstance(found, dict):
        found = found.get("passports") or found.get("ga4gh_passport_v1") or found.get("passport")
    tokens = [found] if isinstance(found, str) else found
    if not isinstance(tokens, list) or not tokens or not all(isinstance(each, str) for each in tokens):
        raise UsageError(
            "not a list of passports", hint="a passport is a JWT; pass a JSON list, or one passport per line"
        )
    for token in tokens:
        if token.count(".") != 2 or not token.isascii() or not token.isprintable():
            raise UsageError("one of the passports is not a JWT")
        remember_secret(token)
    return list(tokens)


class Passports:
    """The passports of each host: those given for this run, else those stored."""

    def __init__(self, config: Any, given: Mapping[str, Iterable[str]] | None = None) -> None:
        self.config = config
        self._given = {host.lower(): list(tokens) for host, tokens in (given or {}).items()}

    def of(self, server: str, issuers: Iterable[str] = ()) -> list[str]:
        """The passports for a server; if issuers are given, only those with visas from them."""
        origin, host = origin_of(server), urlsplit(server).netloc.lower()
        if origin.scheme != "https" and not is_loopback(origin.host):
            return []
        tokens = self._given.get(host)
        if tokens is None:
            record = open_store(self.config).get(account_at(host, self.config, "drs-passport"))
            tokens = str(record.get("key") or "").split() if record is not None else []
        accepted = {issuer.rstrip("/") for issuer in issuers}
        if not accepted:
            return tokens
        return [token for token in tokens if accepted & _issuers(token)]


def _issuers(passport: str) -> set[str]:
    """The issuer of a passport, and of the visas in it."""
    claims = jwt_claims(passport)
    visas = claims.get("ga4gh_passport_v1")
    every = [claims, *(jwt_claims(visa) for visa in (visas if isinstance(visas, list) else []))]
    return {str(each["iss"]).rstrip("/") for each in every if each.get("iss")}


def secret_record(key: str, server: str) -> Record:
    """A record with a key or passports, bound to a server."""
    return key_record(key, [str(origin_of(server))])


def read_secret_file(path: str) -> str:
    """The content of a file with credentials.

    :raises UsageError: it is not readable
    """
    try:
        with Path(expand_home(path)).open("rb") as stream:
            return stream.read(_LIMIT).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', None) or 'not a text file'}") from None
