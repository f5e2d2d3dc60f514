"""The plan of an upload, stored until it is complete, so that repeating the command resumes it."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hca_base.config import FileLock, LockTimeout, paths, write_atomic
from hca_base.errors import UsageError
from hca_base.transfer import HostileNameError, check_names
from hca_dss.versions import new_version

#: Seconds after which an unfinished upload is forgotten: by then staging buckets have often been emptied.
LIFETIME = 7 * 24 * 3600
#: Seconds between writes of the plan during the upload.
SAVE_EVERY = 2.0
#: The filestore of an earlier download into the same directory; never part of a bundle.
_FILESTORE = ".hca"
_RENAME = "rename it: hca uploads only file names that every system can hold"


class LocalFile(NamedTuple):
    """A file to upload.

    :ivar name: its name in the bundle
    :ivar size: bytes
    :ivar changed: modification time in ns
    """

    name: str
    path: Path
    size: int
    changed: int


def local_files(directory: Path | str) -> list[LocalFile]:
    """The files of a directory and its subdirectories, by name.

    :raises UsageError: the directory does not exist, is empty, or contains something that cannot be uploaded
    """
    root = Path(directory)
    if not root.is_dir():
        raise UsageError(
            f"{directory} is not a directory" if root.exists() else f"directory {directory} does not exist"
        )
    try:
        files = sorted(_walk(root, ""))
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}") from None
    if not files:
        raise UsageError(f"{directory} contains no files")
    for file in files:
        fault = name_fault(file.name)
        if fault:
            raise UsageError(f"{file.path} cannot be uploaded: the service does not allow file names that {fault}")
    try:
        check_names(file.name for file in files)
    except HostileNameError as error:
        why = error.message.removesuffix("; it was not used")
        raise UsageError(f"{directory} cannot be uploaded: {why}", hint=_RENAME) from None
    return files


def _walk(folder: Path, prefix: str) -> Iterator[LocalFile]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name, path = prefix + entry.name, Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                if prefix or entry.name != _FILESTORE:
                    yield from _walk(path, f"{name}/")
                continue
            status = entry.stat()
            if not stat.S_ISREG(status.st_mode):
                # Also links to directories: following them may lead to cycles.
                raise UsageError(f"{path} cannot be uploaded: it is not a file")
            yield LocalFile(name, path, status.st_size, status.st_mtime_ns)


def name_fault(name: str) -> str | None:
    """Why the service rejects a file name, as the rest of a sentence; None if the name is valid.

    The rules are those of ``BundleFile.name`` in the service's document.
    """
    if "./" in name or "/." in name:
        return "have a directory that ends, or anything in a directory that begins, with a dot"
    if "\\" in name:
        return "have a backslash"
    if name.startswith(("/", "~/")) or name in (".", ".."):
        return "lead out of the bundle"
    return None


class Plan:
    """The UUIDs and versions of an upload in progress: of the bundle and its files.

    Use it as a context manager; it is stored if the block ends with an exception.

    :param identity: identifies the upload: service, directory, replica, bucket, requested UUID
    :param files: the current files; if they have changed, an earlier plan is not resumed
    :param bundle_uuid: the requested UUID
    """

    def __init__(self, identity: list[str | None], files: list[LocalFile], bundle_uuid: str | None) -> None:
        name = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
        self._path = paths.state_dir() / "dss-uploads" / f"{name}.json"
        self._lock: FileLock | None = FileLock(self._path, timeout=0)
        self._fingerprint = [[file.name, file.size, file.changed] for file in files]
        self.resumed = False
        self.bundle_uuid = bundle_uuid or str(uuid.uuid4())
        self.version = new_version()
        self.uuids = {file.name: str(uuid.uuid4()) for file in files}
        #: Names of the staged files, and of the registered ones.
        self.staged: set[str] = set()
        self.registered: set[str] = set()
        self._saved = time.monotonic()
        #: Whether to delete the plan when the block ends without an exception; a dry run leaves it on disk.
        self.done = True

    def __enter__(self) -> Plan:
        try:
            assert self._lock is not None
            self._lock.acquire()
        except (LockTimeout, OSError):
            # Another process uploads the same directory, or nothing can be stored here: this upload cannot be resumed.
            self._lock = None
            return self
        self._take_up()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if self._lock is None:
            return
        try:
            if kind is not None:
                self.save()
            elif self.done:
                self._path.unlink(missing_ok=True)
        except OSError:
            pass
        finally:
            self._lock.release()

    def _take_up(self) -> None:
        try:
            found: Any = json.loads(self._path.read_text(encoding="utf-8"))
            if time.time() - self._path.stat().st_mtime > LIFETIME or found["files"] != self._fingerprint:
                return
            bundle, version = str(found["bundle_uuid"]), str(found["version"])
            uuids = {str(name): str(value) for name, value in found["uuids"].items()}
            if uuids.keys() != self.uuids.keys():
                return
            self.staged = set(found["staged"]) & uuids.keys()
            self.registered = set(found["registered"]) & uuids.keys()
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return
        self.bundle_uuid, self.version, self.uuids, self.resumed = bundle, version, uuids, True

    def save_now_and_then(self) -> None:
        """Store it if that was not done recently."""
        if time.monotonic() - self._saved >= SAVE_EVERY:
            self.save()
            self._saved = time.monotonic()

    def save(self) -> None:
        """Store it; if that fails, the upload continues without it."""
        if self._lock is None:
            return
        content = {
            "bundle_uuid": self.bundle_uuid,
            "version": self.version,
            "files": self._fingerprint,
            "uuids": self.uuids,
            "staged": sorted(self.staged),
            "registered": sorted(self.registered),
        }
        try:
            write_atomic(self._path, json.dumps(content), mode=0o600)
        except OSError:
            pass
