"""The chain of providers that answers for one service."""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from hca_base.auth._flows._refresh import login_hint
from hca_base.auth._providers._kinds import (
    ENVIRONMENT_TOKEN,
    ConfigKeyProvider,
    Provider,
    StoredProvider,
    TokenProvider,
    hosts_of,
)
from hca_base.auth._providers._scheme import (
    Scheme,
    ServiceLike,
    scheme_from_security,
    signs_own_tokens,
    takes_google_tokens,
)
from hca_base.auth._stores._legacy import adopt_legacy_login
from hca_base.auth._stores._records import why_not
from hca_base.auth._stores._store import TokenStore, account_name, open_store
from hca_base.errors import ConfigError, HCAError
from hca_base.http import HttpSettings, Session, SupportsGet, remember_secret_name

if TYPE_CHECKING:
    from hca_base.config import Config


class CredentialProvider(Protocol):
    """What a plugin may add to the chain: a source of credentials of its own."""

    name: str

    def authorization(self, url: str, *, refresh: bool = False) -> Mapping[str, str] | None:
        """Headers for a request to the URL, or None."""

    def explain(self) -> str:
        """Why it gave none, or where what it gave comes from."""


@dataclasses.dataclass(frozen=True)
class ProviderState:
    """What one provider of the chain has for a service.

    :ivar used: whether it is the one that answers
    :ivar why: where its answer comes from, or why it has none
    :ivar expires_at: seconds since 1970, by this machine's clock
    """

    name: str
    used: bool
    why: str
    identity: str | None = None
    issuer: str | None = None
    expires_at: float | None = None


