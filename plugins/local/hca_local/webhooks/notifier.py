"""The outbox of notifications, and the threads that empty it."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
import urllib.parse
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hca_local.webhooks.delivery import prepare
from hca_local.webhooks.subscription import payload_for, wants

logger = logging.getLogger("hca_local.webhooks")

SCHEMA = """
CREATE TABLE webhook_outbox (
    id INTEGER PRIMARY KEY,
    subscription_uuid TEXT NOT NULL,
    subscription TEXT NOT NULL,
    payload TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL
);
CREATE INDEX webhook_outbox_by_due ON webhook_outbox (due);
CREATE INDEX webhook_outbox_by_subscription ON webhook_outbox (subscription_uuid);
"""

#: Seconds to wait before each further attempt; the original tried again after 15 minutes, until a week was over.
DELAYS = (1.0, 5.0, 30.0, 120.0, 900.0, 3600.0)
#: Seconds between looks at the outbox for what was left by a restart or is due again.
POLL_SECONDS = 1.0
WORKERS = 4
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Notifier:
    """Writes the notifications that an event causes, and sends them until the subscriber has answered with 2xx.

    :param store: keeps the outbox
    :param ctx: the deployment; its ``settings.api_url`` goes into the notifications, its ``background`` wakes us
    :param delays: seconds to wait before each further attempt
    """

    def __init__(self, store: Any, ctx: Any, delays: tuple[float, ...] = DELAYS) -> None:
        store.migrate("webhooks", [SCHEMA])
        self._store = store
        self._ctx = ctx
        self._delays = delays
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="hca-local-webhook")
        self._lock = threading.Lock()
        self._sending: set[int] = set()

    def publish(
        self,
        db: sqlite3.Connection,
        subscriptions: Iterable[Mapping[str, Any]],
        event_type: str,
        bundle_uuid: str,
        bundle_version: str,
        document: Mapping[str, Any],
        search_document: Mapping[str, Any] | None = None,
    ) -> int:
        """Put into the outbox what the subscriptions that want this event are told, in the caller's transaction.

        :param subscriptions: whole stored documents, secret keys included
        :param event_type: ``CREATE``, ``TOMBSTONE`` or ``DELETE``
        :param document: the event's metadata document
        :param search_document: the bundle's search document, where there is one
        :return: how many were written
        """
        count = 0
        for subscription in subscriptions:
            if wants(subscription, document, search_document):
                api_url = self._ctx.settings.api_url
                payload = payload_for(subscription, event_type, bundle_uuid, bundle_version, document, api_url)
                db.execute(
                    "INSERT INTO webhook_outbox (subscription_uuid, subscription, payload, due) VALUES (?, ?, ?, ?)",
                    (subscription["uuid"], json.dumps(subscription), json.dumps(payload), time.time()),
                )
                count += 1
        if count:
            # The caller's transaction is likely to be over by then; if not, the next look finds the rows.
            self._ctx.background.later(0.05, self.deliver_due)
        return count

    def forget(self, db: sqlite3.Connection, subscription_uuid: str) -> None:
        """Drop what a deleted subscription was still to be told, in the caller's transaction."""
        db.execute("DELETE FROM webhook_outbox WHERE subscription_uuid = ?", (subscription_uuid,))

    def start(self) -> None:
        """Begin to send; what a restart left in the outbox goes first."""
        self._ctx.background.every(POLL_SECONDS, self.deliver_due)

    def deliver_due(self) -> None:
        """Hand what is due to the threads that send."""
        with self._store.read() as db:
            rows = db.execute(
                "SELECT id, subscription, payload, attempts FROM webhook_outbox WHERE due <= ? ORDER BY due LIMIT 100",
                (time.time(),),
            ).fetchall()
        for row in rows:
            with self._lock:
                if row["id"] in self._sending or self._ctx.background.stopped:
                    continue
                self._sending.add(row["id"])
            self._pool.submit(self._deliver, row["id"], row["subscription"], row["payload"], row["attempts"])

    def _deliver(self, identifier: int, subscription: str, payload: str, attempts: int) -> None:
        try:
            if self._ctx.background.stopped or not self._still_due(identifier, attempts):
                return
            delivered = self._send(json.loads(subscription), json.loads(payload))
            with self._store.write() as db:
                if delivered or attempts >= len(self._delays):
                    db.execute("DELETE FROM webhook_outbox WHERE id = ?", (identifier,))
                else:
                    db.execute(
                        "UPDATE webhook_outbox SET attempts = attempts + 1, due = ? WHERE id = ?",
                        (time.time() + self._delays[attempts], identifier),
                    )
            if not delivered and attempts >= len(self._delays):
                logger.error("gave up a notification after %d attempts: %s", attempts + 1, payload)
        except Exception:
            # The row stays as it was, and is tried again.
            logger.exception("a notification could not be handled")
        finally:
            with self._lock:
                self._sending.discard(identifier)

    def _still_due(self, identifier: int, attempts: int) -> bool:
        """Whether no other thread has sent it between our look at the outbox and now."""
        with self._store.read() as db:
            row = db.execute("SELECT attempts FROM webhook_outbox WHERE id = ?", (identifier,)).fetchone()
        return row is not None and row["attempts"] == attempts

    @staticmethod
    def _send(subscription: Mapping[str, Any], payload: Mapping[str, Any]) -> bool:
        import requests

        # Neither the subscription nor its key may get into the log: only its name and where it led.
        where = str(subscription["uuid"])
        try:
            where += f" at {urllib.parse.urlsplit(subscription['callback_url']).netloc}"
            with requests.Session() as session:
                # A proxy of the environment is not meant for this machine's own loopback.
                session.trust_env = urllib.parse.urlsplit(subscription["callback_url"]).hostname not in LOOPBACK
                response = session.request(**prepare(subscription, payload), stream=True)
        except (requests.RequestException, ValueError) as error:
            logger.warning("notifying %s failed: %s", where, type(error).__name__)
            return False
        if not 200 <= response.status_code < 300:
            logger.warning("notifying %s failed: HTTP status %d", where, response.status_code)
            return False
        return True
