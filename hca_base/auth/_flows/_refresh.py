"""Renew a login: once, however many threads and processes find it expired at the same time."""

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

#: Seconds to wait for another process's refresh: its whole time-out, and a slow keyring.
LOCK_TIMEOUT = 150.0


def login_hint(account: str) -> str:
    """What to do when the login of an account is over."""
    profile, _, name = account.partition("#")[0].rpartition("/")
    scheme = account.partition("#")[2]
    service = f"{name} {scheme}" if scheme else name
    return f"hca login {service}" if profile == "default" else f"hca --profile {profile} login {service}"


def refresh(store: TokenStore, account: str, stale: str | None, session: Session) -> Record:
    """A fresh record in place of the one with the access token ``stale``, which has expired or was refused.

    Whoever comes first asks the issuer; the others wait for the lock, and find the new token in the store.

    :raises AuthError: the login is over; the hint says how to log in again
    :raises UnreachableError: the issuer does not answer
    :raises ServiceError: the issuer cannot do it now
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
            # Kept without its dead token, so that nobody else asks the issuer in vain.
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
    """The form that asks for the next token."""
    token = text(record.get("refresh_token"))
    if token is not None:
        return {"grant_type": "refresh_token", "refresh_token": token}
    scope = text(record.get("scope"))
    return {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}


def _changed(store: TokenStore, account: str) -> Record:
    """The record that the user put in place of the one that was being renewed: by logging in again, or out."""
    record = store.get(account)
    if record is None:
        raise AuthError(f"the login for {account} was deleted", hint=login_hint(account))
    return record


def refresh_early(store: TokenStore, account: str, record: Record, session: Session) -> Record:
    """As :func:`refresh`, for a token that still lives: if the issuer is out of reach the old one must do.

    :raises HCAError: as :func:`refresh`, once the old token is past its end
    """
    try:
        return refresh(store, account, text(record.get("access_token")), session)
    except HCAError as error:
        left = seconds_left(record)
        passing = isinstance(error, UnreachableError) or not isinstance(error, AuthError)
        if passing and left is not None and left > 0:
            return record
        raise
