"""Where documents come from: this machine's cache, the plugin, or the service itself.

A document that was fetched is kept as two files in the cache, named after its URL: its bytes (``.doc``) and its index
(``.idx``), which alone is read by commands. The index's modification time is when the document was last known to be
current: a service is asked again after seven days, with the document's ETag, and only when a command talks to it
anyway. Nothing is kept before it proved to be an OpenAPI document, and files are replaced whole.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hca_base.errors import (
    ConfigError,
    DocumentError,
    HCAError,
    NotFoundError,
    RefusedError,
    ServiceError,
    UnreachableError,
    UsageError,
)
from hca_base.openapi._document._index import Index, NotAnIndex
from hca_base.openapi._document._location import is_url, source_path

if TYPE_CHECKING:
    import requests

    from hca_base.config import Config
    from hca_base.http import Session
    from hca_base.openapi._document._document import Document

#: Seconds after which a document is asked for again.
MAX_AGE = 7 * 86400
#: Seconds for a document to be connected to and read: a refresh must not hold up a command for long.
_TIMEOUT = (5.0, 60.0)


class ServiceLike(Protocol):
    """What is asked of a service; :class:`hca_base.plugins.Service` has it."""

    @property
    def name(self) -> str: ...

    @property
    def config_defaults(self) -> Mapping[str, Any]: ...

    @property
    def document_url_key(self) -> str: ...

    @property
    def bundled_document(self) -> tuple[str, str] | None: ...

    def document_url(self, config: Any) -> str: ...

    def bundled_bytes(self) -> bytes | None: ...


def fetch(url: str, *, session: Session | None = None, etag: str | None = None) -> requests.Response:
    """A document's bytes from the network, or status 304 if it is still the one of that ETag.

    :raises DocumentError: the server has no document there
    :raises hca_base.errors.UnreachableError: no answer
    """
    from hca_base.http import RetryPolicy, Session

    session = session or Session()
    headers = {"Accept": "application/json, application/yaml;q=0.9, */*;q=0.5"}
    if etag:
        headers["If-None-Match"] = etag
    try:
        # Documents are public, and a URL that somebody gave us gets no credentials.
        return session.call(
            "GET", url, headers=headers, auth="no", timeout=_TIMEOUT, policy=RetryPolicy.for_operation("GET", retries=1)
        )
    except (ServiceError, NotFoundError) as e:
        raise DocumentError(f"{url}: no OpenAPI document there ({e})", hint="check the URL") from None


class DocumentCache:
    """The documents on this machine.

    :param config: the settings that say where a service's document is
    :param directory: where documents are kept; default: ``openapi`` in the user's cache directory
    """

    def __init__(self, config: Config | None = None, *, directory: Path | None = None) -> None:
        self.config = config
        self._directory = directory

    @property
    def directory(self) -> Path:
        if self._directory is None:
            from hca_base.config import paths

            self._directory = paths.cache_dir() / "openapi"
        return self._directory

    def url(self, service: ServiceLike) -> str:
        """Where a service's document is, by the settings."""
        if self.config is None:
            from hca_base.config import load

            self.config = load()
        return service.document_url(self.config)

    # Without the network

    def get(self, service: ServiceLike | None, url: str | None = None) -> Index:
        """The index of a service's document, for help and completion: of any age, never from the network.

        Of a URL that was never fetched, the document that ships with the service stands in.

        :param url: in place of the configured one
        :raises DocumentError: there is none here
        """
        url = url or (self.url(service) if service is not None else None)
        if url is None:
            raise DocumentError("neither a service nor the URL of a document is given")
        if not is_url(url):
            return self._of_file(source_path(url))
        index = self.cached(url) or (self._bundled(service, url) if service is not None else None)
        if index is None:
            name = service.name if service is not None else url
            raise DocumentError(
                f"the document of {name} is not here yet",
                hint=f"fetch it: hca service refresh {name}" if service is not None else None,
            )
        return index

    def cached(self, url: str) -> Index | None:
        """The index of a document that was fetched from a URL; None if there is none."""
        stem = self._stem(url)
        try:
            index = Index.read(stem.with_suffix(".idx"))
            if index.url == url:
                return index
        except (NotAnIndex, OSError):
            pass
        # An index of another version, or a damaged one, is made again from the document.
        try:
            content = stem.with_suffix(".doc").read_bytes()
            return self._keep_index(stem, content, url, {"fetched": 0}, validated=0.0)
        except (OSError, DocumentError):
            return None

    def _bundled(self, service: ServiceLike, url: str) -> Index | None:
        place = service.bundled_document
        if place is None:
            return None
        content = None
        path = _bundled_path(place)
        if path is None:
            content = service.bundled_bytes()
            if content is None:
                return None
            stamp = hashlib.sha256(content).hexdigest()
        else:
            stat = path.stat()
            stamp = f"{path}:{stat.st_size}:{stat.st_mtime_ns}"
        # The URL counts: it settles what the document leaves open about where the service is.
        stem = self._stem(f"bundled {service.name} {url}")
        try:
            index = Index.read(stem.with_suffix(".idx"))
            if index.head.get("stamp") == stamp:
                return index
        except (NotAnIndex, OSError):
            pass
        if content is None:
            content = service.bundled_bytes()
            if content is None:
                return None
        return self._keep_index(stem, content, url, {"stamp": stamp, "bundled": True})

    def _of_file(self, path: Path) -> Index:
        try:
            stat = path.stat()
        except OSError as e:
            raise DocumentError(f"{path}: {e.strerror or e}") from None
        stamp = f"{path}:{stat.st_size}:{stat.st_mtime_ns}"
        stem = self._stem(f"file {path.absolute()}")
        try:
            index = Index.read(stem.with_suffix(".idx"))
            if index.head.get("stamp") == stamp:
                return index
        except (NotAnIndex, OSError):
            pass
        try:
            content = path.read_bytes()
        except OSError as e:
            raise DocumentError(f"{path}: {e.strerror or e}") from None
        return self._keep_index(stem, content, None, {"stamp": stamp, "file": str(path.absolute())}, origin=str(path))

    # With the network

    def current(self, service: ServiceLike | None, session: Session, url: str | None = None) -> Index:
        """The index for a call: the service is asked for its document if that was not done for seven days.

        :raises DocumentError: what it answers is not an OpenAPI document, and there was none before
        :raises hca_base.errors.UnreachableError: it does not answer, and there is no document to go by
        """
        url = url or (self.url(service) if service is not None else None)
        if url is None:
            raise DocumentError("neither a service nor the URL of a document is given")
        if not is_url(url):
            return self._of_file(source_path(url))
        index = self.cached(url)
        if index is not None and self.age(index) < MAX_AGE:
            return index
        try:
            return self.refresh(service, session, url)
        except ConfigError:
            raise  # the call itself would meet it too
        except (DocumentError, UnreachableError, RefusedError, UsageError) as e:
            # Refused, or no URL: what a gateway redirects to that wants a login first.
            # The document that ships with a plugin describes the service at its default URL, and that one alone: to
            # go by it elsewhere might send a call to another service than the one that was asked for.
            if index is None and service is not None and self._default(service) == url:
                index = self._bundled(service, url)
            if index is None:
                raise
            if index.head.get("bundled") and isinstance(e, UnreachableError):
                return index  # never fetched, so nothing is stale; the call itself will tell what is wrong
            from hca_base.output import note

            note(f"the document of {service.name if service else url} could not be refreshed ({e}); using the old one")
            return index

    def refresh(self, service: ServiceLike | None, session: Session | None = None, url: str | None = None) -> Index:
        """Ask for a document now, and keep it.

        :raises DocumentError: what the server answers is not an OpenAPI document
        :raises hca_base.errors.UnreachableError: it does not answer
        """
        url = url or (self.url(service) if service is not None else None)
        if url is None:
            raise DocumentError("neither a service nor the URL of a document is given")
        if not is_url(url):
            return self._of_file(source_path(url))
        known = self.cached(url)
        etag = known.head.get("etag") if known is not None else None
        response = fetch(url, session=session, etag=etag)
        stem = self._stem(url)
        if response.status_code == 304 and known is not None:
            self._touch(stem.with_suffix(".idx"))
            return known
        content = response.content
        new_etag = response.headers.get("ETag")
        index = Index.of(_document(content, url, url), etag=new_etag, fetched=int(time.time()))
        # The document first: an index without its document is of use, a document without index only costs time.
        self._write(stem.with_suffix(".doc"), content)
        if self._write(stem.with_suffix(".idx"), index.data):
            index.path = stem.with_suffix(".idx")
        return index

    def document(self, index: Index, service: ServiceLike | None = None) -> Document:
        """The whole document that an index was made from.

        :raises DocumentError: it is gone
        """
        content: bytes | None = None
        origin = index.url or str(index.head.get("file") or "document")
        if index.head.get("bundled") and service is not None:
            content = service.bundled_bytes()
        elif index.head.get("file"):
            from hca_base.openapi._document._document import Document

            return Document.load(Path(index.head["file"]))
        elif index.url:
            try:
                content = self._stem(index.url).with_suffix(".doc").read_bytes()
            except OSError:
                content = fetch(index.url).content
        if content is None:
            raise DocumentError(f"{origin}: the document is gone")
        return _document(content, index.url, origin)

    def forget(self, url: str) -> bool:
        """Remove what was fetched from a URL; True if there was something."""
        removed = False
        for suffix in (".idx", ".doc"):
            try:
                self._stem(url).with_suffix(suffix).unlink()
                removed = True
            except OSError:
                continue
        return removed

    def clear(self) -> int:
        """Remove all documents and indexes; how many files there were."""
        removed = 0
        for path in [*self.directory.glob("*.idx"), *self.directory.glob("*.doc")]:
            try:
                path.unlink()
                removed += 1
            except OSError:
                continue
        return removed

    def age(self, index: Index) -> float:
        """Seconds since a document was last known to be current; endless if that is not known."""
        if index.path is None:
            return float("inf")
        try:
            age = time.time() - index.path.stat().st_mtime
        except OSError:
            return float("inf")
        # A clock that was set back would keep a document for ever.
        return age if age > -86400 else float("inf")

    # Files

    def _stem(self, key: str) -> Path:
        return self.directory / hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:40]

    def _keep_index(
        self,
        stem: Path,
        content: bytes,
        url: str | None,
        head: dict[str, Any],
        *,
        origin: str | None = None,
        validated: float | None = None,
    ) -> Index:
        index = Index.of(_document(content, url, origin or url or "document"), **head)
        path = stem.with_suffix(".idx")
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
            # A cache that cannot be written costs time at the next start, nothing else.
            return False

    def _touch(self, path: Path, when: float | None = None) -> None:
        try:
            os.utime(path, None if when is None else (when, when))
        except OSError:
            pass

    def _default(self, service: ServiceLike) -> str | None:
        """The URL that a service's document has when no setting says otherwise."""
        value: Any = service.config_defaults
        if isinstance(value, Mapping) and isinstance(value.get(service.document_url_key), str):
            return str(value[service.document_url_key])
        for part in service.document_url_key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value if isinstance(value, str) else None


def _document(content: bytes, url: str | None, origin: str) -> Document:
    # A command that finds its index reads no document.
    from hca_base.openapi._document._document import Document
    from hca_base.openapi._document._read import parse

    document = Document(parse(content, origin), url=url, origin=origin)
    document.content = content
    return document


def _bundled_path(place: tuple[str, str]) -> Path | None:
    """The file of a bundled document, if its package is a plain directory."""
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
