"""Removes unreferenced data: files without a row, and blobs that no component uses."""

from __future__ import annotations

import time

from hca_local.store.blobs import BlobStore
from hca_local.store.database import Database
from hca_local.store.files import remove

#: Seconds that a new blob is kept although nothing references it yet.
GRACE = 3600.0


def sweep_files(database: Database, blobs: BlobStore) -> int:
    """Remove files without a row, left by a crash. Only for the one process that owns the directory.

    :return: the number of files and folders removed
    """
    with database.read() as db:
        known = {row[0] for row in db.execute("SELECT sha256 FROM blobs WHERE data IS NULL")}
    doomed = [
        path for path in blobs.files.root.glob("*/*") if path.name not in known and path.name not in blobs.pending
    ]
    doomed += blobs.files.incoming.iterdir()
    for path in doomed:
        remove(path)
    return len(doomed)


def collect_garbage(database: Database, blobs: BlobStore, grace: float = GRACE) -> int:
    """Remove the blobs that no component references (see ``Database.add_references``).

    :param grace: keep blobs put within so many seconds: their rows may not be written yet
    :return: the number of blobs removed
    """
    limit = time.monotonic() - grace
    # Same lock order as a put inside a transaction: first the database's, then the blobs'.
    with database.exclusive(), blobs.lock:
        blobs.recent = {name: put for name, put in blobs.recent.items() if put > limit}
        with database.write() as db:
            queries = [row["query"] for row in db.execute("SELECT query FROM blob_references")]
            dead = "SELECT sha256, data IS NULL AS filed FROM blobs"
            if queries:
                used = " UNION ALL ".join(f"SELECT * FROM ({query})" for query in queries)
                dead = (
                    f"WITH used(sha256) AS ({used}) {dead} "
                    "WHERE sha256 NOT IN (SELECT sha256 FROM used WHERE sha256 IS NOT NULL)"
                )
            rows = [row for row in db.execute(dead) if row["sha256"] not in blobs.recent]
            db.executemany("DELETE FROM blobs WHERE sha256 = ?", [(row["sha256"],) for row in rows])
        for row in rows:
            if row["filed"]:
                remove(blobs.files.path(row["sha256"]))
    return len(rows)
