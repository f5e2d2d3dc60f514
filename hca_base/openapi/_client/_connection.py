"""Base of clients: settings, session, credentials, document and service URL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hca_base._fork import ForkLock
from hca_base.errors import DocumentError, HCAError, ServiceError, UnreachableError, UsageError
from hca_base.openapi._cached._cache import DocumentCache
from hca_base.openapi._cached._index import Index
from hca_base.openapi._client._arguments import STRICT_CHOICES
from hca_base.openapi._client._methods import Method
from hca_base.openapi._document._location import is_url
from hca_base.openapi._document._operation import Operation

if TYPE_CHECKING:
    from hca_base.config import Config
    from hca_base.http import Session
    from hca_base.openapi._document._document import Document


class Connection:
    """The base of :class:`hca_base.openapi.Client`; each part is made at its first use."""

    default_service: Any = None
    strict_choices: frozenset[str] = STRICT_CHOICES
    check_patterns: bool = True
    example_name: str = "client"

    def __init__(
        self,
        service: Any = None,
        *,
        swagger_url: str | None = None,
        config: Config | None = None,
        session: Session | None = None,
        token: str | None = None,
        profile: str | None = None,
        base_url: str | None = None,
        credential_providers: Iterable[Any] = (),
    ) -> None:
        self.service = service if service is not None else self.default_service
        if self.service is None and swagger_url is None:
            raise UsageError("a client needs a service or the URL of an OpenAPI document")
        self._swagger_url = swagger_url
        self._config = config
        self._session = session
        self._own_session = session is None
        self._token = token
        self._profile = profile
        self._base_url = base_url
        self._server: str | None = None
        self._credential_providers = tuple(credential_providers)
        self._credentials: Any = None
        self._index: Index | None = None
        self._document: Document | None = None
        self._current = False
        self._methods: dict[str, Method] = {}
        self._operations: dict[str, Operation] = {}
        #: Arguments already warned about, because each page of a list sends them again.
        self._warned: set[tuple[str, str]] = set()
        self._lock = ForkLock(reentrant=True)

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: only service and settings; secrets, connections and credentials are looked up again."""
        state = dict(self.__dict__)
        state.update(_session=None, _own_session=True, _token=None, _credentials=None, _credential_providers=())
        state.update(_index=None, _document=None, _current=False, _methods={}, _operations={})
        return state

    def __repr__(self) -> str:
        where = self._swagger_url or getattr(self.service, "name", None)
        return f"<{type(self).__name__} {where}>"

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections of a session that the client created itself."""
        with self._lock:
            if self._own_session and self._session is not None:
                self._session.close()
                self._session = None

    @property
    def config(self) -> Config:
        """The settings."""
        with self._lock:
            if self._config is None:
                from hca_base.config import load

                self._config = load(profile=self._profile)
            return self._config

    @property
    def session(self) -> Session:
        """The HTTP session."""
        with self._lock:
            if self._session is None:
                from hca_base.http import Session

                self._session = Session(self.config)
            return self._session

    @property
    def credentials(self) -> Any:
        """What proves to the service who is asking: :class:`hca_base.auth.Credentials`."""
        with self._lock:
            if self._credentials is None:
                from hca_base.auth import credentials_for

                self._credentials = credentials_for(
                    self.service,
                    self.config,
                    token=self._token,
                    base_url=self.base_url,
                    security_schemes=self._security_schemes(),
                    session=self.session,
                    extra=self._credential_providers,
                )
            return self._credentials

    def _security_schemes(self) -> Mapping[str, Any] | None:
        """The document's security schemes; None if the service's plugin declares a scheme."""
        return self._current_index().security_schemes

    @property
    def swagger_url(self) -> str:
        """URL or path of the service's document."""
        if self._swagger_url is not None:
            return str(self._swagger_url)
        return DocumentCache(self.config).url(self.service)

    @property
    def document(self) -> Document:
        """The complete document. Calls do not need it: they read single operations from its index."""
        with self._lock:
            if self._document is None:
                self._document = DocumentCache(self.config).document(self._current_index(), self.service)
            return self._document

    @property
    def base_url(self) -> str:
        """URL of the service, without a trailing slash.

        :raises DocumentError: neither the settings nor the document name it
        """
        own = self._own_base_url
        if own:
            return own
        index = self._current_index()
        found = DocumentCache(self.config).base_url(index, self.service, self._server)
        if not found:
            name = getattr(self.service, "name", "NAME")
            open_ = [
                name for each in index.servers[:1] for name, one in each["variables"].items() if not one["default"]
            ]
            setting = f"server_variables.{open_[0]} VALUE" if open_ else "base_url URL"
            raise DocumentError(
                "the document does not name the service's URL", hint=f"hca config set services.{name}.{setting}"
            )
        return found

    @property
    def server(self) -> str | None:
        """Which of the document's servers is used: its number, name, description or URL; None: as the settings say."""
        return self._server

    @server.setter
    def server(self, server: str | None) -> None:
        with self._lock:
            if server != self._server:
                # Credentials are bound to the hosts of this server.
                self._server, self._credentials = server, None

    @property
    def _own_base_url(self) -> str | None:
        if self._server is not None:
            return None  # chosen among the document's servers
        found = self._base_url
        if not found and self.service is not None and hasattr(self.service, "base_url"):
            found = self.service.base_url(self.config)
        if found and not is_url(found):
            raise UsageError(f"the base URL must begin with http:// or https://, not {found!r}")
        return found.rstrip("/") if found else None

    def refresh(self) -> Index:
        """Fetch the service's document now."""
        with self._lock:
            self._index = DocumentCache(self.config).refresh(
                self.service, self.session, self.swagger_url, token=self._token
            )
            self._document, self._current = None, True
            self._methods.clear()
            self._operations.clear()
            return self._index

    def clear_cache(self) -> None:
        """Delete the cached document; the next call fetches it again."""
        with self._lock:
            DocumentCache(self.config).forget(self.swagger_url)
            self._index = self._document = None
            self._current = False
            self._methods.clear()
            self._operations.clear()

    def _current_index(self) -> Index:
        """Return the index for calls; may fetch the service's document, once per client."""
        with self._lock:
            if self._index is None or not self._current:
                cache = DocumentCache(self.config)
                try:
                    self._index = cache.current(self.service, self.session, self.swagger_url, token=self._token)
                except UnreachableError as e:
                    raise self._explained(e, self.swagger_url) from None
                self._current = True
            return self._index

    def _known_index(self) -> Index:
        """Return the index for looking up names: the local one, if there is one."""
        with self._lock:
            if self._index is None:
                try:
                    self._index = DocumentCache(self.config).get(self.service, self.swagger_url)
                except DocumentError:
                    if not is_url(self.swagger_url):
                        raise
                    return self._current_index()
            return self._index

    def _explained(self, error: HCAError, url: str) -> HCAError:
        """Return an error with the details that the service's plugin adds."""
        hints: Mapping[str, str] = getattr(self.service, "hints", None) or {}
        if isinstance(error, ServiceError):
            error.hint = hints.get(str(error.reason)) or hints.get(str(error.status)) or error.hint
        elif isinstance(error, UnreachableError):
            retired: Mapping[str, str] = getattr(self.service, "retired_hosts", None) or {}
            error.hint = retired.get(urlsplit(url).hostname or "") or error.hint
        return error
