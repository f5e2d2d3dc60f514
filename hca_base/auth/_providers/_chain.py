"""The chain of credential providers for one service."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from hca_base.auth._flows._refresh import login_hint
from hca_base.auth._providers._kinds import ConfigKeyProvider, Provider, TokenProvider
from hca_base.auth._providers._stored import StoredProvider
from hca_base.auth._stores._records import is_bound_to
from hca_base.errors import AuthError, HCAError
from hca_base.http import RequestCredentials

Certificate = str | tuple[str, str]


class CredentialProvider(Protocol):
    """A source of credentials that a plugin can add to the chain."""

    name: str

    def authorization(self, url: str, *, refresh: bool = False) -> Mapping[str, str] | None:
        """Return headers for a request to the URL, or None."""

    def explain(self) -> str:
        """Why it has no credentials, or where they come from."""


@dataclasses.dataclass(frozen=True)
class ProviderState:
    """The status of one provider of the chain for a service.

    :ivar used: True if this provider is used
    :ivar why: where its credentials come from, or why it has none
    :ivar expires_at: Unix time in seconds, by this machine's clock
    :ivar scheme: its scheme, if the service's document has several
    """

    name: str
    used: bool
    why: str
    identity: str | None = None
    issuer: str | None = None
    expires_at: float | None = None
    scheme: str | None = None


class Credentials:
    """Who we are to one service. May be shared by threads.

    :param providers: asked in this order; the first that has something for a URL answers
    :param hosts: origins of the service
    :param in_query: whether the service takes its API key as a query parameter
    :param login: whether one logs in to the service; otherwise a key is stored
    :param scheme: name of the document's scheme, where there are several
    :param certificate: file of a client certificate, or of the certificate and of its key
    """

    def __init__(
        self,
        providers: Iterable[Any],
        hosts: Iterable[str] = (),
        account: str | None = None,
        *,
        in_query: bool = False,
        login: bool = True,
        scheme: str | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        self.providers = tuple(providers)
        self.hosts = tuple(hosts)
        self.account = account
        self.in_query = in_query
        self.login = login
        self._scheme = scheme
        self._certificate = certificate
        self._sent = threading.local()

    def __repr__(self) -> str:
        return f"<Credentials {self.account}: {', '.join(provider.name for provider in self.providers)}>"

    @property
    def hint(self) -> str:
        """What to do where there are none."""
        if self.account is None:
            return "hca auth status"
        hint = login_hint(self.account) if self.login else login_hint(self.account).replace(" login ", " auth set-key ")
        return f"{hint} {self._scheme}" if self._scheme else hint

    def refusal(self, host: str) -> AuthError | None:
        """The error where the service requires credentials that there are none of."""
        return AuthError(f"{host} requires credentials, and none are stored", hint=self.hint)

    def for_operation(self, security: Sequence[Mapping[str, Any]], given: Iterable[str] = ()) -> RequestCredentials:
        """What a request of an operation is sent with.

        :param security: the operation's alternatives, each a mapping of scheme names
        :param given: names of headers and query parameters that the caller sets himself
        """
        return self

    def chain(self, scheme: str) -> Credentials | None:
        """The credentials of one scheme of the service's document; None where it has no such, or only one."""
        return None

    def certificate_for(self, url: str) -> Certificate | None:
        """The client certificate for a request to the URL."""
        return self._certificate if self._certificate is not None and is_bound_to(url, self.hosts) else None

    def headers_for(self, url: str) -> dict[str, str]:
        """Headers for a request to the URL; empty where no provider has any for its host.

        :raises AuthError: a provider should have some, but something is wrong with it
        """
        self._sent.provider, self._sent.token = None, None
        for provider in self.providers:
            headers = provider.authorization(url)
            if headers:
                self._sent.provider, self._sent.token = provider, _token_in(headers)
                return dict(headers)
            if self.in_query and provider.params(url):
                return {}
        return {}

    def params_for(self, url: str) -> dict[str, str]:
        """Query parameters for a request to the URL: the API keys of some services."""
        for provider in self.providers if self.in_query else ():
            if provider.authorization(url):
                return {}
            params = provider.params(url)
            if params:
                return dict(params)
        return {}

    def on_unauthorized(self, url: str) -> bool:
        """After a 401 in this thread: renew what was sent.

        :return: whether there is something new, so that it is worth asking once more
        :raises AuthError: the login is over; the hint says what to do
        """
        provider = getattr(self._sent, "provider", None)
        if provider is None:
            return False
        refused = self._sent.token
        if isinstance(provider, StoredProvider):
            return provider.renew(url, refused)
        if isinstance(provider, TokenProvider | ConfigKeyProvider):
            return False
        headers = provider.authorization(url, refresh=True)
        return bool(headers) and _token_in(headers) != refused

    def describe(self, url: str | None = None) -> list[ProviderState]:
        """What each provider has for the service, in order; no request is made.

        :param url: of the service; default: the first host that it is known by
        """
        target = url or next(iter(self.hosts), None)
        states: list[ProviderState] = []
        found = False
        for provider in self.providers:
            if target is None:
                has, why = False, "no base URL is configured"
            else:
                has = _look(provider, target)
                why = provider.why
            known = provider if has else None
            states.append(
                ProviderState(
                    provider.name,
                    used=has and not found,
                    why=why if has or not found else (why or "not asked"),
                    identity=getattr(known, "identity", None),
                    issuer=getattr(known, "issuer", None),
                    expires_at=getattr(known, "expires_at", None),
                    scheme=self._scheme,
                )
            )
            found = found or has
        return states


def _look(provider: Provider, url: str) -> bool:
    try:
        return provider.look(url)
    except HCAError as error:
        provider.why = str(error)
        return False


def _token_in(headers: Mapping[str, str]) -> str | None:
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" and token else None
