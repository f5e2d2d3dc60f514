"""Decide when to retry a request, and after which delay."""

from __future__ import annotations

import dataclasses
import math
import random
import time

#: Statuses that may be temporary (contracts of DSS and Azul; RFC 6585 for 429).
RETRY_STATUSES = frozenset({429, 500, 502, 503, 504})

#: RFC 9110, 9.2.2. PATCH and POST are not among them.
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """How often and when to retry a failed request.

    :ivar retries: retries after the first attempt; None: the setting ``http.retries``
    :ivar connect_retries: maximum number of these for a host that cannot be connected to
    :ivar backoff: upper bound of the first pause, in seconds; it doubles with each retry
    :ivar cap: upper bound of any such pause, in seconds
    :ivar budget: total of all pauses, in seconds; None: the setting ``http.retry_budget``
    :ivar longest_attempt: seconds; an attempt that took longer before it failed is not retried
    :ivar idempotent: whether a retry is safe; if not, nothing is retried
    :ivar statuses: HTTP statuses to retry
    """

    retries: int | None = None
    connect_retries: int = 2
    backoff: float = 0.5
    cap: float = 30.0
    budget: float | None = None
    longest_attempt: float = math.inf
    idempotent: bool = True
    statuses: frozenset[int] = RETRY_STATUSES

    @classmethod
    def for_operation(cls, method: str, safe: bool = False, **changes: object) -> RetryPolicy:
        """The policy for a method.

        :param safe: the operation changes nothing, whatever its method (``POST /search``)
        """
        return cls(idempotent=safe or method.upper() in IDEMPOTENT_METHODS, **changes)  # type: ignore[arg-type]

    @classmethod
    def never(cls) -> RetryPolicy:
        """One attempt only."""
        return cls(retries=0, idempotent=False)

    def pause(self, repeat: int, retry_after: float | None = None) -> float:
        """Return the seconds to wait before the given retry (1 is the first), with full jitter.

        A ``Retry-After`` is a lower bound; up to a tenth (at most one second) is added to it, so that many clients
        that were turned away together do not come back together.
        """
        jitter = random.uniform(0, min(self.cap, self.backoff * 2 ** min(repeat - 1, 30)))
        if retry_after is None:
            return jitter
        return max(jitter, retry_after + random.uniform(0, min(1.0, retry_after / 10)))


def parse_retry_after(value: str | None) -> float | None:
    """Seconds from a ``Retry-After`` header: a number, or an HTTP date (RFC 9110, 10.2.3); None for nonsense."""
    if value is None:
        return None
    text = value.strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            # Rarely needed, and slow to import.
            import email.utils

            when = email.utils.parsedate_to_datetime(text)
        except (TypeError, ValueError):
            return None
        try:
            seconds = when.timestamp() - time.time()
        except (OverflowError, ValueError, OSError):
            return None
    if seconds != seconds:
        return None
    return max(0.0, seconds)
