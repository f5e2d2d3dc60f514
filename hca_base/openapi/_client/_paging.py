"""Answers that come in pages: where the next one is, and what the items of one are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from hca_base.errors import RefusedError, ServiceError
from hca_base.openapi._client._results import result_of

if TYPE_CHECKING:
    import requests

#: Header of the DSS that names the member with the items, which may be a dotted path.
CONTENT_KEY_HEADER = "X-OpenAPI-Paginated-Content-Key"
#: Where the next page's URL is in a body, when no Link header says so: Azul; DigitalOcean; HAL; JSON:API and others.
_NEXT_PLACES = (
    ("pagination", "next"),
    ("links", "pages", "next"),
    ("links", "next"),
    ("_links", "next", "href"),
    ("next",),
    ("next_page_url",),
    ("@odata.nextLink",),
)
#: Members that hold the items, when no header says so.
_ITEM_MEMBERS = ("hits", "results", "items", "data", "value", "entries", "records")
#: Pages without any item, one after the other, after which a service is taken to go round in circles.
MAX_EMPTY_PAGES = 100


def pages(send: Callable[[str | None], requests.Response]) -> Iterator[tuple[requests.Response, Any]]:
    """All pages of an answer, each with its parsed body; each is asked for when it is needed.

    :param send: asks for the page at a URL; for the first one when that is None
    :raises ServiceError: the pages lead in a circle
    """
    response = send(None)
    seen = {response.url}
    empty = 0
    while True:
        body = result_of(response)
        yield response, body
        # An answer that is no page (a HEAD, a file) has no next one.
        target = next_url(response, body) if isinstance(body, (dict, list)) else None
        if target is None:
            return
        empty = 0 if items_at(body, content_path(response, body)) else empty + 1
        if target in seen or empty > MAX_EMPTY_PAGES:
            raise ServiceError(
                "the service's pages have no end: "
                + ("the next page was there before" if target in seen else f"{empty} of them are empty"),
                status=response.status_code,
                reason="endless_pages",
                response=response,
            )
        seen.add(target)
        response = send(target)


def next_url(response: requests.Response, page: Any) -> str | None:
    """The URL of the page after this one; None if it is the last.

    A service behind a proxy may not know by which scheme and port it is reached: those of this page are kept.

    :param page: the parsed body
    :raises RefusedError: the next page is said to be on another host
    """
    from hca_base.http import is_loopback, next_page

    target = next_page(response)
    if target is None:
        for place in _NEXT_PLACES:
            found = _at(page, place)
            if isinstance(found, Mapping):
                found = found.get("href")
            # Other services have a number or a token there, which is no URL: only a person can know what to do with it.
            if isinstance(found, str) and (found.startswith(("http://", "https://", "/", "?"))):
                target = found
                break
    if target is None:
        return None
    try:
        next_ = urlsplit(urljoin(response.url, target))
        here = urlsplit(response.url)
        same = next_.hostname == here.hostname or (
            is_loopback(next_.hostname or "") and is_loopback(here.hostname or "")
        )
    except ValueError:
        raise ServiceError(
            "the service's link to the next page is no URL", status=response.status_code, response=response
        ) from None
    if not same:
        raise RefusedError(f"{here.hostname} says that its next page is on {next_.hostname}: not followed")
    return urlunsplit((here.scheme, here.netloc, next_.path, next_.query, ""))


def content_path(response: requests.Response, page: Any) -> tuple[str, ...] | None:
    """Where in a page its items are; () if the page itself is the array, None if there is no array."""
    key = response.headers.get(CONTENT_KEY_HEADER)
    if key:
        path = tuple(key.split("."))
        if isinstance(_at(page, path), list):
            return path
        if isinstance(_at(page, (key,)), list):
            return (key,)
    if isinstance(page, list):
        return ()
    if not isinstance(page, Mapping):
        return None
    for name in _ITEM_MEMBERS:
        if isinstance(page.get(name), list):
            return (name,)
    embedded = page.get("_embedded")
    if isinstance(embedded, Mapping):
        arrays = [name for name, value in embedded.items() if isinstance(value, list)]
        return ("_embedded", arrays[0]) if len(arrays) == 1 else None
    arrays = [name for name, value in page.items() if isinstance(value, list)]
    return (arrays[0],) if len(arrays) == 1 else None


def items_at(page: Any, path: tuple[str, ...] | None) -> list[Any]:
    """The items of a page."""
    found = _at(page, path) if path is not None else None
    return found if isinstance(found, list) else []


def joined(pages: list[tuple[Any, tuple[str, ...] | None]]) -> Any:
    """All pages as one answer: the last page, which says that nothing follows, with the items of all.

    :param pages: each page with the place of its items
    """
    last, path = pages[-1]
    path = next((place for _, place in pages if place is not None), path)
    if len(pages) == 1 or path is None:
        return last
    items = [item for page, place in pages for item in items_at(page, place)]
    if not path or not isinstance(last, dict):
        return items
    whole = dict(last)
    holder = whole
    for name in path[:-1]:
        inner = holder.get(name)
        holder[name] = holder = dict(inner) if isinstance(inner, Mapping) else {}
    holder[path[-1]] = items
    return whole


def _at(data: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(data, Mapping):
            return None
        data = data.get(name)
    return data
