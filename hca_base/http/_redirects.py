"""Follow redirects: the target, and what is sent to it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit, urlunsplit

from hca_base.errors import RefusedError, UsageError
from hca_base.http._addresses import Origin, origin_of, same_host
from hca_base.http._call import Call

if TYPE_CHECKING:
    import requests

MAX_REDIRECTS = 20

#: The only headers that are sent to another host. This lists harmless headers rather than secret ones, because the
#: names of all keys cannot be known.
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
    """Switch to a GET for the call's result: without a body, and safe to retry."""
    if call.method == "HEAD":
        return
    call.method = "GET"
    call.body.drop()
    call.headers = {n: v for n, v in call.headers.items() if not n.lower().startswith("content-")}
    call.policy = dataclasses.replace(call.policy, idempotent=True)


def redirect_origin(target: str, previous: Origin) -> Origin:
    """Return the origin of a redirect's target.

    :raises RefusedError: for all but well-formed http and https URLs
    """
    try:
        return origin_of(target)
    except UsageError as error:
        raise RefusedError(f"{previous.host} sent a redirect that is not followed: {error}") from None


def change_method(call: Call, status: int, here: Origin, there: Origin) -> None:
    """Switch to GET if the status requires it; keep method and body only if that is safe."""
    if call.method in ("GET", "HEAD"):
        return
    if status in (302, 303):
        become_get(call)
        return
    if status == 301:
        raise RefusedError(
            f"{here.host} redirects this {call.method} permanently: not followed",
            hint=f"set the service's URL to its new host, {there}",
        )
    if not same_host(here, there):
        raise RefusedError(
            f"{here.host} redirects a {call.method} with its body to {there.host}: not followed",
            hint=f"set the service's URL to its new host, {there}",
        )
    if not call.body.replayable:
        raise RefusedError(f"{here.host} redirects a {call.method} whose body cannot be sent twice")
    call.body.rewind()


def location_of(response: requests.Response, url: str) -> str | None:
    """Return the absolute target of a redirect, otherwise unchanged."""
    location = response.headers.get("Location")
    if not location:
        return None
    try:
        # Headers are decoded as Latin-1, but servers send UTF-8.
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
        raise RefusedError("the server redirects to an invalid URL: not followed") from None
    return location
