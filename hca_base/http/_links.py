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
    """The links of a ``Link`` header by relation (RFC 8288).

    Single quotes are taken as well as double ones: most routes of the DSS write ``rel='next'``. Where a relation comes
    twice the first one counts. What makes no sense is passed over.
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
    """The URL of the next page, absolute, or None on the last one.

    The literal ``token=None`` that the DSS puts into the links of a bundle's pages is dropped. Where an https service
    behind a proxy names itself with http, the URL is https.
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
    """The given page and all that come after it.

    :param response: the first page
    :param call: arguments of :meth:`Session.call` for the next pages (the same body for ``POST /search``, the policy)
    :raises ServiceError: a page names one that was there before as its next, which would have no end
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
