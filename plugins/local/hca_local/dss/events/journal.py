"""The journal of events: each change of a bundle, its document kept as an object of the events bucket, and published.

All of it happens in the transaction of the change itself, so that no change goes without its event, nor an event
without its change.
"""

from __future__ import annotations

import json
import sqlite3
import uuid as uuids
from collections.abc import Mapping
from typing import Any

from hca_local.dss import versions
from hca_local.dss.service import EVENTS_BUCKET, Service, dump


def record(
    service: Service,
    db: sqlite3.Connection,
    replica: str,
    event_type: str,
    uuid: str,
    version: str,
    document: Mapping[str, Any],
    search_document: Mapping[str, Any] | None = None,
) -> None:
    """Keep one event (``event_type`` CREATE or TOMBSTONE) and tell the subscribers of it.

    ``search_document`` is what subscriptions by Elasticsearch query are about; None when the bundle is gone.
    """
    row = db.execute("SELECT max(timestamp) AS last FROM dss_events WHERE replica = ?", (replica,)).fetchone()
    # Times name events, so no two are the same.
    timestamp = versions.now(after=row["last"])
    journal = str(uuids.uuid4())
    content = dump(document).encode()
    blob = service.store.blobs.put_bytes(content)
    service.objects.put(EVENTS_BUCKET, _key(replica, journal), blob, content_type="application/json")
    db.execute(
        "INSERT INTO dss_events (replica, timestamp, type, uuid, version, journal, size) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (replica, timestamp, event_type, uuid, version, journal, len(content)),
    )
    subscriptions = [
        json.loads(row["document"])
        for row in db.execute("SELECT document FROM dss_subscriptions WHERE replica = ? ORDER BY uuid", (replica,))
    ]
    if subscriptions:
        service.notifier.publish(db, subscriptions, event_type, uuid, version, document, search_document)


def forget(service: Service, db: sqlite3.Connection, replica: str, uuid: str, version: str) -> None:
    """Take back the creation event of a deleted version: it holds the metadata that was to go."""
    for row in db.execute(
        "SELECT timestamp, journal FROM dss_events WHERE replica = ? AND uuid = ? AND version = ? AND type = 'CREATE'",
        (replica, uuid, version),
    ).fetchall():
        service.objects.delete(EVENTS_BUCKET, _key(replica, row["journal"]))
        db.execute("DELETE FROM dss_events WHERE replica = ? AND timestamp = ?", (replica, row["timestamp"]))


def read(service: Service, replica: str, uuid: str, version: str) -> bytes | None:
    """The document of the latest event of a bundle version; None if it had none."""
    with service.store.read() as db:
        row = db.execute(
            "SELECT journal FROM dss_events WHERE replica = ? AND uuid = ? AND version = ?"
            " ORDER BY timestamp DESC LIMIT 1",
            (replica, uuid, version),
        ).fetchone()
    if row is None:
        return None
    with service.objects.open(EVENTS_BUCKET, _key(replica, row["journal"])) as stream:
        return stream.read()


def stream_url(service: Service, replica: str, journal: str) -> str:
    """Where the bytes of a journal can be had for the next hour."""
    return service.objects.presign_get(EVENTS_BUCKET, _key(replica, journal), expires=3600)


def _key(replica: str, journal: str) -> str:
    return f"{replica}/blobs/{journal}"
