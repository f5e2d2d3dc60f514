"""Limits shared by all connections of a run: rate limits of hosts and of the user, and cancellation."""

from __future__ import annotations

import os
import threading
import time

from hca_base.errors import HCAError, TimedOutError, UnreachableError

#: A host that has responded before gets this many times the patience before it is given up.
_PATIENCE = 10
#: Failures further apart than this (seconds) do not count as one outage: no request was made in between.
_APART = 180.0


#: Used if the number of descriptors is unlimited: more than any run needs.
_UNLIMITED = 100_000


class CancelledError(Exception):
    """Raised when the run is cancelled; transfers in progress stop."""


class HostUnreachableError(UnreachableError):
    """Raised when a host did not respond for too long; the run sends it no more requests."""


class Cancel:
    """A cancellation flag that also interrupts waits."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Cancel the run."""
        self._event.set()

    def is_set(self) -> bool:
        """Return True if the run is cancelled."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise :class:`CancelledError` if the run is cancelled."""
        if self._event.is_set():
            raise CancelledError

    def sleep(self, seconds: float) -> None:
        """Wait, unless the run is cancelled.

        :raises CancelledError: it was cancelled
        """
        if self._event.wait(max(0.0, seconds)):
            raise CancelledError


class HostLimiter:
    """The rate limit of one host, shared by all connections to it.

    After a 429, or a 503 with ``Retry-After``, requests pause for that long. From then on, half as many requests may
    be open at once; each success raises the limit slightly.
    """

    #: No limit: more than any run opens.
    FREE = 10_000.0

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._resume_at = 0.0
        self._limit = self.FREE
        self._active = 0
        self._peak = 0
        self._answered = False
        self._silent_since = 0.0
        self._failed_at = 0.0
        #: Why the host was given up; None until then.
        self.unreachable: HostUnreachableError | None = None

    def try_acquire(self) -> float:
        """Start a request if the limits allow it.

        :return: 0 if it may start now; seconds to wait; or negative while the limit is used up
        """
        with self._condition:
            if self._resume_at:
                wait = self._resume_at - time.monotonic()
                if wait > 0:
                    return wait
                self._resume_at = 0.0
            if self._active >= self._limit:
                return -1.0
            self._active += 1
            if self._active > self._peak:
                self._peak = self._active
            return 0.0

    def acquire(self, cancel: Cancel, longest: float) -> None:
        """Wait until a request may start, and count it.

        :param longest: maximum pause in seconds
        :raises CancelledError: the run was cancelled
        :raises TimedOutError: the host asked for a longer pause
        """
        while (wait := self.try_acquire()) != 0.0:
            cancel.check()
            if wait > longest:
                raise TimedOutError("the host requested a longer wait than the time limit allows")
            with self._condition:
                self._condition.wait(min(wait, 0.25) if wait > 0 else 0.25)

    def release(self) -> None:
        """Record that a request ended."""
        with self._condition:
            self._active -= 1
            self._condition.notify()

    def on_throttled(self, retry_after: float | None) -> None:
        """Reduce the limit after a refusal; ``retry_after`` is the pause in seconds, if the host gave one."""
        with self._condition:
            now = time.monotonic()
            if self._resume_at <= now:
                # Reduce the limit once for each wave of refusals, not for each request of the wave.
                # The first refusal may arrive before many requests are open, so use a minimum.
                self._limit = max(4.0, self._peak / 2) if self._limit >= self.FREE else max(1.0, self._limit / 2)
                self._peak = self._active
            self._resume_at = max(self._resume_at, now + (1.0 if retry_after is None else retry_after))

    def on_response(self) -> None:
        """Record any response from the host."""
        self._answered = True
        self._silent_since = 0.0
        self.unreachable = None

    def on_no_response(self, error: HCAError, patience: float) -> None:
        """Record a request without a response: the connection failed, or no data arrived.

        Otherwise every file of a run would use up all its attempts on an unreachable host.

        :param patience: seconds without a response before giving up a host that never responded
        """
        with self._condition:
            now = time.monotonic()
            if not self._silent_since or now - self._failed_at > _APART:
                self._silent_since = now
            self._failed_at = now
            if now - self._silent_since >= patience * (_PATIENCE if self._answered else 1):
                self.unreachable = HostUnreachableError(
                    error.message, hint=error.hint or "run the same command later: it resumes where it stopped"
                )

    def check(self) -> None:
        """Raise if the host was given up: a new exception for each file, because threads share the limiter."""
        error = self.unreachable
        if error is not None:
            raise HostUnreachableError(error.message, hint=error.hint)

    def on_success(self) -> None:
        """Record a success."""
        if self._limit < self.FREE:
            with self._condition:
                self._limit += 0.25
                if self._limit > 256:
                    self._limit = self.FREE


class HostLimiters:
    """The limiters of all hosts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limiters: dict[tuple[str, int], HostLimiter] = {}

    def store(self) -> HostLimiter:
        """The limiter of the upload store, shared by all of its host names."""
        return self.of("", 0)

    def of(self, host: str, port: int) -> HostLimiter:
        """Return the limiter of one host and port."""
        limiter = self._limiters.get((host, port))
        if limiter is None:
            with self._lock:
                limiter = self._limiters.setdefault((host, port), HostLimiter())
        return limiter


def descriptors_left() -> int:
    """Return how many files and connections this process may still open (``ulimit -n``)."""
    try:
        import resource
    except ImportError:
        return _UNLIMITED
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY or limit > _UNLIMITED:
        return _UNLIMITED
    for directory in ("/proc/self/fd", "/dev/fd"):
        try:
            return max(0, limit - len(os.listdir(directory)))
        except OSError:
            continue
    return limit // 2


class RateLimit:
    """A token bucket of bytes that fills at the allowed rate, shared by all connections.

    :param rate: bytes per second; None for no limit
    """

    def __init__(self, rate: int | None) -> None:
        self.rate = rate
        self._lock = threading.Lock()
        self._free_at = time.monotonic()

    def draw(self, count: int) -> float:
        """Take ``count`` bytes; return the seconds to wait before taking more."""
        if not self.rate:
            return 0.0
        with self._lock:
            now = time.monotonic()
            # Save up to a tenth of a second, so that short pauses do not reduce the rate.
            self._free_at = max(self._free_at, now - 0.1) + count / self.rate
            return max(0.0, self._free_at - now)

    def pace(self, count: int, cancel: Cancel) -> None:
        """Take ``count`` bytes, and wait as long as the rate requires."""
        if self.rate:
            wait = self.draw(count)
            if wait > 0.002:
                cancel.sleep(wait)
