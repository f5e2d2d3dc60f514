"""Limiters of hosts that all workers of a cluster share."""

from __future__ import annotations

import time
from typing import Any

from hca_base.transfer._network._limits import HostLimiter, HostLimiters


class SharedLimiters(HostLimiters):
    """HostLimiters that all workers of a run share, through one variable at the scheduler.

    :param name: of the driver's variable, which maps host and port to the Unix time at which the pause ends
    """

    #: Seconds between two checks for other workers' pauses.
    LOOK_EVERY = 1.0

    def __init__(self, name: str, client: Any) -> None:
        from distributed import Variable

        super().__init__()
        self._variable = Variable(name, client=client)
        self._looked = 0.0
        self._pauses: dict[str, float] = {}

    def of(self, host: str, port: int) -> HostLimiter:
        """Return the limiter of one host and port."""
        limiter = self._limiters.get((host, port))
        if limiter is None:
            with self._lock:
                limiter = self._limiters.setdefault((host, port), SharedLimiter(self, f"{host} {port}"))
        return limiter

    def pause_of(self, host: str) -> float:
        """Return the Unix time until which a host asked for a pause."""
        now = time.monotonic()
        if now - self._looked >= self.LOOK_EVERY:
            self._looked = now
            try:
                self._pauses = self._variable.get(timeout=2)
            except Exception:  # noqa: BLE001 - the scheduler is busy; this worker then learns the pause from the host
                pass
        return self._pauses.get(host, 0.0)

    def publish_pause(self, host: str, until: float) -> None:
        """Share a pause with all workers."""
        try:
            self._pauses = {**self._variable.get(timeout=2), host: until}
            self._variable.set(self._pauses)
        except Exception:  # noqa: BLE001 - the scheduler is busy; the others then learn the pause from the host
            pass


class SharedLimiter(HostLimiter):
    """A limiter that respects the pauses that hosts asked any worker for."""

    def __init__(self, limiters: SharedLimiters, host: str) -> None:
        super().__init__()
        self._limiters = limiters
        self._host = host

    def try_acquire(self) -> float:
        """See :class:`HostLimiter`."""
        wait = self._limiters.pause_of(self._host) - time.time()
        return wait if wait > 0 else super().try_acquire()

    def on_throttled(self, retry_after: float | None) -> None:
        """See :class:`HostLimiter`."""
        super().on_throttled(retry_after)
        self._limiters.publish_pause(self._host, time.time() + (1.0 if retry_after is None else retry_after))
