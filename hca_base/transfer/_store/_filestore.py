"""The content-addressed store of downloaded files.

Layout (shared with hca 7): ``ROOT/.hca/v2/files_2_4/ab/cdef/<sha256>`` for the file whose sha256
starts with ``abcdef``. Files are only stored after verification, so a name, a size and the mark in the modification
time (see ``_mark.py``) prove the content, and a later run needs one ``stat``. A file without the mark may have been
modified through one of its hard links: it is read before it is trusted, and quarantined if it differs.
``ROOT/.hca/v2/partial`` holds unfinished files with their journals and locks, and ``ROOT/.hca/v2/quarantine`` holds
bytes that did not match the expected checksum.

**Durability.** Files appear by an atomic link or rename, so a crash of the process, at any moment, leaves no torn file.
They are not synced to disk individually unless ``fsync`` is set: after a power cut a file of the last seconds may be
missing or, on file systems that do not order data before metadata, damaged. ``hca transfer verify``
finds such files; those that are missing or of the wrong size are simply fetched again.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hca_base.errors import HCAError, RefusedError, UsageError
from hca_base.transfer._checksums import digest_file
from hca_base.transfer._store._disk import copy_file, move_new, sha256_of
from hca_base.transfer._store._mark import has_stamp, stamp_mtime
from hca_base.transfer._store._partial import Partial
from hca_base.transfer._store._placing import link_or_copy, write_new
from hca_base.transfer._store._references import References, is_linked
from hca_base.transfer._store._staging import StagingArea

_LAYOUT = ("v2", "files_2_4")
SHA256 = re.compile(r"[0-9a-f]{64}")


class FileStore:
    """The files below ``ROOT/.hca``, by their sha256. Safe to share between threads and processes.

    :param root: the directory that holds ``.hca``, usually the download directory
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        base = self.root / ".hca" / _LAYOUT[0]
        self._files = str(base / _LAYOUT[1])
        self.staging = StagingArea(base / "partial", base / "quarantine")
        #: Records of symbolic links to stored files.
        self.references = References(base / "references.jsonl")

    def __reduce__(self) -> Any:
        return FileStore, (os.path.abspath(self.root),)

    def path_of(self, sha256: str) -> str:
        """Return the path of the file with this sha256, which must be valid and in lower case."""
        return f"{self._files}/{sha256[:2]}/{sha256[2:6]}/{sha256}"

    def path(self, sha256: str) -> Path:
        """Where the file with this sha256 is, or would be.

        :raises UsageError: it is no sha256 in hex
        """
        digest = sha256.lower()
        if not SHA256.fullmatch(digest):
            raise UsageError(f"{sha256[:80]!r} is not a valid SHA-256")
        return Path(self.path_of(digest))

    def has(self, sha256: str, size: int | None = None) -> bool:
        """True when the file is there, as a plain file of ``size`` bytes (where given).

        One ``stat``, unless it was written to since it was stored: then it is read, as :meth:`find` does.

        :raises HCAError: it would have to be read, and cannot be
        """
        return self.find(sha256.lower(), size) is not None

    def find(self, sha256: str, size: int | None = None, *, dry: bool = False) -> os.stat_result | None:
        """Return the status of the file with this sha256 (lower case), or None if it is missing or has another size.

        A file that may have been written to since it was stored is read; one that differs goes to the quarantine.

        :param dry: change nothing on the disk
        :raises HCAError: it would have to be read, and cannot be
        """
        path = self.path_of(sha256)
        try:
            status = os.stat(path, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(status.st_mode) or (size is not None and status.st_size != size):
            return None
        if has_stamp(status, sha256) or self._reads_right(path, sha256, status, dry):
            return status
        if not dry:
            self._quarantine(path, sha256)
        return None

    @staticmethod
    def _reads_right(path: str, sha256: str, status: os.stat_result, dry: bool = False) -> bool:
        """Read and verify a file; if it is valid and was not modified meanwhile, mark it again."""
        if sha256_of(path) != sha256:
            return False
        if not dry and not has_stamp(status, sha256) and os.stat(path).st_mtime_ns == status.st_mtime_ns:
            stamp_mtime(path, sha256)
        return True

    def _quarantine(self, path: str, sha256: str) -> None:
        """Quarantine a file that does not match its name; another process may have done so already."""
        import logging

        try:
            kept = self.staging.quarantine_file(path, sha256)
        except FileNotFoundError:
            return
        logging.getLogger("hca.transfer").warning("%s was changed since it was stored; it is kept as %s", path, kept)

    def _make_room(self, sha256: str, size: int) -> bool:
        """Quarantine an invalid file at a stored file's path (for example after a power cut); return True if so."""
        path = self.path_of(sha256)
        if not os.path.lexists(path) or self.find(sha256, size) is not None:
            return False
        self._quarantine(path, sha256)
        return True

    def prepare(self, sha256: str) -> str:
        """Return the path of the file with this sha256, after creating its directory."""
        path = self.path_of(sha256)
        directory = path[:-65]
        try:
            os.mkdir(directory)
        except FileExistsError:
            pass
        except FileNotFoundError:
            Path(directory).mkdir(parents=True, exist_ok=True)
        return path

    def put_bytes(self, sha256: str, data: bytes | bytearray | memoryview, fsync: bool = False) -> str:
        """Store verified bytes under their sha256; the path. A file that came there meanwhile stays."""
        path = self.prepare(sha256)
        if not write_new(path, data, self.staging, fsync=fsync, sha256=sha256) and self._make_room(sha256, len(data)):
            write_new(path, data, self.staging, fsync=fsync, sha256=sha256)
        return path

    def adopt(self, partial: Partial, sha256: str, fsync: bool = False) -> str:
        """Give a verified partial file its name; the path.

        A right file that came there meanwhile stays: who has just looked at one that is replaced can no longer link it.
        """
        path = self.prepare(sha256)
        self._make_room(sha256, os.fstat(partial.fd).st_size)
        partial.finish(path, fsync=fsync, sha256=sha256)
        return path

    def partial(self, sha256: str, size: int) -> Partial:
        """The partial file of this sha256, locked; what an earlier run left in it is still there.

        :raises BlockingIOError: another process is at it
        """
        return self.staging.partial(sha256, {"sha256": sha256, "size": size})

    def link(self, sha256: str, target: Path | str, how: str = "hard") -> Path:
        """Make the stored file appear at ``target`` too; a file of the same content that is there stays.

        :param how: hard (copies where links fail), copy or symlink
        :raises HCAError: it is not in the store, or another file is at ``target``
        """
        source = self.path(sha256)
        if self.find(source.name) is None:
            raise HCAError(f"{sha256} is not in the filestore {self.root}")
        target = Path(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        if how == "symlink":
            self.references.note_link(source.name, str(target))
        link_or_copy(str(source), str(target), how=how, staging=self.staging)
        return target

    def add_file(self, path: Path | str) -> str:
        """Copy a local file into the store; its sha256."""
        digests, size = digest_file(path, ("sha256",))
        if self.has(digests["sha256"], size):
            return digests["sha256"]
        temporary = self.staging.temporary()
        try:
            copy_file(os.fspath(path), temporary)
            # Verify the copy, because the file may have changed since it was read.
            digests, size = digest_file(temporary, ("sha256",))
            sha256 = digests["sha256"]
            stamp_mtime(temporary, sha256)
            stored = self.prepare(sha256)
            if not move_new(temporary, stored) and self._make_room(sha256, size):
                move_new(temporary, stored)
        finally:
            Path(temporary).unlink(missing_ok=True)
        return sha256

    def __iter__(self) -> Iterator[tuple[str, os.stat_result]]:
        """The sha256 and status of every stored file, in order."""
        for first in _entries(self._files):
            for second in _entries(first.path):
                for entry in _entries(second.path):
                    if SHA256.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                        yield entry.name, entry.stat(follow_symlinks=False)

    def verify(self, sha256: str, status: os.stat_result | None = None) -> bool:
        """Read a stored file whole and compare; a file that differs is moved to the quarantine.

        :param status: the status of the file, as iteration gave it
        """
        path = str(self.path(sha256)) if status is None else self.path_of(sha256)
        if self._reads_right(path, sha256, status or os.stat(path, follow_symlinks=False)):
            return True
        self.staging.quarantine_file(path, sha256)
        return False

    def unreferenced(
        self, older_than: float = 0.0, *, assume_unlinked: bool = False
    ) -> Iterator[tuple[str, os.stat_result]]:
        """Yield the stored files that no other name refers to, last changed before the Unix time ``older_than``.

        Hard links are counted by the file system. Symbolic links are looked for where they were made, by the notes that
        the store keeps of them; where one is not there any more cannot be known. Copies need no stored file.

        :param older_than: 0 for files of any age
        :param assume_unlinked: take files for unreferenced about which the store cannot know
        :raises RefusedError: it cannot be known whether a file is in use
        """
        if not assume_unlinked and self.references.used_alone():
            raise RefusedError(
                f"the filestore {self.root} has files without links; hca cannot tell which are in use",
                hint="pass --yes --assume-unlinked to remove all files without links",
            )
        links = self.references.links()
        for sha256, status in self:
            if status.st_nlink > 1 or (older_than and status.st_mtime >= older_than):
                continue
            noted = links.get(sha256, ())
            if any(is_linked(link, sha256) for link in noted):
                continue
            if noted and not assume_unlinked:
                raise RefusedError(
                    f"the symbolic link {noted[-1]} to a stored file is not there any more; if it was renamed, moved "
                    "or copied, the file is still in use",
                    hint="put the link back or mount its disk; if no link to the file is left, pass --yes "
                    "--assume-unlinked",
                )
            yield sha256, status

    def leftovers(self, older_than: float = 0.0) -> list[str]:
        """Partial files of downloads that are not running, last changed before ``older_than`` (0: any); their paths."""
        return self.staging.leftovers(older_than)

    def remove_leftovers(self, older_than: float = 0.0) -> None:
        """Remove those."""
        self.staging.leftovers(older_than, remove=True)

    def discard(self, sha256: str) -> None:
        """Remove a stored file, and its directories when they are empty then."""
        path = self.path(sha256)
        path.unlink(missing_ok=True)
        for directory in (path.parent, path.parent.parent):
            try:
                directory.rmdir()
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                    raise


def _entries(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as found:
            return sorted(found, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
