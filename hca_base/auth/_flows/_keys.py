"""Store tokens and keys that the user obtained elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hca_base._service import Scheme, ServiceLike
from hca_base.auth._flows._endpoint import check_endpoint
from hca_base.auth._providers._headers import key_names
from hca_base.auth._providers._scheme import usable_schemes
from hca_base.auth._providers._where import no_base_url, scheme_of, service_hosts
from hca_base.auth._stores._records import Record, bearer_record, key_record
from hca_base.auth._stores._store import TokenStore, account_name, open_store, scheme_account
from hca_base.errors import UsageError
from hca_base.http import HttpSettings, remember_secret


def clean_token(token: str) -> str:
    """Return a token without surrounding white space, and redact it in logs from now on.

    :raises UsageError: it cannot be a token
    """
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError("not a valid access token")
    remember_secret(token)
    return token


def store_access_token(
    service: ServiceLike, config: Any, token: str, *, base_url: str | None = None, store: TokenStore | None = None
) -> Record:
    """Store a token that the user provides.

    :raises UsageError: it cannot be a token
    :raises AuthError: the service's URL is unknown, so the token could not be bound to a host
    """
    token = clean_token(token)
    hosts = service_hosts(service, config, base_url)
    if not hosts:
        raise no_base_url(service)
    record = bearer_record(token, hosts)
    (store or open_store(config)).put(account_name(getattr(config, "profile", None), service.name), record)
    return record


def set_key(
    service: ServiceLike,
    config: Any,
    key: str,
    *,
    scheme: Scheme | None = None,
    name: str | None = None,
    username: str | None = None,
    base_url: str | None = None,
    security_schemes: Mapping[str, Mapping[str, Any]] | None = None,
    store: TokenStore | None = None,
) -> Record:
    """Store an API key, a bearer token, or a user name and password for a service, according to its scheme.

    :param scheme: default: the scheme of the service's plugin or document
    :param name: of the scheme, if the document has several; or of a key used in ``services.NAME.headers``
    :param username: for ``basic``
    :raises UsageError: the key cannot be sent, or the scheme requires something else
    :raises AuthError: the service's URL is unknown
    """
    scheme = scheme or _scheme(service, config, name, security_schemes)
    if scheme.kind == "mtls":
        raise UsageError(
            f"{service.name} requires a client certificate, not a key",
            hint=f"hca config set services.{service.name}.client_certificate FILE",
        )
    key = key.strip("\r\n")
    if not key or not key.isprintable() or not key.isascii():
        raise UsageError("not a valid key: it is empty, or has characters that cannot be sent")
    remember_secret(key)
    hosts = service_hosts(service, config, base_url)
    if not hosts:
        raise no_base_url(service)
    for host in hosts:
        check_endpoint(host, HttpSettings.from_config(config).insecure_hosts, f"service {service.name}")
    if scheme.kind == "basic":
        if not username:
            raise UsageError(f"{service.name} requires a user name and a password", hint="pass --username NAME")
        record = Record(kind="basic", hosts=hosts, username=username, password=key, identity=username)
    elif scheme.kind == "apikey":
        record = key_record(
            key,
            hosts,
            header=scheme.api_key_header,
            query=scheme.api_key_query,
            cookie=scheme.api_key_cookie,
        )
    else:
        record = bearer_record(key, hosts)
    account = account_name(getattr(config, "profile", None), service.name)
    (store or open_store(config)).put(scheme_account(account, name) if name else account, record)
    return record


def _scheme(
    service: ServiceLike, config: Any, name: str | None, security_schemes: Mapping[str, Mapping[str, Any]] | None
) -> Scheme:
    if name is None:
        return scheme_of(service, security_schemes)
    known = usable_schemes(security_schemes)
    if name in known:
        return known[name]
    named = key_names(service, config)
    if name in named:
        return Scheme(kind="apikey")
    raise UsageError(
        f"{service.name} has no scheme {name!r}",
        hint=f"choose one of {', '.join(dict.fromkeys([*known, *named]))}" if known or named else "leave SCHEME out",
    )
