"""Buckets and objects: served by the S3 endpoint, and used by the other services without HTTP."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from hca_local.s3.errors import S3Error
from hca_local.store import Blob, Store

SCHEMA = [
    """
    CREATE TABLE s3_buckets (name TEXT PRIMARY KEY, created REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE s3_objects (
        bucket TEXT NOT NULL, key TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
        content_type TEXT NOT NULL, modified REAL NOT NULL, extra TEXT NOT NULL,
        PRIMARY KEY (bucket, key)) WITHOUT ROWID;
    CREATE TABLE s3_uploads (
        id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, content_type TEXT NOT NULL,
        started REAL NOT NULL, extra TEXT NOT NULL, completing TEXT, finished REAL) WITHOUT ROWID;
    CREATE INDEX s3_uploads_by_key ON s3_uploads (bucket, key, id);
    CREATE TABLE s3_parts (
        upload TEXT NOT NULL REFERENCES s3_uploads (id) ON DELETE CASCADE, number INTEGER NOT NULL,
        file TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL, modified REAL NOT NULL,
        PRIMARY KEY (upload, number)) WITHOUT ROWID;
    CREATE TABLE s3_credentials (
        access_key TEXT PRIMARY KEY, secret TEXT NOT NULL, token TEXT NOT NULL, bucket TEXT NOT NULL,
        prefix TEXT NOT NULL, actions TEXT NOT NULL, expires REAL NOT NULL) WITHOUT ROWID;
    """,
    "ALTER TABLE s3_parts ADD COLUMN checksums TEXT NOT NULL DEFAULT '{}'",
]

#: Sorts after every key that starts with the text before it, in UTF-8 order.
LAST = "\U0010ffff"

_BUCKET = re.compile(r"(?!xn--)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9](?:[a-z0-9-]|\.(?=[a-z0-9])){1,61}[a-z0-9]")


@dataclass(frozen=True)
class S3Object:
    """One object; ``headers`` are returned by GET as they were put, ``parts`` are a multipart object's part sizes."""

    bucket: str
    key: str
    sha256: str
    size: int
    etag: str
    content_type: str
    modified: float
    metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    parts: tuple[int, ...] = ()

    @classmethod
    def of(cls, row: sqlite3.Row) -> S3Object:
        extra = json.loads(row["extra"])
        return cls(
            row["bucket"],
            row["key"],
            row["sha256"],
            row["size"],
            row["etag"],
            row["content_type"],
            row["modified"],
            extra.get("metadata", {}),
            extra.get("tags", {}),
            extra.get("headers", {}),
            tuple(extra.get("parts", ())),
        )

    def extra(self) -> str:
        """The JSON document with the fields that have no column of their own."""
        members: dict[str, Any] = {"metadata": self.metadata, "tags": self.tags, "headers": self.headers}
        members["parts"] = list(self.parts)
        return json.dumps({name: value for name, value in members.items() if value})


#: Objects and common prefixes of one page of a list.
Listed = list[S3Object | str]


def is_bucket_name(name: str) -> bool:
    """Whether a bucket name is valid."""
    return _BUCKET.fullmatch(name) is not None


class ObjectStore:
    """The embedded endpoint's buckets and objects. Thread-safe; every change is durable when the method returns."""

    def __init__(self, store: Store, presigner: Callable[..., str] | None = None) -> None:
        self.store = store
        self._presigner = presigner
        store.migrate("s3", SCHEMA)
        store.add_references("s3", "SELECT sha256 FROM s3_objects")

    # Buckets

    def create_bucket(self, bucket: str) -> bool:
        """Create a bucket.

        :return: False if it exists already
        :raises S3Error: the name is not valid
        """
        if not is_bucket_name(bucket):
            raise S3Error("InvalidBucketName", BucketName=bucket)
        with self.store.write() as db:
            return bool(db.execute("INSERT OR IGNORE INTO s3_buckets VALUES (?, ?)", (bucket, time.time())).rowcount)

    def bucket_exists(self, bucket: str) -> bool:
        with self.store.read() as db:
            return bool(db.execute("SELECT 1 FROM s3_buckets WHERE name = ?", (bucket,)).fetchone())

    def require_bucket(self, bucket: str) -> None:
        """:raises S3Error: the bucket does not exist"""
        if not self.bucket_exists(bucket):
            raise S3Error("NoSuchBucket", BucketName=bucket)

    def buckets(self) -> list[tuple[str, float]]:
        """(name, creation time) of all buckets."""
        with self.store.read() as db:
            return [(row["name"], row["created"]) for row in db.execute("SELECT * FROM s3_buckets ORDER BY name")]

    def delete_bucket(self, bucket: str) -> None:
        """:raises S3Error: it does not exist, or is not empty"""
        with self.store.write() as db:
            self.require_bucket(bucket)
            if db.execute("SELECT 1 FROM s3_objects WHERE bucket = ?", (bucket,)).fetchone():
                raise S3Error("BucketNotEmpty", BucketName=bucket)
            db.execute("DELETE FROM s3_buckets WHERE name = ?", (bucket,))

    # Objects

    def head(self, bucket: str, key: str) -> S3Object | None:
        """An object without its bytes, or None."""
        with self.store.read() as db:
            row = db.execute("SELECT * FROM s3_objects WHERE bucket = ? AND key = ?", (bucket, key)).fetchone()
        return S3Object.of(row) if row else None

    def require(self, bucket: str, key: str) -> S3Object:
        """:raises S3Error: the object or the bucket does not exist"""
        found = self.head(bucket, key)
        if found is None:
            self.require_bucket(bucket)
            raise S3Error("NoSuchKey", Key=key)
        return found

    def open(self, bucket: str, key: str) -> BinaryIO:
        """A seekable stream of an object's bytes.

        :raises S3Error: the object or the bucket does not exist
        """
        return self.store.blobs.open(self.require(bucket, key).sha256)

    def put(
        self,
        bucket: str,
        key: str,
        blob: Blob,
        *,
        content_type: str = "binary/octet-stream",
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        etag: str = "",
        parts: tuple[int, ...] = (),
    ) -> S3Object:
        """Create or replace an object from a blob in the store.

        :param etag: if it is not the MD5 of the whole object
        :raises S3Error: the bucket does not exist
        """
        made = S3Object(
            bucket,
            key,
            blob.sha256,
            blob.size,
            etag or blob.md5 or blob.s3_etag,
            content_type,
            time.time(),
            dict(metadata or {}),
            dict(tags or {}),
            dict(headers or {}),
            parts,
        )
        with self.store.write() as db:
            self.require_bucket(bucket)
            db.execute(
                "INSERT OR REPLACE INTO s3_objects VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (bucket, key, made.sha256, made.size, made.etag, content_type, made.modified, made.extra()),
            )
        return made

    def set_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        """Replace an object's tags.

        :raises S3Error: the object does not exist
        """
        with self.store.write() as db:
            found = self.require(bucket, key)
            found.tags.clear()
            found.tags.update(tags)
            db.execute("UPDATE s3_objects SET extra = ? WHERE bucket = ? AND key = ?", (found.extra(), bucket, key))

    def delete(self, bucket: str, key: str) -> bool:
        """Delete an object.

        :return: False if it did not exist
        """
        with self.store.write() as db:
            return bool(db.execute("DELETE FROM s3_objects WHERE bucket = ? AND key = ?", (bucket, key)).rowcount)

    def presign_get(
        self,
        bucket: str,
        key: str,
        expires: int = 3600,
        *,
        content_disposition: str | None = None,
        content_type: str | None = None,
    ) -> str:
        """A presigned URL to GET the object, valid for so many seconds.

        :param content_disposition: overrides the object's own header in the response, like ``content_type``
        """
        if self._presigner is None:
            raise RuntimeError("no endpoint serves these objects")
        overrides = {
            "response-content-disposition": content_disposition,
            "response-content-type": content_type,
        }
        return self._presigner(bucket, key, expires, {name: value for name, value in overrides.items() if value})

    def list(self, bucket: str, prefix: str = "", after: str = "", limit: int = 1000) -> list[S3Object]:
        """Objects in the UTF-8 order of their keys, only those after ``after``."""
        with self.store.read() as db:
            rows = db.execute(
                "SELECT * FROM s3_objects WHERE bucket = ? AND key > ? AND key >= ? AND key < ? ORDER BY key LIMIT ?",
                (bucket, after, prefix, prefix + LAST, limit),
            )
            return [S3Object.of(row) for row in rows]

    def list_level(self, bucket: str, prefix: str, delimiter: str, after: str, limit: int) -> tuple[Listed, bool]:
        """A list as S3 returns it: objects, and common prefixes for keys with the delimiter after the prefix.

        :return: the first ``limit`` after ``after`` (a key or a common prefix), and whether there are more
        """
        found: Listed = []
        if delimiter and after.startswith(prefix) and delimiter in after[len(prefix) :]:
            # The last page ended with a common prefix, or the caller starts inside one: S3 continues after whole ones.
            end = after.index(delimiter, len(prefix)) + len(delimiter)
            if end == len(after):
                after += LAST
        while True:
            page = self.list(bucket, prefix, after, min(1000, limit + 1))
            if not page:
                return found, False
            for item in page:
                if item.key <= after:
                    continue
                if len(found) == limit:
                    return found, True
                position = item.key.find(delimiter, len(prefix)) if delimiter else -1
                if position < 0:
                    found.append(item)
                    after = item.key
                else:
                    common = item.key[: position + len(delimiter)]
                    found.append(common)
                    after = common + LAST
                    break
