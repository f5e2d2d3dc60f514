"""What can go wrong, and how often."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Faults:
    """Faults of the embedded Azul; all are off at first, and each may be changed while it runs.

    :ivar seed: makes a run's faults the same again (as far as threads allow)
    :ivar drop: share of answers with bytes whose connection is cut somewhere in the body
    :ivar api_drop: share of requests to the service whose connection is cut before the answer
    :ivar errors: share of requests to the service that are answered with 503, without ``Retry-After``
    :ivar burst_every: after so many requests to the service, a burst of 429 begins; 0 for never
    :ivar burst_length: requests that a burst refuses
    :ivar retry_after: seconds that a 429 asks for
    :ivar url_life: seconds that a signed URL lives
    :ivar file_waits: 301 answers before a file's 302
    :ivar file_waits_forever: 301 answers have no end
    :ivar manifest_waits: 301 answers before a manifest's 302
    :ivar wait: seconds that a 301 asks for
    :ivar gone: how many times a token is answered with 410
    :ivar old: no ``/fetch`` and no ``/openapi.json``, as releases before 9
    :ivar ignore_range: share of requests for a range that are answered with the whole file
    :ivar truncate: share of answers that end early, with a length that fits the shortened body
    :ivar chunk_pause: seconds between pieces of a body, so that URLs lapse meanwhile
    :ivar cut_at: a body is cut after so many bytes once a file; 0 for never
    :ivar circle: the next page of every listing is its first
    :ivar same_url: how many times each request to the service is answered with a 307 to itself and ``Retry-After``
    :ivar same_url_wait: seconds that such an answer asks for
    :ivar index_down: listings are answered with 503, as if only what lies below the service were there
    """

    seed: int = 1
    drop: float = 0.0
    api_drop: float = 0.0
    errors: float = 0.0
    burst_every: int = 0
    burst_length: int = 10
    retry_after: int = 1
    url_life: float = 3600.0
    file_waits: int = 0
    file_waits_forever: bool = False
    manifest_waits: int = 0
    wait: int = 0
    gone: int = 0
    old: bool = False
    ignore_range: float = 0.0
    truncate: float = 0.0
    chunk_pause: float = 0.0
    cut_at: int = 0
    circle: bool = False
    same_url: int = 0
    same_url_wait: float = 0.2
    index_down: bool = False
    _random: random.Random | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _requests: int = 0
    _refusals: int = 0
    _asked: Counter[str] = field(default_factory=Counter)

    def happens(self, share: float) -> bool:
        """Whether a fault of this frequency happens now."""
        return bool(share) and self.number() < share

    def number(self) -> float:
        """A random number from 0 to 1."""
        with self._lock:
            if self._random is None:
                self._random = random.Random(self.seed)
            return self._random.random()

    def refuses(self) -> bool:
        """Whether this request to the service falls into a burst of 429."""
        if not self.burst_every:
            return False
        with self._lock:
            self._requests += 1
            if self._refusals:
                self._refusals -= 1
                return True
            if self._requests % self.burst_every == 0:
                self._refusals = self.burst_length
            return False

    def take_gone(self) -> bool:
        """Whether this token is gone."""
        with self._lock:
            if self.gone <= 0:
                return False
            self.gone -= 1
            return True

    def repeats(self, request: str) -> bool:
        """Whether this request is to be sent once more to the same place."""
        if not self.same_url:
            return False
        with self._lock:
            self._asked[request] += 1
            if self._asked[request] <= self.same_url:
                return True
            # The next time it is a new request.
            self._asked[request] = 0
            return False
