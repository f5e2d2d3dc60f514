"""The repository behind Azul (Terra's), which serves files over DRS to registered users."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hca_base.errors import HCAError
from hca_base.transfer import Source

if TYPE_CHECKING:
    from hca_drs.client import DRSClient

    from hca_azul.query.connection import AzulConnection

#: The Terra Data Repository.
DRS_URL = "https://data.terra.bio"
#: The hosts in its identifiers; the second is its test deployment.
_HOSTS = ("data.terra.bio", "jade.datarepo-dev.broadinstitute.org")


class Repository:
    """The repository. It requires a token of a user registered with Terra."""

    def __init__(self, client: AzulConnection) -> None:
        self.client = client
        self.url = (client.setting("drs_url") or DRS_URL).rstrip("/")
        self.server = f"{self.url}/ga4gh/drs/v1"
        self._credentials: Any = None
        self._drs: DRSClient | None = None
        self._usable: bool | None = None
        self._lock = threading.RLock()

    @property
    def credentials(self) -> Any:
        """The user's credentials, limited to the repository's host."""
        with self._lock:
            if self._credentials is None:
                from hca_base.auth import credentials_for

                client = self.client
                self._credentials = credentials_for(
                    client.service,
                    client.config,
                    token=client.explicit_token,
                    base_url=self.url,
                    session=client.session,
                )
            return self._credentials

    @property
    def drs(self) -> DRSClient:
        """The DRS client for the repository, whose URL may be configured."""
        with self._lock:
            if self._drs is None:
                from hca_drs.client import DRSClient

                host = urlsplit(self.url).netloc.lower()
                self._drs = DRSClient(
                    config=self.client.config,
                    session=self.client.session,
                    hosts=dict.fromkeys(_HOSTS, self.server),
                    host_credentials={host: self.credentials},
                )
            return self._drs

    def has(self, uri: str) -> bool:
        """Whether an identifier belongs to the repository, not to an archive that it refers to."""
        try:
            return self.drs.resolve(uri, look_up=False).server == self.server
        except HCAError:
            return False

    def serves(self, uri: str) -> bool:
        """Whether this user can request a file here."""
        if not uri or not self.has(uri):
            return False
        if self._usable is None:
            self._usable = bool(self.credentials.headers_for(self.url))
        return self._usable

    def source(self, uri: str) -> Callable[[], Source]:
        """A function that requests a URL for a file, and a new one after each expiry."""
        return self.drs.source(uri)
