"""Adapts page sizes to the service's responses.

The service's limits change from release to release, and depend on the size of entities. Pages therefore start
small, grow while they are fast, and shrink when the service refuses one. What was learned is kept for the run.
"""

from __future__ import annotations

import re
import threading

#: Entities on the first page of a listing.
FIRST_SIZE = 20
#: A page grows by at most this factor.
GROWTH = 2
#: Seconds; slower pages do not grow, much slower ones shrink.
QUICK_SECONDS, SLOW_SECONDS = 5.0, 20.0
#: Pages grow up to this many bytes: larger ones save no time, and cost memory.
COMFORTABLE_BYTES = 4 << 20
_NAMED = re.compile(r"(?:greater|larger|more|exceed|at most|maximum|max)[^0-9]{0,40}(\d{1,9})", re.IGNORECASE)


def named_limit(message: str) -> int | None:
    """Return the largest page size named in an error message; 0 if it rejects the size and names none.

    :param message: of a 400
    :return: None if the message has another subject
    """
    if "size" not in message.lower():
        return None
    match = _NAMED.search(message)
    return int(match[1]) if match else 0


class PageSize:
    """The page size of one kind of entity."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._size = FIRST_SIZE
        self._most: int | None = None
        self._failed: int | None = None

    def next(self, wanted: int | None = None) -> int:
        """Return the number of entities to request.

        :param wanted: upper limit
        """
        with self._lock:
            size = self._size if self._most is None else min(self._size, self._most)
            return max(1, size if wanted is None else min(size, wanted))

    def seed(self, size: int) -> None:
        """Start with this size, if nothing was learned yet."""
        with self._lock:
            if self._size == FIRST_SIZE and self._failed is None:
                self._size = max(1, size)

    def succeeded(self, size: int, seconds: float, length: int) -> None:
        """A page of this size took so many seconds and bytes: consider a larger one."""
        with self._lock:
            if self._failed is not None and size >= self._failed:
                self._failed = None
            if seconds > SLOW_SECONDS and size > 1:
                self._size = max(1, size // 2)
            elif size >= self._size and seconds <= QUICK_SECONDS:
                self._size = max(size, min(self._grown(size, length), self._most or 1 << 30))

    def _grown(self, size: int, length: int) -> int:
        grown = int(size * min(GROWTH, COMFORTABLE_BYTES / max(length, 1)))
        if self._failed is None:
            return grown
        # Half-way to the failed size, once: getting closer costs more requests than it saves.
        middle = (size + self._failed) // 2
        return min(grown, middle) if self._failed - size > max(1, size // 2) else size

    def refused(self, size: int, most: int) -> bool:
        """The service limits pages to ``most`` entities (0: it only rejected ``size``).

        :return: whether a smaller page can be requested
        """
        with self._lock:
            if size <= 1 or most >= size:
                return False
            self._most = min(self._most or size, most or max(1, size // 2))
            return True

    def failed(self, size: int) -> None:
        """A page of this size was too large for a gateway."""
        with self._lock:
            self._failed = size if self._failed is None else min(self._failed, size)
            self._size = max(1, min(self._size, size // 2))


class Limits:
    """What was learned about one service in this run.

    :ivar url_length: length of the shortest URL that the service refused; None if it refused none
    """

    def __init__(self) -> None:
        self.url_length: int | None = None
        self._sizes: dict[str, PageSize] = {}
        self._lock = threading.Lock()

    def page_size(self, kind: str) -> PageSize:
        """The page size of a kind of entity."""
        with self._lock:
            return self._sizes.setdefault(kind, PageSize())
