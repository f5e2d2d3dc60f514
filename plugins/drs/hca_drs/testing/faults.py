"""Injectable faults, and their frequencies."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Faults:
    """Faults of the embedded server; all are off by default, and each can be changed while it runs.

    :ivar seed: makes faults reproducible (as far as threads allow)
    :ivar drop: share of responses with bytes whose connection is closed somewhere in the body
    :ivar api_drop: share of API requests whose connection is closed before the response
    :ivar errors: share of API requests with response 503, without ``Retry-After``
    :ivar busy: share of requests, to the API and for bytes, with response 429
    :ivar retry_after: Retry-After seconds of a 429
    :ivar accepted: number of 202 responses before each object
    :ivar wait: Retry-After seconds of a 202
    :ivar flipped: share of responses with bytes in which one byte is wrong
    :ivar url_life: lifetime of signed URLs in seconds
    :ivar opaque: signed URLs do not contain their expiry time
    :ivar cut_at: close the connection after so many body bytes, once per object; 0 for never
    :ivar pause: seconds before the rest of such a body can be requested
    :ivar ignore_range: share of range requests whose response is the whole object
    :ivar happened: number of occurrences by name; ``url_life`` counts requests to expired URLs
    """

    seed: int = 1
    drop: float = 0.0
    api_drop: float = 0.0
    errors: float = 0.0
    busy: float = 0.0
    retry_after: int = 1
    accepted: int = 0
    wait: int = 0
    flipped: float = 0.0
    url_life: float = 3600.0
    opaque: bool = False
    cut_at: int = 0
    pause: float = 0.0
    ignore_range: float = 0.0
    happened: Counter[str] = field(default_factory=Counter)
    _random: random.Random | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def happens(self, kind: str) -> bool:
        """Whether a fault happens now.

        :param kind: the field with its share
        """
        share = getattr(self, kind)
        happens = bool(share) and self.number() < share
        if happens:
            self.note(kind)
        return happens

    def note(self, kind: str) -> None:
        """Count an occurrence of a fault."""
        with self._lock:
            self.happened[kind] += 1

    def number(self) -> float:
        """A random number from 0 to 1."""
        with self._lock:
            if self._random is None:
                self._random = random.Random(self.seed)
            return self._random.random()
