"""Checks stored content against its checksums: everything on demand, and after a crash the last writes."""

from __future__ import annotations

import hashlib
import io
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hca_local.store.blob import Blob
from hca_local.store.blobs import BlobStore
from hca_local.store.database import Database
from hca_local.store.files import open_places, places_of

_CHUNK = 1 << 20
#: Blobs written within so many seconds before the last one are checked completely after a crash.
RECENT = 60.0


@dataclass(frozen=True)
class Damage:
    """A blob whose content does not match its name.

    :ivar problem: what is wrong
    :ivar moved_to: where the damaged content is now; None if it is missing or was never moved
    """

    sha256: str
    size: int
    problem: str
    moved_to: Path | None = None


def verify(database: Database, blobs: BlobStore, *, repair: bool = True) -> Iterator[Damage | None]:
    """Check all blobs: read each and compare its size and sha256.

    :param repair: move damaged content to quarantine
    :return: for each blob the problem found, or None
    """
    with database.read() as db:
        names = [row["sha256"] for row in db.execute("SELECT sha256 FROM blobs ORDER BY sha256")]
    for name in names:
        yield check(database, blobs, name, repair=repair)


def check(database: Database, blobs: BlobStore, sha256: str, *, repair: bool = True) -> Damage | None:
    """Read one blob and compare it with its name."""
    found = _row(database, sha256)
    if found is None:
        return None
    blob, data = found
    problem = _problem(blobs, blob, data)
    # A running deployment may have removed or repaired it meanwhile.
    if problem is None or (found := _row(database, sha256)) is None:
        return None
    problem = _problem(blobs, *found)
    if problem is None:
        return None
    moved = _set_aside(database, blobs, *found) if repair else None
    if moved is None and found[1] is None:
        moved = blobs.files.quarantined(sha256)
    return Damage(sha256, blob.size, problem, moved)


def check_recent(database: Database, blobs: BlobStore) -> list[Damage]:
    """After a crash: check the sizes of all blobs, and every byte of the last ones written."""
    with database.read() as db:
        rows = db.execute("SELECT *, NULL AS data FROM blobs WHERE data IS NULL").fetchall()
    written = {row["sha256"]: _written(blobs.files.path(row["sha256"])) for row in rows}
    limit = max(written.values(), default=0.0) - RECENT
    suspects = [
        row["sha256"]
        for row in rows
        if written[row["sha256"]] >= limit or blobs.files.problem(Blob.from_row(row)) is not None
    ]
    return [damage for name in suspects if (damage := check(database, blobs, name)) is not None]


def integrity_problem(database: Database) -> str | None:
    """SQLite's report of damage to the database, or None."""
    try:
        with database.read() as db:
            lines = [str(row[0]) for row in db.execute("PRAGMA quick_check(10)")]
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if lines == ["ok"] else "; ".join(lines)


def missing(database: Database) -> list[str]:
    """The content that components reference and that is not in the store."""
    with database.read() as db:
        queries = [row["query"] for row in db.execute("SELECT query FROM blob_references")]
        if not queries:
            return []
        used = " UNION ".join(f"SELECT * FROM ({query})" for query in queries)
        rows = db.execute(
            f"WITH used(sha256) AS ({used}) SELECT sha256 FROM used WHERE sha256 NOT IN (SELECT sha256 FROM blobs)"
        )
        return [row[0] for row in rows]


def _row(database: Database, sha256: str) -> tuple[Blob, bytes | None] | None:
    with database.read() as db:
        row = db.execute("SELECT * FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()
    return (Blob.from_row(row), row["data"]) if row else None


def _problem(blobs: BlobStore, blob: Blob, data: bytes | None) -> str | None:
    if data is None and (problem := blobs.files.problem(blob)) is not None:
        return problem
    try:
        with open_places(blobs.files.places(blob)) if data is None else io.BytesIO(data) as stream:
            found = _sha256(stream)
    except OSError as error:
        return f"it cannot be read: {error}"
    return None if found == blob.sha256 else f"its bytes have the sha256 {found}"


def _set_aside(database: Database, blobs: BlobStore, blob: Blob, data: bytes | None) -> Path | None:
    """Move damaged content to quarantine, so that it is never read."""
    if data is not None:
        with database.write() as db:
            db.execute("UPDATE blobs SET data = NULL WHERE sha256 = ? AND data = ?", (blob.sha256, data))
        return blobs.files.set_aside_bytes(blob.sha256, data)
    moved = blobs.files.set_aside(blob.sha256)
    if moved is None:
        return None
    with open_places(places_of(moved)) as stream:
        if _sha256(stream) == blob.sha256 and not blobs.files.path(blob.sha256).exists():
            # It was repaired between the check and the move.
            moved.rename(blobs.files.path(blob.sha256))
            return None
    return moved


def _sha256(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _written(path: Path) -> float:
    """When a blob's file was created; 0 if it does not exist."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
