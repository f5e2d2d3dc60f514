"""A request as it passes through the application, and the responses that handlers build."""

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

    :ivar base: scheme and host that the client used, without a path: the prefix of links in responses
    :ivar path: the requested path, for links to itself
    :ivar query: the requested query, in order
    :ivar args: the parameters by name, converted, with their defaults
    :ivar body: the JSON body, or None
    :ivar caller: the owner of the token; None if the operation needs no token
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
        """The uuid in the path, in lower case."""
        return self.args["uuid"].lower()

    def require_group(self, *groups: str) -> None:
        """Raises a DSSError unless the caller belongs to one of ``groups``."""
        if self.caller is None or self.caller.group not in groups:
            raise forbidden()

    def require_email(self) -> str:
        """The caller's email address, which identifies owners. Raises a DSSError."""
        email = self.caller.email if self.caller else None
        if email is None:
            raise DSSError(401, "Unauthorized", "Authorization token is missing email claims.")
        return email

    def url(self, **changes: str | int) -> str:
        """This request's URL with some query parameters set; existing ones keep their position."""
        query = {**dict(self.query), **{name: str(value) for name, value in changes.items()}}
        return f"{self.base}{self.path}?{urlencode(query)}"


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response."""
    content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    return Response(content, status, dict(headers or {}), "application/json")


def page(body: Any, key: str, following: str | None, *, quote: str = "'") -> Response:
    """One page of a list: 206 with a Link to the page ``following``, or 200 for the last page.

    ``key`` names the list in the body. The original quoted ``rel`` with ``'``, and with ``"`` in /search only.
    """
    headers = {"X-OpenAPI-Pagination": "true" if following else "false", "X-OpenAPI-Paginated-Content-Key": key}
    if following:
        headers["Link"] = f"<{following}>; rel={quote}next{quote}"
    return answer(body, 206 if following else 200, headers)


def redirect(status: int, location: str, headers: Mapping[str, str] | None = None) -> Response:
    """A redirect with the short HTML body that old browsers need."""
    shown = html.escape(location)
    text = f'<!DOCTYPE html>\n<title>Redirecting</title>\n<p>Go to <a href="{shown}">{shown}</a>.</p>\n'
    # Location is sent as is: it is a URL already, and quoting it again would break a signature.
    every = {"Location": location, **(headers or {})}
    return Response(text, status, every, "text/html")


def come_back(location: str, seconds: int) -> Response:
    """Not ready: repeat the request with a new token after so many seconds."""
    # Browsers and caches may store a 301 permanently; this one is valid only once.
    return redirect(301, location, {"Retry-After": str(seconds), "Cache-Control": "no-store"})
