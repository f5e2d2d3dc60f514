"""The requests for one item, and the redirects that they follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin

from hca_base.errors import HCAError, RefusedError, TimedOutError, UsageError
from hca_base.http import (
    REDIRECT_STATUSES,
    Origin,
    origin_of,
    parse_retry_after,
    same_host,
    wait_of,
)
from hca_base.transfer._download._context import MAX_REDIRECTS, Context, not_ready, status_error
from hca_base.transfer._model import Item
from hca_base.transfer._network._retries import RetryError

if TYPE_CHECKING:
    from hca_base.http import Wait
    from hca_base.transfer._network._response import Response

#: Minimum delay between two polls (seconds), even if the server asks for none.
_SHORTEST_WAIT = 0.05


class Hop(NamedTuple):
    """Where one redirect leads.

    :param waited: the redirect asked for a wait, which is over
    """

    url: str
    origin: Origin
    status: int
    waited: bool


class RedirectFollower:
    """Sends the requests for one item, and follows their redirects."""

    def __init__(self, context: Context, item: Item) -> None:
        self._context = context
        self._item = item
        self._waited = 0.0
        self._loops = 0

    def send(self, url: str, headers: Mapping[str, str], origin: Origin) -> Response:
        """Send one GET once the host's limiter allows it.

        :raises RetryError: no response came
        :raises HCAError: retrying will not help
        """
        context = self._context
        limiter = context.limiters.of(origin.host, origin.port)
        try:
            limiter.acquire(context.cancel, context.options.wait_budget)
        except TimedOutError:
            raise not_ready(origin.host, self._item, self._waited) from None
        try:
            limiter.check()
            try:
                response = context.connections.request("GET", url, headers)
            except UsageError:
                # The request is invalid and was not sent; a retry cannot help.
                raise
            except HCAError as error:
                limiter.on_no_response(error, context.options.patience)
                limiter.check()
                raise RetryError(error) from error
            limiter.on_response()
            return response
        finally:
            limiter.release()

    def follow(self, url: str, headers: Mapping[str, str]) -> Response:
        """Send a GET and follow its redirects; return the first response that is not one.

        Hosts other than the first one only receive the ``Range`` header.
        """
        start = origin = origin_of(url)
        sent = headers
        for _ in range(MAX_REDIRECTS + 1):
            response = self.send(url, sent, origin)
            if response.status not in REDIRECT_STATUSES:
                return response
            url, origin, _, _ = self.hop(response, url, start, origin)
            if not same_host(start, origin):
                sent = {name: value for name, value in headers.items() if name in ("Range", "If-Range")}
        raise self.endless(start)

    def hop(self, response: Response, url: str, start: Origin, origin: Origin) -> Hop:
        """Return where a redirect leads, after the wait that it may ask for.

        :param url: the requested URL, of ``origin``
        :param start: the origin that the chain began with
        :raises RetryError: the location is missing
        :raises RefusedError: it must not be followed
        """
        status, wait, location = response.status, response.header("Retry-After"), response.header("Location")
        response.release()
        if not location:
            raise RetryError(status_error(status, f"{self._item.name}, without a Location", origin.host))
        target = urljoin(url, location)
        target_origin = self._context.redirects.check(start, origin, target)
        seconds = parse_retry_after(wait or None)
        kind = wait_of(status, url, target, seconds, ignored=frozenset())
        if kind is not None:
            self._wait(seconds or 0.0, origin.host, kind)
        return Hop(target, target_origin, status, kind is not None)

    def _wait(self, seconds: float, host: str, kind: Wait) -> None:
        seconds = max(seconds, _SHORTEST_WAIT)
        self.spend_wait(seconds, host)
        if self._context.wait_notes is not None:
            self._context.wait_notes.take(host, kind, seconds, self._waited)
        self._context.cancel.sleep(seconds)

    def spend_wait(self, seconds: float, host: str) -> None:
        """Subtract a wait that a server asked for from the item's budget.

        :raises TimedOutError: the budget is spent
        """
        self._waited += seconds
        if self._waited > self._context.options.wait_budget:
            raise not_ready(host, self._item, self._waited - seconds)

    def endless(self, start: Origin) -> Exception:
        """Return the error for too many redirects, which allows one retry."""
        self._loops += 1
        error = RefusedError(f"{start.host} redirects {self._item.name} in a loop")
        return error if self._loops > 1 else RetryError(error)
