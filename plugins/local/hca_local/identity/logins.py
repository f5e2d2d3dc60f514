"""Logins and their grants: codes, refresh tokens, device codes. All of them survive a restart.

Secrets are never stored: the tables contain SHA-256 digests. A login is one consent of a person;
ending it ends every token derived from it.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, TokenMixin
from authlib.oauth2.rfc8628 import DeviceCredentialMixin

from hca_local.identity.people import PEOPLE, Person

if TYPE_CHECKING:
    import sqlite3

    from hca_local.store import Store

#: Seconds that a client has to exchange a code (RFC 6749, 4.1.2: ten minutes at most).
CODE_LIFETIME = 60
DEVICE_LIFETIME = 600
REFRESH_LIFETIME = 90 * 24 * 3600

_STEPS = [
    """
    CREATE TABLE oidc_logins (
        id TEXT PRIMARY KEY, client_id TEXT NOT NULL, person TEXT NOT NULL, scope TEXT NOT NULL, nonce TEXT,
        auth_time INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0, expires_at REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE oidc_codes (
        digest TEXT PRIMARY KEY, login TEXT NOT NULL, redirect_uri TEXT NOT NULL, challenge TEXT NOT NULL,
        used INTEGER NOT NULL DEFAULT 0, expires_at REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE oidc_refresh_tokens (
        digest TEXT PRIMARY KEY, login TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0,
        expires_at REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE oidc_devices (
        digest TEXT PRIMARY KEY, user_code TEXT NOT NULL UNIQUE, client_id TEXT NOT NULL, scope TEXT NOT NULL,
        login TEXT, denied INTEGER NOT NULL DEFAULT 0, used INTEGER NOT NULL DEFAULT 0, pause REAL NOT NULL,
        asked_at REAL NOT NULL DEFAULT 0, expires_at REAL NOT NULL) WITHOUT ROWID;
    """
]
_TABLES = ("oidc_codes", "oidc_refresh_tokens", "oidc_devices", "oidc_logins")


@dataclass(frozen=True)
class Login:
    """A person's consent to a client.

    :ivar auth_time: when, seconds since 1970
    :ivar nonce: from the request, repeated in its ID token
    """

    id: str
    client_id: str
    person: Person
    scope: str
    auth_time: int
    nonce: str | None = None
    ended: bool = False


@dataclass(frozen=True)
class Code(AuthorizationCodeMixin):
    """An authorization code that was presented."""

    digest: str
    login: Login
    redirect_uri: str
    code_challenge: str
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.login.scope


@dataclass(frozen=True)
class RefreshToken(TokenMixin):
    """A refresh token that was presented, or, for revocation, the login of an access token.

    :ivar digest: None for an access token
    """

    digest: str | None
    login: Login

    def check_client(self, client: Any) -> bool:
        return bool(client.get_client_id() == self.login.client_id)

    def get_scope(self) -> str:
        return self.login.scope


@dataclass(frozen=True)
class Device(DeviceCredentialMixin):
    """A pending device code."""

    digest: str
    user_code: str
    client_id: str
    scope: str
    login: Login | None
    denied: bool
    too_soon: bool
    expires_at: float

    def get_client_id(self) -> str:
        return self.client_id

    def get_scope(self) -> str:
        return self.scope

    def get_user_code(self) -> str:
        return self.user_code

    def is_expired(self) -> bool:
        return self.expires_at < time.time()


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class Logins:
    """The logins of a deployment. Methods called inside ``store.write()`` join its transaction."""

    def __init__(self, store: Store, on_end: Callable[[str], None] = lambda login_id: None) -> None:
        """:param on_end: called with the id of each login that is ended"""
        self._store = store
        self._on_end = on_end
        store.migrate("oidc", _STEPS)
        self.sweep()
        for login_id in self._ended():
            on_end(login_id)

    def sweep(self) -> None:
        """Delete what has expired."""
        with self._store.write() as db:
            for table in _TABLES:
                db.execute(f"DELETE FROM {table} WHERE expires_at < ?", (time.time(),))

    # Logins

    def begin(self, client_id: str, person: Person, scope: str, nonce: str | None = None) -> Login:
        """A new login."""
        login = Login(secrets.token_urlsafe(16), client_id, person, scope, int(time.time()), nonce)
        with self._store.write() as db:
            db.execute(
                "INSERT INTO oidc_logins (id, client_id, person, scope, nonce, auth_time, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (login.id, client_id, person.name, scope, nonce, login.auth_time, time.time() + REFRESH_LIFETIME),
            )
        return login

    def get(self, login_id: object) -> Login | None:
        """A login by its id; None if it has ended."""
        with self._store.read() as db:
            return _login(db, login_id)

    def end(self, login: Login) -> None:
        """End a login: its tokens are refused from now on."""
        with self._store.write() as db:
            db.execute("UPDATE oidc_logins SET ended = 1 WHERE id = ?", (login.id,))
        self._on_end(login.id)

    def _ended(self) -> set[str]:
        """The ids of ended logins whose access tokens may not have expired yet."""
        with self._store.read() as db:
            return {row["id"] for row in db.execute("SELECT id FROM oidc_logins WHERE ended = 1")}

    # Codes

    def add_code(self, code: str, login: Login, redirect_uri: str, challenge: str) -> None:
        with self._store.write() as db:
            db.execute(
                "INSERT INTO oidc_codes (digest, login, redirect_uri, challenge, expires_at) VALUES (?, ?, ?, ?, ?)",
                (digest_of(code), login.id, redirect_uri, challenge, time.time() + CODE_LIFETIME),
            )

    def code(self, code: str, client_id: str) -> Code | None:
        """A valid code of a client. One that was exchanged before ends its login: two parties have
        it (RFC 6749, 4.1.2)."""
        with self._store.write() as db:
            row = db.execute("SELECT * FROM oidc_codes WHERE digest = ?", (digest_of(code),)).fetchone()
            login = _login(db, row["login"]) if row else None
            if row is None or login is None or login.client_id != client_id:
                return None
            if row["used"]:
                self.end(login)
            if row["used"] or login.ended or row["expires_at"] < time.time():
                return None
            return Code(row["digest"], login, row["redirect_uri"], row["challenge"])

    def use_code(self, code: Code) -> None:
        with self._store.write() as db:
            db.execute("UPDATE oidc_codes SET used = 1 WHERE digest = ?", (code.digest,))

    # Refresh tokens

    def add_refresh_token(self, token: str, login: Login) -> None:
        until = time.time() + REFRESH_LIFETIME
        with self._store.write() as db:
            db.execute(
                "INSERT INTO oidc_refresh_tokens (digest, login, expires_at) VALUES (?, ?, ?)",
                (digest_of(token), login.id, until),
            )
            db.execute("UPDATE oidc_logins SET expires_at = ? WHERE id = ?", (until, login.id))

    def refresh_token(self, token: str) -> RefreshToken | None:
        """A valid refresh token. One that was used before ends its login: it or its successor was stolen
        (RFC 9700, 4.14.2)."""
        with self._store.write() as db:
            row = db.execute("SELECT * FROM oidc_refresh_tokens WHERE digest = ?", (digest_of(token),)).fetchone()
            login = _login(db, row["login"]) if row else None
            if row is None or login is None:
                return None
            if row["used"]:
                self.end(login)
            if row["used"] or login.ended or row["expires_at"] < time.time():
                return None
            return RefreshToken(row["digest"], login)

    def use_refresh_token(self, token: RefreshToken) -> None:
        with self._store.write() as db:
            db.execute("UPDATE oidc_refresh_tokens SET used = 1 WHERE digest = ?", (token.digest,))

    def of_refresh_token(self, token: str) -> RefreshToken | None:
        """The login of a refresh token, valid or not."""
        with self._store.read() as db:
            row = db.execute("SELECT * FROM oidc_refresh_tokens WHERE digest = ?", (digest_of(token),)).fetchone()
            login = _login(db, row["login"]) if row else None
            return RefreshToken(row["digest"], login) if login is not None else None

    # Devices

    def add_device(self, code: str, user_code: str, client_id: str, scope: str, pause: float) -> None:
        """:param pause: minimum seconds between two polls of the client"""
        with self._store.write() as db:
            db.execute(
                "INSERT INTO oidc_devices (digest, user_code, client_id, scope, pause, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (digest_of(code), user_code, client_id, scope, pause, time.time() + DEVICE_LIFETIME),
            )

    def device(self, code: str) -> Device | None:
        """The device login that a client polls for; records the time of the poll."""
        now = time.time()
        with self._store.write() as db:
            row = db.execute("SELECT * FROM oidc_devices WHERE digest = ?", (digest_of(code),)).fetchone()
            if row is None or row["used"]:
                return None
            # Ten percent tolerance for network latency.
            too_soon = now - row["asked_at"] < row["pause"] * 0.9
            # RFC 8628, 3.5: slow_down increases the interval by five seconds, permanently.
            pause = row["pause"] + 5 if too_soon else row["pause"]
            db.execute("UPDATE oidc_devices SET asked_at = ?, pause = ? WHERE digest = ?", (now, pause, row["digest"]))
            return _device(db, row, too_soon=too_soon)

    def device_by_user_code(self, user_code: str) -> Device | None:
        """The device login with the code that a person typed, if it is pending."""
        with self._store.read() as db:
            row = db.execute("SELECT * FROM oidc_devices WHERE user_code = ?", (user_code,)).fetchone()
            device = _device(db, row) if row is not None else None
        if device is None or device.is_expired() or device.login is not None or device.denied:
            return None
        return device

    def answer_device(self, device: Device, person: Person | None) -> bool:
        """Record the person's decision; None denies.

        :return: False if it was decided before
        """
        with self._store.write() as db:
            if self.device_by_user_code(device.user_code) is None:
                return False
            login = self.begin(device.client_id, person, device.scope).id if person is not None else None
            db.execute(
                "UPDATE oidc_devices SET login = ?, denied = ? WHERE digest = ?",
                (login, int(person is None), device.digest),
            )
            return True

    def use_device(self, device: Device) -> None:
        with self._store.write() as db:
            db.execute("UPDATE oidc_devices SET used = 1 WHERE digest = ?", (device.digest,))


def _login(db: sqlite3.Connection, login_id: object) -> Login | None:
    row = db.execute("SELECT * FROM oidc_logins WHERE id = ?", (login_id,)).fetchone()
    person = PEOPLE.get(row["person"]) if row else None
    if row is None or person is None:
        return None
    return Login(row["id"], row["client_id"], person, row["scope"], row["auth_time"], row["nonce"], bool(row["ended"]))


def _device(db: sqlite3.Connection, row: sqlite3.Row, *, too_soon: bool = False) -> Device:
    return Device(
        row["digest"],
        row["user_code"],
        row["client_id"],
        row["scope"],
        _login(db, row["login"]) if row["login"] else None,
        bool(row["denied"]),
        too_soon,
        row["expires_at"],
    )
