"""The queue in front of libcurl's event loop, and how many connections it uses."""

from __future__ import annotations

import heapq
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from hca_base.transfer._model import TransferOptions
from hca_base.transfer._network._curl import Completed, CurlLoop, Host
from hca_base.transfer._network._limits import RateLimit

#: Initial connections: enough for a server in the same data centre, and few for a server that handles them serially.
INITIAL_CONNECTIONS = 32
#: A server with at least this response time (seconds) is far away: use the maximum number of connections.
_FAR = 0.02
#: … unless it accepts connections faster than this: then it is busy (with many new TLS connections, for example), and
#: the measured rates decide whether more of them help.
_FAR_CONNECTING = 0.005
#: Compare rates over at least this many seconds; shorter periods are too noisy.
_WINDOW = 0.05
#: … and over this many files per connection: those of a distant server arrive in waves.
_FILES_TO_JUDGE = 3
#: Add connections while the loop waits for more than this share of the time …
_MOSTLY_WAITING = 0.4
#: … quadrupling instead of doubling them if it waits almost all of the time.
_ONLY_WAITING = 0.8
#: Undo a step that increases files per second by less than this factor …
_WORTHWHILE_GAIN = 1.1
#: … and try no other step for this many seconds.
_REST_AFTER_STEP_BACK = 5.0
#: Seconds before rechecking a host whose limit is used up, and the longest wait for one that asked for a pause.
_LIMIT_POLL, _PAUSE_POLL = 0.05, 0.5


class ConnectionTuner:
    """Decides how many connections to use.

    If the server is far away, all that are allowed are used at once. Otherwise, as long as the loop mostly waits for
    the network, the number is doubled (quadrupled, while it does nothing but wait). Then one file per connection passes
    until all of them work, and over a few files more the rate is compared with the one before. If it did not grow, the
    step is taken back, and none is tried for a while.

    :param fixed: the number, if it is fixed
    :param most: maximum number
    :ivar files: the caller increments it for every finished file
    """

    def __init__(self, fixed: int | None, most: int) -> None:
        self.limit = fixed or min(INITIAL_CONNECTIONS, most)
        self.files = 0
        self._most = most
        self._fixed = fixed is not None
        self._is_measured = False
        self._rate = 0.0
        #: The number before the last step: negative until all of its connections work, 0 if no step is being evaluated.
        self._smaller = 0
        self._rest_until = 0.0
        self._mark: tuple[float, float, int] | None = None
        # The first check can be early: it depends only on waiting times, not on rates.
        self._next = INITIAL_CONNECTIONS // 2

    def update(self, loop: CurlLoop, has_backlog: bool) -> None:
        """Adapt the number if enough files have finished since the last call."""
        if not self._is_measured and not loop.unmeasured:
            self._is_measured = True
            if loop.latency >= _FAR and loop.connecting >= _FAR_CONNECTING and not self._fixed:
                self.limit = self._most
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
        self._mark = (now, loop.waited, self.files)
        self._next = self.files + self.limit
        if has_backlog and now >= self._rest_until:
            self._step(now, (self.files - files) / elapsed, (loop.waited - waited) / elapsed)

    def _step(self, now: float, rate: float, idle: float) -> None:
        if self._smaller < 0:
            # All connections of the last step are working by now.
            self._smaller = -self._smaller
            self._next = self.files + _FILES_TO_JUDGE * self.limit
            return
        if self._smaller and rate < self._rate * _WORTHWHILE_GAIN:
            self.limit, self._smaller, self._rest_until = self._smaller, 0, now + _REST_AFTER_STEP_BACK
            return
        self._smaller = 0
        if idle > _MOSTLY_WAITING and self.limit < self._most:
            self._smaller, self._rate = -self.limit, rate
            self.limit = min(self._most, self.limit * (4 if idle > _ONLY_WAITING else 2))
            self._next = self.files + self.limit


class SmallJob(Protocol):
    """A job as the queue sees it."""

    @property
    def item(self) -> Any:
        """The job's item."""


JobT = TypeVar("JobT", bound=SmallJob)


class CurlQueue(ABC, Generic[JobT]):
    """Jobs that wait for, or use, one of libcurl's connections; for a single thread.

    :param fall_back: called with a job that this path cannot handle; a thread takes it over
    :param most: maximum number of connections
    """

    def __init__(
        self,
        loop: CurlLoop,
        options: TransferOptions,
        rate: RateLimit,
        fall_back: Callable[[JobT], None],
        most: int,
    ) -> None:
        self._loop = loop
        self._options = options
        self._rate = rate
        self._fall_back = fall_back
        self._tuner = ConnectionTuner(options.connections and min(options.connections, most), most)
        self._ready: deque[JobT] = deque()
        self._timers: list[tuple[float, int, JobT]] = []
        self._sequence = 0
        self._hold_until = 0.0

    @property
    def pending(self) -> int:
        """Number of jobs that wait or are in progress."""
        return len(self._ready) + len(self._timers) + self._loop.active

    def step(self, timeout: float) -> None:
        """Start the requests that may start, wait for the network, and handle what finished."""
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            self._ready.append(heapq.heappop(self._timers)[2])
        hold = self._start_some(now)
        if self._timers:
            timeout = min(timeout, max(0.0, self._timers[0][0] - now))
        for done in self._loop.poll(min(timeout, hold) if hold else timeout):
            self._completed(done)
        self._tuner.update(self._loop, bool(self._ready))

    def drop(self) -> list[Any]:
        """Stop everything; return the items that are not finished."""
        jobs = [*self._ready, *(job for _, _, job in self._timers), *self._loop.unfinished_jobs()]
        self._ready.clear()
        self._timers.clear()
        self._loop.close()
        return [job.item for job in jobs]

    def _later(self, job: JobT, seconds: float) -> None:
        """Start a job again after some time."""
        self._sequence += 1
        heapq.heappush(self._timers, (time.monotonic() + seconds, self._sequence, job))

    def _start_some(self, now: float) -> float:
        """Start as many requests as the limits allow; return the seconds to hold back, or 0."""
        if self._hold_until > now:
            return self._hold_until - now
        loop, ready = self._loop, self._ready
        while ready and loop.active < self._tuner.limit:
            job = ready.popleft()
            try:
                host = self._host_of(job)
                wait = host.limiter.try_acquire()
            except Exception:  # noqa: BLE001 - sources raise anything; the thread comes to the same error and reports it
                self._fall_back(job)
                continue
            if wait > self._options.wait_budget:
                self._fall_back(job)
                continue
            if wait:
                ready.appendleft(job)
                return min(wait, _PAUSE_POLL) if wait > 0 else _LIMIT_POLL
            try:
                size = self._send(job, host, now)
            except Exception:  # noqa: BLE001 - files, credentials and pycurl raise many kinds; as above
                host.limiter.release()
                self._fall_back(job)
                continue
            wait = self._rate.draw(size)
            if wait:
                self._hold_until = now + wait
                break
        return 0.0

    @abstractmethod
    def _host_of(self, job: JobT) -> Host:
        """Return the host to send the request to.

        :raises Exception: this path cannot do the job
        """

    @abstractmethod
    def _send(self, job: JobT, host: Host, now: float) -> int:
        """Start a job's request after its host's limiter was acquired; return the bytes it transfers.

        :raises Exception: this path cannot do the job
        """

    @abstractmethod
    def _completed(self, done: Completed) -> None:
        """Handle a finished request."""
