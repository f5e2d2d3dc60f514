"""Permissions: the deployment's root key, and temporary credentials limited to one prefix of one bucket."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from hca_local.store import Store

#: Actions of the policy under which data contributors upload to their area.
UPLOAD_ACTIONS = ("s3:PutObject", "s3:PutObjectTagging", "s3:ListBucket")
#: Seconds that an expired temporary credential is remembered, so that the error is "expired", not "unknown".
_REMEMBERED = 7 * 24 * 3600


@dataclass(frozen=True)
class Grant:
    """An access key and its permissions; the root key is unrestricted.

    :ivar expires: POSIX time, or None for the root key
    """

    access_key: str
    secret_key: str
    token: str | None = None
    bucket: str = ""
    prefix: str = ""
    actions: frozenset[str] | None = None
    expires: float | None = None

    def allows(self, action: str, bucket: str, key: str | None, list_prefix: str | None) -> bool:
        """Whether it may perform an action on an object (``key``), or list a bucket (``list_prefix``).

        A restricted key may only list exactly its own prefix, as in the Upload Service's policy.
        """
        if self.actions is None:
            return True
        if action not in self.actions or bucket != self.bucket:
            return False
        if action == "s3:ListBucket":
            return list_prefix == self.prefix
        return key is not None and key.startswith(self.prefix)


class CredentialIssuer:
    """Keys of the embedded endpoint. They are stored, and survive restarts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._cache: dict[str, Grant] = {}

    def root(self) -> Grant:
        """The unrestricted key; created at the first use of a data directory."""
        kept = self._store.get_setting("s3.root")
        if kept is None:
            kept = {"access_key": "HCALOCAL" + _letters(12), "secret_key": secrets.token_urlsafe(30)}
            self._store.set_setting("s3.root", kept)
        return Grant(kept["access_key"], kept["secret_key"])

    def issue(
        self, *, bucket: str, prefix: str, actions: Iterable[str] = UPLOAD_ACTIONS, ttl: float = 3600
    ) -> dict[str, str]:
        """Temporary credentials, with the members of STS responses.

        :param prefix: of the keys that they can access, with its slash: ``UUID/``
        :param ttl: lifetime in seconds
        """
        now = time.time()
        grant = Grant(
            "HCATEMP0" + _letters(12),
            secrets.token_urlsafe(30),
            secrets.token_urlsafe(48),
            bucket,
            prefix,
            frozenset(actions),
            now + ttl,
        )
        with self._store.write() as db:
            db.execute("DELETE FROM s3_credentials WHERE expires < ?", (now - _REMEMBERED,))
            db.execute(
                "INSERT INTO s3_credentials VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    grant.access_key,
                    grant.secret_key,
                    grant.token,
                    bucket,
                    prefix,
                    json.dumps(sorted(actions)),
                    grant.expires,
                ),
            )
        assert grant.token is not None and grant.expires is not None
        return {
            "AccessKeyId": grant.access_key,
            "SecretAccessKey": grant.secret_key,
            "SessionToken": grant.token,
            "Expiration": datetime.fromtimestamp(grant.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def revoke(self, bucket: str, prefix: str) -> None:
        """Revoke all temporary credentials for a prefix."""
        with self._lock:
            with self._store.write() as db:
                db.execute("DELETE FROM s3_credentials WHERE bucket = ? AND prefix = ?", (bucket, prefix))
            self._cache.clear()

    def find(self, access_key: str) -> Grant | None:
        """The grant of an access key, possibly expired, or None."""
        grant = self._cache.get(access_key)
        if grant is not None:
            return grant
        with self._lock:
            root = self.root()
            if root.access_key == access_key:
                grant = root
            else:
                with self._store.read() as db:
                    row = db.execute("SELECT * FROM s3_credentials WHERE access_key = ?", (access_key,)).fetchone()
                if row is None:
                    return None
                grant = Grant(
                    row["access_key"],
                    row["secret"],
                    row["token"],
                    row["bucket"],
                    row["prefix"],
                    frozenset(json.loads(row["actions"])),
                    row["expires"],
                )
            if len(self._cache) > 10_000:
                self._cache.clear()
            self._cache[access_key] = grant
        return grant


def _letters(count: int) -> str:
    return "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(count))
