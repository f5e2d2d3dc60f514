"""What the engine asks of a destination, and the destination that is a filestore alone."""

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
    """What the engine asks of a destination. All methods may be called from several threads."""

    #: Where free space is looked up; None where that has no meaning.
    disk: Path | None

    def begin(self) -> None:
        """A run starts (perhaps within another): remove what dead runs left that nobody can take up."""

    def check(self, item: Item, sha256: str | None) -> None:
        """Refuse an item before anything is asked of its source.

        :raises HostileNameError: its name must not be used
        """

    def present(self, item: Item, sha256: str | None, dry: bool = False) -> Present | None:
        """(outcome, path) when the file is there already, or could be linked; None when it must be fetched.

        :param dry: say it, and do nothing
        """

    def put_bytes(self, item: Item, sha256: str | None, data: bytes | bytearray | memoryview) -> str:
        """Make the file of verified bytes; its path."""

    def partial(self, item: Item, sha256: str | None, journal: bool) -> Partial:
        """A partial file for the item.

        :raises BlockingIOError: another process is at it
        """

    def adopt(self, item: Item, sha256: str | None, partial: Partial) -> str:
        """Give a verified partial its name or names; the path."""

    def quarantine(self, item: Item, data: bytes | bytearray | Partial) -> str:
        """Keep rejected bytes; the path, or an empty text when they were dropped."""

    def held_bytes(self) -> int:
        """Bytes of files that are there, finished or not."""

    def end(self) -> None:
        """A run ends: close what is open; with the outermost, remove empty directories of its own."""


class StoreDestination:
    """The filestore alone: items need a sha256, their names are not used."""

    def __init__(self, store: FileStore, fsync: bool = False) -> None:
        self.store = store
        self.fsync = fsync
        self.disk: Path | None = store.root
        #: Whether the files get no other name; a destination that names them uses this one within itself.
        self._alone = False

    def __reduce__(self) -> Any:
        return StoreDestination, (self.store, self.fsync)

    def begin(self) -> None:
        self._alone = True
        self.store.staging.begin()

    def _note(self) -> None:
        """Note, before the first file is stored, that files of this store have no other name."""
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
    """Bytes on the disk below a directory (a sparse file counts as far as it is filled)."""
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
    """Return a destination for the engine: a bare filestore is one too."""
    return StoreDestination(destination, fsync) if isinstance(destination, FileStore) else destination
