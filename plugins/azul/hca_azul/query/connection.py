"""URL, credentials and catalog of Azul: the parts shared by all requests."""

from __future__ import annotations

from typing import Any

from hca_azul.flavours.flavour import Flavour
from hca_azul.flavours.registry import flavour_of
from hca_azul.query.calls import LimitedClient
from hca_azul.query.catalogs import Catalogs, choose_catalog, read_catalogs
from hca_azul.service import SERVICE

#: Titles of the document in releases 17.6 and 9.2.
_DOCUMENTS = ("/openapi.json", "/openapi")


class AzulConnection(LimitedClient):
    """The part of :class:`hca_azul.client.AzulClient` that its higher-level methods build on.

    :param config: settings; default: the user's
    :param options: further arguments of :class:`hca_base.openapi.Client`
    """

    default_service = SERVICE

    def __init__(self, service: Any = None, **options: Any) -> None:
        super().__init__(service, **options)
        self._catalogs: Catalogs | None = None
        self._locked_catalog: str | None = None
        self._chosen: dict[str | None, str] = {}

    @property
    def flavour(self) -> Flavour:
        """The flavour of the service's data."""
        return flavour_of(self.service.plugin or self.service.name)

    def setting(self, name: str) -> str | None:
        """A setting of the service, such as ``catalog``: its own, or that of the service it is a deployment of."""
        for section in (self.service.client_section, self.service.plugin):
            value = self.config.get(f"{section}.{name}", None) if section else None
            if value:
                return str(value)
        return None

    @property
    def base_url(self) -> str:
        """URL of the service: configured, or that of its document, which is at the root in every release."""
        own = self._own_base_url
        if own:
            return own
        url = self.swagger_url
        if url.startswith(("http://", "https://")):
            for name in _DOCUMENTS:
                if url.endswith(name):
                    return url[: -len(name)]
        return super().base_url

    def _security_schemes(self) -> None:
        """The credentials, without loading the document."""

    @property
    def has_credentials(self) -> bool:
        """Whether requests have credentials."""
        return bool(self.credentials.headers_for(self.base_url))

    @property
    def explicit_token(self) -> str | None:
        """The token given for this client only."""
        return self._token

    # Catalogs

    def known_catalogs(self, **options: Any) -> Catalogs:
        """The catalogs; requested once."""
        with self._lock:
            if self._catalogs is None:
                self._catalogs = read_catalogs(self, **options)
            return self._catalogs

    def catalog(self, given: str | None = None) -> str:
        """The catalog to use; fixed once, so that all requests of a run use the same release.

        :param given: chosen by the caller
        """
        with self._lock:
            if given not in self._chosen:
                name = given or self.setting("catalog")
                self._chosen[given] = name or choose_catalog(self.known_catalogs(), self._locked_catalog)
            return self._chosen[given]

    def lock_catalog(self, name: str | None) -> None:
        """Use this catalog when none is given, if it exists."""
        with self._lock:
            self._locked_catalog = name
            self._chosen.pop(None, None)
