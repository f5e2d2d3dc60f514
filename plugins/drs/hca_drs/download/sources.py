"""Functions that return a fresh URL for an object's bytes to the transfer engine, again after each expiry."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from hca_base.errors import ExitCode, HCAError, NotFoundError
from hca_base.http import origin_of, same_host
from hca_base.transfer import Source
from hca_drs.objects.access import Address, Preferences, address_of, ordered
from hca_drs.objects.model import AccessMethod, DrsObject
from hca_drs.servers.reading import read_one
from hca_drs.servers.server import Server
from hca_drs.servers.servers import Servers

#: URLs per bulk request: not many more than are used soon, because they expire.
_AHEAD = 64
#: Seconds that a prefetched URL may be used.
_FRESH = 120.0
#: Seconds before its expiry at which a URL is renewed, so that a request that starts now can finish.
_MARGIN = 10.0
_PROBE = 1 << 16
_PAYS = (b"userprojectmissing", b"requester pays", b"requester-pays", b"requestpayer", b"x-amz-request-payer")


class RequesterPaysError(HCAError):
    """The bucket is requester-pays; hca does not read those."""

    exit_code = ExitCode.REFUSED


def lapses(expires: float | None) -> bool:
    """Whether a URL has expired, or will too soon to start with it.

    :param expires: Unix time (seconds); None: unknown
    """
    return expires is not None and expires - _MARGIN < time.time()


class Sources:
    """Builds the sources of objects; thread-safe."""

    def __init__(self, servers: Servers, preferences: Preferences) -> None:
        self.servers = servers
        self.preferences = preferences
        self._ahead: dict[tuple[str, bool], AccessAhead] = {}
        self._payers: dict[str, bool] = {}
        self._lock = threading.Lock()

    def of(self, found: DrsObject) -> list[Callable[[], Source]]:
        """Functions that return a URL, in order of preference.

        :raises NotFoundError: no access method is usable with the user's preferences
        """
        if found.is_bundle:
            raise NotFoundError(f"{found.name} is a bundle, which has members but no content")
        methods = ordered(found, self.preferences)
        made = [MethodSource(self, found, method) for method in methods]
        first = methods[0]
        if first.access_id is not None and not (first.url and first.type == "https"):
            self.ahead(found).expect(found.place.object_id, first.access_id)
        return list(made)

    def ahead(self, found: DrsObject) -> AccessAhead:
        """The prefetcher for a server's URLs."""
        place = found.place
        with self._lock:
            return self._ahead.setdefault((place.server, place.trusted), AccessAhead(self.servers.of(place)))

    def check_payer(self, address: Address) -> None:
        """Check whether a bucket refuses access because it is requester-pays.

        :raises RequesterPaysError: it is
        """
        bucket = address.url.rpartition("/")[0]
        with self._lock:
            known = self._payers.get(bucket)
        if known is None:
            try:
                response = self.servers.session.call(
                    "GET",
                    address.url,
                    headers={"Range": "bytes=0-0"},
                    auth="no",
                    raise_for_status=False,
                    max_body=_PROBE,
                )
                text = response.content.lower() if response.status_code >= 400 else b""
            except HCAError:
                text = b""
            known = any(word in text for word in _PAYS)
            with self._lock:
                self._payers[bucket] = known
        if known:
            raise RequesterPaysError(
                f"{origin_of(address.url).host} charges the reader of this bucket (requester pays): not read",
                hint="copy it with the cloud's own tools and your own project, such as: "
                "gcloud storage cp --billing-project PROJECT",
            )


