"""Downloads to names in a directory, with or without a filestore behind them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hca_base.errors import RefusedError, UsageError
from hca_base.transfer._checksums import BY_STRENGTH, digest_file, normalize_checksums
from hca_base.transfer._model import Item, Present
from hca_base.transfer._store._disk import same_file
from hca_base.transfer._store._filestore import SHA256, FileStore
from hca_base.transfer._store._folder import SafeDirectoryTree
from hca_base.transfer._store._interface import held_bytes, partial_name, quarantine_rejected
from hca_base.transfer._store._names import NameChecker, hostile, name_fault, safe_name
from hca_base.transfer._store._partial import Partial
from hca_base.transfer._store._placing import link_or_copy, write_new
from hca_base.transfer._store._staging import StagingArea

NAMES = ("portable", "native")
LINKS = ("hard", "copy", "symlink")


def check_directory(path: Path) -> None:
    """Reject a directory that cannot be created, before the first file fails because of it.

    :raises UsageError: the path, or what is to hold it, is a file
    """
    for each in (path, *path.parents):
        # Not Path.exists(), which raises on unsearchable directories: the first file's error is clearer.
        if os.path.exists(each):
            if not os.path.isdir(each):
                raise UsageError(f"{each} is not a directory", hint="choose another directory")
            return


class DirectoryDestination:
    """Checked names below a root directory; symbolic links are never followed.

    :param root: the directory; created when needed
    :param filestore: keep each file once in this store and link the name to it. Without a filestore, files are only
        written under their names, and existing files are read to verify them
    :param link: hard (copies if links fail), copy or symlink; ignored without a filestore
    :param names: portable: refuse names that any system or disk does not support; native: only check for this system
    :param fsync: sync each file to disk before moving it into place
    """

    def __init__(
        self,
        root: Path | str,
        filestore: FileStore | Path | str | None = None,
        *,
        link: str = "hard",
        fsync: bool = False,
        names: str = "portable",
    ) -> None:
        if link not in LINKS:
            raise UsageError(f"link must be one of {', '.join(LINKS)}, not {link!r}")
        self.root = Path(root)
        self.disk: Path | None = self.root
        self.store = FileStore(filestore) if isinstance(filestore, (str, Path)) else filestore
        self.link = link
        self.fsync = fsync
        if names not in NAMES:
            raise UsageError(f"names must be one of {', '.join(NAMES)}, not {names!r}")
        self.names = names
        self._native = names == "native"
        if self.store:
            self.staging = self.store.staging
        else:
            own = self.root / ".hca" / "v2"
            self.staging = StagingArea(own / "partial", own / "quarantine")
        self._tree = SafeDirectoryTree(self.root)
        self._names = NameChecker(self._native)

    def __reduce__(self) -> Any:
        # Make paths absolute, because the workers of a cluster have other working directories.
        root = os.path.abspath(self.root)
        return _directory, (root, self.store, self.link, self.fsync, self.names)

    def begin(self) -> None:
        check_directory(self.root)
        if self.staging.begin():
            self._names = NameChecker(self._native)

    def check(self, item: Item, sha256: str | None) -> None:
        name = item.name
        fault = name_fault(name, native=self._native)
        if fault is None:
            fault = self._names.check(name, sha256)
        if fault:
            raise hostile(name, fault)

    def path(self, name: str) -> Path:
        """Return the path of the file ``name``, which may not exist.

        :raises HostileNameError: the name must not be used
        """
        return self.root / safe_name(name, self._native)

    def present(self, item: Item, sha256: str | None, dry: bool = False) -> Present | None:
        directory, _, leaf = item.name.rpartition("/")
        path = f"{self._tree.root}/{item.name}"
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
        with self._tree.open(directory) as handle:
            try:
                there = os.stat(handle.name(leaf), dir_fd=handle.fd, follow_symlinks=False)
                wanted = self._is_wanted(item, there, handle.name(leaf), handle.fd)
            except FileNotFoundError:
                return None
        if wanted is None:
            return None
        if not wanted:
            raise _other_content(item)
        if self.store and sha256 and stat.S_ISREG(there.st_mode):
            # The user has a valid copy that the store lacks: add it, so that other names can link to it.
            try:
                self.store.add_file(path)
            except FileNotFoundError:
                return None
        return Present("present", path)

    def _present_dry(self, item: Item, sha256: str | None, stored: os.stat_result | None, path: str) -> Present | None:
        try:
            there = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return Present("would-link", path) if stored is not None else None
        if stored is not None and same_file(stored, there):
            return Present("present", path)
        wanted = self._is_wanted(item, there, path, None, dry=True)
        if wanted is None:
            return None
        if wanted:
            return Present("present", path)
        raise _other_content(item)

    def _is_wanted(
        self, item: Item, there: os.stat_result, name: str, dir_fd: int | None, dry: bool = False
    ) -> bool | None:
        """Return True if the file at the name matches the item's strongest checksum, or its size if it has none.

        Return None for our own symbolic link to a file that the filestore has lost (``hca transfer gc`` cannot detect
        these): after the file is fetched again, the link is valid.
        """
        checksums = normalize_checksums(item.checksums)
        if stat.S_ISLNK(there.st_mode):
            sha256 = self._sha256_behind(os.readlink(name, dir_fd=dir_fd))
            if self.store is None or sha256 is None or checksums.get("sha256", sha256) != sha256:
                return False
            stored = self.store.find(sha256, item.size if "sha256" in checksums else None, dry=dry)
            if stored is None:
                return None
            if "sha256" in checksums:
                return True
            there, name, dir_fd = stored, self.store.path_of(sha256), None
        if not stat.S_ISREG(there.st_mode) or (item.size is not None and there.st_size != item.size):
            return False
        for strongest in BY_STRENGTH:
            if strongest in checksums:
                digests, _ = digest_file(name, (strongest,), dir_fd)
                return digests[strongest] == checksums[strongest]
        return item.size is not None

    def _sha256_behind(self, target: str) -> str | None:
        """Return the sha256 of the stored file that a symbolic link points to, if hca created the link."""
        sha256 = os.path.basename(target)
        if self.store is None or not SHA256.fullmatch(sha256):
            return None
        return sha256 if target == os.path.abspath(self.store.path_of(sha256)) else None

    def _link(
        self, item: Item, sha256: str, stored: os.stat_result, directory: str, leaf: str, path: str
    ) -> Present | None:
        """Link the name to the stored file; return None if that file was removed in the meantime."""
        assert self.store is not None
        try:
            with self._tree.open(directory) as handle:
                name = handle.name(leaf)
                try:
                    existing = os.stat(name, dir_fd=handle.fd, follow_symlinks=False)
                    if same_file(stored, existing):
                        return Present("present", path)
                    outcome = "present"
                except FileNotFoundError:
                    outcome = "linked"
                source = self.store.path_of(sha256)
                if self.link == "symlink":
                    self.store.references.note_link(sha256, path)
                link_or_copy(source, name, how=self.link, staging=self.staging, dir_fd=handle.fd, sha256=sha256)
                return Present(outcome, path)
        except FileNotFoundError:
            if self.store.find(sha256, item.size) is None:
                # Another process removed or quarantined it: fetch it again.
                return None
            raise
        except RefusedError:
            raise _other_content(item) from None

    def put_bytes(self, item: Item, sha256: str | None, data: bytes | bytearray | memoryview) -> str:
        if self.store is not None and sha256:
            return self._name_stored(item, sha256, self.store.put_bytes(sha256, data, self.fsync))
        return self._place(item, lambda name, fd: write_new(name, data, self.staging, fsync=self.fsync, dir_fd=fd))

    def partial(self, item: Item, sha256: str | None, journal: bool) -> Partial:
        identity = {"sha256": sha256, "size": item.size, "name": None if sha256 else item.name}
        return self.staging.partial(partial_name(item, sha256), identity, journal)

    def adopt(self, item: Item, sha256: str | None, partial: Partial) -> str:
        if self.store is not None and sha256:
            return self._name_stored(item, sha256, self.store.adopt(partial, sha256, self.fsync))
        return self._place(item, lambda name, fd: partial.finish(name, fsync=self.fsync, dir_fd=fd))

    def _name_stored(self, item: Item, sha256: str, source: str) -> str:
        directory, _, leaf = item.name.rpartition("/")
        try:
            with self._tree.open(directory) as handle:
                name = handle.name(leaf)
                if self.link == "symlink" and self.store is not None:
                    self.store.references.note_link(sha256, f"{self._tree.root}/{item.name}")
                link_or_copy(source, name, how=self.link, staging=self.staging, dir_fd=handle.fd, sha256=sha256)
        except RefusedError:
            raise _other_content(item) from None
        return f"{self._tree.root}/{item.name}"

    def _place(self, item: Item, make: Callable[[str, int | None], bool]) -> str:
        """Create the file at the item's name; ``make`` returns False if the name is taken."""
        directory, _, leaf = item.name.rpartition("/")
        with self._tree.open(directory) as handle:
            name = handle.name(leaf)
            if not make(name, handle.fd):
                existing = os.stat(name, dir_fd=handle.fd, follow_symlinks=False)
                if not self._is_wanted(item, existing, name, handle.fd):
                    raise _other_content(item)
        return f"{self._tree.root}/{item.name}"

    def quarantine(self, item: Item, data: bytes | bytearray | Partial) -> str:
        return quarantine_rejected(self.staging, item, data)

    def held_bytes(self) -> int:
        return held_bytes(self.root if self.store is None else self.store.root / ".hca")

    def end(self) -> None:
        self._tree.close()
        if self.staging.end() and self.store is None:
            for directory in (self.root / ".hca" / "v2", self.root / ".hca"):
                try:
                    directory.rmdir()
                except OSError:
                    break


def _directory(
    root: str, store: FileStore | None, link: str, fsync: bool, names: str = "portable"
) -> DirectoryDestination:
    return DirectoryDestination(root, store, link=link, fsync=fsync, names=names)


def _other_content(item: Item) -> RefusedError:
    return RefusedError(
        f"{ascii(item.name)[1:-1]} already exists with different content; it was not changed",
        hint="move it, or download to another directory",
    )
