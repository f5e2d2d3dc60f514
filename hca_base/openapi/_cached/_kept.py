"""The cache files: documents and their indexes, replaced atomically, and safe to delete."""

from __future__ import annotations

import importlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base.errors import HCAError
from hca_base.openapi._cached._index import Index, NotAnIndex
from hca_base.openapi._document._operation import NAMINGS

if TYPE_CHECKING:
    from hca_base.openapi._document._document import Document


class KeptFiles:
    """The directory of documents and indexes.

    :param directory: default: ``openapi`` in the user's cache directory
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory

    @property
    def directory(self) -> Path:
        if self._directory is None:
            from hca_base.config import paths

            self._directory = paths.cache_dir() / "openapi"
        return self._directory

    def forget(self, url: str) -> bool:
        """Remove the document of a URL; return True if there was one."""
        removed = False
        stem = self._stem(url)
        for path in (*(index_path(stem, naming) for naming in NAMINGS), stem.with_suffix(".doc")):
            try:
                path.unlink()
                removed = True
            except OSError:
                continue
        return removed

    def clear(self) -> int:
        """Remove all documents and indexes; return the number of files."""
        removed = 0
        for path in [*self.directory.glob("*.idx"), *self.directory.glob("*.doc")]:
            try:
                path.unlink()
                removed += 1
            except OSError:
                continue
        return removed

    def age(self, index: Index) -> float:
        """Return the seconds since a document was last checked; infinite if unknown."""
        if index.path is None:
            return float("inf")
        try:
            age = time.time() - index.path.stat().st_mtime
        except OSError:
            return float("inf")
        # After the clock is set back, a document would never expire.
        return age if age > -86400 else float("inf")

    def _stem(self, key: str) -> Path:
        return self.directory / _sha256(key.encode("utf-8", "replace"))[:40]

    def _keep_index(
        self, stem: Path, document: Document, head: dict[str, Any], *, validated: float | None = None
    ) -> Index:
        index = Index.of(document, **head)
        path = index_path(stem, document.naming)
        if self._write(path, index.data):
            index.path = path
            if validated is not None:
                self._touch(path, validated)
        return index

    def _write(self, path: Path, data: bytes) -> bool:
        from hca_base.config import write_atomic

        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, data)
            return True
        except (OSError, HCAError):
            # Without a writable cache, only the next start is slower.
            return False

    def _touch(self, path: Path, when: float | None = None) -> None:
        try:
            os.utime(path, None if when is None else (when, when))
        except OSError:
            pass


def index_path(stem: Path, naming: str) -> Path:
    return stem.with_suffix(".idx" if naming == NAMINGS[0] else f".{naming}.idx")


def stamped(stem: Path, naming: str, stamp: str) -> Index | None:
    """Return the cached index of a file, if the file is unchanged."""
    try:
        index = Index.read(index_path(stem, naming))
        if index.head.get("stamp") != stamp:
            return None
        # A document of several files is unchanged if all of them are.
        same = all(stamp_of(Path(path)) == each for path, each in index.head.get("parts", {}).items())
    except (NotAnIndex, OSError, AttributeError):
        return None
    return index if same else None


def stamp_of(path: Path) -> str:
    """Return a fingerprint of a file's state.

    :raises OSError: the file does not exist
    """
    stat = path.stat()
    return f"{path}:{stat.st_size}:{stat.st_mtime_ns}"


def bundled_path(place: tuple[str, str]) -> Path | None:
    """Return the file of a bundled document, if its package is a plain directory."""
    import importlib.util

    package, name = place
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    for location in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(location) / name
        if path.is_file():
            return path
    return None


def _sha256(content: bytes) -> str:
    """Return the SHA-256 of a short text, with Python's implementation: loading OpenSSL costs 4 MB of memory."""
    for name in ("_sha2", "_sha256"):
        try:
            return str(importlib.import_module(name).sha256(content).hexdigest())
        except (ImportError, AttributeError):
            continue
    import hashlib

    return hashlib.sha256(content).hexdigest()
