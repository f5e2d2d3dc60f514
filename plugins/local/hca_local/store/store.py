"""The store of a data directory: its rows, its blobs, and their maintenance."""

from __future__ import annotations

import logging
from pathlib import Path

from hca_local.store import sweeping, verifying
from hca_local.store.blobs import BlobStore
from hca_local.store.database import Database

logger = logging.getLogger("hca_local.store")

_CLEAN = "store.closed_cleanly"


class Store(Database):
    """One data directory. Thread-safe; every method is synchronous.

    :param data_dir: created, readable by its owner only, if it does not exist
    :raises StoreError: it cannot be created or read, or a later version of hca-local wrote it
    """

    def __init__(self, data_dir: Path | str) -> None:
        super().__init__(data_dir)
        self.blobs = BlobStore(self)

    def recover(self) -> None:
        """Remove unreferenced leftovers of a crash, and check what was being written. Only for the one process
        that owns the directory."""
        sweeping.collect_garbage(self, self.blobs, grace=0)
        sweeping.sweep_files(self, self.blobs)
        if not self.get_setting(_CLEAN, True):
            for damage in verifying.check_recent(self, self.blobs):
                logger.error("the stored content %s is damaged: %s", damage.sha256, damage.problem)
        self.set_setting(_CLEAN, False)

    def mark_clean(self) -> None:
        """Record a normal shutdown, so that the next start need not check what was written."""
        self.set_setting(_CLEAN, True)

    def collect_garbage(self, grace: float = sweeping.GRACE) -> int:
        """Remove the blobs that no component references (see :meth:`add_references`).

        :param grace: keep blobs put within so many seconds: their rows may not be written yet
        :return: the number of blobs removed
        """
        return sweeping.collect_garbage(self, self.blobs, grace)
