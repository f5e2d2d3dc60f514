"""Injectable faults, and their frequencies."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Faults:
    """Faults of the embedded Azul; all are off by default, and each can be changed while it runs.

    :ivar seed: makes faults reproducible (as far as threads allow)
    :ivar drop: share of responses with bytes whose connection is closed somewhere in the body
    :ivar api_drop: share of requests to the service whose connection is closed before the response
    :ivar errors: share of requests to the service with response 503, without ``Retry-After``
    :ivar burst_every: number of requests to the service before a burst of 429 begins; 0 for never
    :ivar burst_length: number of requests refused in a burst
    :ivar retry_after: Retry-After seconds of a 429
    :ivar url_life: lifetime of signed URLs in seconds
    :ivar file_waits: number of 301 responses before a file's 302
    :ivar file_waits_forever: 301 responses never end
    :ivar manifest_waits: number of 301 responses before a manifest's 302
    :ivar wait: Retry-After seconds of a 301
    :ivar gone: number of 410 responses to a token
    :ivar old: no ``/fetch`` and no ``/openapi.json``, as in releases before 9
    :ivar ignore_range: share of range requests whose response is the whole file
    :ivar truncate: share of responses that end early, with the Content-Length of the shortened body
    :ivar chunk_pause: seconds between pieces of a body, so that URLs expire meanwhile
    :ivar cut_at: close the connection after so many body bytes, once per file; 0 for never
    :ivar circle: the next page of every listing is its first
    :ivar same_url: number of 307 responses to each request with the same URL and ``Retry-After``
    :ivar same_url_wait: Retry-After seconds of such a response
    :ivar index_down: listings get a 503, as if only the services behind them were running
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
        """Whether a fault with this frequency happens now."""
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
        """Whether to redirect this request to the same URL."""
        if not self.same_url:
            return False
        with self._lock:
            self._asked[request] += 1
            if self._asked[request] <= self.same_url:
                return True
            # The next request with this URL is a new one.
            self._asked[request] = 0
            return False
