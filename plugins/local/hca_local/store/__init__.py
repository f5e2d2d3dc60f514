"""Durable state of the embedded deployment: rows in SQLite, content in a content-addressed store on disk."""

from __future__ import annotations

from hca_local.store.blob import Blob, DamagedBlobError
from hca_local.store.blobs import BlobStore
from hca_local.store.database import StoreError
from hca_local.store.failures import StorageFailure, is_disk_full, storage_failure
from hca_local.store.hashes import Hasher
from hca_local.store.store import Store
from hca_local.store.writing import BlobWriter

__all__ = [
    "Blob",
    "BlobStore",
    "BlobWriter",
    "DamagedBlobError",
    "Hasher",
    "StorageFailure",
    "Store",
    "StoreError",
    "is_disk_full",
    "storage_failure",
]
