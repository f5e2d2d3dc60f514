"""Multipart uploads. A part is a file; completing reads them once for their checksums, and renames their folder."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from hca_local.s3.checksums import PREFIX, SIZES, composite, decoded
from hca_local.s3.errors import S3Error
from hca_local.s3.objects.objects import LAST, ObjectStore, S3Object
from hca_local.store.hashes import ETAG_PART_SIZE, Digests, Hasher, etag_of_parts
from hca_local.store.writing import sync_folder, write_all

MAX_PARTS = 10_000
#: Smallest part but the last, in bytes, as on S3.
MIN_PART_SIZE = 5 * 1024 * 1024
#: Seconds for which a completed upload is remembered, so that a repeated request to complete it is told so again.
REMEMBERED = 24 * 3600.0
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Upload:
    """An upload under way; ``finished`` is the time it was completed at, for one that is remembered."""

    id: str
    bucket: str
    key: str
    content_type: str
    started: float
    extra: dict[str, Any]
    completing: dict[str, Any] | None
    finished: float | None

    @classmethod
    def of(cls, row: sqlite3.Row) -> Upload:
        completing = json.loads(row["completing"]) if row["completing"] else None
        return cls(
            row["id"],
            row["bucket"],
            row["key"],
            row["content_type"],
            row["started"],
            json.loads(row["extra"]),
            completing,
            row["finished"],
        )


@dataclass(frozen=True)
class Part:
    """A part that is on disk; ``etag`` is its MD5, ``checksums`` those that came with it, in base64 by algorithm."""

    number: int
    file: str
    size: int
    etag: str
    modified: float
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """A part as the client names it when it completes the upload."""

    number: int
    etag: str
    checksums: Mapping[str, str] = field(default_factory=dict)


class PartWriter:
    """Takes the bytes of one part; what is not committed vanishes.

    :param checksums: names of those that it will be held against, besides the MD5
    """

    def __init__(self, uploads: Uploads, upload: Upload, number: int, checksums: Collection[str] = ()) -> None:
        self._uploads = uploads
        self._upload = upload
        self._number = number
        self._hasher = Hasher({"md5", *checksums})
        self._path = uploads.folder(upload.id) / f"{number:05d}-{uuid.uuid4().hex}"
        try:
            self._file: BinaryIO | None = self._path.open("xb", buffering=0)
        except FileNotFoundError:
            raise S3Error("NoSuchUpload", UploadId=upload.id) from None

    def write(self, data: bytes) -> None:
        self._hasher.update(data)
        assert self._file is not None
        write_all(self._file, data)

    def digests(self) -> Digests:
        return self._hasher.digests()

    def commit(self, checksums: Mapping[str, str] | None = None) -> Part:
        """Make it the part of its number.

        :param checksums: that were promised and hold, in base64 by algorithm
        :raises S3Error: the upload was completed or aborted meanwhile
        """
        assert self._file is not None
        os.fsync(self._file.fileno())
        self._file.close()
        sync_folder(self._path.parent)
        part = Part(
            self._number, self._path.name, self._hasher.size, self._hasher.digests().md5, time.time(), checksums or {}
        )
        store = self._uploads.store
        with store.write() as db:
            upload = self._uploads.get(self._upload.id, self._upload.bucket, self._upload.key)
            if upload.completing:
                raise S3Error("OperationAborted", UploadId=upload.id)
            old = db.execute(
                "SELECT file FROM s3_parts WHERE upload = ? AND number = ?", (upload.id, part.number)
            ).fetchone()
            db.execute(
                "INSERT OR REPLACE INTO s3_parts VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    upload.id,
                    part.number,
                    part.file,
                    part.size,
                    part.etag,
                    part.modified,
                    json.dumps(dict(part.checksums)),
                ),
            )
        self._file = None
        if old:
            (self._path.parent / old["file"]).unlink(missing_ok=True)
        return part

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)
            self._file = None


class Uploads:
    """The multipart uploads of the embedded endpoint. Thread-safe; what is acknowledged is durable."""

    def __init__(self, objects: ObjectStore) -> None:
        self.objects = objects
        self.store = objects.store
        self._root = self.store.data_dir / "multipart"
        self._root.mkdir(mode=0o700, exist_ok=True)
        self._completing: set[str] = set()
        self._lock = threading.Lock()

    def folder(self, upload_id: str) -> Path:
        """Where the parts of an upload lie."""
        return self._root / upload_id

    def create(self, bucket: str, key: str, content_type: str, extra: dict[str, Any]) -> str:
        """Begin an upload.

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
        """:raises S3Error: there is no such upload of that object (or it is finished, and those are not asked for)"""
        with self.store.read() as db:
            row = db.execute("SELECT * FROM s3_uploads WHERE id = ?", (upload_id,)).fetchone()
        if row is None or (row["bucket"], row["key"]) != (bucket, key) or (row["finished"] and not finished):
            raise S3Error("NoSuchUpload", UploadId=upload_id)
        return Upload.of(row)

    def under_way(
        self, bucket: str, prefix: str, key_marker: str, id_marker: str, limit: int
    ) -> tuple[list[Upload], bool]:
        """Uploads under way, by key, then by id; whether there are more."""
        with self.store.read() as db:
            rows = db.execute(
                "SELECT * FROM s3_uploads WHERE bucket = ? AND key >= ? AND key < ? AND finished IS NULL"
                " AND (key > ? OR (key = ? AND id > ?)) ORDER BY key, id LIMIT ?",
                (bucket, prefix, prefix + LAST, key_marker, key_marker, id_marker or LAST, limit + 1),
            ).fetchall()
        return [Upload.of(row) for row in rows[:limit]], len(rows) > limit

    def parts(self, upload_id: str, after: int = 0, limit: int = MAX_PARTS) -> list[Part]:
        """The parts of an upload by their number, those after ``after`` only."""
        with self.store.read() as db:
            rows = db.execute(
                "SELECT number, file, size, etag, modified, checksums FROM s3_parts WHERE upload = ? AND number > ?"
                " ORDER BY number LIMIT ?",
                (upload_id, after, limit),
            )
            return [Part(**{**dict(row), "checksums": json.loads(row["checksums"])}) for row in rows]

    def abort(self, upload: Upload) -> None:
        """Forget an upload and its parts.

        :raises S3Error: it is being completed
        """
        with self._exclusively(upload.id):
            with self.store.write() as db:
                db.execute("DELETE FROM s3_uploads WHERE id = ?", (upload.id,))
            shutil.rmtree(self.folder(upload.id), ignore_errors=True)

    def delete_bucket(self, bucket: str) -> None:
        """Remove a bucket, and the uploads that are under way in it: as on S3, only objects keep a bucket.

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
        promised: Mapping[str, str] | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> S3Object:
        """Make the object out of the parts, in order.

        :param wanted: the parts, ascending
        :param promised: checksums of the whole, in base64 by algorithm, as the client says them
        :param check: raises if the object may not be made, or replaced
        :raises S3Error: a part is missing, differs, or is too small, or a promise is broken
        """
        with self._exclusively(upload.id):
            upload = self.get(upload.id, upload.bucket, upload.key)
            parts = self._choose(upload, wanted)
            check()
            etag = etag_of_parts([bytes.fromhex(part.etag) for part in parts])
            digests = self._digest(upload, parts, etag)
            plan: dict[str, Any] = {"digests": asdict(digests), "etag": etag, "files": [part.file for part in parts]}
            plan["parts"] = [part.size for part in parts]
            plan["checksums"] = _object_checksum(upload, parts, digests, promised or {})
            with self.store.write() as db:
                db.execute("UPDATE s3_uploads SET completing = ? WHERE id = ?", (json.dumps(plan), upload.id))
            return self._finish(upload, plan, check)

    def recover(self) -> None:
        """After a kill: finish what was being completed, and sweep what belongs to no upload."""
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

    def _digest(self, upload: Upload, parts: list[Part], etag: str) -> Digests:
        """Read the parts once. The platform's etag is S3's own where the parts have the platform's size."""
        by_rule = all(part.size == ETAG_PART_SIZE for part in parts[:-1]) and parts[-1].size <= ETAG_PART_SIZE
        names = {"sha1", "sha256", "crc32c"} | (set() if by_rule else {"s3_etag"})
        if upload.extra.get("checksum") == ["crc32", "FULL_OBJECT"]:
            names.add("crc32")
        hasher = Hasher(names)
        for part in parts:
            with (self.folder(upload.id) / part.file).open("rb", buffering=0) as file:
                while chunk := file.read(_CHUNK):
                    hasher.update(chunk)
        digests = asdict(hasher.digests())
        if by_rule:
            digests["s3_etag"] = etag if len(parts) > 1 else parts[0].etag
        if len(parts) == 1:
            digests["md5"] = parts[0].etag
        return Digests(**digests)

    def _finish(self, upload: Upload, plan: dict[str, Any], check: Callable[[], None] = lambda: None) -> S3Object:
        """What follows once the plan is durable; it can be interrupted anywhere, and begun again."""
        digests = Digests(**plan["digests"])
        folder = self.folder(upload.id)
        if folder.exists():
            for path in folder.iterdir():
                # Those without a dash have their final names already.
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


def _object_checksum(
    upload: Upload, parts: list[Part], digests: Digests, promised: Mapping[str, str]
) -> dict[str, str]:
    """The whole's checksum as S3 keeps it, in headers: of the algorithm and kind that the upload began with.

    :raises S3Error: the client said another one
    """
    if "checksum" not in upload.extra:
        return {}
    algorithm, kind = upload.extra["checksum"]
    value: str | None = None
    if kind == "COMPOSITE":
        if all(algorithm in part.checksums for part in parts):
            value = composite(algorithm, [decoded(part.checksums[algorithm], SIZES[algorithm]) for part in parts])
    elif algorithm in ("crc32", "crc32c"):
        value = base64.b64encode(bytes.fromhex(digests.crc32 if algorithm == "crc32" else digests.crc32c)).decode()
    else:
        value = promised.get(algorithm)
    said = promised.get(algorithm)
    if said is not None and value is not None and said not in (value, value.partition("-")[0]):
        raise S3Error("BadDigest", f"The {algorithm.upper()} you specified did not match the calculated checksum.")
    return {} if value is None else {PREFIX + algorithm: value, PREFIX + "type": kind}
