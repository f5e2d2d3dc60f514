"""Small downloads over libcurl, as long as all goes well; what does not is handed to the careful path.

The event loop runs in the thread that called ``download``. It does a file's usual way: ask the service, follow its
redirect, take the bytes, verify, store. Waits that a service asks for, and hosts that ask for less, are handled here;
everything else (errors, wrong bytes, refusals) goes to a thread of the :class:`Lane`, with one attempt counted.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable
from hashlib import sha256 as new_sha256
from typing import Any

from hca_base.errors import HCAError
from hca_base.http import is_same_url, same_host
from hca_base.transfer._download._fetch import Fetcher, Result
from hca_base.transfer._download._locate import MAX_REDIRECTS, not_ready, sources_of
from hca_base.transfer._model import Item, Source
from hca_base.transfer._network._curl import CurlLoop, Host
from hca_base.transfer._report import Row
from hca_base.transfer._store._disk import disk_error
from hca_base.transfer._store._verify import promised

#: Connections to begin with, and most of them.
FIRST = 32
MOST = 128
_WINDOW = 0.05
_ENCODING = "Accept-Encoding: identity"
_PLAIN: tuple[str, ...] = (_ENCODING,)


class Job:
    """One item on its way."""

    __slots__ = ("attempts", "headers", "item", "redirects", "service", "sha256", "start", "started", "url", "waited")

    def __init__(self, item: Item, sha256: str | None) -> None:
        self.item = item
        self.sha256 = sha256
        self.url = ""
        self.headers = _PLAIN
        self.start: Host | None = None
        self.service = False
        self.redirects = 0
        self.attempts = 0
        self.started = 0.0
        self.waited = 0.0


class FastLane:
    """The event loop with its queue.

    :param finish: called with an item and its result
    :param careful: called with an item that needs the other path: item, sha256, attempts so far, and the wrong digest
        that was found, if any
    :param fixed: number of connections, None to adapt
    """

    def __init__(
        self,
        fetcher: Fetcher,
        loop: CurlLoop,
        finish: Callable[[Item, Result], None],
        careful: Callable[[Item, str | None, int, str | None], None],
        fixed: int | None,
    ) -> None:
        self._fetcher = fetcher
        self._context = fetcher.context
        self._destination = fetcher.destination
        self._loop = loop
        self._finish = finish
        self._careful = careful
        self._ready: deque[Job] = deque()
        self._timers: list[tuple[float, int, Job]] = []
        self._sequence = 0
        self._pace = Pace(fixed)
        self._verify = self._context.options.verify
        self._rate_until = 0.0

    @property
    def pending(self) -> int:
        """Items that wait or are under way."""
        return len(self._ready) + len(self._timers) + self._loop.active

    def submit(self, item: Item, sha256: str | None) -> None:
        """Queue an item; its size must be known."""
        self._ready.append(Job(item, sha256))

    def step(self, timeout: float) -> None:
        """Start what may start, wait for something to happen, and deal with it."""
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            self._ready.append(heapq.heappop(self._timers)[2])
        hold = self._start_some(now)
        if self._timers:
            timeout = min(timeout, max(0.0, self._timers[0][0] - now))
        for handle, code, text in self._loop.poll(min(timeout, hold) if hold else timeout):
            self._done(handle, code, text)
        self._pace.look(self._loop, bool(self._ready))

    def drop(self) -> list[Item]:
        """Give up everything; the items that were not finished."""
        items = [job.item for job in self._ready] + [job.item for _, _, job in self._timers]
        items += [handle.job.item for handle in self._loop._all if getattr(handle, "job", None) is not None]
        self._ready.clear()
        self._timers.clear()
        self._loop.close()
        return items

    # -- starting ------------------------------------------------------------------------------------------------

    def _start_some(self, now: float) -> float:
        """Start as many requests as may be open; seconds to hold back, or 0."""
        loop, ready = self._loop, self._ready
        limit = self._pace.limit
        if self._rate_until > now:
            return self._rate_until - now
        while ready and loop.active < limit:
            job = ready.popleft()
            try:
                if not job.url:
                    self._locate(job)
                host = loop.host(job.url)
                host.gate.check()
            except Exception:  # noqa: BLE001 - whatever a source raises costs its own file alone
                # The careful path comes to the same conclusion, and knows how to tell it.
                self._careful(job.item, job.sha256, job.attempts, None)
                continue
            wait = host.gate.try_enter()
            if wait > self._context.options.wait_budget:
                self._careful(job.item, job.sha256, job.attempts, None)
                continue
            if wait:
                ready.appendleft(job)
                return min(wait, 0.5) if wait > 0 else 0.05
            if not job.started:
                job.started = now
            try:
                loop.start(job, job.url, job.headers, host)
            except Exception:  # noqa: BLE001 - pycurl takes ASCII alone, and raises several things
                host.gate.leave()
                self._careful(job.item, job.sha256, job.attempts, None)
                continue
            job.attempts += 1
            if self._fetcher.rate.rate:
                self._rate_until = now + self._fetcher.rate.draw(job.item.size or 0)
                if self._rate_until > now:
                    break
        return 0.0

    def _locate(self, job: Job) -> None:
        source = job.item.source
        if not isinstance(source, Source):
            first = source if callable(source) else sources_of(job.item)[0]
            source = first() if callable(first) else first
        job.url = source.url
        job.service = source.redirects == "service"
        job.start = self._loop.host(source.url)
        headers = source.headers_now()
        if headers:
            lines = [f"{name}: {value}" for name, value in headers.items()]
            if not all(line.isascii() and line.isprintable() for line in lines):
                # libcurl would send a line break as one, and with it another header.
                raise ValueError("a header that cannot be sent")
            job.headers = (_ENCODING, *lines)

    # -- ending --------------------------------------------------------------------------------------------------

    def _done(self, handle: Any, code: int, text: str) -> None:
        job: Job = handle.job
        if code == 0:
            handle.host.gate.answered()
            status = handle.getinfo(self._loop._pycurl.RESPONSE_CODE)
            if status == 200:
                handle.host.gate.fine()
                data = handle.chunks[0] if len(handle.chunks) == 1 else b"".join(handle.chunks)
                self._loop.release(handle)
                self._received(job, data)
                return
            if status in (301, 302, 303, 307, 308) and self._redirected(handle, job, status):
                return
            if status in (429, 503):
                wait = handle.getinfo(self._loop._pycurl.RETRY_AFTER)
                if status == 429 or wait:
                    handle.host.gate.throttled(float(wait) if wait else None)
        elif not handle.getinfo(self._loop._pycurl.RESPONSE_CODE):
            error = self._loop.error(code, text, handle.host.origin.host)
            handle.host.gate.silent(error, self._context.options.patience)
        self._loop.release(handle)
        self._careful(job.item, job.sha256, job.attempts, None)

    def _redirected(self, handle: Any, job: Job, status: int) -> bool:
        """Follow a redirect as the careful path does; False when it has to judge."""
        loop = self._loop
        url = handle.getinfo(loop._pycurl.REDIRECT_URL)
        if not url or job.redirects >= MAX_REDIRECTS:
            return False
        try:
            there = loop.host(url)
            if there.gate.given_up is not None:
                return False
            if there is not handle.host and job.start is not None:
                self._context.redirects.check(job.start.origin, handle.host.origin, url)
        except HCAError:
            return False
        is_wait = status == 301 or is_same_url(job.url, url)
        job.url = url
        wait = handle.getinfo(loop._pycurl.RETRY_AFTER) if is_wait else 0
        if wait:
            job.waited += wait
            if job.waited > self._context.options.wait_budget:
                loop.release(handle)
                self._failed(job, not_ready(handle.host.origin.host, job.item, job.waited - wait))
                return True
        else:
            job.redirects += 1
        # Credentials stay with the origin for which they were given.
        start = job.start
        if start is not None and there is not start and not same_host(start.origin, there.origin):
            job.headers = _PLAIN
        if wait or there.gate.try_enter():
            loop.release(handle)
            if wait:
                self._sequence += 1
                heapq.heappush(self._timers, (time.monotonic() + wait, self._sequence, job))
            else:
                self._ready.appendleft(job)
            return True
        try:
            loop.again(handle, url, job.headers, there)
        except Exception:  # noqa: BLE001 - as above
            there.gate.leave()
            return False
        return True

    def _received(self, job: Job, data: bytes) -> None:
        item = job.item
        size = len(data)
        digest = new_sha256(data).hexdigest()
        if (size != item.size or digest != job.sha256) and not self._vouched(item, data, size, digest):
            found = digest if size == item.size else None
            self._careful(item, job.sha256, job.attempts, found)
            return
        try:
            path = self._destination.put_bytes(item, digest, data)
        except HCAError as error:
            self._failed(job, error)
            return
        except OSError as failure:
            self._failed(job, disk_error(failure, item.name))
            return
        if self._fetcher.shows_progress:
            self._fetcher.moved(item, size)
        self._pace.files += 1
        seconds = time.monotonic() - job.started
        self._finish(
            item, Result(Row(item.name, "downloaded", size, seconds, job.attempts, digest, "", path, item.key))
        )

    def _vouched(self, item: Item, data: bytes, size: int, digest: str) -> bool:
        """Whether the bytes are right although no sha256 says so."""
        if size != item.size:
            # Cut off, or compressed on the way: not the file, whether checksums are compared or not.
            return False
        if not self._verify:
            return True
        promise = promised(item)
        if promise is None:
            return True
        if promise[0] == "sha256":
            return promise[1] == digest
        from hca_base.transfer._checksums import Hashes

        hashes = Hashes((promise[0],), size)
        hashes.update(data)
        return hashes.hexdigests()[promise[0]] == promise[1]

    def _failed(self, job: Job, error: HCAError) -> None:
        seconds = time.monotonic() - job.started
        from hca_base.errors import RefusedError

        outcome = "refused" if isinstance(error, RefusedError) else "failed"
        row = Row(job.item.name, outcome, 0, seconds, job.attempts, "", str(error), "", job.item.key)
        self._finish(job.item, Result(row, error))


class Pace:
    """How many connections are worth their while.

    As long as the loop mostly waits for others, there are twice as many (four times, when it does nothing but wait).
    Then one file per connection passes, until they all work, and from as many again it is seen whether more files
    come in a second than before; if not, the step is taken back, and none is tried for a while.

    :param fixed: the number, where it is not to change
    :param most: limit of the number
    :ivar files: count here every file that is done
    """

    def __init__(self, fixed: int | None, most: int = MOST) -> None:
        self.limit = fixed or FIRST
        self.files = 0
        self._most = most
        self._fixed = fixed is not None
        self._rate = 0.0
        self._smaller = 0
        self._rest_until = 0.0
        self._mark: tuple[float, float, int] | None = None
        # The first look comes early: there is nothing to compare with, and the wait alone tells.
        self._next = FIRST // 2

    def look(self, loop: CurlLoop, hungry: bool) -> None:
        """Adapt, when enough files are done."""
        if self._fixed or (self.files < self._next and self._mark is not None):
            return
        now = time.monotonic()
        if self._mark is None:
            self._mark = (now, loop.waited, self.files)
            return
        since, waited, files = self._mark
        elapsed = now - since
        if elapsed < _WINDOW:
            return
        rate, idle = (self.files - files) / elapsed, (loop.waited - waited) / elapsed
        self._mark = (now, loop.waited, self.files)
        self._next = self.files + self.limit
        if not hungry or now < self._rest_until:
            return
        if self._smaller < 0:
            # The connections that were added have all come to work by now.
            self._smaller = -self._smaller
            return
        if self._smaller and rate < self._rate * 1.1:
            self.limit, self._smaller, self._rest_until = self._smaller, 0, now + 5
            return
        self._smaller = 0
        if idle > 0.4 and self.limit < self._most:
            self._smaller, self._rate = -self.limit, rate
            self.limit = min(self._most, self.limit * (4 if idle > 0.8 else 2))
            self._next = self.files + self.limit
