"""Paging: the ``Link`` header, and following it to the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from hca_base.errors import ServiceError

if TYPE_CHECKING:
    import requests

    from hca_base.http._session import Session

_PARAMETER = re.compile(
    r"""\s*;\s*(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|(?P<bare>[^\s;,"']+)))?"""
)
_LINK_LIMIT = 1 << 16


def parse_link_header(value: str | None) -> dict[str, str]:
    """Return the links of a ``Link`` header by relation (RFC 8288).

    Single quotes are accepted too, because most routes of the DSS write ``rel='next'``. If a relation is repeated, the
    first link is used. Invalid links are ignored.
    """
    links: dict[str, str] = {}
    if not value or len(value) > _LINK_LIMIT:
        return links
    position = 0
    while True:
        start = value.find("<", position)
        end = value.find(">", start + 1)
        if start < 0 or end < 0:
            return links
        target = value[start + 1 : end].strip()
        position = end + 1
        while match := _PARAMETER.match(value, position):
            position = match.end()
            if match["name"].lower() == "rel":
                relations = next((match[kind] for kind in ("double", "single", "bare") if match[kind] is not None), "")
                for relation in relations.lower().split():
                    links.setdefault(relation, target)


def next_page(response: requests.Response) -> str | None:
    """Return the absolute URL of the next page, or None on the last one.

    The DSS writes a literal ``token=None`` into the links of a bundle's pages, which is removed. If an https service
    behind a proxy gives an http URL of itself, the result is https.
    """
    target = parse_link_header(response.headers.get("Link")).get("next")
    if not target:
        return None
    try:
        parts = urlsplit(urljoin(response.url, target))
        here = urlsplit(response.url)
    except ValueError:
        return None
    scheme = parts.scheme
    if (here.scheme, scheme) == ("https", "http") and parts.netloc == here.netloc:
        scheme = "https"
    query = "&".join(part for part in parts.query.split("&") if part != "token=None")
    return urlunsplit((scheme, parts.netloc, parts.path, query, ""))


def follow_pages(session: Session, response: requests.Response, **call: Any) -> Iterator[requests.Response]:
    """Yield the given page and all following ones.

    :param response: the first page
    :param call: arguments of :meth:`Session.call` for the next pages (the same body for ``POST /search``, the policy)
    :raises ServiceError: a page links to an earlier one, which would be an endless loop
    """
    method = response.request.method or "GET"
    seen = {response.url}
    while True:
        yield response
        url = next_page(response)
        if url is None:
            return
        if url in seen:
            raise ServiceError(
                "the service's pages form a loop: the next page was already fetched",
                status=response.status_code,
                reason="endless_pages",
                response=response,
            )
        seen.add(url)
        response = session.call(method, url, **call)
