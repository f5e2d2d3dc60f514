"""Renew a login only once, even if several threads and processes find it expired at the same time."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hca_base.auth._flows._endpoint import OAuthError, record_from_answer, token_request
from hca_base.auth._stores._records import Record, can_renew, near_expiry, seconds_left, text
from hca_base.auth._stores._store import TokenStore
from hca_base.config import FileLock
from hca_base.errors import AuthError, HCAError, UnreachableError

if TYPE_CHECKING:
    from hca_base.http import Session

#: Seconds to wait for another process's refresh: its full timeout, and a slow keyring.
LOCK_TIMEOUT = 150.0


def login_hint(account: str) -> str:
    """Return the hint for an account whose login has ended."""
    profile, _, name = account.partition("#")[0].rpartition("/")
    scheme = account.partition("#")[2]
    service = f"{name} {scheme}" if scheme else name
    return f"hca login {service}" if profile == "default" else f"hca --profile {profile} login {service}"


def refresh(store: TokenStore, account: str, stale: str | None, session: Session) -> Record:
    """Return a new record to replace the one with the access token ``stale``, which has expired or was refused.

    The first caller asks the issuer; the others wait for the lock, and find the new token in the store.

    :raises AuthError: the login has ended; the hint says how to log in again
    :raises UnreachableError: the issuer does not respond
    :raises ServiceError: the issuer has a temporary error
    """
    name = hashlib.sha256(account.encode()).hexdigest()[:16]
    with FileLock(store.path.with_name(f"refresh-{name}"), timeout=LOCK_TIMEOUT):
        record = store.get(account)
        if record is None:
            raise AuthError(f"the login for {account} was deleted", hint=login_hint(account))
        if text(record.get("access_token")) not in (None, stale) and not near_expiry(record):
            return record
        return _renew(store, account, record, session)


def _renew(store: TokenStore, account: str, record: Record, session: Session) -> Record:
    if record.get("ended"):
        raise AuthError(f"the login for {account} has ended: {record['ended']}", hint=login_hint(account))
    url = text(record.get("token_url"))
    if not can_renew(record) or url is None:
        raise AuthError(f"the login for {account} has expired, and cannot be renewed", hint=login_hint(account))
    try:
        answer = token_request(
            session,
            url,
            _renewal(record),
            client_id=record.get("client_id", ""),
            client_secret=text(record.get("client_secret")),
            auth_method=text(record.get("auth_method")),
        )
    except OAuthError as error:
        if error.code == "invalid_grant":
            # Keep the record without the dead token, so that other processes do not try it again.
            ended = Record(record)
            ended.pop("refresh_token", None)
            ended["ended"] = "the issuer no longer accepts it (revoked, or too old)"
            if not store.replace(account, record, ended):
                return _changed(store, account)
            raise AuthError(f"the login for {account} has ended: {ended['ended']}", hint=login_hint(account)) from None
        raise AuthError(f"the login for {account} cannot be renewed: {error}", hint=login_hint(account)) from None
    renewed = record_from_answer(answer, record)
    return renewed if store.replace(account, record, renewed) else _changed(store, account)


def _renewal(record: Record) -> dict[str, str]:
    """Return the form of the refresh request."""
    token = text(record.get("refresh_token"))
    if token is not None:
        return {"grant_type": "refresh_token", "refresh_token": token}
    scope = text(record.get("scope"))
    return {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}


def _changed(store: TokenStore, account: str) -> Record:
    """Return the record that replaced the one being renewed, because the user logged in or out."""
    record = store.get(account)
    if record is None:
        raise AuthError(f"the login for {account} was deleted", hint=login_hint(account))
    return record


def refresh_early(store: TokenStore, account: str, record: Record, session: Session) -> Record:
    """Like :func:`refresh`, but for a token that is still valid: keep it if the issuer is unreachable.

    :raises HCAError: as :func:`refresh`, once the old token has expired
    """
    try:
        return refresh(store, account, text(record.get("access_token")), session)
    except HCAError as error:
        left = seconds_left(record)
        passing = isinstance(error, UnreachableError) or not isinstance(error, AuthError)
        if passing and left is not None and left > 0:
            return record
        raise
