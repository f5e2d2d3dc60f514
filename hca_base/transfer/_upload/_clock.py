"""The difference between this machine's clock and a store's, for signatures that include the time."""

from __future__ import annotations

import logging
import time
from email.utils import parsedate_to_datetime

#: A store refuses signatures further than this (seconds) from its own clock (S3: "RequestTimeTooSkewed").
_TOLERANCE = 15 * 60
#: Seconds by which two responses of one store may differ: Date has whole seconds, and requests take time.
_NOISE = 60.0


class ClockSkew:
    """How far a store's clock is ahead of this machine's.

    :ivar seconds: what to add to this machine's time before a request is signed
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def is_far(self, date: str, used: float) -> bool:
        """Return True if a signature made now would be too far from a ``Date`` header.

        :param used: seconds that were added to this machine's time
        """
        found = _from_date(date)
        return found is not None and abs(found - time.time() - used) > _TOLERANCE

    def correct(self, server_time: str, date: str, used: float) -> bool:
        """Adopt a store's time; return False if that changes nothing for the refused request.

        :param server_time: ``ServerTime`` of the error document, in ISO 8601; empty if there is none
        :param date: the response's header ``Date``
        :param used: seconds that were added to this machine's time for that request; other requests may be in progress
        """
        now = _from_iso(server_time) or _from_date(date)
        if now is None:
            return False
        seconds = now - time.time()
        if abs(seconds - used) < _NOISE:
            return False
        if abs(seconds - self.seconds) >= _NOISE:
            self.seconds = seconds
            message = "%s: signing requests with the store's time"
            logging.getLogger("hca.transfer").warning(message, self.in_words())
        return True

    def in_words(self) -> str:
        """Say which clock is ahead."""
        if not self.seconds:
            return "this machine's clock differs from the store's"
        which = "behind" if self.seconds > 0 else "ahead of"
        return f"this machine's clock is {_duration(abs(self.seconds))} {which} the store's"


def _duration(seconds: float) -> str:
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = round(seconds / length)
        if count >= 2 or unit == "minute":
            return f"{count} {unit}" + ("" if count == 1 else "s")
    raise AssertionError


def _from_iso(text: str) -> float | None:
    from datetime import UTC, datetime

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _from_date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
