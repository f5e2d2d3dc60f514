"""Find the OAuth client and the endpoints for a service's login.

Each value comes from the first of these that has it: the user's configuration (``SECTION.auth.NAME`` or
``auth.NAME``), the service's ``/internal/application_secrets``, the issuer's discovery document, the service's OpenAPI
document, the plugin.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from hca_base._service import Scheme, ServiceLike
from hca_base.auth._flows._endpoint import check_endpoint
from hca_base.auth._providers._scheme import scheme_from_security
from hca_base.auth._providers._where import scheme_of, setting
from hca_base.auth._stores._records import text
from hca_base.errors import AuthError, HCAError, UnreachableError
from hca_base.http import HttpSettings, RetryPolicy, is_loopback, json_of, origin_of, remember_secret

if TYPE_CHECKING:
    from hca_base.http import Session

DISCOVERY_PATH = "/.well-known/openid-configuration"
DEFAULT_SCOPES = ("openid", "email", "offline_access")
_MAX_ANSWER = 1 << 20
_POLICY = RetryPolicy(retries=1, longest_attempt=10.0)
#: Connect and read timeouts (seconds), unless the settings are lower.
_TIMEOUT = (5.0, 20.0)
#: Connect and read timeouts (seconds) if the command can continue without a response.
QUICK_TIMEOUT = (5.0, 10.0)


@dataclasses.dataclass(frozen=True)
class OAuthClient:
    """All settings of a login. URLs are checked: https, loopback, or ``http.insecure_hosts``."""

    client_id: str
    authorization_url: str | None
    token_url: str
    client_secret: str | None = dataclasses.field(default=None, repr=False)
    device_url: str | None = None
    revocation_url: str | None = None
    issuer: str | None = None
    audience: str | None = None
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    auth_method: str | None = None
    #: scopes from the settings or the document, without hca's own
    requested_scopes: tuple[str, ...] = ()
    #: redirect URIs that the issuer accepts, if the service lists them
    redirect_uris: tuple[str, ...] = ()


def oauth_client(
    service: ServiceLike,
    config: Any,
    session: Session,
    *,
    base_url: str | None,
    security_schemes: Mapping[str, Mapping[str, Any]] | None = None,
) -> OAuthClient:
    """Find out how to log in to a service.

    :param base_url: of the service, whose host is asked for application secrets
    :raises AuthError: no client, or no token endpoint, is known; or one of the URLs is not safe
    """
    reader = _Reader(session)
    known = _known_of(service, config, reader, base_url=base_url, security_schemes=security_schemes)
    scheme, from_document, secrets, found = known.scheme, known.from_document, known.secrets, known.found

    def own(name: str) -> str | None:
        return text(setting(config, service, name))

    # Never combine the user's client ID with the service's secret.
    foreign = own("client_id") is not None and own("client_id") != secrets.get("client_id")
    secret = own("client_secret") or (None if foreign else text(secrets.get("client_secret")))
    authorization = known.authorization_url
    authorization = (
        own("authorization_url")
        or text(secrets.get("auth_uri"))
        or (text(found.get("authorization_endpoint")) or authorization)
    )
    token_url = (
        own("token_url")
        or text(secrets.get("token_uri"))
        or text(found.get("token_endpoint"))
        or from_document.token_url
        or scheme.token_url
    )
    client_id = own("client_id") or text(secrets.get("client_id"))
    name = service.name
    if client_id is None and scheme.flow == "password":
        # Its clients are often public and have no ID.
        client_id = ""
    if client_id is None:
        host = origin_of(base_url).host if base_url else ""
        silent = host in reader.silent
        raise AuthError(
            f"no OAuth client is known for {name}" + (f": {host} does not answer" if silent else ""),
            hint=(service.retired_hosts.get(host) if silent else None)
            or f"hca config set {service.client_section}.auth.client_id ID, or log in with --access-token -",
        )
    if token_url is None:
        raise AuthError(
            f"the token endpoint for logins to {name} is not known",
            hint=f"hca config set {service.client_section}.auth.issuer URL (or .auth.token_url)",
        )
    client = OAuthClient(
        client_id=client_id,
        client_secret=secret,
        authorization_url=authorization,
        token_url=token_url,
        device_url=own("device_authorization_url")
        or text(found.get("device_authorization_endpoint"))
        or from_document.device_url,
        revocation_url=own("revocation_url") or text(found.get("revocation_endpoint")),
        issuer=text(found.get("issuer")) or own("issuer"),
        audience=own("audience") or scheme.audience,
        scopes=_scopes(setting(config, service, "scopes"), scheme, found, authorization),
        requested_scopes=_named_scopes(setting(config, service, "scopes")) or tuple(scheme.scopes),
        auth_method=own("auth_method") or _auth_method(found, secret),
        redirect_uris=tuple(uri for uri in secrets.get("redirect_uris") or () if isinstance(uri, str)),
    )
    _check(client, HttpSettings.from_config(config).insecure_hosts)
    remember_secret(client.client_secret)
    return client


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Reads public documents of services and issuers."""

    session: Session
    policy: RetryPolicy = _POLICY
    timeout: tuple[float, float] = _TIMEOUT
    #: hosts that did not respond, which are not tried again
    silent: set[str] = dataclasses.field(default_factory=set)

    def get(self, url: str) -> Mapping[str, Any]:
        """Return a JSON object; an empty one if the response is not an object or there is none."""
        host = origin_of(url).host
        if host in self.silent:
            return {}
        if not url.startswith("https://") and not is_loopback(origin_of(url).host):
            check_endpoint(url, self.session.settings.insecure_hosts, "login information")
        try:
            response = self.session.call(
                "GET",
                url,
                auth="no",
                timeout=self.session.settings.timeout_within(self.timeout),
                policy=self.policy,
                redirect="same-host",
                max_body=_MAX_ANSWER,
            )
            answer = json_of(response)
        except UnreachableError:
            self.silent.add(host)
            return {}
        except HCAError:
            return {}
        return answer if isinstance(answer, Mapping) else {}


