"""Where Azul is, who is asking, and of which release: what every request has to know."""

from __future__ import annotations

from typing import Any

from hca_azul.flavours.flavour import Flavour
from hca_azul.flavours.registry import flavour_of
from hca_azul.query.calls import LimitedClient
from hca_azul.query.catalogs import Catalogs, choose_catalog, read_catalogs
from hca_azul.service import SERVICE

#: How releases call their document: 17.6, and 9.2.
_DOCUMENTS = ("/openapi.json", "/openapi")


class AzulConnection(LimitedClient):
    """The part of :class:`hca_azul.client.AzulClient` that its whole jobs are built on.

    :param config: settings; default: those of the user
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
        """What the service's data look like."""
        return flavour_of(self.service.plugin or self.service.name)

    def setting(self, name: str) -> str | None:
        """A setting of the service, such as ``catalog``: its own, or that of the plugin that it is a deployment of."""
        for section in (self.service.client_section, self.service.plugin):
            value = self.config.get(f"{section}.{name}", None) if section else None
            if value:
                return str(value)
        return None

    @property
    def base_url(self) -> str:
        """URL of the service: set, or that of its document, which stands at the top of every release."""
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
        """No document is needed to know who is asking."""

    @property
    def has_credentials(self) -> bool:
        """Whether requests say who is asking."""
        return bool(self.credentials.headers_for(self.base_url))

    @property
    def explicit_token(self) -> str | None:
        """The token that was given for this client alone."""
        return self._token

    # Catalogs

    def known_catalogs(self) -> Catalogs:
        """What catalogs there are; the service is asked once."""
        with self._lock:
            if self._catalogs is None:
                self._catalogs = read_catalogs(self)
            return self._catalogs

    def catalog(self, given: str | None = None) -> str:
        """The catalog to use; settled once, so that all requests of a job see the same release.

        :param given: a catalog that the caller wants
        """
        with self._lock:
            if given not in self._chosen:
                name = given or self.setting("catalog")
                self._chosen[given] = name or choose_catalog(self.known_catalogs(), self._locked_catalog)
            return self._chosen[given]

    def lock_catalog(self, name: str | None) -> None:
        """Use this catalog where none is named, as long as there is one of that name."""
        with self._lock:
            self._locked_catalog = name
            self._chosen.pop(None, None)
