"""Retries: the exception for an attempt that may be repeated, and the delay before the next one."""

from __future__ import annotations

import random

from hca_base.errors import HCAError
from hca_base.transfer._model import TransferOptions

#: Maximum delay (seconds), so that the end of a long outage is noticed within half a minute.
_LONGEST_DELAY = 30.0


class RetryError(Exception):
    """Raised when an attempt failed but a retry may succeed.

    :param error: raised instead when no attempts are left
    :param after: seconds that the server asked the client to wait
    :param free: the attempt does not count (the server said when to come back)
    """

    def __init__(self, error: HCAError, after: float | None = None, free: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after
        self.free = free


def backoff(options: TransferOptions, failures: int) -> float:
    """Return the seconds to wait after ``failures`` failures in a row: doubling from the minimum, with jitter."""
    delay: float = min(options.min_delay * 2 ** min(64, max(0, failures - 1)), _LONGEST_DELAY)
    return delay * random.uniform(0.7, 1.3)
