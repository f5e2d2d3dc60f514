"""Upload areas: their states, credentials and deletion."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from hca_local.upload_service.errors import UploadError, bad_request, no_area, problem

if TYPE_CHECKING:
    from hca_local.server import Context

SCHEMA = """
CREATE TABLE upload_areas (uuid TEXT PRIMARY KEY, status TEXT NOT NULL, created REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE upload_files (
    area TEXT NOT NULL, name TEXT NOT NULL, etag TEXT NOT NULL, status TEXT NOT NULL, checksums TEXT,
    PRIMARY KEY (area, name)) WITHOUT ROWID;
CREATE TABLE upload_validations (
    id TEXT PRIMARY KEY, area TEXT NOT NULL, status TEXT NOT NULL, image TEXT NOT NULL, environment TEXT NOT NULL,
    original TEXT NOT NULL, results TEXT, created REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE upload_validated_files (
    validation TEXT NOT NULL, position INTEGER NOT NULL, area TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (validation, position)) WITHOUT ROWID;
CREATE INDEX upload_validated_files_by_name ON upload_validated_files (area, name);
"""

# Not anchored, as in the original's document: text around the UUID becomes part of the area's name.
_UUID = re.compile("[A-Za-z0-9]{8}-[A-Za-z0-9]{4}-[A-Za-z0-9]{4}-[A-Za-z0-9]{4}-[A-Za-z0-9]{12}")

#: All states in the original's database. HTTP only sets UNLOCKED, DELETION_QUEUED, DELETING and DELETED.
STATES = ("CREATING", "UNLOCKING", "UNLOCKED", "LOCKING", "LOCKED", "DELETION_QUEUED", "DELETING", "DELETED")


class Areas:
    """The upload areas of a deployment; the files of each are under ``UUID/`` in one bucket."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._bucket = ctx.settings.upload_bucket
        ctx.store.migrate("upload", [SCHEMA])

    def status(self, uuid: str) -> str:
        """An area's state.

        :raises UploadError: it does not exist, or was deleted
        """
        with self._ctx.store.read() as db:
            row = db.execute("SELECT status FROM upload_areas WHERE uuid = ?", (uuid,)).fetchone()
        if row is None or row["status"] == "DELETED":
            raise no_area()
        return str(row["status"])

    def check_uuid(self, uuid: str) -> None:
        """:raises UploadError: not a valid UUID"""
        if not _UUID.search(uuid):
            raise bad_request(f"{uuid!r} does not match {_UUID.pattern!r}")

    def create(self, uuid: str) -> dict[str, str]:
        """Create an area; an existing area is not changed.

        :raises UploadError: the UUID is malformed, or of a deleted area (the original returned 201, and did nothing)
        """
        self.check_uuid(uuid)
        with self._ctx.store.write() as db:
            row = db.execute("SELECT status FROM upload_areas WHERE uuid = ?", (uuid,)).fetchone()
            if row is None:
                db.execute("INSERT INTO upload_areas VALUES (?, 'UNLOCKED', ?)", (uuid, time.time()))
            elif row["status"] == "DELETED":
                detail = f"Upload area {uuid} was deleted; its UUID cannot be used again"
                raise problem(409, "Upload Area Was Deleted", detail)
        return {"uri": f"s3://{self._bucket}/{uuid}/"}

    def set_status(self, uuid: str, status: str) -> None:
        """Set an area's state; LOCKED and similar states have no route in the service."""
        if status not in STATES:
            raise ValueError(f"an area is never {status}")
        with self._ctx.store.write() as db:
            db.execute("UPDATE upload_areas SET status = ? WHERE uuid = ?", (status, uuid))
        if status != "UNLOCKED":
            self._ctx.credentials.revoke(self._bucket, f"{uuid}/")

    def lend(self, uuid: str) -> dict[str, str]:
        """Credentials for one hour, limited to the area.

        :raises UploadError: the area does not exist, or is not writable
        """
        status = self.status(uuid)
        if status != "UNLOCKED":
            detail = f"Cannot issue credentials, upload area {uuid} is {status}"
            raise problem(409, "Upload Area is Not Writable", detail)
        return self._ctx.credentials.issue(
            bucket=self._bucket, prefix=f"{uuid}/", ttl=self._ctx.settings.credentials_ttl
        )

    def delete(self, uuid: str) -> None:
        """Queue the deletion of an area.

        :raises UploadError: the area does not exist
        """
        if self.status(uuid) not in ("DELETION_QUEUED", "DELETING"):
            self.set_status(uuid, "DELETION_QUEUED")
        self._ctx.background.submit(self._empty, uuid)

    def _empty(self, uuid: str) -> None:
        try:
            self.status(uuid)
        except UploadError:
            return
        self.set_status(uuid, "DELETING")
        # With the slash, so that areas whose names start with this one keep their files.
        prefix = f"{uuid}/"
        while found := self._ctx.objects.list(self._bucket, prefix):
            if self._ctx.background.stopped:
                return
            for item in found:
                self._ctx.objects.delete(self._bucket, item.key)
        with self._ctx.store.write() as db:
            db.execute("DELETE FROM upload_files WHERE area = ?", (uuid,))
            db.execute("DELETE FROM upload_validated_files WHERE area = ?", (uuid,))
            db.execute("DELETE FROM upload_validations WHERE area = ?", (uuid,))
            db.execute("UPDATE upload_areas SET status = 'DELETED' WHERE uuid = ?", (uuid,))

    def resume(self) -> None:
        """Resume interrupted deletions."""
        with self._ctx.store.read() as db:
            rows = db.execute(
                "SELECT uuid FROM upload_areas WHERE status IN ('DELETION_QUEUED', 'DELETING')"
            ).fetchall()
        for row in rows:
            self._ctx.background.submit(self._empty, row["uuid"])

    def count(self, table: str, uuid: str) -> dict[str, Any]:
        """The number of rows in each state, in a table of files or validations."""
        with self._ctx.store.read() as db:
            rows = db.execute(f"SELECT status, count(*) AS n FROM {table} WHERE area = ? GROUP BY status", (uuid,))
            return {row["status"]: row["n"] for row in rows}
