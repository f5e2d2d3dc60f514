"""Where a file's bytes are to be had, in order: the public mirror, Azul, and the DRS server behind it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hca_azul.download.entries import Entry
from hca_azul.download.repository import Repository
from hca_base.errors import UsageError
from hca_base.transfer import Source

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

SOURCES = ("mirror", "azul", "drs")
_S3_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)")


class Sources:
    """Makes the sources of files.

    :param order: names out of :data:`SOURCES`, the best first
    """

    def __init__(self, client: AzulConnection, order: Iterable[str] = SOURCES) -> None:
        self.client = client
        self.order = tuple(order)
        unknown = [name for name in self.order if name not in SOURCES]
        if unknown or not self.order:
            raise UsageError(f"sources are {', '.join(SOURCES)}, not {', '.join(unknown) or 'none'}")
        mirror = client.config.get("azul.mirror_url", None)
        self._mirror = str(mirror).rstrip("/") if mirror else None
        self._headers: Any = client.credentials.headers_for
        self._on_unauthorized = client.credentials.on_unauthorized
        self._drs = Repository(client) if "drs" in self.order else None

    def of(self, entry: Entry) -> list[Source | Callable[[], Source]]:
        """The sources of a file; empty where there is none."""
        found: list[Source | Callable[[], Source]] = []
        for name in self.order:
            if name == "mirror" and entry.mirror:
                url = self.mirror_url(entry.mirror)
                if url:
                    found.append(Source(url))
            elif name == "azul" and entry.url:
                found.append(Source(entry.url, self._headers, "service", on_unauthorized=self._on_unauthorized))
            elif name == "drs" and self._drs is not None and self._drs.serves(entry.drs):
                found.append(self._drs.source(entry.drs))
        return found

    def mirror_url(self, uri: str) -> str | None:
        """The https address of an object in the mirror; anybody may read it.

        The mirror's objects are named by their digests. That the metadata beside an object say the same is not asked
        for: the bytes are compared with the sha256 that the service tells, which vouches for more, with one request.
        """
        match = _S3_URI.fullmatch(uri)
        if match is None:
            return uri if uri.startswith("https://") else None
        bucket, key = match[1], quote(match[2])
        if self._mirror:
            return f"{self._mirror}/{bucket}/{key}"
        if "." in bucket:
            # A name with dots does not fit the certificate of the bucket's own host.
            return f"https://s3.amazonaws.com/{bucket}/{key}"
        return f"https://{bucket}.s3.amazonaws.com/{key}"
