"""The individual credential providers; the chain is in :mod:`._chain`."""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Iterable, Mapping
from typing import Any

from hca_base._service import Scheme
from hca_base.auth._stores._records import Record, identity_of, jwt_claims, number, text, why_not
from hca_base.errors import AuthError, UsageError
from hca_base.http import origin_of, remember_secret, remember_secret_name

ENVIRONMENT_TOKEN = "HCA_ACCESS_TOKEN"


class Provider:
    """One source of credentials.

    :ivar name: human-readable name
    :ivar why: after :meth:`authorization`: why it has no credentials, or where they come from
    :ivar identity: the user, if known
    :ivar issuer: issuer of the credentials
    :ivar expires_at: when they expire (Unix time in seconds)
    """

    name = "provider"

    def __init__(self) -> None:
        self.why = ""
        self.identity: str | None = None
        self.issuer: str | None = None
        self.expires_at: float | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def authorization(self, url: str, *, refresh: bool = False) -> Mapping[str, str] | None:
        """Return headers for a request to the URL, or None if this source has none for it.

        :param refresh: the previous credentials were refused
        :raises AuthError: its credentials are configured but not usable
        """
        raise NotImplementedError

    def params(self, url: str) -> Mapping[str, str]:
        """Return query parameters for a request to the URL, for services that take keys there."""
        return {}

    def look(self, url: str) -> bool:
        """Return True if it has credentials for the URL; make no network requests, and set ``why``."""
        try:
            return bool(self.authorization(url) or self.params(url))
        except AuthError as error:
            self.why = str(error)
            return False

    def explain(self) -> str:
        """Why it has no credentials, or where they come from."""
        return self.why


class TokenProvider(Provider):
    """A token or key for this run, from an argument or an environment variable.

    :param variables: names of environment variables, instead of ``token``
    """

    def __init__(
        self,
        scheme: Scheme,
        hosts: Iterable[str],
        insecure_hosts: Iterable[str],
        *,
        token: str | None = None,
        variables: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.name = "environment" if variables else "explicit token"
        self._scheme = scheme
        self._hosts = list(hosts)
        self._insecure = list(insecure_hosts)
        self._token = token
        self._variables = variables

    def _found(self, url: str) -> str | None:
        token, origin = self._token, "given as an argument"
        for variable in self._variables:
            if os.environ.get(variable, "").strip():
                token, origin = os.environ[variable].strip(), variable
                break
        if token is None:
            self.why = f"{', '.join(self._variables)} not set" if self._variables else "none was given"
            return None
        remember_secret(token)
        refusal = why_not(url, self._hosts, self._insecure)
        if refusal is not None:
            self.why = f"{origin}: {refusal}"
            return None
        if not token.isascii() or not token.isprintable() or " " in token.strip():
            raise AuthError(f"the token ({origin}) holds characters that are not allowed in a token")
        claims = jwt_claims(token)
        self.identity, self.issuer = identity_of(claims), text(claims.get("iss"))
        self.expires_at = number(claims.get("exp"))
        self.why = origin
        return token.strip()

    def authorization(self, url: str, *, refresh: bool = False) -> Mapping[str, str] | None:
        token = self._found(url)
        if token is None:
            return None
        return headers_of(_given(token, self._scheme), self._scheme) or None

    def params(self, url: str) -> Mapping[str, str]:
        token = self._found(url)
        return params_of(_given(token, self._scheme), self._scheme) if token else {}


class ConfigKeyProvider(Provider):
    """An API key in the configuration, under the name that the service declares."""

    name = "configuration"

    def __init__(self, scheme: Scheme, config: Any, hosts: Iterable[str], insecure_hosts: Iterable[str]) -> None:
        super().__init__()
        self._scheme = scheme
        self._config = config
        self._hosts = list(hosts)
        self._insecure = list(insecure_hosts)

    def _record(self, url: str) -> Record | None:
        name = self._scheme.api_key_config_key
        key = text(self._config.get(name, None)) if name and self._config is not None else None
        if key is None:
            self.why = f"{name} is not set"
            return None
        remember_secret(key)
        refusal = why_not(url, self._hosts, self._insecure)
        self.why = str(name) if refusal is None else f"{name}: {refusal}"
        return Record(kind="apikey", key=key) if refusal is None else None

    def authorization(self, url: str, *, refresh: bool = False) -> Mapping[str, str] | None:
        record = self._record(url)
        return headers_of(record, self._scheme) or None if record is not None else None

    def params(self, url: str) -> Mapping[str, str]:
        record = self._record(url)
        return params_of(record, self._scheme) if record is not None else {}


def _given(token: str, scheme: Scheme) -> Record:
    if scheme.kind == "apikey":
        return Record(kind="apikey", key=token)
    if scheme.kind == "basic":
        username, _, password = token.partition(":")
        return Record(kind="basic", username=username, password=password)
    return Record(kind="token", access_token=token)


def headers_of(record: Mapping[str, Any], scheme: Scheme) -> dict[str, str]:
    """Return the headers for a record."""
    if record.get("access_token"):
        return {"Authorization": f"Bearer {record['access_token']}"}
    if record.get("kind") == "basic":
        pair = f"{record.get('username', '')}:{record.get('password', '')}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode("ascii")}
    key = text(record.get("key"))
    if key is None:
        return {}
    header = record.get("header") or scheme.api_key_header
    cookie = record.get("cookie") or scheme.api_key_cookie
    if header or cookie:
        # Short keys can only be redacted by name.
        remember_secret_name(str(header or cookie))
    if header:
        return {str(header): key}
    if cookie:
        return {"Cookie": f"{cookie}={key}"}
    return {}


def params_of(record: Mapping[str, Any], scheme: Scheme) -> dict[str, str]:
    """Return the query parameters for a record."""
    key = text(record.get("key"))
    name = record.get("query") or scheme.api_key_query
    if key is None or not name or headers_of(record, scheme):
        return {}
    remember_secret_name(str(name))
    return {str(name): key}


def hosts_of(*urls: str | None) -> list[str]:
    """Return the origins of the http and https URLs; file paths have none.

    Unusable URLs are skipped: the request itself will report the error.
    """
    origins = []
    for url in urls:
        if url and url.lower().startswith(("http://", "https://")):
            with contextlib.suppress(UsageError):
                origin = str(origin_of(url))
                if origin not in origins:
                    origins.append(origin)
    return origins
