"""What all connections of a run share: the pace that a host can take, the rate that the user allows, the end."""

from __future__ import annotations

import os
import threading
import time

from hca_base.errors import HCAError, TimedOutError, UnreachableError

#: A host that answered before may be silent this many times longer than one that never did, before it is given up.
_PATIENCE = 10
#: Failures further apart than this (seconds) do not make one silence: nobody asked in between.
_APART = 180.0


#: More descriptors than any run needs.
_UNLIMITED = 100_000


class CancelledError(Exception):
    """The run is ending; what is under way stops where it is."""


class HostUnreachableError(UnreachableError):
    """A host was silent for too long; nothing more is asked of it in this run."""


class Cancel:
    """Set once, seen everywhere; waits end when it is set."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """End the run."""
        self._event.set()

    def is_set(self) -> bool:
        """True when the run is ending."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise :class:`CancelledError` when the run is ending."""
        if self._event.is_set():
            raise CancelledError

    def sleep(self, seconds: float) -> None:
        """Wait, unless the run ends.

        :raises CancelledError: it ended
        """
        if self._event.wait(max(0.0, seconds)):
            raise CancelledError


class HostLimiter:
    """How hard one host may be driven, for all connections to it at once.

    When the host answers 429, or 503 with ``Retry-After``, nobody asks it for that long, and from then on half as
    many requests may be open at once as were before; each success adds a little again.
    """

    #: More than any run opens: no limit.
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
        #: Why the host is given up, once it is.
        self.unreachable: HostUnreachableError | None = None

    def try_acquire(self) -> float:
        """Start a request if that is allowed.

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

        :param longest: seconds that the host may want to be left alone at most
        :raises CancelledError: the run ended meanwhile
        :raises TimedOutError: the host asked for a longer pause
        """
        while (wait := self.try_acquire()) != 0.0:
            cancel.check()
            if wait > longest:
                raise TimedOutError("the host requested a longer wait than the time limit allows")
            with self._condition:
                self._condition.wait(min(wait, 0.25) if wait > 0 else 0.25)

    def release(self) -> None:
        """A request ended."""
        with self._condition:
            self._active -= 1
            self._condition.notify()

    def on_throttled(self, retry_after: float | None) -> None:
        """The host asks for less; ``retry_after`` in seconds, where it said so."""
        with self._condition:
            now = time.monotonic()
            if self._resume_at <= now:
                # One step down for one wave of refusals, not one for each request of the wave.
                # The first refusal may come before there were many requests at once; that says little.
                self._limit = max(4.0, self._peak / 2) if self._limit >= self.FREE else max(1.0, self._limit / 2)
                self._peak = self._active
            self._resume_at = max(self._resume_at, now + (1.0 if retry_after is None else retry_after))

    def on_response(self) -> None:
        """The host answered, whatever it said."""
        self._answered = True
        self._silent_since = 0.0
        self.unreachable = None

    def on_no_response(self, error: HCAError, patience: float) -> None:
        """A request got no answer: no connection, or nothing came over it.

        A host that is not there would otherwise cost every file of a run all its attempts.

        :param patience: seconds of silence after which a host that never answered is given up
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
        """Raise when the host is given up; each file gets an exception of its own, for threads share the limiter."""
        error = self.unreachable
        if error is not None:
            raise HostUnreachableError(error.message, hint=error.hint)

    def on_success(self) -> None:
        """A request went well."""
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
        """What stands for the store of uploads as a whole, by whichever of its names it is asked."""
        return self.of("", 0)

    def of(self, host: str, port: int) -> HostLimiter:
        """The limiter of one host and port."""
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
    """A bucket of bytes that fills at the allowed rate; everybody draws from it before or after receiving.

    :param rate: bytes a second; None for no limit
    """

    def __init__(self, rate: int | None) -> None:
        self.rate = rate
        self._lock = threading.Lock()
        self._free_at = time.monotonic()

    def draw(self, count: int) -> float:
        """Take ``count`` bytes; how many seconds to wait before taking more."""
        if not self.rate:
            return 0.0
        with self._lock:
            now = time.monotonic()
            # A tenth of a second may be saved up, so that short pauses do not cost rate.
            self._free_at = max(self._free_at, now - 0.1) + count / self.rate
            return max(0.0, self._free_at - now)

    def pace(self, count: int, cancel: Cancel) -> None:
        """Take ``count`` bytes and wait as long as that takes."""
        if self.rate:
            wait = self.draw(count)
            if wait > 0.002:
                cancel.sleep(wait)
