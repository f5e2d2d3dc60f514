"""Open a response with an item's bytes: waits, redirects, renewed addresses, refusals."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from hca_base.errors import ServiceError, UnreachableError
from hca_base.http import REDIRECT_STATUSES, Origin, origin_of, parse_retry_after, same_host
from hca_base.transfer._download._context import MAX_REDIRECTS, Context, sources_of, status_error
from hca_base.transfer._download._redirects import RedirectFollower
from hca_base.transfer._model import Item, Source
from hca_base.transfer._network._retries import RetryError

if TYPE_CHECKING:
    from hca_base.transfer._network._response import Response

#: Statuses worth another attempt at the same address.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
#: Statuses of an address that has expired (S3: 403, 400 for some tokens; GCS: 400, 401, 403; Azul: 410).
_EXPIRED = frozenset({400, 401, 403, 404, 410})
#: Statuses of servers that have the file but refuse range requests (416 even for the first byte).
_MAY_REFUSE_RANGES = frozenset({400, 403, 405, 406, 412, 416, 501})
#: Renewals in a row without a received byte before a refusal is treated as permanent.
_RENEWALS = 2
#: Renew an address that expires within this many seconds, so that a request that starts now can finish.
_EXPIRY_MARGIN = 5.0

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


class ContentRange(NamedTuple):
    """The part of a file that a 206 holds: bytes ``start`` to ``end`` (exclusive) of ``total`` (None if unknown)."""

    start: int
    end: int
    total: int | None


def content_range(response: Response) -> ContentRange | None:
    """Return the ``Content-Range`` of a 206; None if it is missing or invalid."""
    match = _CONTENT_RANGE.fullmatch(response.header("Content-Range").strip())
    if match is None:
        return None
    return ContentRange(int(match[1]), int(match[2]) + 1, None if match[3] == "*" else int(match[3]))


def _check_complete(response: Response, item: Item, host: str) -> None:
    """Check that the response to a request for the whole file holds all of it.

    :raises RetryError: the response holds only a part
    """
    if response.status == 206:
        found = content_range(response)
        if found is None or found.start != 0 or found.end != found.total:
            response.close()
            raise RetryError(UnreachableError(f"{host} sent part of {item.name}, although all of it was requested"))


@dataclass(slots=True)
class Address:
    """The current address of the bytes.

    :param generation: grows with each renewal, so that ranges that fail together renew once
    :param ranges: the address accepts range requests
    """

    url: str
    headers: Mapping[str, str]
    generation: int
    ranges: bool = True
    expires: float | None = None


class SourceResolver:
    """Finds an item's bytes; shared by all ranges of the item.

    :ivar attempts: requests started for the item's data
    :ivar use_ranges: False once the server has refused a range, or sent a different one
    :ivar decode_bodies: False to keep compressed bodies as they are: some storages send ``Content-Encoding`` for
        files that were stored compressed
    :ivar encoding: the ``Content-Encoding`` of the last response that had one
    """

    def __init__(self, context: Context, item: Item, attempts: int = 0) -> None:
        self.context = context
        self.item = item
        self.attempts = attempts
        self._follower = RedirectFollower(context, item)
        self._sources = sources_of(item)
        self._source_index = 0
        self._lock = threading.Lock()
        self._address: Address | None = None
        #: A source that a function returned and no request has used yet.
        self._unused: Source | None = None
        self._generation = 0
        self._refusals = 0
        self._renewed_credentials = False
        self._was_empty = False
        self.use_ranges = True
        self.decode_bodies = True
        self.encoding = ""

    def open(self, start: int = 0, end: int | None = None, if_range: str | None = None) -> Response:
        """Return a response (200 or 206) with bytes ``start`` to ``end`` (to the last one for None).

        A 200 holds the whole file, whatever was asked for.

        :raises RetryError: it failed; a retry may succeed
        :raises HCAError: a permanent failure; retrying will not help
        """
        self.attempts += 1
        response, address = self._resolve()
        if response is not None:
            return response
        headers = dict(address.headers)
        if self.use_ranges and address.ranges and (start or end is not None):
            headers["Range"] = f"bytes={start}-" + ("" if end is None else str(end - 1))
            if if_range:
                headers["If-Range"] = if_range
        response = self._follower.follow(address.url, headers)
        origin = origin_of(address.url)
        if response.status not in (200, 206):
            self._refuse(response, address, origin, "Range" in headers)
        self._refusals = 0
        if "Range" not in headers:
            _check_complete(response, self.item, origin.host)
        self.context.limiters.of(origin.host, origin.port).on_success()
        return response

    def renew(self) -> None:
        """Forget the address."""
        with self._lock:
            self._address = None

    def _renew_refused(self, address: Address) -> bool:
        """Forget a refused address; return False if the refusal is permanent.

        All ranges in progress see the refusal of an expired address, so it counts once.
        """
        with self._lock:
            if not self._renewable():
                return False
            if self._address is not None and self._address.generation == address.generation:
                self._refusals += 1
                if self._refusals > _RENEWALS:
                    return False
                self._address = None
            return True

    def next_source(self) -> bool:
        """Go on to the next source; return False if there is none."""
        with self._lock:
            if self._source_index + 1 >= len(self._sources):
                return False
            self._source_index += 1
            self._address = self._unused = None
            self._refusals = 0
            return True

    @property
    def local_path(self) -> str | None:
        """The path of a source that is a local file."""
        with self._lock:
            if self._address is not None:
                return None
            # Keep it for the next request: a function may query a server for each address.
            self._unused = source = self._source()
            return str(source.path) if source.path is not None else None

    def _source(self) -> Source:
        source = self._sources[self._source_index]
        return source() if callable(source) else source

    def _resolve(self) -> tuple[Response | None, Address]:
        """Return the address, with an open response if the service sent the bytes directly."""
        with self._lock:
            address = self._address
            if address is not None and (address.expires is None or address.expires - _EXPIRY_MARGIN > time.time()):
                return None, address
            source, self._unused = self._unused or self._source(), None
            self._generation += 1
            if source.redirects != "service":
                address = Address(source.url, source.headers_now(), self._generation, expires=source.expires)
                self._address = address
                return None, address
            return self._ask_service(source)

    def _ask_service(self, source: Source) -> tuple[Response | None, Address]:
        url, start = source.url, origin_of(source.url)
        origin, headers = start, source.headers_now()
        redirects = 0
        while redirects <= MAX_REDIRECTS:
            self.context.cancel.check()
            sent = headers if same_host(start, origin) else {}
            response = self._follower.send(url, sent, origin)
            if response.status in (200, 206):
                _check_complete(response, self.item, origin.host)
                ranges = response.header("Accept-Ranges").lower() == "bytes"
                return response, Address(url, sent, self._generation, ranges)
            if response.status == 401 and source.on_unauthorized is not None and not self._renewed_credentials:
                response.release()
                self._renewed_credentials = True
                if not source.on_unauthorized(source.url):
                    raise status_error(401, self.item.name, origin.host)
                headers = source.headers_now()
                continue
            if response.status not in REDIRECT_STATUSES:
                self._refuse(response, None, origin)
            url, origin, status, waited = self._follower.hop(response, url, start, origin)
            self._renewed_credentials = False
            redirects = 0 if waited else redirects + 1
            if status != 301 and not waited:
                self._address = Address(url, headers if same_host(start, origin) else {}, self._generation)
                return None, self._address
        raise self._follower.endless(start)

    def _refuse(self, response: Response, address: Address | None, origin: Origin, is_range: bool = False) -> NoReturn:
        """Raise the error for a response that does not hold the bytes.

        :param address: the requested address, if it can be renewed
        :param is_range: a range was asked for
        """
        status = response.status
        wait = parse_retry_after(response.header("Retry-After") or None)
        response.release()
        error = status_error(status, self.item.name, origin.host)
        if status in _PASSING:
            raise self._throttle(error, status, wait, origin)
        if address is not None and status in _EXPIRED and self._renew_refused(address):
            raise RetryError(error)
        if status == 204 and not self._was_empty:
            # One response without the file may be temporary.
            self._was_empty = True
            raise RetryError(error)
        if is_range and status in _MAY_REFUSE_RANGES:
            # A request for the whole file may still succeed; if it fails, its response gives the reason. Other ranges
            # requested in the meantime are refused as well.
            self.use_ranges = False
            raise RetryError(error, after=0.0)
        raise error

    def _throttle(self, error: ServiceError, status: int, wait: float | None, origin: Origin) -> RetryError:
        if status == 429 or (status == 503 and wait is not None):
            self.context.limiters.of(origin.host, origin.port).on_throttled(wait)
        if wait and status in (429, 503):
            self._follower.spend_wait(wait, origin.host)
            return RetryError(error, after=wait, free=True)
        # A pause of 0 seconds uses no budget, so count such refusals; otherwise the retries would never end.
        return RetryError(error, after=wait or None)

    def _renewable(self) -> bool:
        source = self._sources[self._source_index]
        return callable(source) or source.redirects == "service"