@dataclasses.dataclass(frozen=True)
class _Known:
    """Login settings from the service, its document and its issuer; the user's settings take precedence."""

    scheme: Scheme
    from_document: Scheme
    secrets: Mapping[str, Any]
    authorization_url: str | None
    #: the issuer's discovery document; empty if there is none
    found: Mapping[str, Any]


def _known_of(
    service: ServiceLike,
    config: Any,
    reader: _Reader,
    *,
    base_url: str | None,
    security_schemes: Mapping[str, Mapping[str, Any]] | None,
) -> _Known:
    scheme = _absolute(scheme_of(service, security_schemes), base_url)
    from_document = _absolute(scheme_from_security(security_schemes), base_url)

    def own(name: str) -> str | None:
        return text(setting(config, service, name))

    secrets: Mapping[str, Any] = {}
    if not (own("client_id") and own("token_url") and own("authorization_url")):
        secrets = _application_secrets(reader, base_url, scheme.client_settings_path)
    authorization = (
        own("authorization_url")
        or text(secrets.get("auth_uri"))
        or from_document.authorization_url
        or scheme.authorization_url
    )
    found = _discover(
        reader,
        issuer=own("issuer") or text(secrets.get("issuer")),
        openid_url=scheme.openid_url or from_document.openid_url,
        authorization_url=authorization,
    )
    return _Known(scheme, from_document, secrets, authorization, found)


def issuer_metadata(
    service: ServiceLike,
    config: Any,
    session: Session,
    *,
    base_url: str | None,
    security_schemes: Mapping[str, Mapping[str, Any]] | None = None,
) -> Mapping[str, Any]:
    """Return the discovery document of a service's issuer; empty if the issuer is unknown or does not respond.

    Each request is made once.

    :param base_url: of the service, whose host is asked for application secrets
    :raises AuthError: the issuer from the settings has none, or its URL is not safe
    """
    reader = _Reader(session, RetryPolicy.never(), QUICK_TIMEOUT)
    return _known_of(service, config, reader, base_url=base_url, security_schemes=security_schemes).found


