"""Build the chains of providers for a service: one for the whole service, or one per scheme of its document."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base._service import Scheme, ServiceLike
from hca_base.auth._providers._chain import Certificate, CredentialProvider, Credentials
from hca_base.auth._providers._hostbound import HostBound
from hca_base.auth._providers._kinds import ENVIRONMENT_TOKEN, ConfigKeyProvider, TokenProvider
from hca_base.auth._providers._operation import ServiceCredentials
from hca_base.auth._providers._scheme import is_same, merged, signs_own_tokens, takes_google_tokens, usable_schemes
from hca_base.auth._providers._stored import StoredProvider
from hca_base.auth._providers._where import host_name, scheme_of, service_hosts, setting
from hca_base.auth._stores._legacy import adopt_legacy_login
from hca_base.auth._stores._store import TokenStore, account_name, open_store, scheme_account
from hca_base.config import expand_home
from hca_base.errors import ConfigError
from hca_base.http import HttpSettings, Session, SupportsGet, remember_secret_name

if TYPE_CHECKING:
    from hca_base.config import Config


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
    """Return the credentials of a service: explicit token, environment, configuration, service account, stored login.

    Nothing is read, imported or requested before they are used.

    :param service: its plugin's ``Service``; None for a bare document
    :param token: ``--access-token``
    :param base_url: URL of the service, if known; default: derived from the document's URL
    :param security_schemes: those of its document, for services whose plugin declares no scheme
    :param session: session for refreshing tokens; default: a new one, created when needed
    :param extra: further providers, asked before the stored login, and before those of plugins, which the service
        knows of (``service.credential_providers(config)``)
    :param run_tokens: False leaves out what the user gave for this run (``token``, environment variables), which is
        for the service's own host: for a service that talks to other hosts as well
    :raises ConfigError: a setting in the ``auth`` section is invalid
    """
    hosts = service_hosts(service, config, base_url)
    parts = _Parts(
        run_tokens=run_tokens,
        service=service,
        config=config,
        token=token,
        hosts=hosts,
        insecure=HttpSettings.from_config(config).insecure_hosts,
        account=account_name(
            getattr(config, "profile", None), service.name if service is not None else host_name(hosts)
        ),
        session=session if session is not None else Session(config),
        store=store if store is not None else open_store(config),
        # Only the layer above knows the plugins, so it passes the service.
        extra=(*extra, *(service.credential_providers(config) if service is not None else ())),
    )
    declared = scheme_of(service, security_schemes)
    common = parts.chain(declared)
    schemes = usable_schemes(security_schemes)
    single = len(security_schemes or ()) == 1 and not any(scheme.kind == "mtls" for scheme in schemes.values())
    own = service.credentials if service is not None and service.credentials.kind != "none" else None
    if not schemes or single or (own is not None and not any(is_same(own, each) for each in schemes.values())):
        return common
    known = {
        name: merged(own, scheme) if own is not None and is_same(own, scheme) else scheme
        for name, scheme in schemes.items()
    }
    order = setting(config, service, "order")
    return ServiceCredentials(
        common,
        known,
        functools.partial(_chain_of, parts, known),
        order if isinstance(order, list) else (),
        parts.certificate,
    )


def _chain_of(parts: _Parts, schemes: Mapping[str, Scheme], name: str) -> Credentials:
    main = schemes_of_token(schemes)
    return parts.chain(schemes[name], name=name, for_token=name in main)


def schemes_of_token(schemes: Mapping[str, Scheme]) -> set[str]:
    """Return the schemes that use a token given for the whole service: all bearer schemes, else the only key.

    With several keys and no bearer scheme, the token is ambiguous and is not used.
    """
    for fits in (lambda s: s.takes_bearer_tokens, lambda s: s.kind == "apikey", lambda s: s.kind == "basic"):
        found = {name for name, scheme in schemes.items() if fits(scheme)}
        if found:
            bearer = any(schemes[name].takes_bearer_tokens for name in found)
            return found if bearer or len(found) == 1 else set()
    return set()


@dataclasses.dataclass(frozen=True)
class _Parts:
    """Shared state of the chains for all schemes of a service."""

    run_tokens: bool
    service: ServiceLike | None
    config: Any
    token: str | None
    hosts: list[str]
    insecure: tuple[str, ...]
    account: str
    session: Session
    store: TokenStore
    extra: tuple[Any, ...]

    @functools.cached_property
    def certificate(self) -> Certificate | None:
        """The client certificate from the settings."""
        return client_certificate(self.service, self.config)

    def chain(self, scheme: Scheme, *, name: str | None = None, for_token: bool = True) -> Credentials:
        """Return the chain of providers for one scheme.

        :param name: of the scheme, if the document has several
        :param for_token: True if this scheme uses the service's token and the plugins' providers
        """
        if scheme.api_key_name and scheme.api_key_name.lower() != "authorization":
            remember_secret_name(scheme.api_key_name)
        providers: list[Any] = []
        if for_token and self.run_tokens:
            providers.append(TokenProvider(scheme, self.hosts, self.insecure, token=self.token))
        variables = tuple(scheme.env)
        if scheme.kind in ("oauth2", "bearer", "none"):
            variables = (ENVIRONMENT_TOKEN, *(each for each in variables if each != ENVIRONMENT_TOKEN))
        if variables and self.run_tokens:
            providers.append(TokenProvider(scheme, self.hosts, self.insecure, variables=variables))
        if scheme.api_key_config_key:
            providers.append(ConfigKeyProvider(scheme, self.config, self.hosts, self.insecure))
        providers += _google_providers(scheme, self.service, self.config, self.session, self.hosts, self.insecure)
        if for_token:
            providers += [HostBound(provider, self.hosts, self.insecure) for provider in self.extra]
        providers.append(self._stored(scheme, name))
        return Credentials(
            providers,
            self.hosts,
            self.account,
            in_query=bool(scheme.api_key_query),
            login=scheme.kind == "oauth2",
            scheme=name,
            certificate=self.certificate if name is None else None,
        )

    def _stored(self, scheme: Scheme, name: str | None) -> StoredProvider:
        adopt = functools.partial(adopt_legacy_login, self.config, self.store, self.service, self.hosts)
        return StoredProvider(
            scheme,
            self.store,
            self.account if name is None else scheme_account(self.account, name),
            self.session,
            self.insecure,
            fallback=None if name is None else self.account,
            before_reading=adopt,
        )


def client_certificate(service: ServiceLike | None, config: Any) -> Certificate | None:
    """Return ``services.NAME.client_certificate``: a file, or a list of the certificate's and the key's file.

    :raises ConfigError: it is neither, or a file is missing
    """
    if service is None or config is None:
        return None
    key = f"services.{service.name}.client_certificate"
    value = config.get(key, None)
    if value is None:
        return None
    files = [value] if isinstance(value, str) else value
    if not isinstance(files, list) or len(files) not in (1, 2) or not all(isinstance(each, str) for each in files):
        raise ConfigError(f"{key} must be a certificate file, or a list of the certificate file and its key file")
    paths = [str(expand_home(each)) for each in files]
    for path in paths:
        if not Path(path).is_file():
            raise ConfigError(f"{key}: file {path} does not exist")
    return paths[0] if len(paths) == 1 else (paths[0], paths[1])


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
