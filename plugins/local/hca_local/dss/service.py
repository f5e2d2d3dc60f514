"""What all handlers share: the store, the deployment's components, and reading stored data."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hca_local.dss.schema import REFERENCES, STEPS
from hca_local.dss.waits import Waits
from hca_local.search import SearchIndex
from hca_local.webhooks import Notifier

if TYPE_CHECKING:
    from hca_local.identity import Identity
    from hca_local.server import Context

EVENTS_BUCKET = "dss-events"
_REMEMBERED_MANIFESTS = 16
#: How URLs name a replica's store.
SCHEMES = {"aws": "s3", "gcp": "gs"}


@dataclass(frozen=True)
class StoredFile:
    """A file version. ``document`` is its metadata; ``sha256`` is the digest of its bytes."""

    uuid: str
    version: str
    document: dict[str, Any]
    sha256: str

    @property
    def size(self) -> int:
        return self.document["size"]

    @property
    def content_key(self) -> str:
        """The name of the content in the download bucket: the four checksums that it was uploaded with."""
        return "blobs/" + content_name(self.document)


def content_name(document: dict[str, Any]) -> str:
    return ".".join(document[name] for name in ("sha256", "sha1", "s3-etag", "crc32c"))


class Service:
    """The embedded DSS without HTTP. Thread-safe; every change is durable when the method returns."""

    def __init__(self, ctx: Context) -> None:
        self.settings = ctx.settings
        self.store = ctx.store
        self.objects = ctx.objects
        self.staging = ctx.staging
        self.background = ctx.background
        self.identity: Identity = ctx.identity
        self.run: Callable[..., Any] = ctx.run
        self.store.migrate("dss", STEPS)
        self.store.add_references("dss", REFERENCES)
        for bucket in (EVENTS_BUCKET, *map(self.checkout_bucket, SCHEMES)):
            if not self.objects.bucket_exists(bucket):
                self.objects.create_bucket(bucket)
        self.index = SearchIndex(ctx.store)
        with self.store.write() as db:
            self.index.complete(db)
        self.notifier = Notifier(ctx.store, ctx)
        self.waits = Waits(ctx.settings.simulate_waits)
        self._lock = threading.Lock()
        self._manifests: dict[tuple[str, str, str], dict[str, Any]] = {}

    @property
    def read_only(self) -> bool:
        """Read-only mode: set by the original's environment variable, or by a setting that is stored with the data."""
        return bool(os.environ.get("DSS_READ_ONLY_MODE")) or bool(self.store.get_setting("dss.read_only", False))

    @property
    def auth_url(self) -> str:
        return f"{self.settings.api_url}/auth"

    @property
    def copies_take_time(self) -> bool:
        """Whether large files are copied asynchronously: with simulated waits, or if the source is remote."""
        return self.waits.active or self.settings.s3_endpoint is not None

    def checkout_bucket(self, replica: str) -> str:
        """The bucket that a replica's downloads come from; two replicas may hold different content under one name."""
        bucket: str = self.settings.checkout_bucket
        return bucket if replica == "aws" else f"{bucket}-{replica}"

    def file(self, replica: str, uuid: str, version: str | None = None) -> StoredFile | None:
        """A file version, or the latest; None if it does not exist."""
        with self.store.read() as db:
            return read_file(db, replica, uuid, version)

    def manifest(self, replica: str, uuid: str, version: str | None = None) -> dict[str, Any] | None:
        """The manifest of an existing bundle version, or of the latest; None if there is none. Do not modify it."""
        where, arguments = "replica = ? AND uuid = ?", [replica, uuid]
        if version is not None:
            where, arguments = f"{where} AND version = ?", [*arguments, version]
        with self.store.read() as db:
            row = db.execute(
                f"SELECT version FROM dss_living_bundles WHERE {where} ORDER BY version DESC LIMIT 1", arguments
            ).fetchone()
            if row is None:
                return None
            # Versions are immutable: only their existence is checked each time, the content is cached.
            name = (replica, uuid, row["version"])
            known = self._manifests.get(name)
            if known is None:
                (text,) = db.execute(
                    "SELECT manifest FROM dss_bundles WHERE replica = ? AND uuid = ? AND version = ?", name
                ).fetchone()
                known = json.loads(text)
                with self._lock:
                    self._manifests[name] = known
                    while len(self._manifests) > _REMEMBERED_MANIFESTS:
                        del self._manifests[next(iter(self._manifests))]
        return known

    def check_out(self, replica: str, file: StoredFile) -> None:
        """Copy a file's content to the download bucket, if it is not there."""
        bucket = self.checkout_bucket(replica)
        if self.objects.head(bucket, file.content_key) is None:
            self.place(bucket, file.content_key, file)

    def place(self, bucket: str, key: str, file: StoredFile) -> None:
        """Create an object of the embedded S3 from a stored file, without copying bytes."""
        blob = self.store.blobs.require(file.sha256)
        document = file.document
        tags = {f"hca-dss-{name}": document[name.replace("_", "-")] for name in ("sha1", "sha256", "crc32c", "s3_etag")}
        self.objects.put(bucket, key, blob, content_type=document["content-type"], tags=tags, etag=document["s3-etag"])


def read_file(db: sqlite3.Connection, replica: str, uuid: str, version: str | None = None) -> StoredFile | None:
    """A file version, or the latest, in the caller's transaction."""
    where, arguments = "replica = ? AND uuid = ?", [replica, uuid]
    if version is not None:
        where, arguments = f"{where} AND version = ?", [*arguments, version]
    row = db.execute(
        f"SELECT uuid, version, document, sha256 FROM dss_files WHERE {where} ORDER BY version DESC LIMIT 1", arguments
    ).fetchone()
    if row is None:
        return None
    return StoredFile(row["uuid"], row["version"], json.loads(row["document"]), row["sha256"])


def dump(document: Any) -> str:
    """Canonical JSON, as it is stored and compared."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(", ", ": "))