def _absolute(scheme: Any, base_url: str | None) -> Any:
    """Return a document's scheme with absolute URLs: some frameworks write ``token``, relative to the service."""
    if not isinstance(scheme, Scheme) or not base_url:
        return scheme
    changes = {}
    for name in ("authorization_url", "token_url", "device_url", "openid_url"):
        url = getattr(scheme, name)
        with contextlib.suppress(ValueError):  # invalid URLs are reported where they are used
            if url and not urlsplit(url).scheme:
                changes[name] = urljoin(base_url.rstrip("/") + "/", url)
    return dataclasses.replace(scheme, **changes)


def _check(client: OAuthClient, insecure_hosts: Iterable[str]) -> None:
    check_endpoint(client.token_url, insecure_hosts, "token endpoint")
    for url, purpose in (
        (client.authorization_url, "login page"),
        (client.device_url, "device endpoint"),
        (client.revocation_url, "revocation endpoint"),
    ):
        if url is not None:
            check_endpoint(url, insecure_hosts, purpose)


def _application_secrets(reader: _Reader, base_url: str | None, path: str | None) -> Mapping[str, Any]:
    """Return the public client settings in Google's format, as served by the DSS; empty for other services."""
    if not path or not base_url:
        return {}
    url = urljoin(str(origin_of(base_url)) + "/", path)
    answer = reader.get(url)
    for kind in ("installed", "web"):
        inner = answer.get(kind)
        if isinstance(inner, Mapping):
            return inner
    return {}


def _discover(
    reader: _Reader, *, issuer: str | None, openid_url: str | None, authorization_url: str | None
) -> Mapping[str, Any]:
    """Return the issuer's discovery document (OpenID Connect Discovery 1.0); empty if there is none.

    If only the login page is known, the issuer is derived from it. A document whose issuer does not match its URL is
    ignored.
    """
    if issuer is not None:
        found = _discovery_at(reader, issuer)
        if not found:
            raise AuthError(f"{issuer} has no OpenID Connect discovery document", hint="check auth.issuer")
        return found
    if openid_url is not None:
        answer = reader.get(openid_url)
        return answer if text(answer.get("issuer")) else {}
    if authorization_url is None:
        return {}
    try:
        parts = urlsplit(authorization_url)
    except ValueError:
        return {}
    root = f"{parts.scheme}://{parts.netloc}"
    above = root + parts.path.rpartition("/")[0]
    for guess in dict.fromkeys((above, root)):
        found = _discovery_at(reader, guess)
        if found:
            return found
    return {}


def _discovery_at(reader: _Reader, issuer: str) -> Mapping[str, Any]:
    answer = reader.get(issuer.rstrip("/") + DISCOVERY_PATH)
    named = text(answer.get("issuer"))
    if named is None or named.rstrip("/") != issuer.rstrip("/"):
        return {}
    return answer


def _scopes(chosen: Any, scheme: Any, found: Mapping[str, Any], authorization_url: str | None) -> tuple[str, ...]:
    named = _named_scopes(chosen)
    if named:
        return named
    scopes = tuple(scheme.scopes) or DEFAULT_SCOPES
    supported = found.get("scopes_supported")
    host = _host_of(authorization_url)
    offline = not isinstance(supported, list) or "offline_access" in supported
    # Google rejects that scope; it issues refresh tokens for access_type=offline.
    if not offline or host == "accounts.google.com":
        scopes = tuple(scope for scope in scopes if scope != "offline_access")
    return scopes


def _named_scopes(chosen: Any) -> tuple[str, ...]:
    if isinstance(chosen, str):
        return tuple(chosen.split())
    return tuple(str(scope) for scope in chosen) if isinstance(chosen, list | tuple) else ()


def _host_of(url: str | None) -> str:
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:
        return ""


def _auth_method(found: Mapping[str, Any], secret: str | None) -> str | None:
    if secret is None:
        return None
    methods = found.get("token_endpoint_auth_methods_supported")
    if isinstance(methods, list) and "client_secret_post" not in methods and "client_secret_basic" in methods:
        return "basic"
    return "post"
