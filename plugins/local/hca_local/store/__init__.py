"""Durable state of the embedded deployment: rows in SQLite, content in a content-addressed store on disk."""

from __future__ import annotations

from hca_local.store.blobs import Blob, BlobStore
from hca_local.store.database import Store, StoreError
from hca_local.store.hashes import Hasher
from hca_local.store.writing import BlobWriter

__all__ = ["Blob", "BlobStore", "BlobWriter", "Hasher", "Store", "StoreError"]
