"""Where a file's bytes are to be had, in order: the public mirror, Azul, and the DRS server behind it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from hca_azul.download.entries import Entry
from hca_base.errors import HCAError, NotFoundError, ServiceError, UsageError
from hca_base.http import json_of, parse_retry_after, remember_secret
from hca_base.transfer import Source

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

SOURCES = ("mirror", "azul", "drs")
#: The DRS server of the Terra Data Repository.
DRS_URL = "https://data.terra.bio"
_S3_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)")
#: Compact identifiers of the repository's, which need no look-up elsewhere.
_TERRA_HOSTS = frozenset({"data.terra.bio", "jade.datarepo-dev.broadinstitute.org"})
#: Signed addresses of DRS live longer; this is how long one is used again without asking.
_ADDRESS_LIFE = 300.0


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
        self._drs = DrsServer(client) if "drs" in self.order else None

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


class DrsServer:
    """The repository itself. It wants a token of somebody who is registered with Terra."""

    def __init__(self, client: AzulConnection) -> None:
        self.client = client
        self.url = str(client.config.get("azul.drs_url", None) or DRS_URL).rstrip("/")
        self._credentials: Any = None
        self._usable: bool | None = None
        self._lock = threading.Lock()

    @property
    def credentials(self) -> Any:
        """Those of the user, for the DRS server's host alone."""
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

    def serves(self, uri: str) -> bool:
        """Whether a file can be asked for here, by this user."""
        if object_id(uri) is None:
            return False
        if self._usable is None:
            self._usable = bool(self.credentials.headers_for(self.url))
        return self._usable

    def source(self, uri: str) -> Callable[[], Source]:
        """A function that asks for a fresh address; one that is fresh still is used again."""
        lock = threading.Lock()
        kept: list[tuple[float, Source]] = []

        def fresh() -> Source:
            with lock:
                if kept and kept[-1][0] > time.monotonic():
                    return kept[-1][1]
                source = Source(self.address(uri), expires=time.time() + _ADDRESS_LIFE)
                kept[:] = [(time.monotonic() + _ADDRESS_LIFE / 2, source)]
                return source

        return fresh

    def address(self, uri: str) -> str:
        """The signed address of an object.

        :raises NotFoundError: the server has no file, or none for this user
        """
        identifier = object_id(uri)
        path = f"{self.url}/ga4gh/drs/v1/objects/{quote(identifier or '', safe='')}"
        try:
            methods = self._get(path).get("access_methods")
            for method in methods if isinstance(methods, list) else []:
                if not isinstance(method, dict):
                    continue
                plain = method.get("access_url")
                direct = plain.get("url") if isinstance(plain, dict) else None
                if method.get("access_id"):
                    answer = self._get(f"{path}/access/{quote(str(method['access_id']), safe='')}")
                    direct = answer.get("url")
                if isinstance(direct, str) and direct.startswith(("https://", f"{urlsplit(self.url).scheme}://")):
                    remember_secret(direct.partition("?")[2])
                    return direct
        except ServiceError as error:
            if error.status not in (401, 403, 404):
                raise
            raise NotFoundError(f"{urlsplit(self.url).netloc} answered {error.status} for {identifier}") from None
        raise NotFoundError(f"{urlsplit(self.url).netloc} answered 404 for {identifier}: it names no way to get it")

    def _get(self, url: str) -> dict[str, Any]:
        for _ in range(60):
            response = self.client.session.call("GET", url, credentials=self.credentials)
            if response.status_code != 202:
                answer = json_of(response)
                return answer if isinstance(answer, dict) else {}
            pause = parse_retry_after(response.headers.get("Retry-After"))
            time.sleep(min(5.0 if pause is None else max(pause, 0.5), 60.0))
        raise HCAError(f"{urlsplit(self.url).netloc} was not ready with a file in time")


def object_id(uri: str) -> str | None:
    """The identifier of an object in the repository, of either form of DRS URI; None for those of others."""
    if not uri.startswith("drs://"):
        return None
    rest = uri.removeprefix("drs://").partition("?")[0]
    host, slash, identifier = rest.partition("/")
    if slash:
        return identifier if host in _TERRA_HOSTS and identifier else None
    prefix, colon, accession = rest.partition(":")
    # dg.4503 and its kind lead to other archives.
    return accession if colon and prefix in ("dg.tdr", "drs.anv0") and accession else None
