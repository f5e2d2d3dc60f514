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

#: Gateways answer so where a page is too large for them, and say that it may work later: a smaller page works now.
_TOO_LARGE = frozenset({502, 504})
_SIZE = re.compile(r"(?<=[?&])size=(\d+)")


class Search(Tabular):
    """One listing.

    :param kind: of entities, such as projects, samples, files or bundles
    :param filters: in the service's own form
    :param sort: field of the service
    :param order: asc or desc
    :param limit: return at most this many entities; None for all
    :param page_size: size of the first page; default: learned from the service
    :ivar total: number of matching entities; None until the first page has come
    :ivar facets: of the whole result: field -> {"terms": [{"term", "count"}], "total"}
    :ivar managed: projects or datasets that were listed and whose files the user may not have
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
            # A listing of its own pace, which learns nothing for others.
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
        """Iterate over the entities; a page is requested when the one before is used up."""
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

        :raises ServiceError: an answer makes no sense, or the pages form a loop
        """
        url: str | None = url_of(self.client, f"/index/{self.kind}", self._params)
        body: dict[str, str] | None = None
        seen: set[str] = set()
        while url is not None:
            seen.add(_SIZE.sub("", url))
            response = self._page(url, body)
            if response.request.method == "POST":
                # The pages that follow are asked for in the same way.
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
        """The size to ask for now: never more than what is left."""
        if self._fixed is not None:
            return self._size.next(min(self._fixed, self.limit or self._fixed))
        ends = [end for end in (self.limit, self.total) if end is not None]
        return self._size.next(max(1, min(ends) - self._listed) if ends else None)

    def _page(self, url: str, body: dict[str, str] | None) -> requests.Response:
        """Request a page, and a smaller one as long as the service cannot give one of this size."""
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
        """Whether a smaller page is worth a try after this error, which is remembered."""
        if error.status in _TOO_LARGE and size > 1:
            self._size.failed(size)
            return True
        if error.status != 400:
            return False
        most = named_limit(f"{error.title} {error.details}")
        return most is not None and self._size.refused(size, most)

    def _next(self, url: str, following: Any) -> str | None:
        """The address of the next page, of which only the size is ours to change."""
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
    """The address of a page with another size; all else in it is the service's own business."""
    changed, count = _SIZE.subn(f"size={size}", url, count=1)
    return changed if count else f"{url}{'&' if '?' in url else '?'}size={size}"


def get_entity(client: AzulConnection, kind: str, uuid: str, catalog: str | None = None) -> dict[str, Any]:
    """Get one entity, with all that the service knows of it.

    :raises NotFoundError: there is none
    """
    answer = get_json(client, f"/index/{kind}/{quote(uuid, safe='')}", {"catalog": client.catalog(catalog)})
    if not isinstance(answer, dict):
        raise ServiceError("the service's response is not an entity", status=200)
    return answer
