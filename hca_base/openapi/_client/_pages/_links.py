"""Find the next page in a response: a link, or a range."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from hca_base.errors import RefusedError, ServiceError
from hca_base.openapi._client._pages._places import next_target

if TYPE_CHECKING:
    import requests

#: ``items 0-24/100``; PostgREST omits the unit. The total may be unknown (``*``).
_RANGE = re.compile(r"(?:([A-Za-z][A-Za-z-]{0,30})[ =])?([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15}|\*)")


def next_range(response: requests.Response) -> str | None:
    """Return the ``Range`` of the items after those in a ``Content-Range``; None if there are none.

    It has the same length as the received range.
    """
    found = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if found is None or (found[1] or "").lower() == "bytes":
        return None
    start, end = int(found[2]), int(found[3])
    if end < start or (found[4] != "*" and end + 1 >= int(found[4])):
        return None
    if found[4] == "*" and response.status_code != 206:
        return None
    place = f"{end + 1}-{end + 1 + end - start}"
    return f"{found[1]}={place}" if found[1] else place


def next_link(response: requests.Response, page: Any, path: tuple[str, ...] | None) -> tuple[str | None, bool]:
    """Return the URL of the next page, and whether the response has a place for it (which may be empty).

    :param page: the parsed body
    :param path: path of the items in it
    :raises RefusedError: the next page is on another host
    """
    target, has_place = None, False
    if "Link" in response.headers:
        from hca_base.http import next_page

        target = next_page(response)
    if target is None and path is not None:
        # Without a list, "next" may refer to another object instead of a page.
        target, has_place = next_target(page)
    return (resolved(response, target), True) if target is not None else (None, has_place)


def resolved(response: requests.Response, target: str) -> str:
    """Return the absolute URL of a next page.

    A service behind a proxy may not know its public scheme and port, so those of this page are kept.

    :raises RefusedError: it is on another host
    """
    from hca_base.http import is_loopback

    try:
        next_ = urlsplit(urljoin(response.url, target))
        here = urlsplit(response.url)
        same = next_.hostname == here.hostname or (
            is_loopback(next_.hostname or "") and is_loopback(here.hostname or "")
        )
    except ValueError:
        raise ServiceError(
            "the service's link to the next page is not a valid URL", status=response.status_code, response=response
        ) from None
    if not same:
        raise RefusedError(f"{here.hostname} links to a next page on {next_.hostname}: not followed")
    return urlunsplit((here.scheme, here.netloc, next_.path, next_.query, ""))
