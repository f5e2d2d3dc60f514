"""The interface of destinations, and the destination that is only a filestore."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

from hca_base.transfer._checksums import normalize_checksums
from hca_base.transfer._model import Item, Present
from hca_base.transfer._store._filestore import FileStore
from hca_base.transfer._store._partial import Partial
from hca_base.transfer._store._staging import StagingArea


class Destination(Protocol):
    """The interface between the engine and a destination. All methods are thread-safe."""

    #: Path whose disk's free space is checked; None if not applicable.
    disk: Path | None

    def begin(self) -> None:
        """Start a run (possibly nested): remove leftovers of dead runs that cannot be resumed."""

    def check(self, item: Item, sha256: str | None) -> None:
        """Check an item before its source is contacted.

        :raises HostileNameError: its name must not be used
        """

    def present(self, item: Item, sha256: str | None, dry: bool = False) -> Present | None:
        """Return (outcome, path) if the file exists or can be linked; None if it must be fetched.

        :param dry: change nothing on disk
        """

    def put_bytes(self, item: Item, sha256: str | None, data: bytes | bytearray | memoryview) -> str:
        """Create the file from verified bytes; return its path."""

    def partial(self, item: Item, sha256: str | None, journal: bool) -> Partial:
        """Return the item's partial file.

        :raises BlockingIOError: another process has locked it
        """

    def adopt(self, item: Item, sha256: str | None, partial: Partial) -> str:
        """Move a verified partial file into place; return its path."""

    def quarantine(self, item: Item, data: bytes | bytearray | Partial) -> str:
        """Keep rejected bytes; return their path, or an empty string if they were discarded."""

    def held_bytes(self) -> int:
        """Return the bytes of existing files, finished or not."""

    def end(self) -> None:
        """End a run: close open resources; the outermost run also removes its empty directories."""


class StoreDestination:
    """Only the filestore: items need a sha256, and their names are not used."""

    def __init__(self, store: FileStore, fsync: bool = False) -> None:
        self.store = store
        self.fsync = fsync
        self.disk: Path | None = store.root
        #: True if files get no other name; False inside a destination that gives them names.
        self._alone = False

    def __reduce__(self) -> Any:
        return StoreDestination, (self.store, self.fsync)

    def begin(self) -> None:
        self._alone = True
        self.store.staging.begin()

    def _note(self) -> None:
        """Record, before the first file is stored, that files of this store have no other name."""
        if self._alone:
            self.store.references.note_alone()

    def check(self, item: Item, sha256: str | None) -> None:
        return None

    def present(self, item: Item, sha256: str | None, dry: bool = False) -> Present | None:
        if sha256 is not None and self.store.find(sha256, item.size, dry=dry) is not None:
            if not dry:
                self._note()
            return Present("present", self.store.path_of(sha256))
        return None

    def put_bytes(self, item: Item, sha256: str | None, data: bytes | bytearray | memoryview) -> str:
        assert sha256 is not None
        self._note()
        return self.store.put_bytes(sha256, data, self.fsync)

    def partial(self, item: Item, sha256: str | None, journal: bool) -> Partial:
        identity = {"sha256": sha256, "size": item.size}
        return self.store.staging.partial(partial_name(item, sha256), identity, journal)

    def adopt(self, item: Item, sha256: str | None, partial: Partial) -> str:
        assert sha256 is not None
        self._note()
        return self.store.adopt(partial, sha256, self.fsync)

    def quarantine(self, item: Item, data: bytes | bytearray | Partial) -> str:
        return quarantine_rejected(self.store.staging, item, data)

    def held_bytes(self) -> int:
        return held_bytes(self.store.root / ".hca")

    def end(self) -> None:
        self.store.staging.end()


def held_bytes(root: Path) -> int:
    """Return the bytes on disk below a directory (only the filled part of sparse files)."""
    total = 0
    for directory, _, names in os.walk(root):
        for name in names:
            try:
                status = os.lstat(os.path.join(directory, name))
            except OSError:
                continue
            total += min(status.st_size, getattr(status, "st_blocks", 1 << 50) * 512)
    return total


def partial_name(item: Item, sha256: str | None) -> str:
    """Return the name of an item's partial file."""
    if sha256:
        return sha256
    import hashlib

    identity = repr((item.name, item.size, sorted(item.checksums.items()))).encode("utf-8", "backslashreplace")
    return "name-" + hashlib.sha256(identity).hexdigest()[:40]


def quarantine_rejected(staging: StagingArea, item: Item, data: bytes | bytearray | Partial) -> str:
    label = normalize_checksums(item.checksums).get("sha256") or "unknown"
    try:
        if isinstance(data, Partial):
            return staging.quarantine_partial(data, label)
        return staging.quarantine_bytes(data, label)
    except OSError:
        return ""


def destination_of(destination: Destination | FileStore, fsync: bool = False) -> Destination:
    """Return a destination for the engine, wrapping a bare filestore."""
    return StoreDestination(destination, fsync) if isinstance(destination, FileStore) else destination
