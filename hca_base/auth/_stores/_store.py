"""Storage of logins and keys: the system's keyring, or else a file that only the user can read.

The file records where each account is stored, so the keyring is only used if it holds a record: commands without
credentials do not even load it.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hca_base.auth._stores._keyring import Keyring, KeyringUnusable
from hca_base.auth._stores._records import Record
from hca_base.config import FileLock, paths, write_atomic
from hca_base.errors import AuthError, ConfigError
from hca_base.http import SupportsGet

PLACES = ("auto", "keyring", "file")
_VERSION = 1
_LIMIT = 64 << 20

_UNLOCK = "Unlock it, or store tokens in a file: hca config set auth.store file, then log in again."


class TokenStore:
    """Records by account (``PROFILE/SERVICE``). May be used by many threads and processes at once.

    :param place: ``keyring``, ``file``, or ``auto``: the keyring where there is one, else the file
    :param path: the file; default ``auth/tokens.json`` in the state directory
    :param announce: told, once ever, that tokens go to the file for want of a keyring
    """

    def __init__(
        self,
        place: str = "auto",
        *,
        path: Path | None = None,
        keyring: Keyring | None = None,
        announce: Callable[[str], None] | None = None,
    ) -> None:
        if place not in PLACES:
            raise ConfigError(f"auth.store must be one of {', '.join(PLACES)}, not {place!r}")
        self.place = place
        self.path = path if path is not None else paths.state_dir() / "auth" / "tokens.json"
        self._keyring = keyring
        self._announce = announce

    def __repr__(self) -> str:
        return f"<TokenStore {self.place} {self.path}>"

    @property
    def keyring(self) -> Keyring:
        if self._keyring is None:
            self._keyring = Keyring()
        return self._keyring

    @property
    def where(self) -> str:
        """Where a new record would go, for people. Asks the keyring, if there may be one."""
        if self.place != "file":
            try:
                return f"keyring ({self.keyring.name})"
            except KeyringUnusable as error:
                if self.place == "keyring":
                    return f"nowhere: {error}"
        return str(self.path)

    def place_of(self, account: str) -> str | None:
        """Where an account's record is, for people; None if there is none. Does not touch the keyring."""
        entry = self._read()["accounts"].get(account)
        if entry is None:
            return None
        return "keyring" if entry.get("where") == "keyring" else str(self.path)

    def accounts(self) -> list[str]:
        """All accounts that something is stored for."""
        return sorted(self._read()["accounts"])

    def get(self, account: str) -> Record | None:
        """The record of an account, or None.

        :raises KeyringUnusable: it is in the keyring, which is locked, gone, or does not answer
        :raises AuthError: the file is damaged or not safe
        """
        entry = self._read()["accounts"].get(account)
        if entry is None:
            return None
        if entry.get("where") != "keyring":
            return Record(entry.get("record", {})).remember_secrets()
        try:
            value = self.keyring.get(account)
        except KeyringUnusable as error:
            raise KeyringUnusable(f"the credentials of {account} cannot be read: {error}", hint=_UNLOCK) from None
        if value is None:
            return None
        try:
            record = json.loads(value)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise AuthError(f"the entry {account} in the keyring is damaged", hint="log in again")
        return Record(record).remember_secrets()

    def put(self, account: str, record: Mapping[str, Any]) -> None:
        """Store a record in place of what was there.

        :raises KeyringUnusable: only the keyring may be used (``auth.store``), and it cannot
        :raises AuthError: the file is damaged, or cannot be written
        """
        self._put(account, record, None)

    def replace(self, account: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        """Store a record in place of the one that it was made from; False where that is not there any more.

        Between reading a login and renewing it the user may have logged out, or in as somebody else: neither is undone.

        :raises KeyringUnusable: as :meth:`put`
        :raises AuthError: as :meth:`put`
        """
        return self._put(account, new, old)

    def _put(self, account: str, record: Mapping[str, Any], old_record: Mapping[str, Any] | None) -> bool:
        stored = Record(record).remember_secrets()
        value = json.dumps(dict(record), ensure_ascii=True, separators=(",", ":"))
        with self._changing() as content:
            if old_record is not None and not self._holds(account, content, old_record):
                return False
            accounts = content["accounts"]
            old = accounts.get(account, {}).get("where")
            if self.place != "file" and self._put_in_keyring(account, value, content):
                accounts[account] = {"where": "keyring"}
                return True
            accounts[account] = {"where": "file", "record": dict(stored)}
        if old == "keyring":
            with contextlib.suppress(KeyringUnusable):
                self.keyring.delete(account)
        return True

    def _holds(self, account: str, content: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
        """Return True if an account's record has the tokens of this one."""
        entry = content["accounts"].get(account)
        if entry is None:
            return False
        found = entry.get("record", {})
        if entry.get("where") == "keyring":
            try:
                value = self.keyring.get(account)
                found = json.loads(value) if value is not None else {}
            except KeyringUnusable:
                # The keyring was locked meanwhile: assume no change rather than lose the only valid token.
                return True
            except ValueError:
                found = {}
        names = ("access_token", "refresh_token")
        return isinstance(found, dict) and all(found.get(name) == record.get(name) for name in names)

    def delete(self, account: str) -> bool:
        """Forget an account; False if there was nothing.

        :raises KeyringUnusable: its record is in the keyring and cannot be removed; it stays listed
        """
        if account not in self._read()["accounts"]:
            return False
        with self._changing() as content:
            entry = content["accounts"].get(account)
            if entry is None:
                return False
            if entry.get("where") == "keyring":
                try:
                    self.keyring.delete(account)
                except KeyringUnusable as error:
                    raise KeyringUnusable(f"the credentials of {account} cannot be removed: {error}") from None
            del content["accounts"][account]
        return True

    def _put_in_keyring(self, account: str, value: str, content: dict[str, Any]) -> bool:
        try:
            self.keyring.put(account, value)
        except KeyringUnusable as error:
            if self.place == "keyring":
                raise KeyringUnusable(
                    f"nothing was stored: {error}", hint="keep tokens in a file: hca config set auth.store file"
                ) from None
            if not content.get("announced"):
                content["announced"] = True
                if self._announce is not None:
                    self._announce(f"{error}; storing tokens in {self.path}, which only you can read")
            return False
        return True

    def _read(self) -> dict[str, Any]:
        try:
            with self.path.open("rb") as stream:
                self._check_owner(stream.fileno())
                data = stream.read(_LIMIT)
        except FileNotFoundError:
            return {"version": _VERSION, "accounts": {}}
        except OSError as error:
            raise AuthError(f"the token file {self.path} cannot be read: {error.strerror}") from None
        try:
            content = json.loads(data.decode("utf-8-sig"))
            if not isinstance(content["accounts"], dict):
                raise TypeError
            if not all(isinstance(entry, dict) for entry in content["accounts"].values()):
                raise TypeError
        except (ValueError, KeyError, TypeError, RecursionError):
            raise AuthError(
                f"the token file {self.path} is damaged; it was not changed",
                hint="move it away, then log in again",
            ) from None
        if content.get("version") != _VERSION:
            raise AuthError(f"the token file {self.path} was written by a newer version of hca")
        return dict(content)

    def _check_owner(self, fd: int) -> None:
        """Refuse a file of another user; make it private if others could read it."""
        if os.name != "posix":
            return
        found = os.fstat(fd)
        if found.st_uid != os.geteuid() and os.geteuid() != 0:
            raise AuthError(
                f"the token file {self.path} belongs to another user and is not used", hint="move it away, then log in"
            )
        if stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) & 0o077:
            from hca_base.output import warn

            warn(
                f"{self.path} was readable by other users; now only you can read it."
                " Log in again if this machine has other users."
            )
            with contextlib.suppress(OSError):
                os.fchmod(fd, 0o600)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """Yield the file's content under its lock; write it back if the block changed it without an exception."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(self.path):
                content = self._read()
                before = json.dumps(content)
                yield content
                after = json.dumps(content, indent=1)
                if json.dumps(content) != before:
                    write_atomic(self.path, after, mode=0o600)
        except OSError as error:
            raise AuthError(f"the token file {self.path} cannot be written: {error.strerror or error}") from None


def open_store(config: SupportsGet | None = None) -> TokenStore:
    """The user's token store, as ``auth.store`` says.

    :raises ConfigError: ``auth.store`` is none of ``auto``, ``keyring`` and ``file``
    """
    place = config.get("auth.store", None) if config is not None else None

    def announce(message: str) -> None:
        from hca_base.output import note

        note(message)

    timeout = config.get("auth.keyring_timeout", None) if config is not None else None
    if timeout is None:
        keyring = None
    elif isinstance(timeout, int | float) and not isinstance(timeout, bool) and timeout > 0:
        keyring = Keyring(timeout=float(timeout))
    else:
        raise ConfigError(f"auth.keyring_timeout must be a number of seconds, not {timeout!r}")
    return TokenStore("auto" if place is None else str(place), keyring=keyring, announce=announce)


def scheme_account(account: str, scheme: str) -> str:
    """The account of one scheme of a service's document: ``default/lab#reader``."""
    return f"{account}#{scheme}"


def account_name(profile: str | None, service: str) -> str:
    """The account of a service under a profile: ``local/dss``; without a profile ``default/dss``."""
    return f"{profile or 'default'}/{service}"
