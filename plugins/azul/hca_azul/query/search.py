"""Listings: pages of entities, one after the other."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin

from hca_azul.query.calls import compact_json, get_json, send_long, url_of
from hca_azul.query.completion import remember
from hca_azul.query.limits import PageSize, named_limit
from hca_base.errors import ServiceError, UsageError
from hca_base.http import RetryPolicy, check_redirect, json_of, origin_of
from hca_base.output import Tabular

if TYPE_CHECKING:
    import requests

    from hca_azul.flavours.flavour import Unit
    from hca_azul.query.connection import AzulConnection

#: Gateway statuses for a page that is too large; a smaller page works without waiting.
_TOO_LARGE = frozenset({502, 504})
_SIZE = re.compile(r"(?<=[?&])size=(\d+)")


class Search(Tabular):
    """One listing.

    :param kind: of entities, such as projects, samples, files or bundles
    :param filters: in the service's JSON form
    :param sort: field of the service
    :param order: asc or desc
    :param limit: maximum number of entities; None for all
    :param page_size: size of the first page; default: learned from the service
    :ivar total: number of matching entities; None before the first page
    :ivar facets: of the whole result: field -> {"terms": [{"term", "count"}], "total"}
    :ivar managed: listed projects or datasets whose files the user cannot access
    """

    def __init__(
        self,
        client: AzulConnection,
        kind: str,
        filters: Mapping[str, Any] | None = None,
        *,
        catalog: str | None = None,
        sort: str | None = None,
        order: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
    ) -> None:
        flavour = client.flavour
        if kind not in flavour.kinds:
            raise UsageError(f"unknown kind {kind!r}", hint=f"use {', '.join(flavour.kinds)}")
        self.client = client
        self.kind = kind
        self.filters = dict(filters or {})
        self.catalog = client.catalog(catalog)
        self.limit = limit
        self.total: int | None = None
        self.facets: dict[str, Any] = {}
        self.managed: list[Unit] = []
        self._listed = 0
        self._unit_of = flavour.unit_of if kind == flavour.units else None
        self._size = client.limits.page_size(kind)
        if page_size is not None:
            # With a given page size, the listing does not affect the learned one.
            self._size = PageSize()
            self._size.seed(page_size)
        self._fixed = page_size
        self._params: dict[str, Any] = {
            "catalog": self.catalog,
            "filters": compact_json(self.filters) if self.filters else None,
            "size": self._next_size(),
            "sort": sort,
            "order": order,
        }

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Iterate over the entities; a page is requested when the previous one is used up."""
        left = self.limit
        for page in self.pages():
            if left is None:
                yield from page
                continue
            yield from page[:left]
            left -= len(page)
            if left <= 0:
                return

    def pages(self) -> Iterator[list[dict[str, Any]]]:
        """Iterate over the pages, each a list of entities.

        :raises ServiceError: a response is invalid, or the pages form a loop
        """
        url: str | None = url_of(self.client, f"/index/{self.kind}", self._params)
        body: dict[str, str] | None = None
        seen: set[str] = set()
        while url is not None:
            seen.add(_SIZE.sub("", url))
            response = self._page(url, body)
            if response.request.method == "POST":
                # The following pages use the same method.
                body = {"filters": self._params["filters"]} if self._params["filters"] else {}
            hits, following = self._take(json_of(response))
            self._listed += len(hits)
            yield hits
            url = self._next(url, following)
            if url is not None and (_SIZE.sub("", url) in seen or not hits):
                raise ServiceError("the service's pages form a loop", status=200, reason="endless_pages")
        if self.total is not None and self._listed < self.total:
            raise ServiceError(
                f"the service reported {self.total:,} {self.kind}, but listed {self._listed:,}",
                status=200,
                reason="missing_pages",
                hint="try again; this can happen while a catalog is being updated",
            )

    def _next_size(self) -> int:
        """The size to request: at most what is left."""
        if self._fixed is not None:
            return self._size.next(min(self._fixed, self.limit or self._fixed))
        ends = [end for end in (self.limit, self.total) if end is not None]
        return self._size.next(max(1, min(ends) - self._listed) if ends else None)

    def _page(self, url: str, body: dict[str, str] | None) -> requests.Response:
        """Request a page; retry with smaller ones while it is too large for the service."""
        policy = RetryPolicy()
        impatient = dataclasses.replace(policy, statuses=policy.statuses - _TOO_LARGE)
        while True:
            size = self._next_size()
            target = _with_size(url, size)
            started = time.monotonic()
            try:
                response = send_long(self.client, "GET", target, body, policy=impatient if size > 1 else policy)
            except ServiceError as error:
                if not self._is_smaller(error, size):
                    raise
                continue
            self._size.succeeded(size, time.monotonic() - started, len(response.content))
            return response

    def _is_smaller(self, error: ServiceError, size: int) -> bool:
        """Whether to try a smaller page after this error, which is remembered."""
        if error.status in _TOO_LARGE and size > 1:
            self._size.failed(size)
            return True
        if error.status != 400:
            return False
        most = named_limit(f"{error.title} {error.details}")
        return most is not None and self._size.refused(size, most)

    def _next(self, url: str, following: Any) -> str | None:
        """The URL of the next page, with our page size; the rest is the service's."""
        if following is None or following == "":
            return None
        try:
            address = urljoin(url, following) if isinstance(following, str) else ""
            target = origin_of(address)
        except (UsageError, ValueError):
            raise ServiceError("the service's URL of the next page is invalid", status=200) from None
        home = origin_of(self.client.base_url)
        check_redirect(home, home, target)
        return address

    def _take(self, answer: Any) -> tuple[list[dict[str, Any]], Any]:
        hits = answer.get("hits") if isinstance(answer, dict) else None
        pagination = answer.get("pagination") if isinstance(answer, dict) else None
        if not isinstance(hits, list) or not isinstance(pagination, dict) or any(type(hit) is not dict for hit in hits):
            raise ServiceError("the service's response is not a list of entities", status=200)
        total = pagination.get("total")
        self.total = total if isinstance(total, int) and not isinstance(total, bool) else self.total
        facets = answer.get("termFacets")
        if isinstance(facets, dict) and not self.facets:
            self.facets = facets
            remember(self.client, facets)
        if self._unit_of is not None:
            units = [self._unit_of(hit) for hit in hits]
            self.managed += [unit for unit in units if unit.accessible is False]
        return hits, pagination.get("next")


def _with_size(url: str, size: int) -> str:
    """A page's URL with another size; the rest stays as the service sent it."""
    changed, count = _SIZE.subn(f"size={size}", url, count=1)
    return changed if count else f"{url}{'&' if '?' in url else '?'}size={size}"


def get_entity(client: AzulConnection, kind: str, uuid: str, catalog: str | None = None) -> dict[str, Any]:
    """Get one entity, with all of its data.

    :raises NotFoundError: it does not exist
    """
    answer = get_json(client, f"/index/{kind}/{quote(uuid, safe='')}", {"catalog": client.catalog(catalog)})
    if not isinstance(answer, dict):
        raise ServiceError("the service's response is not an entity", status=200)
    return answer
