"""Write files to an object store or another fsspec file system: ``s3://bucket/prefix``, ``gs://…``, ``file:///…``.

A file is received and verified in a local temporary directory, then written under its name. **Atomicity** depends on
the store: an object of S3, GCS or Azure appears once its upload is complete. Elsewhere the file is written under a
temporary name and moved, which is atomic if the store's move is (local and network disks, SFTP).
Existing files of the expected size are considered valid, because only verified files are written; if the store reports
a plain MD5 as ETag and the item has one, they are compared too. Links and the filestore are not supported.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

from hca_base._fork import reset_after_fork
from hca_base.errors import HCAError, RefusedError, UnreachableError, UsageError
from hca_base.transfer._checksums import normalize_checksums
from hca_base.transfer._model import Item, Present
from hca_base.transfer._store._names import NameChecker, hostile, name_fault
from hca_base.transfer._store._partial import Partial
from hca_base.transfer._store._staging import StagingArea

#: Protocols of fsspec whose objects appear atomically.
_WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "memory"})


class ObjectStoreDestination:
    """Names below a URL that fsspec supports. Picklable: workers of a cluster open their own connections.

    :param url: for example ``s3://bucket/prefix``
    :param storage_options: arguments for fsspec's file system (endpoint, keys, …)
    :raises UsageError: fsspec, or a package that it needs for this URL, is not installed
    """

    #: Free space is not known.
    disk: Path | None = None

    def __init__(self, url: str, storage_options: dict[str, Any] | None = None) -> None:
        self.url = url.rstrip("/")
        self.storage_options = dict(storage_options or {})
        self._lock = threading.Lock()
        self._runs = 0
        self._temporary: str | None = None
        self._workshop: StagingArea | None = None
        self._names = NameChecker()
        self._connect()
        reset_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        self._runs = 0
        # Local files of active runs, and fsspec's connections, belong to the parent process.
        self._temporary = self._staging = None
        self._connect()

    def __reduce__(self) -> Any:
        return ObjectStoreDestination, (self.url, self.storage_options)

    def _connect(self) -> None:
        try:
            import fsspec
        except ImportError as error:
            raise UsageError(f"{self.url} requires fsspec", hint="pip install 'hca-base[fsspec]'") from error
        try:
            self._fs, self._root = fsspec.core.url_to_fs(self.url, **self.storage_options)
        except (ImportError, ValueError) as error:
            raise UsageError(f"{self.url} cannot be used: {error}", hint="pip install 'hca-base[fsspec]'") from error
        kinds = self._fs.protocol if isinstance(self._fs.protocol, tuple) else (self._fs.protocol,)
        self._whole = bool(_WHOLE & set(kinds))

    def _path(self, item: Item) -> str:
        return f"{self._root}/{item.name}"

    def begin(self) -> None:
        """See :class:`Destination`."""
        with self._lock:
            self._runs += 1
            if self._runs == 1:
                self._names = NameChecker()

    def check(self, item: Item, sha256: str | None) -> None:
        """See :class:`Destination`."""
        fault = name_fault(item.name) or self._names.check(item.name, sha256)
        if fault:
            raise hostile(item.name, fault)

    def present(self, item: Item, sha256: str | None, dry: bool = False) -> Present | None:
        """See :class:`Destination`."""
        path = self._path(item)
        try:
            # Another process may have written it since the listing was cached.
            self._fs.invalidate_cache()
            info = self._fs.info(path)
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._error(error, item) from error
        etag = str(info.get("ETag") or "").strip('"').lower()
        expected = normalize_checksums(item.checksums).get("md5") or normalize_checksums(item.checksums).get("s3_etag")
        other = bool(etag and expected and "-" not in etag + expected and len(etag) == 32 and etag != expected)
        if info.get("type") == "directory" or other or (item.size is not None and info.get("size") != item.size):
            raise RefusedError(f"{self.url}/{item.name} already exists with different content; it was not changed")
        return Present("present", f"{self.url}/{item.name}")

    def put_bytes(self, item: Item, sha256: str | None, data: bytes | bytearray | memoryview) -> str:
        """See :class:`Destination`."""
        self._put(item, lambda path: self._fs.pipe_file(path, bytes(data)))
        return f"{self.url}/{item.name}"

    def partial(self, item: Item, sha256: str | None, journal: bool) -> Partial:
        """See :class:`Destination`; files of a killed run are not resumed."""
        staging = self._local()
        path = staging.temporary()
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        return Partial(path, fd, {})

    def adopt(self, item: Item, sha256: str | None, partial: Partial) -> str:
        """See :class:`Destination`."""
        local = partial.path
        assert local is not None
        try:
            self._put(item, lambda path: self._fs.put_file(local, path))
        finally:
            partial.discard()
        return f"{self.url}/{item.name}"

    def _put(self, item: Item, write: Any) -> None:
        final = self._path(item)
        path = final if self._whole else f"{final}.hca-{os.getpid()}-{threading.get_ident()}"
        try:
            self._fs.makedirs(final.rpartition("/")[0], exist_ok=True)
            try:
                write(path)
                if path != final:
                    self._fs.mv(path, final)
            except BaseException:
                if path != final and self._fs.exists(path):
                    self._fs.rm_file(path)
                raise
        except HCAError:
            raise
        except Exception as error:
            raise self._error(error, item) from error

    def _error(self, error: Exception, item: Item) -> HCAError:
        what = f"cannot write {self.url}/{item.name}: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return RefusedError(what) if isinstance(error, PermissionError) else UnreachableError(what)

    def quarantine(self, item: Item, data: bytes | bytearray | Partial) -> str:
        """See :class:`Destination`; rejected bytes are discarded."""
        if isinstance(data, Partial):
            data.discard()
        return ""

    def held_bytes(self) -> int:
        """See :class:`Destination`."""
        return 0

    def _local(self) -> StagingArea:
        with self._lock:
            if self._workshop is None:
                self._temporary = tempfile.mkdtemp(prefix="hca-")
                self._workshop = StagingArea(f"{self._temporary}/partial", f"{self._temporary}/quarantine")
            return self._workshop

    def end(self) -> None:
        """See :class:`Destination`."""
        with self._lock:
            self._runs = max(0, self._runs - 1)
            if not self._runs and self._temporary is not None:
                shutil.rmtree(self._temporary, ignore_errors=True)
                self._temporary = self._workshop = None
