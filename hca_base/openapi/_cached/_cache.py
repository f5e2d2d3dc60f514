"""Get documents from the local cache, the plugin, or the service.

A fetched document is cached as two files named after its URL: its bytes (``.doc``) and its index (``.idx``). Commands
only read the index. The index's modification time is the time of the last check: after seven days, the next command
that contacts the service checks again, with the document's ETag. Only valid OpenAPI documents are cached, and files are
replaced atomically.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base.errors import ConfigError, DocumentError, RefusedError, UnreachableError, UsageError
from hca_base.openapi._cached._index import Index, NotAnIndex
from hca_base.openapi._cached._kept import KeptFiles, bundled_path, index_path, stamp_of, stamped
from hca_base.openapi._document._location import is_url, source_path
from hca_base.openapi._document._operation import NAMINGS

if TYPE_CHECKING:
    from hca_base._service import ServiceLike
    from hca_base.config import Config
    from hca_base.http import Session
    from hca_base.openapi._document._document import Document

#: Seconds after which a document is checked again.
MAX_AGE = 7 * 86400


class DocumentCache(KeptFiles):
    """The documents cached on this machine.

    :param config: settings with the URLs of documents
    :param directory: cache directory; default: ``openapi`` in the user's cache directory
    """

    def __init__(self, config: Config | None = None, *, directory: Path | None = None) -> None:
        super().__init__(directory)
        self.config = config

    def url(self, service: ServiceLike) -> str:
        """Return the URL or path of a service's document from the settings."""
        return service.document_url(self._settings())

    def naming(self, service: ServiceLike | None) -> str:
        """Return the naming of a service's operations from the settings: ``operation`` or ``path``."""
        return service.naming_of(self._settings()) if service is not None else NAMINGS[0]

    def base_url(self, index: Index, service: ServiceLike | None, server: str | None = None) -> str | None:
        """Return a service's URL from its document, ``services.NAME.server`` and ``.server_variables``.

        :param server: overrides the setting
        :raises UsageError: the document has no such server
        :raises ConfigError: a setting is not valid
        """
        if service is None or not (index.has_servers or server is not None):
            return index.base_url_at(server) if server is not None else index.base_url
        settings = self._settings()
        if server is None:
            server = settings.get(("services", service.name, "server"))
        variables = settings.get(("services", service.name, "server_variables"))
        if variables is not None and not isinstance(variables, Mapping):
            raise ConfigError(f"services.{service.name}.server_variables must be an object, not {variables!r}")
        return index.base_url_at(str(server) if server is not None else None, variables)

    def _settings(self) -> Config:
        if self.config is None:
            from hca_base.config import load

            self.config = load()
        return self.config

    def _url_for(self, service: ServiceLike | None, url: str | None) -> str:
        url = url or (self.url(service) if service is not None else None)
        if url is None:
            raise DocumentError("neither a service nor the URL of a document is given")
        return url

    def get(self, service: ServiceLike | None, url: str | None = None, *, naming: str | None = None) -> Index:
        """Return the index of a service's document for help and completion: of any age, without network requests.

        For a URL that was never fetched, the document in the service's plugin is used.

        :param url: in place of the configured one
        :param naming: in place of the configured one
        :raises DocumentError: no document is available locally
        """
        url = self._url_for(service, url)
        naming = naming or self.naming(service)
        if not is_url(url):
            return self._of_file(source_path(url), naming)
        index = self.cached(url, naming)
        if index is None and service is not None:
            index = self._bundled(service, url, naming)
        if index is None:
            name = service.name if service is not None else url
            raise DocumentError(
                f"the document of {name} is not cached yet",
                hint=f"fetch it: hca service refresh {name}" if service is not None else None,
            )
        return index

    def cached(self, url: str, naming: str = NAMINGS[0]) -> Index | None:
        """Return the index of the document fetched from a URL; None if there is none."""
        stem = self._stem(url)
        try:
            index = Index.read(index_path(stem, naming))
            if index.url == url:
                return index
        except (NotAnIndex, OSError):
            pass
        # Rebuild an index that is damaged or of another version from the document.
        try:
            content = stem.with_suffix(".doc").read_bytes()
            return self._keep_index(stem, _document(content, url, url, naming), {"fetched": 0}, validated=0.0)
        except (OSError, DocumentError):
            return None

    def _bundled(self, service: ServiceLike, url: str, naming: str) -> Index | None:
        place = service.bundled_document
        if place is None:
            return None
        content = None
        path = bundled_path(place)
        if path is None:
            content = service.bundled_bytes()
            if content is None:
                return None
            import hashlib

            stamp = hashlib.sha256(content).hexdigest()
        else:
            stamp = stamp_of(path)
        # Pass the URL: it completes the document's server URL.
        stem = self._stem(f"bundled {service.name} {url}")
        index = stamped(stem, naming, stamp)
        if index is not None:
            return index
        if content is None:
            content = service.bundled_bytes()
            if content is None:
                return None
        return self._keep_index(stem, _document(content, url, url, naming), {"stamp": stamp, "bundled": True})

    def _of_file(self, path: Path, naming: str) -> Index:
        try:
            stamp = stamp_of(path)
        except OSError as e:
            raise DocumentError(f"{path}: {e.strerror or e}") from None
        stem = self._stem(f"file {path.absolute()}")
        index = stamped(stem, naming, stamp)
        if index is not None:
            return index
        try:
            content = path.read_bytes()
        except OSError as e:
            raise DocumentError(f"{path}: {e.strerror or e}") from None
        from hca_base.openapi._document._document import Document

        document = Document.of_file(content, path, naming=naming)
        parts = [source_path(each) for each in document.files]
        head = {"stamp": stamp, "file": str(path.absolute()), "parts": {str(each): stamp_of(each) for each in parts}}
        return self._keep_index(stem, document, head)

    def current(
        self, service: ServiceLike | None, session: Session, url: str | None = None, *, token: str | None = None
    ) -> Index:
        """Return the index for a call; check the service for a new document if the last check was seven days ago.

        :raises DocumentError: the response is not an OpenAPI document, and none is cached
        :raises hca_base.errors.UnreachableError: the service does not respond, and no document is cached
        """
        url = self._url_for(service, url)
        naming = self.naming(service)
        if not is_url(url):
            return self._of_file(source_path(url), naming)
        index = self.cached(url, naming)
        if index is not None and self.age(index) < MAX_AGE:
            return index
        # A plugin's document only describes the service at its default URL: using it for another URL might send a
        # call to the wrong service.
        ships = service is not None and service.bundled_document is not None and self._default(service) == url
        try:
            return self.refresh(service, session, url, token=token, retries=0 if ships or index is not None else 1)
        except ConfigError:
            raise  # the call itself would fail too
        except (DocumentError, UnreachableError, RefusedError, UsageError) as e:
            # Refused or invalid: the redirect of a gateway that requires a login first.
            if index is None and service is not None and ships:
                index = self._bundled(service, url, naming)
            if index is None:
                raise
            if index.head.get("bundled") and isinstance(e, UnreachableError):
                return index  # never fetched, so nothing is stale; the call itself will report the error
            from hca_base.output import note

            note(f"the document of {service.name if service else url} could not be refreshed ({e}); using the old one")
            return index

    def refresh(
        self,
        service: ServiceLike | None,
        session: Session | None = None,
        url: str | None = None,
        *,
        naming: str | None = None,
        token: str | None = None,
        retries: int = 1,
    ) -> Index:
        """Fetch a document now, and cache it.

        :param token: a token for the service, sent only where its server requires credentials for the document
        :param naming: in place of the configured one
        :param retries: retries after temporary failures
        :raises DocumentError: the response is not an OpenAPI document
        :raises hca_base.errors.UnreachableError: the server does not respond
        """
        from hca_base.auth import credentials_for, fixed_headers
        from hca_base.openapi._document._document import Document
        from hca_base.openapi._document._fetch import fetch, reader_of_urls

        url = self._url_for(service, url)
        naming = naming or self.naming(service)
        if not is_url(url):
            return self._of_file(source_path(url), naming)
        known = self.cached(url, naming)
        # An unchanged main file says nothing about the other files.
        etag = known.head.get("etag") if known is not None and not known.head.get("parts") else None
        sending: dict[str, Any] = {
            "session": session,
            "fixed_headers": fixed_headers(service, self._settings(), url) if service is not None else None,
            "credentials": lambda: credentials_for(
                service,
                self._settings(),
                token=token,
                base_url=url,
                security_schemes=known.security_schemes if known is not None else None,
            ),
        }
        response = fetch(url, etag=etag, retries=retries, **sending)
        stem = self._stem(url)
        if response.status_code == 304 and known is not None:
            self._touch(index_path(stem, naming))
            return known
        document = Document.parsed(
            response.content,
            url,
            url=url,
            naming=naming,
            source=response.url,
            read=reader_of_urls(response.url, **sending),
        )
        new_etag = response.headers.get("ETag")
        index = Index.of(document, etag=new_etag, fetched=int(time.time()), parts=len(document.files))
        # Write the document first: a missing index can be rebuilt from it.
        self._write(stem.with_suffix(".doc"), document.content or b"")
        if self._write(index_path(stem, naming), index.data):
            index.path = index_path(stem, naming)
        return index

    def document(self, index: Index, service: ServiceLike | None = None, *, fetch: bool = True) -> Document:
        """Return the complete document of an index.

        :param fetch: fetch it again if it is missing
        :raises DocumentError: it is missing
        """
        content: bytes | None = None
        origin = index.url or str(index.head.get("file") or "document")
        if index.head.get("bundled") and service is not None:
            content = service.bundled_bytes()
        elif index.head.get("file"):
            from hca_base.openapi._document._document import Document

            return Document.load(Path(index.head["file"]), naming=index.naming)
        elif index.url:
            try:
                content = self._stem(index.url).with_suffix(".doc").read_bytes()
            except OSError:
                if not fetch:
                    raise DocumentError(f"{origin}: the document was deleted") from None
                from hca_base.openapi._document._document import Document

                return Document.load(index.url, naming=index.naming)
        if content is None:
            raise DocumentError(f"{origin}: the document was deleted")
        return _document(content, index.url, origin, index.naming)

    def _default(self, service: ServiceLike) -> str | None:
        """Return the default URL of a service's document."""
        value: Any = service.config_defaults
        if isinstance(value, Mapping) and isinstance(value.get(service.document_url_key), str):
            return str(value[service.document_url_key])
        for part in service.document_url_key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value if isinstance(value, str) else None


def _document(content: bytes, url: str | None, origin: str, naming: str) -> Document:
    # Imported late, because a command that finds its index does not read a document.
    from hca_base.openapi._document._document import Document

    return Document.parsed(content, origin, url=url, naming=naming)
