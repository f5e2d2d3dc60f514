"""Redirects with ``Retry-After``, by which services ask clients to wait for a result.

There are two kinds, see :func:`wait_of`. Both give a time, and both use the same budget of a call.
"""

from __future__ import annotations

import threading
import time
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from hca_base.errors import TimedOutError, UsageError
from hca_base.http._addresses import origin_of, same_host

REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
#: 303 asks for another resource with GET, even if the URL is the same.
_SAME_URL_STATUSES = REDIRECT_STATUSES - {303}
#: Minimum pause; it doubles each time, so that servers that keep asking for 0 seconds also use up the budget.
FIRST_WAIT = 0.02
LONGEST_UNASKED_WAIT = 5.0
#: Seconds of waiting before the first message to the user, and between further ones.
NOTE_AFTER = 5.0
NOTE_EVERY = 60.0

Wait = Literal["repeat", "get"]


def wait_of(status: int, url: str, target: str, retry_after: float | None, *, ignored: frozenset[str]) -> Wait | None:
    """Return whether a redirect means "wait", and what to send after waiting.

    ``repeat``: the target is the URL itself: the service did not act yet; send the same request again, with its
    method and body (Azul since 2026). ``get``: 301 within the host: GET the target, which knows the job (DSS,
    manifests of Azul).

    :param url: the requested URL, including the query
    :param target: the absolute URL of the Location
    :param retry_after: seconds, or None if the response has no ``Retry-After``
    :param ignored: query parameters to ignore in the comparison: keys, which servers omit
    """
    if retry_after is None:
        return None
    if status in _SAME_URL_STATUSES and is_same_url(url, target, ignored=ignored):
        return "repeat"
    if status == 301 and _is_same_host(url, target):
        return "get"
    return None


def is_same_url(left: str, right: str, *, ignored: frozenset[str] = frozenset()) -> bool:
    """Return True if two URLs are equal except for escapes and the order of query parameters."""
    try:
        return _parts(left, ignored) == _parts(right, ignored)
    except (UsageError, ValueError):
        return False


def _parts(url: str, ignored: frozenset[str]) -> tuple[object, ...]:
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in ignored]
    return origin_of(url), unquote(parts.path) or "/", sorted(query)


def _is_same_host(left: str, right: str) -> bool:
    try:
        return same_host(origin_of(left), origin_of(right))
    except UsageError:
        return False


class Waits:
    """The wait budget of one call.

    :param budget: seconds for all waits together
    """

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self.count = 0
        self.spent = 0.0
        self._noted = 0.0

    def next(self, asked: float, host: str, kind: Wait = "get") -> float:
        """Return the seconds to wait now.

        :param asked: seconds that the server asked for
        :raises TimedOutError: the budget is exhausted
        """
        self.count += 1
        floor = min(LONGEST_UNASKED_WAIT, FIRST_WAIT * 2 ** min(self.count - 1, 20))
        pause = max(asked, floor)
        if self.spent + pause > self.budget:
            raise TimedOutError(
                f"{host} is still not ready after {self.spent:.0f} s of waiting",
                hint="run the command again later to keep waiting, or increase http.wait_budget (seconds)",
            )
        self.spent += pause
        if self.spent >= NOTE_AFTER and (not self._noted or self.spent - self._noted >= NOTE_EVERY):
            self._noted = self.spent
            _note(host, kind, pause, f"(at most {self.budget:.0f} s in total)")
        return pause


class WaitNotes:
    """Notifies the user about waiting calls, which may be concurrent: each host at intervals.

    :param budget: seconds for all waits of one call together
    """

    def __init__(self, budget: float) -> None:
        self._limit = f"(at most {budget:.0f} s for each file)"
        self._noted: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, host: str, kind: Wait, pause: float, spent: float) -> None:
        """Record a wait that starts now.

        :param spent: seconds that the call has waited, this time included
        """
        now = time.monotonic()
        with self._lock:
            last = self._noted.get(host)
            if spent < NOTE_AFTER or (last is not None and now - last < NOTE_EVERY):
                return
            self._noted[host] = now
        _note(host, kind, pause, self._limit)


def _note(host: str, kind: Wait, pause: float, limit: str) -> None:
    from hca_base.output import note

    if kind == "repeat":
        note(f"{host} is busy and asks to try again in {pause:.0f} s; waiting {limit}")
    else:
        note(f"{host} is preparing the response; waiting {limit}")
