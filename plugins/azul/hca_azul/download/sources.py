"""The sources of a file's bytes, in order: the public mirror, Azul, and the DRS server behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from hca_azul.download.mirror import Mirror
from hca_azul.download.repository import Repository
from hca_azul.lists.entries import Entry
from hca_base.errors import NotFoundError, UsageError
from hca_base.http import remember_secret
from hca_base.transfer import Source

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

SOURCES = ("mirror", "azul", "drs")


class Sources:
    """Builds the sources of files.

    :param order: names from :data:`SOURCES`, in order of preference
    :param trusted: the files come from a listing, which shows only public ones to users without credentials
    :param online: whether the service is reachable; otherwise only the mirror is used
    """

    def __init__(
        self, client: AzulConnection, order: Iterable[str] = SOURCES, *, online: bool = True, trusted: bool = True
    ) -> None:
        self.client = client
        self.order = tuple(order)
        unknown = [name for name in self.order if name not in SOURCES]
        if unknown or not self.order:
            raise UsageError(f"sources are {', '.join(SOURCES)}, not {', '.join(unknown) or 'none'}")
        self.mirror = Mirror(client, trusted=trusted and not client.has_credentials)
        self._online = online
        self._headers: Any = client.credentials.headers_for
        self._on_unauthorized = client.credentials.on_unauthorized
        self._drs = Repository(client) if "drs" in self.order else None

    def is_mirror_alone(self, entry: Entry) -> bool:
        """Whether only the mirror was tried for a file: it responds with 403 for missing objects."""
        if not entry.mirror or "mirror" not in self.order:
            return False
        served = self._drs is not None and self._drs.serves(entry.drs)
        return not self._online or not (("azul" in self.order and entry.url) or served)

    def of(self, entry: Entry) -> list[Source | Callable[[], Source]]:
        """The sources of a file; empty if there are none."""
        found: list[Source | Callable[[], Source]] = []
        for name in self.order:
            if name == "mirror" and entry.mirror:
                url = self.mirror.public_url(entry.mirror)
                if url:
                    found.append(Source(url))
            elif not self._online:
                continue
            elif name == "azul" and entry.url:
                found.append(Source(entry.url, self._headers, "service", on_unauthorized=self._on_unauthorized))
            elif name == "drs" and self._drs is not None and self._drs.serves(entry.drs):
                found.append(self._drs.source(entry.drs))
        return found


def signed_address(client: AzulConnection, url: str) -> str:
    """Request the signed URL of a file from the service, with the user's credentials.

    :raises HCAError: the service returned none
    """
    response = client.session.call("GET", url, credentials=client.credentials, redirect="no")
    location = response.headers.get("Location")
    if not location or response.status_code not in (302, 307):
        raise NotFoundError("the service has no URL for it")
    remember_secret(location.partition("?")[2])
    return str(location)
