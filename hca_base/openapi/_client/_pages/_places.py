"""Find the items, the total and the next page in a response."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

#: Header of the DSS that names the member with the items, which may be a dotted path.
CONTENT_KEY_HEADER = "X-OpenAPI-Paginated-Content-Key"
#: Members that hold the items, if there is no such header.
_ITEM_MEMBERS = ("hits", "results", "items", "data", "value", "entries", "records")
#: Other lists in a response, which are not the items.
_OTHER_LISTS = frozenset(
    {
        "link",
        "links",
        "errors",
        "warnings",
        "included",
        "facets",
        "aggregations",
        "messages",
        "termfacets",
        "_links",
        "notes",
    }
)
#: Objects that contain the items or the details of the pages.
_HOLDERS = frozenset(
    {"meta", "metadata", "pagination", "paging", "pageinfo", "page", "paginator", "cursor", "cursors", "links", "next"}
    | {"responsemetadata", "searchmetadata", "result", "results", "response", "data", "hits", "embedded", "pages"}
    | {"list", "content", "payload", "collection", "info", "resultset"}
)
_TOTALS = (
    "total",
    "totalcount",
    "totalitems",
    "totalresults",
    "totalelements",
    "totalhits",
    "totalrecords",
    "totalsize",
    "recordstotal",
    "itemcount",
    "numfound",
    "hitcount",
    "matches",
    "resultcount",
    "totalnumber",
    "count",
)
#: Totals that may only count this page.
_COUNTS = frozenset({"count", "itemcount", "resultcount", "matches"})
_TOTAL_HEADERS = ("X-Total-Count", "X-Total", "X-WP-Total", "X-Pagination-Total-Count", "Total-Count", "X-Count")
_MORE = frozenset(
    {"hasmore", "hasnext", "hasnextpage", "more", "moreresults", "moreavailable", "istruncated", "truncated"}
)
_LAST = frozenset({"last", "islast", "lastpage", "islastpage", "complete"})
#: Members with the next page, as a URL or an object.
_NEXT_URLS = (
    "next",
    "nextpageurl",
    "nexturl",
    "nextlink",
    "odatanextlink",
    "nextpage",
    "nexthref",
    "nextpagelink",
    "nexturi",
)
_MAX_DEPTH = 3


def normal(name: object) -> str:
    """Normalize a name: ``next_page_token``, ``nextPageToken`` and ``NextPageToken`` are equal."""
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def at(data: Any, path: tuple[str, ...]) -> Any:
    """Return the value at a path within objects; None if there is none."""
    for name in path:
        if not isinstance(data, Mapping):
            return None
        data = data.get(name)
    return data


def holders(body: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Yield the objects that may describe the pages, with their paths: the body, ``meta``, ``paging``, …"""
    if not isinstance(body, Mapping):
        return
    yield path, body
    if len(path) < _MAX_DEPTH:
        for name, member in body.items():
            if isinstance(member, Mapping) and normal(name) in _HOLDERS:
                yield from holders(member, (*path, str(name)))


def content_path(response: requests.Response, page: Any) -> tuple[str, ...] | None:
    """Return the path of a page's items; () if the page itself is the array, None if there is no array."""
    key = response.headers.get(CONTENT_KEY_HEADER)
    if key:
        path = tuple(key.split("."))
        if isinstance(at(page, path), list):
            return path
        if isinstance(at(page, (key,)), list):
            return (key,)
    if isinstance(page, list):
        return ()
    for path, holder in holders(page):
        name = list_member(holder)
        if name is not None:
            return (*path, name)
    return None


def list_member(holder: Mapping[str, Any]) -> str | None:
    for name in _ITEM_MEMBERS:
        if isinstance(holder.get(name), list):
            return name
    lists = [str(name) for name, value in holder.items() if isinstance(value, list)]
    if len(lists) > 1:
        # With several lists, ignore those known not to be the items.
        lists = [name for name in lists if normal(name) not in _OTHER_LISTS] or lists
    return lists[0] if len(lists) == 1 else None


def items_at(page: Any, path: tuple[str, ...] | None) -> list[Any]:
    """Return the items of a page."""
    found = at(page, path) if path is not None else None
    return found if isinstance(found, list) else []


def total_of(response: requests.Response, body: Any, on_page: int) -> int | None:
    """Return the number of items on all pages, if the response has it.

    :param on_page: number of items on this page, which some services give as the total
    """
    for header in _TOTAL_HEADERS:
        stated = _whole_number(response.headers.get(header))
        if stated is not None:
            return stated
    ranged = re.search(r"/\s*([0-9]{1,15})\s*$", response.headers.get("Content-Range", ""))
    if ranged:
        return int(ranged[1])
    found = [{normal(name): value for name, value in holder.items()} for _, holder in holders(body)]
    for name in _TOTALS:
        for members in found:
            total = _whole_number(members.get(name))
            if total is not None and (total > on_page or name not in _COUNTS):
                return total
    return None


def _whole_number(value: Any) -> int | None:
    if isinstance(value, Mapping):
        # Elasticsearch: {"total": {"value": 7, "relation": "eq"}}
        value = value.get("value") if value.get("relation", "eq") == "eq" else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def more_of(body: Any) -> bool | None:
    """Return whether more pages follow according to the response; None if it does not say."""
    for _, holder in holders(body):
        for name, value in holder.items():
            if isinstance(value, bool):
                if normal(name) in _MORE:
                    return value
                if normal(name) in _LAST:
                    return not value
    return None


def next_target(body: Any) -> tuple[str | None, bool]:
    """Return the URL of the next page in a body, and whether the body has a member for it."""
    has_place = False
    for path, holder in holders(body):
        for name, value in holder.items():
            if normal(name) not in _NEXT_URLS and not (path and normal(path[-1]) == "next" and normal(name) in _LINKS):
                continue
            if isinstance(value, Mapping):
                if not {"href", "url"} & set(value):
                    continue
                value = value.get("href") or value.get("url")
            # Some services put a number or a token there instead of a URL.
            if isinstance(value, str) and value.startswith(("http://", "https://", "/", "?")):
                return value, True
            has_place = has_place or value in (None, "", False)
    for link in _linked(body):
        return link, True
    return None, has_place


_LINKS = frozenset({"href", "link", "url"})


def _linked(body: Any) -> Iterator[str]:
    """FHIR and STAC: a list of links, each with its relation."""
    if not isinstance(body, Mapping):
        return
    for name in ("link", "links"):
        links = body.get(name)
        for link in links if isinstance(links, list) else ():
            if isinstance(link, Mapping) and "next" in (link.get("rel"), link.get("relation")):
                target = link.get("href") or link.get("url")
                if isinstance(target, str):
                    yield target
