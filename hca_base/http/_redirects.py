"""Where a redirect leads, what goes along, and how long a server may make us wait."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit, urlunsplit

from hca_base.errors import RefusedError, TimedOutError, UsageError
from hca_base.http._addresses import Origin, origin_of, same_host
from hca_base.http._call import Call

if TYPE_CHECKING:
    import requests

REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 20
#: Shortest pause before going on after a 301; grows, so that a server that says 0 for ever meets the budget too.
FIRST_WAIT = 0.02
LONGEST_UNASKED_WAIT = 5.0
#: Seconds of waiting after which the user is told, and how often again.
NOTE_AFTER = 5.0
NOTE_EVERY = 60.0

#: The only headers that go along to another host. A list of what is harmless, not of what is secret: nobody can know
#: the names of all keys.
HEADERS_FOR_OTHERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "range",
        "user-agent",
    }
)


def become_get(call: Call) -> None:
    """Ask for the result of the call, wherever it is now: no body, and repeating does no harm."""
    if call.method == "HEAD":
        return
    call.method = "GET"
    call.body.drop()
    call.headers = {n: v for n, v in call.headers.items() if not n.lower().startswith("content-")}
    call.policy = dataclasses.replace(call.policy, idempotent=True)


def redirect_origin(target: str, previous: Origin) -> Origin:
    """The origin of a redirect's target.

    :raises RefusedError: for all but well-formed http and https URLs
    """
    try:
        return origin_of(target)
    except UsageError as error:
        raise RefusedError(f"{previous.host} redirects to a place that is not followed: {error}") from None


def change_method(call: Call, status: int, here: Origin, there: Origin) -> None:
    """Go on with GET where the status says so; keep method and body only where nothing can be lost or leaked."""
    if call.method in ("GET", "HEAD"):
        return
    if status in (302, 303):
        become_get(call)
        return
    if status == 301:
        raise RefusedError(
            f"{here.host} says that the address of this {call.method} has changed: not followed",
            hint=f"Its new host is {there}; set the service's URL to it.",
        )
    if not same_host(here, there):
        raise RefusedError(f"{here.host} redirects a {call.method} with its body to {there.host}: not followed")
    if not call.body.replayable:
        raise RefusedError(f"{here.host} redirects a {call.method} whose body cannot be sent twice")
    call.body.rewind()


def location_of(response: requests.Response, url: str) -> str | None:
    """The absolute target of a redirect, otherwise unchanged."""
    location = response.headers.get("Location")
    if not location:
        return None
    try:
        # Header bytes come as Latin-1; what servers mean is UTF-8.
        location = location.encode("latin-1").decode("utf-8")
    except UnicodeError:
        pass
    try:
        parts = urlsplit(location)
        if not parts.scheme or not parts.netloc:
            location = urljoin(url, location)
            parts = urlsplit(location)
        if parts.fragment:
            location = urlunsplit((*parts[:4], ""))
    except ValueError:
        raise RefusedError("the server redirects to something that is no URL: not followed") from None
    return location


class Waits:
    """The time that a server makes one call wait."""

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self.count = 0
        self.spent = 0.0
        self._told = 0.0

    def next(self, asked: float, host: str) -> float:
        """How long to wait now.

        :param asked: by the server, in seconds
        :raises TimedOutError: the budget does not suffice
        """
        self.count += 1
        floor = min(LONGEST_UNASKED_WAIT, FIRST_WAIT * 2 ** min(self.count - 1, 20))
        pause = max(asked, floor)
        if self.spent + pause > self.budget:
            raise TimedOutError(
                f"{host} is still not ready after {self.spent:.0f} s of waiting",
                hint="Run it again later to go on waiting, or raise http.wait_budget (seconds).",
            )
        self.spent += pause
        if self.spent >= NOTE_AFTER and (not self._told or self.spent - self._told >= NOTE_EVERY):
            self._told = self.spent
            from hca_base.output import note

            note(f"{host} is preparing the answer; waiting (at most {self.budget:.0f} s)")
        return pause
