"""From an item's source to an open answer with its bytes: waits, redirects, renewed addresses, refusals."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from hca_base.errors import HCAError, RefusedError, ServiceError, TimedOutError, UnreachableError, UsageError
from hca_base.http import Origin, check_redirect, is_same_url, origin_of, parse_retry_after, same_host
from hca_base.transfer._model import Item, Source, TransferOptions

if TYPE_CHECKING:
    from hca_base.transfer._network._connections import Reply
    from hca_base.transfer._network._limits import Cancel, Gates
    from hca_base.transfer._network._settings import LazyWire

MAX_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Worth another attempt at the same address.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
#: What an address that has lapsed answers (S3: 403, 400 for some tokens; GCS: 400, 401, 403; Azul: 410).
_LAPSED = frozenset({400, 401, 403, 404, 410})
#: How often an address is renewed without a byte in between before its refusal is believed.
_RENEWALS = 2


class Retry(Exception):
    """An attempt failed in a way that another may not.

    :param error: what to tell when there is no other
    :param after: seconds that the server asks us to wait
    :param free: it does not count as an attempt (the server said when to come back)
    """

    def __init__(self, error: HCAError, after: float | None = None, free: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after
        self.free = free


def backoff(options: TransferOptions, failures: int) -> float:
    """Seconds before the next attempt, after ``failures`` in a row: doubling from the minimum, capped, with jitter."""
    delay: float = min(options.min_delay * 2 ** max(0, failures - 1), 30.0)
    return delay * random.uniform(0.7, 1.3)


def status_error(status: int, what: str, host: str) -> ServiceError:
    """An HTTP status as an error about one file."""
    import http

    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = "unknown status"
    return ServiceError(f"{host} answered {status} ({phrase}) for {what}", status=status, reason=phrase)


def not_ready(host: str, item: Item, waited: float) -> TimedOutError:
    """A service made us wait for longer than there is time."""
    return TimedOutError(
        f"{host} was still not ready for {item.name} after {waited:.0f} s of waiting",
        hint="Run the same command later: it goes on where it stopped.",
    )


def sources_of(item: Item) -> list[Source | Callable[[], Source]]:
    """The sources of an item, in order of preference."""
    source = item.source
    if isinstance(source, Source) or callable(source):
        return [source]
    return list(source)


_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


def range_of(reply: Reply) -> tuple[int, int, int | None] | None:
    """Start, end (exclusive) and total of a 206."""
    match = _CONTENT_RANGE.fullmatch(reply.header("Content-Range").strip())
    if match is None:
        return None
    return int(match[1]), int(match[2]) + 1, None if match[3] == "*" else int(match[3])


def _check_whole(reply: Reply, item: Item, host: str) -> None:
    """Make sure that an answer to a request for the whole file is not a part of it.

    :raises Retry: it is
    """
    if reply.status == 206:
        told = range_of(reply)
        if told is None or told[0] != 0 or told[1] != told[2]:
            reply.close()
            raise Retry(UnreachableError(f"{host} sent a part of {item.name} where all of it was asked for"))


class Redirects:
    """Judges redirects, and remembers the judgements: a name is looked up once, not once per file."""

    def __init__(self, resolve: bool = True) -> None:
        self._known: dict[tuple[Origin, Origin, Origin], HCAError | None] = {}
        self._resolve = resolve

    def check(self, start: Origin, previous: Origin, url: str) -> Origin:
        """The origin of a redirect's target.

        :raises RefusedError: it must not be followed
        """
        try:
            target = origin_of(url)
        except UsageError as error:
            raise RefusedError(f"{previous.host} redirects to a place that is not followed: {error}") from None
        key = (start, previous, target)
        if key not in self._known:
            try:
                check_redirect(start, previous, target, resolve=self._resolve)
                self._known[key] = None
            except HCAError as error:
                self._known[key] = error
        known = self._known[key]
        if known is not None:
            raise known
        return target


@dataclass(slots=True)
class Context:
    """What every fetch of a run shares."""

    options: TransferOptions
    wire: LazyWire
    gates: Gates
    redirects: Redirects
    cancel: Cancel


@dataclass(slots=True)
class Address:
    """Where the bytes are now.

    :param generation: grows with each renewal, so that ranges that fail together renew once
    :param ranges: ranges may be asked for
    """

    url: str
    headers: Mapping[str, str]
    generation: int
    ranges: bool = True
    expires: float | None = None


class Locator:
    """Finds an item's bytes; shared by all ranges of the item.

    :param waits: seconds that may still be spent on the servers' requests to wait
    """

    def __init__(self, context: Context, item: Item) -> None:
        self.context = context
        self.item = item
        self._sources = sources_of(item)
        self._source_index = 0
        self._lock = threading.Lock()
        self._address: Address | None = None
        self._ready: Source | None = None
        self._generation = 0
        self._refusals = 0
        self._waited = 0.0
        self._asked_unauthorized = False
        self._loops = 0
        self.attempts = 0

    # -- outside -------------------------------------------------------------------------------------------------

    def open(self, start: int = 0, end: int | None = None, if_range: str | None = None) -> Reply:
        """An answer (200 or 206) for bytes ``start`` to ``end`` (to the last one for None).

        A 200 holds the whole file whatever was asked for.

        :raises Retry: it failed, and may not fail again
        :raises HCAError: it will not do
        """
        self.attempts += 1
        reply, address = self._address_now()
        if reply is not None:
            return reply
        headers = dict(address.headers)
        if address.ranges and (start or end is not None):
            headers["Range"] = f"bytes={start}-" + ("" if end is None else str(end - 1))
            if if_range:
                headers["If-Range"] = if_range
        reply = self._follow(address.url, headers)
        if reply.status in (200, 206):
            self._refusals = 0
            origin = origin_of(address.url)
            if "Range" not in headers:
                _check_whole(reply, self.item, origin.host)
            self.context.gates.of(origin.host, origin.port).fine()
            return reply
        self._refuse(reply, address, origin_of(address.url))
        raise AssertionError("not reached")

    def renew(self, generation: int) -> None:
        """Forget the address, if it is still the one of ``generation``."""
        with self._lock:
            if self._address is not None and self._address.generation == generation:
                self._address = None

    def renew_all(self) -> None:
        """Forget the address, whichever it is."""
        with self._lock:
            self._address = None

    def next_source(self) -> bool:
        """Go on to the next source; False when there is none."""
        with self._lock:
            if self._source_index + 1 >= len(self._sources):
                return False
            self._source_index += 1
            self._address = self._ready = None
            self._refusals = 0
            return True

    def charge_wait(self, seconds: float, host: str) -> None:
        """Account for a wait that a server asked for.

        :raises TimedOutError: the budget is spent
        """
        self._waited += seconds
        if self._waited > self.context.options.wait_budget:
            raise not_ready(host, self.item, self._waited - seconds)

    @property
    def local_path(self) -> str | None:
        """The path of a source that is a local file."""
        with self._lock:
            if self._address is not None:
                return None
            # The request that follows takes it: a function may ask a server for each address.
            self._ready = source = self._source()
            return str(source.path) if source.path is not None else None

    # -- inside --------------------------------------------------------------------------------------------------

    def _source(self) -> Source:
        source = self._sources[self._source_index]
        return source() if callable(source) else source

    def _address_now(self) -> tuple[Reply | None, Address]:
        """The address; with an open answer when the service answered with the bytes themselves."""
        with self._lock:
            address = self._address
            # Five seconds to spare: a request that starts now must be done with the address by then.
            if address is not None and (address.expires is None or address.expires - 5 > time.time()):
                return None, address
            source, self._ready = self._ready or self._source(), None
            self._generation += 1
            if source.redirects != "service":
                address = Address(source.url, source.headers_now(), self._generation, expires=source.expires)
                self._address = address
                return None, address
            return self._ask_service(source)

    def _ask_service(self, source: Source) -> tuple[Reply | None, Address]:
        url, start = source.url, origin_of(source.url)
        here, headers = start, source.headers_now()
        redirects = 0
        while True:
            self.context.cancel.check()
            reply = self._send(url, headers if same_host(start, here) else {}, here)
            if reply.status in (200, 206):
                _check_whole(reply, self.item, here.host)
                ranges = reply.header("Accept-Ranges").lower() == "bytes"
                return reply, Address(url, headers if same_host(start, here) else {}, self._generation, ranges)
            if reply.status == 401 and source.on_unauthorized is not None and not self._asked_unauthorized:
                reply.release()
                self._asked_unauthorized = True
                if source.on_unauthorized(source.url):
                    headers = source.headers_now()
                    continue
                raise status_error(401, self.item.name, here.host)
            if reply.status not in _REDIRECTS:
                self._refuse(reply, None, here)
            status, wait, location = reply.status, reply.header("Retry-After"), reply.header("Location")
            reply.release()
            if not location:
                raise Retry(status_error(status, f"{self.item.name}, without saying where", here.host))
            asked, url = url, urljoin(url, location)
            previous, here = here, self.context.redirects.check(start, here, url)
            self._asked_unauthorized = False
            if wait and (status == 301 or is_same_url(asked, url)):
                self._wait(parse_retry_after(wait) or 0.0, previous.host)
                redirects = 0
                continue
            redirects += 1
            if redirects > MAX_REDIRECTS:
                raise self._endless(start)
            if status in (302, 303, 307, 308):
                address = Address(url, headers if same_host(start, here) else {}, self._generation)
                self._address = address
                return None, address

    def _wait(self, seconds: float, host: str) -> None:
        seconds = max(seconds, 0.05)
        self.charge_wait(seconds, host)
        self.context.cancel.sleep(seconds)

    def _send(self, url: str, headers: Mapping[str, str], origin: Origin) -> Reply:
        gate = self.context.gates.of(origin.host, origin.port)
        try:
            gate.enter(self.context.cancel, self.context.options.wait_budget)
        except TimedOutError:
            raise not_ready(origin.host, self.item, self._waited) from None
        try:
            gate.check()
            try:
                reply = self.context.wire.request("GET", url, headers)
            except UsageError:
                # Nothing was sent, nor ever will be.
                raise
            except HCAError as error:
                gate.silent(error, self.context.options.patience)
                gate.check()
                raise Retry(error) from error
            gate.answered()
            return reply
        finally:
            gate.leave()

    def _follow(self, url: str, headers: Mapping[str, str]) -> Reply:
        start = here = origin_of(url)
        sent = headers
        for _ in range(MAX_REDIRECTS + 1):
            reply = self._send(url, sent, here)
            if reply.status not in _REDIRECTS:
                return reply
            status, wait, location = reply.status, reply.header("Retry-After"), reply.header("Location")
            reply.release()
            if not location:
                raise Retry(status_error(status, f"{self.item.name}, without saying where", here.host))
            asked, url = url, urljoin(url, location)
            here = self.context.redirects.check(start, here, url)
            if not same_host(start, here):
                sent = {name: value for name, value in headers.items() if name in ("Range", "If-Range")}
            if wait and (status == 301 or is_same_url(asked, url)):
                self._wait(parse_retry_after(wait) or 0.0, here.host)
        raise self._endless(start)

    def _endless(self, start: Origin) -> Exception:
        """Redirects without end may be an accident once."""
        self._loops += 1
        error = RefusedError(f"{start.host} redirects {self.item.name} without end")
        return error if self._loops > 1 else Retry(error)

    def _refuse(self, reply: Reply, address: Address | None, origin: Origin) -> None:
        """Turn an answer that is not the bytes into what follows from it.

        :param address: what was asked, where it can be renewed
        """
        status = reply.status
        wait = parse_retry_after(reply.header("Retry-After") or None)
        reply.release()
        error = status_error(status, self.item.name, origin.host)
        if status in _PASSING:
            raise self._throttle(error, status, wait, origin)
        if address is not None and status in _LAPSED:
            with self._lock:
                self._refusals += 1
                refusals = self._refusals
            if refusals <= _RENEWALS and self._renewable():
                self.renew(address.generation)
                raise Retry(error, free=False)
        if status == 416:
            # The object is shorter than what was asked for: it is not the one that was promised.
            raise Retry(error)
        raise error

    def _throttle(self, error: ServiceError, status: int, wait: float | None, origin: Origin) -> Retry:
        if status == 429 or (status == 503 and wait is not None):
            self.context.gates.of(origin.host, origin.port).throttled(wait)
        if wait is not None and status in (429, 503):
            self.charge_wait(wait, origin.host)
            return Retry(error, after=wait, free=True)
        return Retry(error, after=wait)

    def _renewable(self) -> bool:
        source = self._sources[self._source_index]
        return callable(source) or source.redirects == "service"
