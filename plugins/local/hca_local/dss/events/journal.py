"""The journal of events: each bundle change is stored as an object of the events bucket, and published.

Both happen in the transaction of the change, so that every change has its event, and every event its
change.
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
    """Record one event (``event_type`` CREATE or TOMBSTONE) and notify its subscribers.

    ``search_document`` is what Elasticsearch subscriptions are matched against; None if the bundle was deleted.
    """
    row = db.execute("SELECT max(timestamp) AS last FROM dss_events WHERE replica = ?", (replica,)).fetchone()
    # Times are the events' names, so they must be unique.
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
    """Remove the creation event of a deleted version: it contains the deleted metadata."""
    for row in db.execute(
        "SELECT timestamp, journal FROM dss_events WHERE replica = ? AND uuid = ? AND version = ? AND type = 'CREATE'",
        (replica, uuid, version),
    ).fetchall():
        service.objects.delete(EVENTS_BUCKET, _key(replica, row["journal"]))
        db.execute("DELETE FROM dss_events WHERE replica = ? AND timestamp = ?", (replica, row["timestamp"]))


def read(service: Service, replica: str, uuid: str, version: str) -> bytes | None:
    """The document of the latest event of a bundle version; None if it has none."""
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
    """A URL for the bytes of a journal, valid for an hour."""
    return service.objects.presign_get(EVENTS_BUCKET, _key(replica, journal), expires=3600)


def _key(replica: str, journal: str) -> str:
    return f"{replica}/blobs/{journal}"
