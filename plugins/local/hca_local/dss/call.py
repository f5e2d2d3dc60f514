"""One request on its way through the application, and the answers that handlers build."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from hca_local.dss.errors import DSSError, forbidden
from hca_local.identity import Caller

RETRY_AFTER = "10"


@dataclass
class Call:
    """A request that has been matched to an operation, authenticated and checked.

    :ivar base: scheme and host that the client used, without a path: what links in answers begin with
    :ivar path: the path as asked, for links to itself
    :ivar query: the query as asked, in order
    :ivar args: the parameters by name, typed, with their defaults
    :ivar body: the JSON body, or None
    :ivar caller: whose token it was; None where no token is needed
    """

    method: str
    base: str
    path: str
    query: Sequence[tuple[str, str]]
    args: Mapping[str, Any]
    body: Any = None
    caller: Caller | None = field(default=None, repr=False)

    @property
    def replica(self) -> str:
        return self.args["replica"]

    @property
    def uuid(self) -> str:
        """The uuid in the path, lowered."""
        return self.args["uuid"].lower()

    def require_group(self, *groups: str) -> None:
        """Raises a DSSError unless the caller belongs to one of ``groups``."""
        if self.caller is None or self.caller.group not in groups:
            raise forbidden()

    def require_email(self) -> str:
        """The caller's email address, which is what ownership goes by. Raises a DSSError."""
        email = self.caller.email if self.caller else None
        if email is None:
            raise DSSError(401, "Unauthorized", "Authorization token is missing email claims.")
        return email

    def url(self, **changes: str | int) -> str:
        """This request's URL with some query parameters set; those already there keep their place."""
        query = {**dict(self.query), **{name: str(value) for name, value in changes.items()}}
        return f"{self.base}{self.path}?{urlencode(query)}"


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    return Response(content, status, dict(headers or {}), "application/json")


def page(body: Any, key: str, following: str | None, *, quote: str = "'") -> Response:
    """One page of a list: 206 with a Link to the ``following`` one, or 200.

    ``key`` is where in the body the list is. The original quoted ``rel`` with ``'``, and with ``"`` in /search only.
    """
    headers = {"X-OpenAPI-Pagination": "true" if following else "false", "X-OpenAPI-Paginated-Content-Key": key}
    if following:
        headers["Link"] = f"<{following}>; rel={quote}next{quote}"
    return answer(body, 206 if following else 200, headers)


def redirect(status: int, location: str, headers: Mapping[str, str] | None = None) -> Response:
    """A redirect with the little page that browsers of old asked for."""
    shown = html.escape(location)
    text = f'<!DOCTYPE html>\n<title>Redirecting</title>\n<p>Go to <a href="{shown}">{shown}</a>.</p>\n'
    # Location stays as it is: it is a URL already, and re-quoting would break a signature.
    every = {"Location": location, **(headers or {})}
    return Response(text, status, every, "text/html")


def come_back(location: str, seconds: int) -> Response:
    """Not ready: ask the same thing again, with another token, after so many seconds."""
    # Browsers and caches may keep a 301 for good, and this one is stale at once.
    return redirect(301, location, {"Retry-After": str(seconds), "Cache-Control": "no-store"})
