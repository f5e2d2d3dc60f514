"""Where downloaded files go: the filestore, names in a directory, or both."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Protocol

from hca_base.errors import RefusedError, UsageError
from hca_base.transfer._checksums import STRENGTH, digest_file, normal
from hca_base.transfer._model import Item
from hca_base.transfer._store._disk import link_or_copy, same_file, write_new
from hca_base.transfer._store._filestore import SHA256, FileStore
from hca_base.transfer._store._folder import Folder
from hca_base.transfer._store._names import NameChecker, hostile, name_fault, safe_name
from hca_base.transfer._store._partial import Partial
from hca_base.transfer._store._staging import Workshop

LINKS = ("hard", "copy", "symlink")


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

    def present(self, item: Item, sha256: str | None, dry: bool = False) -> tuple[str, str] | None:
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

    def __reduce__(self) -> Any:
        return StoreDestination, (self.store, self.fsync)

    def begin(self) -> None:
        self.store.workshop.begin()

    def check(self, item: Item, sha256: str | None) -> None:
        return None

    def present(self, item: Item, sha256: str | None, dry: bool = False) -> tuple[str, str] | None:
        if sha256 is not None and self.store.find(sha256, item.size, dry=dry) is not None:
            return "present", self.store._path(sha256)
        return None

    def put_bytes(self, item: Item, sha256: str | None, data: bytes | bytearray | memoryview) -> str:
        assert sha256 is not None
        return self.store.put_bytes(sha256, data, self.fsync)

    def partial(self, item: Item, sha256: str | None, journal: bool) -> Partial:
        identity = {"sha256": sha256, "size": item.size}
        return self.store.workshop.partial(_partial_name(item, sha256), identity, journal)

    def adopt(self, item: Item, sha256: str | None, partial: Partial) -> str:
        assert sha256 is not None
        return self.store.adopt(partial, sha256, self.fsync)

    def quarantine(self, item: Item, data: bytes | bytearray | Partial) -> str:
        return _quarantine(self.store.workshop, item, data)

    def held_bytes(self) -> int:
        return _held(self.store.root / ".hca")

    def end(self) -> None:
        self.store.workshop.end()


class DirectoryDestination:
    """Names below a root directory, checked, and never through a symbolic link.

    :param root: the directory; it is made when needed
    :param filestore: keep each file once in this store and link the name to it. Without one, files are written
        under their names alone, and one that is there already is read to see whether it is the right one
    :param link: hard (copies where links fail), copy or symlink; without a filestore it has no meaning
    :param fsync: force each file to the disk before it gets its name
    """

    def __init__(
        self,
        root: Path | str,
        filestore: FileStore | Path | str | None = None,
        *,
        link: str = "hard",
        fsync: bool = False,
    ) -> None:
        if link not in LINKS:
            raise UsageError(f"link must be one of {', '.join(LINKS)}, not {link!r}")
        self.root = Path(root)
        self.disk: Path | None = self.root
        self.store = FileStore(filestore) if isinstance(filestore, (str, Path)) else filestore
        self.link = link
        self.fsync = fsync
        self._inner = StoreDestination(self.store, fsync) if self.store else None
        if self.store:
            self.workshop = self.store.workshop
        else:
            own = self.root / ".hca" / "v2"
            self.workshop = Workshop(own / "partial", own / "quarantine")
        self._folder = Folder(self.root)
        self._names = NameChecker()

    def __reduce__(self) -> Any:
        # Paths are made absolute: a worker of a cluster has another working directory.
        root = os.path.abspath(self.root)
        return _directory, (root, self.store, self.link, self.fsync)

    def begin(self) -> None:
        if self.workshop.begin():
            self._names = NameChecker()

    def check(self, item: Item, sha256: str | None) -> None:
        name = item.name
        fault = name_fault(name)
        if fault is None:
            fault = self._names.check(name, sha256)
        if fault:
            raise hostile(name, fault)

    def path(self, name: str) -> Path:
        """Where the file called ``name`` is, or would be.

        :raises HostileNameError: the name must not be used
        """
        return self.root / safe_name(name)

    def present(self, item: Item, sha256: str | None, dry: bool = False) -> tuple[str, str] | None:
        directory, _, leaf = item.name.rpartition("/")
        path = f"{self._folder.root}/{item.name}"
        stored = self.store.find(sha256, item.size, dry=dry) if self.store and sha256 else None
        if dry:
            return self._present_dry(item, sha256, stored, path)
        if stored is not None and sha256 is not None:
            linked = self._link(item, sha256, stored, directory, leaf, path)
            if linked is not None:
                return linked
        try:
            there = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        place = self._folder.enter(directory)
        try:
            there = os.stat(place.name(leaf), dir_fd=place.fd, follow_symlinks=False)
            wanted = self._is_wanted(item, there, place.name(leaf), place.fd)
            if wanted is None:
                return None
            if wanted:
                if self.store and sha256 and stat.S_ISREG(there.st_mode):
                    # The user keeps a right copy here, and the store has none: the next name is served from the store.
                    self.store.add_file(path)
                return "present", path
        except FileNotFoundError:
            return None
        finally:
            self._folder.leave(place)
        raise _other_content(item)

    def _present_dry(
        self, item: Item, sha256: str | None, stored: os.stat_result | None, path: str
    ) -> tuple[str, str] | None:
        try:
            there = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return ("would-link", path) if stored is not None else None
        if stored is not None and same_file(stored, there):
            return "present", path
        wanted = self._is_wanted(item, there, path, None, dry=True)
        if wanted is None:
            return None
        if wanted:
            return "present", path
        raise _other_content(item)

    def _is_wanted(
        self, item: Item, there: os.stat_result, name: str, dir_fd: int | None, dry: bool = False
    ) -> bool | None:
        """True when the file at the name is what the item promises: by the strongest checksum, else by size.

        None when it is a symbolic link of ours to a file that the filestore has lost (``hca transfer gc`` sees no such
        links): to be fetched again, and the link is right then.
        """
        checksums = normal(item.checksums)
        if stat.S_ISLNK(there.st_mode):
            sha256 = self._sha256_behind(os.readlink(name, dir_fd=dir_fd))
            if self.store is None or sha256 is None or checksums.get("sha256", sha256) != sha256:
                return False
            stored = self.store.find(sha256, item.size if "sha256" in checksums else None, dry=dry)
            if stored is None:
                return None
            if "sha256" in checksums:
                return True
            there, name, dir_fd = stored, self.store._path(sha256), None
        if not stat.S_ISREG(there.st_mode) or (item.size is not None and there.st_size != item.size):
            return False
        for strongest in STRENGTH:
            if strongest in checksums:
                digests, _ = digest_file(name, (strongest,), dir_fd)
                return digests[strongest] == checksums[strongest]
        return item.size is not None

    def _sha256_behind(self, target: str) -> str | None:
        """The sha256 of the stored file that a symbolic link leads to, when it is one that we made."""
        sha256 = os.path.basename(target)
        if self.store is None or not SHA256.fullmatch(sha256):
            return None
        return sha256 if target == os.path.abspath(self.store._path(sha256)) else None

    def _link(
        self, item: Item, sha256: str, stored: os.stat_result, directory: str, leaf: str, path: str
    ) -> tuple[str, str] | None:
        """Link the name to the stored file; None when that is gone since it was looked at."""
        assert self.store is not None
        place = self._folder.enter(directory)
        try:
            name = place.name(leaf)
            try:
                there = os.stat(name, dir_fd=place.fd, follow_symlinks=False)
                if same_file(stored, there):
                    return "present", path
                outcome = "present"
            except FileNotFoundError:
                outcome = "linked"
            source = self.store._path(sha256)
            link_or_copy(source, name, how=self.link, workshop=self.workshop, dir_fd=place.fd, sha256=sha256)
            return outcome, path
        except FileNotFoundError:
            if self.store.find(sha256, item.size) is None:
                # Collected by another process, or quarantined: to be fetched.
                return None
            raise
        except RefusedError:
            raise _other_content(item) from None
        finally:
            self._folder.leave(place)

    def put_bytes(self, item: Item, sha256: str | None, data: bytes | bytearray | memoryview) -> str:
        if self._inner is not None and self.store is not None and sha256:
            return self._name_stored(item, sha256, self._inner.put_bytes(item, sha256, data))
        return self._place(item, lambda name, fd: write_new(name, data, self.workshop, fsync=self.fsync, dir_fd=fd))

    def partial(self, item: Item, sha256: str | None, journal: bool) -> Partial:
        identity = {"sha256": sha256, "size": item.size, "name": None if sha256 else item.name}
        return self.workshop.partial(_partial_name(item, sha256), identity, journal)

    def adopt(self, item: Item, sha256: str | None, partial: Partial) -> str:
        if self._inner is not None and self.store is not None and sha256:
            return self._name_stored(item, sha256, self._inner.adopt(item, sha256, partial))
        return self._place(item, lambda name, fd: partial.finish(name, fsync=self.fsync, dir_fd=fd))

    def _name_stored(self, item: Item, sha256: str, source: str) -> str:
        directory, _, leaf = item.name.rpartition("/")
        place = self._folder.enter(directory)
        try:
            name = place.name(leaf)
            link_or_copy(source, name, how=self.link, workshop=self.workshop, dir_fd=place.fd, sha256=sha256)
        except RefusedError:
            raise _other_content(item) from None
        finally:
            self._folder.leave(place)
        return f"{self._folder.root}/{item.name}"

    def _place(self, item: Item, make: object) -> str:
        directory, _, leaf = item.name.rpartition("/")
        place = self._folder.enter(directory)
        try:
            assert callable(make)
            if not make(place.name(leaf), place.fd):
                there = os.stat(place.name(leaf), dir_fd=place.fd, follow_symlinks=False)
                if not self._is_wanted(item, there, place.name(leaf), place.fd):
                    raise _other_content(item)
        finally:
            self._folder.leave(place)
        return f"{self._folder.root}/{item.name}"

    def quarantine(self, item: Item, data: bytes | bytearray | Partial) -> str:
        return _quarantine(self.workshop, item, data)

    def held_bytes(self) -> int:
        return _held(self.root if self.store is None else self.store.root / ".hca")

    def end(self) -> None:
        self._folder.close()
        if self.workshop.end() and self.store is None:
            for directory in (self.root / ".hca" / "v2", self.root / ".hca"):
                try:
                    directory.rmdir()
                except OSError:
                    break


def _directory(root: str, store: FileStore | None, link: str, fsync: bool) -> DirectoryDestination:
    return DirectoryDestination(root, store, link=link, fsync=fsync)


def _held(root: Path) -> int:
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


def _other_content(item: Item) -> RefusedError:
    return RefusedError(
        f"{ascii(item.name)[1:-1]} is there already, with other content; it was left as it is",
        hint="Move it away, or download to another directory.",
    )


def _partial_name(item: Item, sha256: str | None) -> str:
    if sha256:
        return sha256
    import hashlib

    told = repr((item.name, item.size, sorted(item.checksums.items()))).encode("utf-8", "backslashreplace")
    return "name-" + hashlib.sha256(told).hexdigest()[:40]


def _quarantine(workshop: Workshop, item: Item, data: bytes | bytearray | Partial) -> str:
    label = normal(item.checksums).get("sha256") or "unknown"
    try:
        if isinstance(data, Partial):
            return data.quarantine(label)
        return workshop.quarantine_bytes(data, label)
    except OSError:
        return ""


def destination_of(destination: Destination | FileStore, fsync: bool = False) -> Destination:
    """A destination as the engine wants it: a bare filestore is one too."""
    return StoreDestination(destination, fsync) if isinstance(destination, FileStore) else destination
