"""Multipart uploads. A part is a file; completing reads the parts once for checksums, and renames their folder."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hca_local.s3.errors import S3Error
from hca_local.s3.objects.objects import LAST, ObjectStore, S3Object
from hca_local.s3.uploads.checksums import check_type, read_parts
from hca_local.s3.uploads.records import MAX_PARTS, MIN_PART_SIZE, Part, Promised, Upload, Wanted
from hca_local.store.hashes import Digests, etag_of_parts

#: Seconds that a completed upload is remembered, so that a repeated request to complete it succeeds.
REMEMBERED = 24 * 3600.0


class Uploads:
    """The multipart uploads of the embedded endpoint. Thread-safe; acknowledged changes are durable."""

    def __init__(self, objects: ObjectStore) -> None:
        self.objects = objects
        self.store = objects.store
        self._root = self.store.data_dir / "multipart"
        self._root.mkdir(mode=0o700, exist_ok=True)
        self._completing: set[str] = set()
        self._lock = threading.Lock()

    def folder(self, upload_id: str) -> Path:
        """The folder of an upload's parts."""
        return self._root / upload_id

    def create(self, bucket: str, key: str, content_type: str, extra: dict[str, Any]) -> str:
        """Start an upload.

        :param extra: metadata, tags and headers of the object
        :return: the upload's id
        """
        upload_id = uuid.uuid4().hex + uuid.uuid4().hex
        self.folder(upload_id).mkdir(mode=0o700)
        with self.store.write() as db:
            self.objects.require_bucket(bucket)
            db.execute("DELETE FROM s3_uploads WHERE finished < ?", (time.time() - REMEMBERED,))
            db.execute(
                "INSERT INTO s3_uploads VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)",
                (upload_id, bucket, key, content_type, time.time(), json.dumps(extra)),
            )
        return upload_id

    def get(self, upload_id: str, bucket: str, key: str, *, finished: bool = False) -> Upload:
        """:raises S3Error: the object has no such upload (or it is finished, and finished ones are not requested)"""
        with self.store.read() as db:
            row = db.execute("SELECT * FROM s3_uploads WHERE id = ?", (upload_id,)).fetchone()
        if row is None or (row["bucket"], row["key"]) != (bucket, key) or (row["finished"] and not finished):
            raise S3Error("NoSuchUpload", UploadId=upload_id)
        return Upload.of(row)

    def under_way(
        self, bucket: str, prefix: str, key_marker: str, id_marker: str, limit: int
    ) -> tuple[list[Upload], bool]:
        """Uploads in progress, by key, then by id; and whether there are more."""
        with self.store.read() as db:
            rows = db.execute(
                "SELECT * FROM s3_uploads WHERE bucket = ? AND key >= ? AND key < ? AND finished IS NULL"
                " AND (key > ? OR (key = ? AND id > ?)) ORDER BY key, id LIMIT ?",
                (bucket, prefix, prefix + LAST, key_marker, key_marker, id_marker or LAST, limit + 1),
            ).fetchall()
        return [Upload.of(row) for row in rows[:limit]], len(rows) > limit

    def parts(self, upload_id: str, after: int = 0, limit: int = MAX_PARTS) -> list[Part]:
        """The parts of an upload by number, only those after ``after``."""
        with self.store.read() as db:
            rows = db.execute(
                "SELECT number, file, size, etag, modified, checksums FROM s3_parts WHERE upload = ? AND number > ?"
                " ORDER BY number LIMIT ?",
                (upload_id, after, limit),
            )
            return [Part(**{**dict(row), "checksums": json.loads(row["checksums"])}) for row in rows]

    def abort(self, upload: Upload) -> None:
        """Abort an upload and delete its parts.

        :raises S3Error: it is being completed
        """
        with self._exclusively(upload.id):
            with self.store.write() as db:
                db.execute("DELETE FROM s3_uploads WHERE id = ?", (upload.id,))
            shutil.rmtree(self.folder(upload.id), ignore_errors=True)

    def delete_bucket(self, bucket: str) -> None:
        """Delete a bucket, and the uploads in progress in it: as on S3, only objects prevent the deletion.

        :raises S3Error: it does not exist, or has objects
        """
        with self.store.write() as db:
            self.objects.delete_bucket(bucket)
            doomed = db.execute("SELECT id FROM s3_uploads WHERE bucket = ?", (bucket,)).fetchall()
            db.execute("DELETE FROM s3_uploads WHERE bucket = ?", (bucket,))
        for row in doomed:
            shutil.rmtree(self.folder(row["id"]), ignore_errors=True)

    def complete(
        self,
        upload: Upload,
        wanted: list[Wanted],
        promised: Promised = Promised(),  # noqa: B008 - it is immutable
        check: Callable[[], None] = lambda: None,
    ) -> S3Object:
        """Create the object from the parts, in order.

        :param wanted: the parts, ascending
        :param promised: the client's checksums and size of the object
        :param check: raises if the object must not be created or replaced
        :raises S3Error: a part is missing, differs, or is too small, or a checksum does not match
        """
        with self._exclusively(upload.id):
            upload = self.get(upload.id, upload.bucket, upload.key)
            parts = self._choose(upload, wanted)
            check()
            etag = etag_of_parts([bytes.fromhex(part.etag) for part in parts])
            size = sum(part.size for part in parts)
            if promised.size is not None and promised.size != size:
                raise S3Error(
                    "InvalidRequest",
                    f"The upload has {size} bytes, and x-amz-mp-object-size says {promised.size}.",
                    UploadId=upload.id,
                )
            check_type(upload, promised)
            digests, checksums = read_parts(self.folder(upload.id), upload, parts, wanted, promised, etag)
            plan: dict[str, Any] = {"digests": asdict(digests), "etag": etag, "files": [part.file for part in parts]}
            plan["parts"] = [part.size for part in parts]
            plan["checksums"] = checksums
            plan["asked"] = asked(wanted, promised)
            with self.store.write() as db:
                db.execute("UPDATE s3_uploads SET completing = ? WHERE id = ?", (json.dumps(plan), upload.id))
            return self._finish(upload, plan, check)

    def recover(self) -> None:
        """After a crash: finish pending completions, and delete files without an upload."""
        with self.store.write() as db:
            rows = db.execute("SELECT * FROM s3_uploads WHERE completing IS NOT NULL AND finished IS NULL").fetchall()
            db.execute("DELETE FROM s3_uploads WHERE finished < ?", (time.time() - REMEMBERED,))
        for row in rows:
            upload = Upload.of(row)
            assert upload.completing is not None
            if self.objects.bucket_exists(upload.bucket):
                self._finish(upload, upload.completing)
        with self.store.read() as db:
            live = {row[0] for row in db.execute("SELECT id FROM s3_uploads WHERE finished IS NULL")}
            files = {(row[0], row[1]) for row in db.execute("SELECT upload, file FROM s3_parts")}
        for folder in self._root.iterdir():
            if folder.name not in live:
                shutil.rmtree(folder, ignore_errors=True)
                continue
            for path in folder.iterdir():
                if (folder.name, path.name) not in files:
                    path.unlink()

    def _choose(self, upload: Upload, wanted: list[Wanted]) -> list[Part]:
        have = {part.number: part for part in self.parts(upload.id)}
        if not wanted:
            raise S3Error("MalformedXML")
        if any(later.number <= earlier.number for earlier, later in itertools.pairwise(wanted)):
            raise S3Error("InvalidPartOrder", UploadId=upload.id)
        chosen = []
        for item in wanted:
            part = have.get(item.number)
            if (
                part is None
                or part.etag != item.etag.strip().strip('"').lower()
                or any(part.checksums.get(name, value) != value for name, value in item.checksums.items())
            ):
                raise S3Error("InvalidPart", UploadId=upload.id, PartNumber=str(item.number), ETag=item.etag)
            chosen.append(part)
        for part in chosen[:-1]:
            if part.size < MIN_PART_SIZE:
                raise S3Error(
                    "EntityTooSmall",
                    PartNumber=str(part.number),
                    ProposedSize=str(part.size),
                    MinSizeAllowed=str(MIN_PART_SIZE),
                )
        return chosen

    def _finish(self, upload: Upload, plan: dict[str, Any], check: Callable[[], None] = lambda: None) -> S3Object:
        """Carry out a durable plan; it can be interrupted at any point and repeated."""
        digests = Digests(**plan["digests"])
        folder = self.folder(upload.id)
        if folder.exists():
            for path in folder.iterdir():
                # Names without a dash are final already.
                if "-" in path.name and path.name not in plan["files"]:
                    path.unlink()
            blob = self.store.blobs.put_parts(folder, digests)
        else:
            blob = self.store.blobs.adopt_parts(digests, plan["parts"])
        with self.store.write() as db:
            check()
            made = self.objects.put(
                upload.bucket,
                upload.key,
                blob,
                content_type=upload.content_type,
                metadata=upload.extra.get("metadata"),
                tags=upload.extra.get("tags"),
                headers={**upload.extra.get("headers", {}), **plan["checksums"]},
                etag=plan["etag"],
                parts=tuple(plan["parts"]),
            )
            db.execute("UPDATE s3_uploads SET finished = ? WHERE id = ?", (time.time(), upload.id))
            db.execute("DELETE FROM s3_parts WHERE upload = ?", (upload.id,))
        shutil.rmtree(folder, ignore_errors=True)
        return made

    @contextlib.contextmanager
    def _exclusively(self, upload_id: str) -> Iterator[None]:
        with self._lock:
            if upload_id in self._completing:
                raise S3Error("OperationAborted", UploadId=upload_id)
            self._completing.add(upload_id)
        try:
            yield
        finally:
            with self._lock:
                self._completing.discard(upload_id)


def asked(wanted: list[Wanted], promised: Promised) -> str:
    """A request to complete an upload, to recognize its repetition."""
    return json.dumps([[asdict(item) for item in wanted], asdict(promised)], sort_keys=True)
