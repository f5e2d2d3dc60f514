"""Keep a token or key that the user has got elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hca_base.auth._flows._endpoint import check_endpoint
from hca_base.auth._providers._chain import account_name, scheme_of, service_hosts
from hca_base.auth._stores._records import Record, bearer_record, key_record
from hca_base.auth._stores._store import TokenStore, open_store
from hca_base.errors import AuthError, UsageError
from hca_base.http import HttpSettings, remember_secret

if TYPE_CHECKING:
    from hca_base.auth._providers._scheme import ServiceLike


def store_access_token(
    service: ServiceLike, config: Any, token: str, *, base_url: str | None = None, store: TokenStore | None = None
) -> Record:
    """Keep a token that the user has.

    :raises UsageError: it cannot be a token
    :raises AuthError: where the service is, is not known, so that the token would be bound to nothing
    """
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError("that is not an access token")
    remember_secret(token)
    hosts = service_hosts(service, config, base_url)
    if not hosts:
        raise AuthError(f"where {service.name} is, is not known", hint=f"Set {service.client_section}.base_url.")
    record = bearer_record(token, hosts)
    (store or open_store(config)).put(account_name(getattr(config, "profile", None), service.name), record)
    return record


def set_key(
    service: ServiceLike,
    config: Any,
    key: str,
    *,
    scheme: Any = None,
    username: str | None = None,
    base_url: str | None = None,
    security_schemes: Mapping[str, Mapping[str, Any]] | None = None,
    store: TokenStore | None = None,
) -> Record:
    """Keep an API key, a bearer token, or a user's name and password for a service, as its scheme wants it.

    :param scheme: default: that of the service's plugin, or of its document
    :param username: for ``basic``
    :raises UsageError: the key cannot be sent, or the scheme wants something else
    :raises AuthError: where the service is, is not known
    """
    scheme = scheme or scheme_of(service, security_schemes)
    key = key.strip("\r\n")
    if not key or not key.isprintable() or not key.isascii():
        raise UsageError("that is not a key: it is empty, or has characters that cannot be sent")
    remember_secret(key)
    hosts = service_hosts(service, config, base_url)
    if not hosts:
        raise AuthError(f"where {service.name} is, is not known", hint=f"Set {service.client_section}.base_url.")
    for host in hosts:
        check_endpoint(host, HttpSettings.from_config(config).insecure_hosts, f"service {service.name}")
    if scheme.kind == "basic":
        if not username:
            raise UsageError(f"{service.name} wants a user name and a password", hint="--username NAME")
        record = Record(kind="basic", hosts=hosts, username=username, password=key, identity=username)
    elif scheme.kind == "apikey":
        record = key_record(
            key,
            hosts,
            header=scheme.api_key_header,
            query=scheme.api_key_query,
            cookie=getattr(scheme, "api_key_cookie", None),
        )
    else:
        record = bearer_record(key, hosts)
    (store or open_store(config)).put(account_name(getattr(config, "profile", None), service.name), record)
    return record
