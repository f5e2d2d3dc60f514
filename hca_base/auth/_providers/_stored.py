"""Credentials from the token store: a login (refreshed as needed), a token, or a key."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from hca_base._fork import ForkLock
from hca_base._service import Scheme
from hca_base.auth._flows._refresh import login_hint, refresh, refresh_early
from hca_base.auth._providers._kinds import Provider, headers_of, params_of
from hca_base.auth._stores._records import Record, can_renew, near_expiry, number, seconds_left, text, why_not
from hca_base.auth._stores._store import TokenStore
from hca_base.errors import AuthError

if TYPE_CHECKING:
    from hca_base.http import Session

#: Seconds after a refresh during which a 401 does not trigger another one: it has another cause.
_REFRESH_PAUSE = 30.0
#: Seconds after expiry during which a non-renewable token is still tried: the local clock may be ahead.
CLOCK_TOLERANCE = 300.0


class StoredProvider(Provider):
    """The account's record in the token store: a login (refreshed as needed), a token, or a key.

    :param fallback: the account of the whole service, whose record is used if it matches this scheme
    """

    name = "stored login"

    def __init__(
        self,
        scheme: Scheme,
        store: TokenStore,
        account: str,
        session: Session,
        insecure_hosts: Iterable[str],
        *,
        fallback: str | None = None,
        before_reading: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self._scheme = scheme
        self._store = store
        self._account = account
        self._fallback = fallback
        self._session = session
        self._insecure = list(insecure_hosts)
        self._lock = ForkLock()
        self._record: Record | None = None
        self._read = False
        self._before_reading = before_reading
        self._quiet_until = 0.0
        self._refreshed_at = float("-inf")

    def authorization(self, url: str, *, refresh: bool = False) -> Mapping[str, str] | None:
        record = self._for(url)
        if record is None:
            return None
        if record.get("kind") in ("oauth2", "token"):
            fresh = self._fresh(record)
            if fresh is not record and self._kept_from(url, fresh):
                # The stored login is now for another deployment.
                return None
            record = fresh
        self._tell(record)
        return headers_of(record, self._scheme) or None

    def params(self, url: str) -> Mapping[str, str]:
        record = self._for(url)
        return params_of(record, self._scheme) if record is not None else {}

    def look(self, url: str) -> bool:
        try:
            record = self._for(url)
        except AuthError as error:
            self.why = str(error)
            return False
        if record is None:
            return False
        self._tell(record)
        if record.get("ended"):
            self.why = f"the login has ended: {record['ended']} ({login_hint(self._account)})"
            return False
        left = seconds_left(record)
        if left is not None and left <= 0:
            if not can_renew(record):
                self.why = f"the token has expired ({login_hint(self._account)})"
                return False
            self.why += "; it is renewed at its next use"
        return True

    def renew(self, url: str, refused: str | None) -> bool:
        """Get a new token after a 401.

        :param refused: the token that was refused
        :return: False if no other token is available
        :raises AuthError: the login has ended
        """
        with self._lock:
            record = self._record
            if record is None or record.get("kind") != "oauth2":
                return False
            if text(record.get("access_token")) != refused:
                return True  # another thread was faster
            if not can_renew(record) or time.monotonic() - self._refreshed_at < _REFRESH_PAUSE:
                return False
            self._record = refresh(self._store, self._account, refused, self._session)
            self._refreshed_at = time.monotonic()
            return True

    def _for(self, url: str) -> Record | None:
        """Return the record, if there is one that may be sent to the URL."""
        with self._lock:
            if not self._read:
                self._before_reading()
                self._record = self._read_store()
                self._read = True
            record = self._record
        if record is None:
            self.why = f"none for {self._account}"
            return None
        return None if self._kept_from(url, record) else record

    def _read_store(self) -> Record | None:
        record = self._store.get(self._account)
        if record is None and self._fallback is not None:
            common = self._store.get(self._fallback)
            if common is not None and belongs_to(common, self._scheme):
                self._account, record = self._fallback, common
        return record

    def _kept_from(self, url: str, record: Record) -> bool:
        """Return True if a record must not be sent to the URL, and set ``why`` to the reason."""
        refusal = why_not(url, record.get("hosts", ()), self._insecure)
        if refusal is not None:
            self.why = refusal
        return refusal is not None

    def _fresh(self, record: Record) -> Record:
        if not near_expiry(record):
            return record
        if not can_renew(record) and not record.get("ended"):
            left = seconds_left(record)
            if left is not None and left < -CLOCK_TOLERANCE:
                raise AuthError(f"the token for {self._account} has expired", hint=login_hint(self._account))
            return record
        with self._lock:
            current = self._record or record
            if not near_expiry(current):
                return current  # another thread was faster
            left = seconds_left(current)
            if left is not None and left > 0 and time.monotonic() < self._quiet_until:
                return current
            renewed = refresh_early(self._store, self._account, current, self._session)
            if renewed is current:
                # The issuer is unreachable, but the token is still valid. Do not retry before every request.
                self._quiet_until = time.monotonic() + _REFRESH_PAUSE
            else:
                self._refreshed_at = time.monotonic()
            self._record = renewed
            return renewed

    def _tell(self, record: Record) -> None:
        self.identity, self.issuer = text(record.get("identity")), text(record.get("issuer"))
        self.expires_at = number(record.get("expires_at"))
        kind = {"oauth2": "login", "token": "token", "apikey": "API key", "basic": "password"}
        self.why = f"{kind.get(str(record.get('kind')), 'entry')} for {self._account}"


def belongs_to(record: Record, scheme: Scheme) -> bool:
    """Return True if a service's stored record is sent the way this scheme of its document requires."""
    kind = record.get("kind")
    if kind in ("oauth2", "token"):
        return scheme.takes_bearer_tokens
    if kind != scheme.kind:
        return False
    places = ("header", "query", "cookie")
    return all(record.get(place) in (None, getattr(scheme, f"api_key_{place}")) for place in places)