class MethodSource:
    """One access method of one object: each call returns a currently valid URL."""

    def __init__(self, sources: Sources, found: DrsObject, method: AccessMethod) -> None:
        self._sources = sources
        self._found = found
        self._method = method
        self._calls = 0
        self._lock = threading.Lock()

    def __call__(self) -> Source:
        with self._lock:
            self._calls += 1
            address = self._address(again=self._calls > 1)
        headers = self._headers(address)
        return Source(address.url, headers, expires=address.expires)

    def _address(self, again: bool) -> Address:
        found, method, preferences = self._found, self._method, self._sources.preferences
        server = self._sources.servers.of(found.place)
        # A plain https URL in the object is used once, and the signed one requested if it is
        # refused; a bucket URL is used only if there is no signed one.
        if method.url and not (method.access_id and (again or method.type != "https")):
            address = address_of(method, method.url, method.headers, preferences)
            if again and address.anonymous:
                self._sources.check_payer(address)
            elif again or lapses(address.expires):
                return self._renewed() or address
            return address
        if method.access_id is None:
            raise NotFoundError(f"{server.host} gives no address for {found.id} by {method.type}")
        answer = self._sources.ahead(found).take(found.place.object_id, method.access_id) if not again else None
        known = self._read(answer) if answer is not None else None
        if known is not None and not lapses(known.expires):
            return known
        address = self._read(server.access(found.place.object_id, method.access_id, method.authorizations))
        if again and address.anonymous:
            self._sources.check_payer(address)
        return address

    def _read(self, answer: Mapping[str, Any]) -> Address:
        return address_of(self._method, answer["url"], answer.get("headers"), self._sources.preferences)

    def _renewed(self) -> Address | None:
        """The URL in the access method, if it has one and no access_id."""
        fresh = read_one(self._sources.servers, self._found.place)
        for method in fresh.methods:
            if (method.type, method.region, method.cloud) == (
                self._method.type,
                self._method.region,
                self._method.cloud,
            ) and method.url:
                return address_of(method, method.url, method.headers, self._sources.preferences)
        return None

    def _headers(self, address: Address) -> Mapping[str, str] | Callable[[str], Mapping[str, str]]:
        """The headers that the server requires; if the server itself sends the bytes, also the user's credentials."""
        if any(name.lower() == "authorization" for name in address.headers) or address.anonymous:
            return address.headers
        server = self._sources.servers.of(self._found.place)
        credentials = server.credentials
        if credentials is None or not same_host(origin_of(address.url), origin_of(server.url)):
            return address.headers
        return lambda url: {**credentials.headers_for(url), **address.headers}


class LazySource:
    """A source of an object whose metadata is requested only when its bytes are."""

    def __init__(self, sources: Sources, uri: str, stat: Callable[[str], DrsObject]) -> None:
        self._sources = sources
        self._uri = uri
        self._stat = stat
        self._ways: list[Callable[[], Source]] = []
        self._lock = threading.Lock()

    def __call__(self) -> Source:
        with self._lock:
            if not self._ways:
                self._ways = self._sources.of(self._stat(self._uri))
            while True:
                try:
                    return self._ways[0]()
                except HCAError:
                    if len(self._ways) < 2:
                        raise
                    del self._ways[0]


class AccessAhead:
    """Requests the URLs of several objects at once, if the server supports bulk requests."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._expected: deque[tuple[str, str]] = deque()
        self._got: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def expect(self, object_id: str, access_id: str) -> None:
        """Add a URL to prefetch."""
        with self._lock:
            self._expected.append((object_id, access_id))

    def take(self, object_id: str, access_id: str) -> dict[str, Any] | None:
        """A prefetched URL; None if it must be requested separately."""
        key = (object_id, access_id)
        with self._lock:
            found = self._got.pop(key, None)
            if found is None and key in self._expected:
                self._fetch(key)
                found = self._got.pop(key, None)
        if found is None or found[0] + _FRESH < time.monotonic():
            return None
        return found[1]

    def _fetch(self, key: tuple[str, str]) -> None:
        """Request a URL together with those added after it."""
        self._expected.remove(key)
        try:
            limit = min(self._server.bulk_limit("access"), _AHEAD)
        except HCAError:
            return
        if limit < 2 or len(self._expected) < 2:
            return
        asked = [key, *(self._expected.popleft() for _ in range(min(limit - 1, len(self._expected))))]
        ids: dict[str, list[str]] = {}
        for object_id, access_id in asked:
            ids.setdefault(object_id, []).append(access_id)
        body = [{"bulk_object_id": one, "bulk_access_ids": names} for one, names in ids.items()]
        try:
            answer = self._server.bulk("access", {"bulk_object_access_ids": body})
        except HCAError:
            return
        entries = answer.get("resolved_drs_object_access_urls") if answer is not None else None
        now = time.monotonic()
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and isinstance(entry.get("url"), str):
                self._got[str(entry.get("drs_object_id")), str(entry.get("drs_access_id"))] = (now, entry)
