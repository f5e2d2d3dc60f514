"""What can go wrong, and how often."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Faults:
    """Faults of the embedded server; all are off at first, and each may be changed while it runs.

    :ivar seed: makes a run's faults the same again (as far as threads allow)
    :ivar drop: share of answers with bytes whose connection is cut somewhere in the body
    :ivar api_drop: share of requests to the API whose connection is cut before the answer
    :ivar errors: share of requests to the API that are answered with 503, without ``Retry-After``
    :ivar busy: share of requests, to the API and for bytes, that are answered with 429
    :ivar retry_after: seconds that a 429 asks for
    :ivar accepted: how often each object is answered with 202 first
    :ivar wait: seconds that a 202 asks for
    :ivar flipped: share of answers with bytes in which one byte is wrong
    :ivar url_life: seconds that a signed address holds
    :ivar opaque: signed addresses do not say how long they hold
    :ivar cut_at: a body is cut after so many bytes, once for each object; 0 for never
    :ivar pause: seconds before the rest of a body that was cut can be asked for
    :ivar ignore_range: share of requests for a range that are answered with the whole object
    :ivar happened: how often each has happened, by name; ``url_life`` counts requests at addresses that had lapsed
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

        :param kind: the field that has its share
        """
        share = getattr(self, kind)
        happens = bool(share) and self.number() < share
        if happens:
            self.note(kind)
        return happens

    def note(self, kind: str) -> None:
        """Count a fault that happened."""
        with self._lock:
            self.happened[kind] += 1

    def number(self) -> float:
        """A random number from 0 to 1."""
        with self._lock:
            if self._random is None:
                self._random = random.Random(self.seed)
            return self._random.random()