class Credentials:
    """Who we are to one service. May be shared by threads.

    :param providers: asked in this order; the first that has something for a URL answers
    :param hosts: origins of the service
    :param in_query: whether the service takes its API key as a query parameter
    :param login: whether one logs in to the service; otherwise a key is stored
    """

    def __init__(
        self,
        providers: Iterable[Any],
        hosts: Iterable[str] = (),
        account: str | None = None,
        *,
        in_query: bool = False,
        login: bool = True,
    ) -> None:
        self.providers = tuple(providers)
        self.hosts = tuple(hosts)
        self.account = account
        self._in_query = in_query
        self._login = login
        self._sent = threading.local()

    def __repr__(self) -> str:
        return f"<Credentials {self.account}: {', '.join(provider.name for provider in self.providers)}>"

    @property
    def hint(self) -> str:
        """What to do where there are none."""
        if self.account is None:
            return "hca auth status"
        if self._login:
            return login_hint(self.account)
        return login_hint(self.account).replace(" login ", " auth set-key ")

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
            if self._in_query and provider.params(url):
                return {}
        return {}

    def params_for(self, url: str) -> dict[str, str]:
        """Query parameters for a request to the URL: the API keys of some services."""
        for provider in self.providers if self._in_query else ():
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
                has, why = False, "where the service is, is not known"
            else:
                has = _look(provider, target)
                why = provider.why
            states.append(
                ProviderState(
                    provider.name,
                    has and not found,
                    why if has or not found else (why or "not asked"),
                    *(getattr(provider, name, None) if has else None for name in ("identity", "issuer", "expires_at")),
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


def credentials_for(
    service: ServiceLike | None,
    config: Config | SupportsGet | None,
    *,
    token: str | None = None,
    base_url: str | None = None,
    security_schemes: Mapping[str, Mapping[str, Any]] | None = None,
    session: Session | None = None,
    store: TokenStore | None = None,
    extra: Iterable[CredentialProvider] = (),
    run_tokens: bool = True,
) -> Credentials:
    """The credentials for a service: explicit token, environment, configuration, service account, stored login.

    Nothing is read, imported or asked before they are used.

    :param service: its plugin's ``Service``; None for a bare document
    :param token: ``--access-token``
    :param base_url: where the service is, if that is known already; else its document's URL says it
    :param security_schemes: of its document, for services whose plugin declares no scheme
    :param session: for refreshing; default: one of its own, made when needed
    :param extra: further providers, asked before the stored login, and before those of plugins, which the service
        knows of (``service.credential_providers(config)``)
    :param run_tokens: False leaves out what the user gave for this run (``token``, environment variables), which is
        for the service's own host: for a service that talks to other hosts as well
    :raises ConfigError: a setting of the ``auth`` section is wrong
    """
    scheme = scheme_of(service, security_schemes)
    for name in (scheme.api_key_header, scheme.api_key_query, getattr(scheme, "api_key_cookie", None)):
        if name and name.lower() != "authorization":
            remember_secret_name(name)
    hosts = service_hosts(service, config, base_url)
    insecure = HttpSettings.from_config(config).insecure_hosts
    account = account_name(getattr(config, "profile", None), service.name if service is not None else _name(hosts))
    providers: list[Any] = [TokenProvider(scheme, hosts, insecure, token=token)] if run_tokens else []
    variables = tuple(scheme.env)
    if scheme.kind in ("oauth2", "bearer", "none"):
        variables = (ENVIRONMENT_TOKEN, *(name for name in variables if name != ENVIRONMENT_TOKEN))
    if variables and run_tokens:
        providers.append(TokenProvider(scheme, hosts, insecure, variables=variables))
    if scheme.api_key_config_key:
        providers.append(ConfigKeyProvider(scheme, config, hosts, insecure))
    own_session = session if session is not None else Session(config)
    providers += _google_providers(scheme, service, config, own_session, hosts, insecure)
    # The layer above knows the plugins; a service comes from there.
    of_plugins = getattr(service, "credential_providers", None)
    extra = [*extra, *(of_plugins(config) if of_plugins is not None else ())]
    providers += [HostBound(provider, hosts, insecure) for provider in extra]
    store = store if store is not None else open_store(config)
    adopt = functools.partial(adopt_legacy_login, config, store, service, hosts)
    providers.append(StoredProvider(scheme, store, account, own_session, insecure, before_reading=adopt))
    return Credentials(providers, hosts, account, in_query=bool(scheme.api_key_query), login=scheme.kind == "oauth2")


def _google_providers(
    scheme: Scheme, service: Any, config: Any, session: Session, hosts: list[str], insecure: Iterable[str]
) -> list[Any]:
    own, google = signs_own_tokens(scheme), takes_google_tokens(scheme)
    if not own and not google:
        return []
    from hca_base.auth._providers._google import GoogleDefaultProvider, ServiceAccountProvider

    inner: Any
    if own:
        inner = ServiceAccountProvider(scheme, setting(config, service, "audience"))
    else:
        allowed = config.get("auth.application_default", None) if config is not None else None
        inner = GoogleDefaultProvider(scheme, session, allowed=allowed is True)
    return [HostBound(inner, hosts, insecure)]


class HostBound(Provider):
    """Another provider, kept to the service's own hosts."""

    def __init__(self, inner: Any, hosts: Iterable[str], insecure_hosts: Iterable[str]) -> None:
        super().__init__()
        self.inner = inner
        self.name = inner.name
        self._hosts = list(hosts)
        self._insecure = list(insecure_hosts)

    def authorization(self, url: str, *, refresh: bool = False) -> Mapping[str, str] | None:
        if self._refused(url):
            return None
        headers: Mapping[str, str] | None = self.inner.authorization(url, refresh=refresh)
        self._take_over()
        return headers

    def look(self, url: str) -> bool:
        if self._refused(url):
            return False
        found = self.inner.look(url) if hasattr(self.inner, "look") else bool(self.inner.authorization(url))
        self._take_over()
        return found

    def _refused(self, url: str) -> bool:
        self.why = why_not(url, self._hosts, self._insecure) or ""
        return bool(self.why)

    def _take_over(self) -> None:
        self.why = self.inner.explain()
        for name in ("identity", "issuer", "expires_at"):
            setattr(self, name, getattr(self.inner, name, None))


def scheme_of(service: Any, security_schemes: Mapping[str, Mapping[str, Any]] | None) -> Any:
    """The plugin's credential scheme, or, where it has none, that of the document."""
    declared = getattr(service, "credentials", None)
    if declared is not None and declared.kind != "none":
        return declared
    return scheme_from_security(security_schemes)


def service_hosts(service: Any, config: Any, base_url: str | None = None) -> list[str]:
    """The origins of a service: of its base URL, and of its document's URL."""
    document = None
    if service is not None and config is not None:
        try:
            document = service.document_url(config)
            if base_url is None and hasattr(service, "base_url"):
                base_url = service.base_url(config)
        except ConfigError:
            document = None
    return hosts_of(base_url, document)


def _name(hosts: list[str]) -> str:
    return hosts[0].partition("://")[2] if hosts else "unknown"


def setting(config: Any, service: Any, name: str) -> Any:
    """A setting of the login: ``SECTION.auth.NAME`` of the service, else ``auth.NAME``; None if neither is set."""
    if config is None:
        return None
    section = getattr(service, "client_section", None)
    value = config.get(f"{section}.auth.{name}", None) if section else None
    return value if value is not None else config.get(f"auth.{name}", None)
