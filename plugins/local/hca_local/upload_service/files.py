"""The files of an area: their metadata and checksums."""

from __future__ import annotations

import json
import logging
import urllib.parse
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hca_local.store import DamagedBlobError
from hca_local.upload_service.areas import Areas
from hca_local.upload_service.errors import UploadError, no_file, not_ready, problem

if TYPE_CHECKING:
    from hca_local.s3.objects.objects import S3Object
    from hca_local.server import Context

logger = logging.getLogger("hca_local.upload")

UNSCHEDULED, SCHEDULED, CHECKSUMMING, CHECKSUMMED, FAILED = (
    "UNSCHEDULED",
    "SCHEDULED",
    "CHECKSUMMING",
    "CHECKSUMMED",
    "FAILED",
)
_NAMES = ("crc32c", "s3_etag", "sha1", "sha256")


class Files:
    """The files of the areas: objects in the bucket, and the service's records of them."""

    def __init__(self, ctx: Context, areas: Areas) -> None:
        self._ctx = ctx
        self._areas = areas
        self._bucket = ctx.settings.upload_bucket
        # The original returned 500 while not ready; with simulated waits so do we.
        self._faithful = bool(ctx.settings.simulate_waits)

    def find(self, uuid: str, name: str) -> S3Object:
        """A file's object. If the name does not exist, it is tried URL-decoded, because hca 7 sent encoded names.

        :raises UploadError: the area or the file does not exist
        """
        self._areas.status(uuid)
        for candidate in dict.fromkeys((name, urllib.parse.unquote(name))):
            found = self._ctx.objects.head(self._bucket, f"{uuid}/{candidate}")
            if found is not None:
                return found
        raise no_file()

    def describe(self, uuid: str, name: str) -> dict[str, Any]:
        """The FileInfo of a file; its checksums are null until they are computed.

        :raises UploadError: it does not exist, or (with simulated waits) has no checksums yet
        """
        found = self.find(uuid, name)
        _, checksums = self._known(found)
        if checksums is None and self._faithful:
            raise not_ready()
        return {
            "upload_area_id": uuid,
            "name": found.key.partition("/")[2],
            "size": found.size,
            "content_type": found.content_type,
            "url": f"s3://{self._bucket}/{found.key}",
            "checksums": checksums,
            "last_modified": datetime.fromtimestamp(int(found.modified), UTC).isoformat(),
        }

    def describe_many(self, uuid: str, names: Any) -> list[dict[str, Any]]:
        """The FileInfo of each name, in order.

        :raises UploadError: one does not exist
        """
        self._areas.status(uuid)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise problem(400, "Bad Request", "the body is a list of names of files")
        return [self.describe(uuid, name) for name in names]

    def checksums(self, uuid: str, name: str) -> dict[str, Any]:
        """State and checksums of a file.

        :raises UploadError: it does not exist, or (with simulated waits) has no checksums yet
        """
        status, checksums = self._known(self.find(uuid, name))
        if checksums is None and self._faithful:
            raise not_ready()
        return {"checksum_status": status, "checksums": checksums}

    def counts(self, uuid: str) -> dict[str, int]:
        """The number of files in each state. The original only counted files that had been requested before."""
        self._areas.status(uuid)
        known = self._areas.count("upload_files", uuid)
        total = 0
        after = ""
        while page := self._ctx.objects.list(self._bucket, f"{uuid}/", after):
            total += len(page)
            after = page[-1].key
        counted = {"TOTAL_NUM_FILES": total, CHECKSUMMING: 0, CHECKSUMMED: 0, **known}
        unscheduled = total - sum(number for state, number in known.items() if state != UNSCHEDULED)
        counted["CHECKSUMMING_UNSCHEDULED"] = max(0, unscheduled)
        counted.pop(UNSCHEDULED, None)
        return counted

    def notify(self, uuid: str, name: str) -> None:
        """Queue the checksums of an uploaded file. A missing file is ignored, as in the original.

        :raises UploadError: the area does not exist
        """
        self._areas.status(uuid)
        found = self._ctx.objects.head(self._bucket, f"{uuid}/{name}")
        if found is None:
            return
        self._note(found, SCHEDULED, None)
        delay = float(self._ctx.settings.simulate_waits)
        if delay:
            self._ctx.background.later(delay, self._checksum, found.key)
        else:
            self._ctx.background.submit(self._checksum, found.key)

    def store(self, uuid: str, name: str, body: bytes, content_type: str) -> dict[str, Any]:
        """Store a small file sent through the API, and compute its checksums immediately.

        :raises UploadError: the area does not exist
        """
        self._areas.status(uuid)
        blob = self._ctx.store.blobs.put_bytes(body)
        found = self._ctx.objects.put(self._bucket, f"{uuid}/{name}", blob, content_type=content_type)
        self._note(found, SCHEDULED, None)
        self._checksum(found.key)
        return self.describe(uuid, name)

    def resume(self) -> None:
        """Resume interrupted checksums."""
        with self._ctx.store.read() as db:
            rows = db.execute(
                "SELECT area, name FROM upload_files WHERE status IN (?, ?)", (SCHEDULED, CHECKSUMMING)
            ).fetchall()
        for row in rows:
            self._ctx.background.submit(self._checksum, f"{row['area']}/{row['name']}")

    def _known(self, found: S3Object) -> tuple[str, dict[str, str] | None]:
        uuid, _, name = found.key.partition("/")
        with self._ctx.store.read() as db:
            row = db.execute("SELECT * FROM upload_files WHERE area = ? AND name = ?", (uuid, name)).fetchone()
        if row is None or row["etag"] != found.etag:
            # This content was never announced.
            return UNSCHEDULED, None
        return row["status"], json.loads(row["checksums"]) if row["checksums"] else None

    def _note(self, found: S3Object, status: str, checksums: dict[str, str] | None) -> None:
        uuid, _, name = found.key.partition("/")
        values = (uuid, name, found.etag, status, json.dumps(checksums) if checksums else None)
        with self._ctx.store.write() as db:
            db.execute("INSERT OR REPLACE INTO upload_files VALUES (?, ?, ?, ?, ?)", values)

    def _checksum(self, key: str) -> None:
        while True:
            found = self._ctx.objects.head(self._bucket, key)
            if found is None:
                uuid, _, name = key.partition("/")
                with self._ctx.store.write() as db:
                    db.execute("DELETE FROM upload_files WHERE area = ? AND name = ?", (uuid, name))
                return
            self._checksum_object(found)
            now = self._ctx.objects.head(self._bucket, key)
            if now is not None and now.sha256 == found.sha256:
                return
            # It was overwritten meanwhile, possibly after another thread recorded the new content.

    def _checksum_object(self, found: S3Object) -> None:
        key = found.key
        self._note(found, CHECKSUMMING, None)
        # The store computed them while it wrote the bytes.
        try:
            blob = self._ctx.store.blobs.require(found.sha256)
        except (FileNotFoundError, DamagedBlobError) as error:
            logger.error("%s has no checksums: %s", key, error)
            self._note(found, FAILED, None)
            return
        checksums = {name: str(getattr(blob, name)) for name in _NAMES}
        claimed = found.metadata.get("crc32c", "").lower()
        if claimed and claimed != checksums["crc32c"]:
            # The original called such a file CHECKSUMMED, but never computed checksums for it.
            logger.warning("the content of %s is not what its crc32c says", key)
            self._note(found, FAILED, None)
            return
        self._ctx.objects.set_tags(self._bucket, key, {f"hca-dss-{name}": value for name, value in checksums.items()})
        self._note(found, CHECKSUMMED, checksums)


def route_name(name: str) -> str:
    """A file's name from a path segment.

    :raises UploadError: not a valid name
    """
    if not name or "/" in name or "\0" in name:
        raise UploadError(404, {"status": 404, "title": "Not Found", "type": "about:blank"})
    return name
