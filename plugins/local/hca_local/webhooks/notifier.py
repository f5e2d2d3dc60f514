"""The outbox of notifications, and the threads that send them."""

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

#: Seconds to wait before each retry; the original retried every 15 minutes for a week.
DELAYS = (1.0, 5.0, 30.0, 120.0, 900.0, 3600.0)
#: Seconds between checks of the outbox for deliveries left by a restart or due for a retry.
POLL_SECONDS = 1.0
WORKERS = 4
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Notifier:
    """Writes the notifications of an event, and sends them until the subscriber responds with 2xx.

    :param store: stores the outbox
    :param ctx: the deployment; notifications contain its ``settings.api_url``, its ``background`` runs the deliveries
    :param delays: seconds to wait before each retry
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
        """Write the notifications of the subscriptions that match this event, in the caller's transaction.

        :param subscriptions: complete stored documents, including secret keys
        :param event_type: ``CREATE``, ``TOMBSTONE`` or ``DELETE``
        :param document: the event's metadata document
        :param search_document: the bundle's search document, if any
        :return: number of notifications written
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
            # The caller's transaction has probably ended by then; if not, the next check finds the rows.
            self._ctx.background.later(0.05, self.deliver_due)
        return count

    def forget(self, db: sqlite3.Connection, subscription_uuid: str) -> None:
        """Delete the pending notifications of a deleted subscription, in the caller's transaction."""
        db.execute("DELETE FROM webhook_outbox WHERE subscription_uuid = ?", (subscription_uuid,))

    def start(self) -> None:
        """Start sending, beginning with what a restart left in the outbox."""
        self._ctx.background.every(POLL_SECONDS, self.deliver_due)

    def deliver_due(self) -> None:
        """Pass pending deliveries to the sending threads."""
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
            # The row is unchanged, and will be retried.
            logger.exception("a notification could not be handled")
        finally:
            with self._lock:
                self._sending.discard(identifier)

    def _still_due(self, identifier: int, attempts: int) -> bool:
        """Whether no other thread has sent it since we read the outbox."""
        with self._store.read() as db:
            row = db.execute("SELECT attempts FROM webhook_outbox WHERE id = ?", (identifier,)).fetchone()
        return row is not None and row["attempts"] == attempts

    @staticmethod
    def _send(subscription: Mapping[str, Any], payload: Mapping[str, Any]) -> bool:
        import requests

        # Neither the subscription nor its key may be logged: only its name and its target.
        where = str(subscription["uuid"])
        try:
            where += f" at {urllib.parse.urlsplit(subscription['callback_url']).netloc}"
            with requests.Session() as session:
                # Proxies of the environment must not be used for loopback.
                session.trust_env = urllib.parse.urlsplit(subscription["callback_url"]).hostname not in LOOPBACK
                response = session.request(**prepare(subscription, payload), stream=True)
        except (requests.RequestException, ValueError) as error:
            logger.warning("notifying %s failed: %s", where, type(error).__name__)
            return False
        if not 200 <= response.status_code < 300:
            logger.warning("notifying %s failed: HTTP status %d", where, response.status_code)
            return False
        return True
