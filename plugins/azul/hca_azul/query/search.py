"""Listings: pages of entities, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from hca_azul.query.calls import compact_json, get_json, send_long, url_of
from hca_azul.query.completion import remember
from hca_base.errors import ServiceError, UsageError
from hca_base.http import check_redirect, json_of, origin_of

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

KINDS = ("projects", "samples", "files", "bundles")
#: Most entities that the service puts on a page.
PAGE_SIZES = {"files": 1000, "samples": 1000, "projects": 100, "bundles": 100}


class Search:
    """One listing.

    :param kind: projects, samples, files or bundles
    :param filters: as the service wants them
    :param sort: field of the service
    :param order: asc or desc
    :param limit: most entities; None for all
    :ivar total: how many there are in all; None until the first page is there
    :ivar facets: of the whole result: field -> {"terms": [{"term", "count"}], "total"}
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
        if kind not in KINDS:
            raise UsageError(f"{kind!r} is none of {', '.join(KINDS)}")
        self.client = client
        self.kind = kind
        self.filters = dict(filters or {})
        self.catalog = client.catalog(catalog)
        self.limit = limit
        size = min(PAGE_SIZES[kind], page_size or PAGE_SIZES[kind], limit or PAGE_SIZES[kind])
        self._params: dict[str, Any] = {
            "catalog": self.catalog,
            "filters": compact_json(self.filters) if self.filters else None,
            "size": max(1, size),
            "sort": sort,
            "order": order,
        }
        self.total: int | None = None
        self.facets: dict[str, Any] = {}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The entities; a page is asked for when the one before is used up."""
        left = self.limit
        for page in self.pages():
            for hit in page:
                if left is not None:
                    if left <= 0:
                        return
                    left -= 1
                yield hit
            if left == 0:
                return

    def pages(self) -> Iterator[list[dict[str, Any]]]:
        """The entities of one page after another.

        :raises ServiceError: an answer makes no sense, or the pages lead in a circle
        """
        url: str | None = url_of(self.client, f"/index/{self.kind}", self._params)
        body: dict[str, str] | None = None
        seen: set[str] = set()
        listed = 0
        while url is not None:
            seen.add(url)
            response = send_long(self.client, "GET", url, body)
            if response.request.method == "POST":
                # The pages that follow are asked for in the same way.
                body = {"filters": self._params["filters"]} if self._params["filters"] else {}
            answer = json_of(response)
            hits, following = self._take(answer)
            yield hits
            listed += len(hits)
            url = self._next(url, following)
            if url is not None and (url in seen or not hits):
                raise ServiceError("the pages of the service lead in a circle", status=200, reason="endless_pages")
        if self.total is not None and listed < self.total:
            raise ServiceError(
                f"the service told of {self.total:,} {self.kind}, and listed {listed:,} of them",
                status=200,
                reason="missing_pages",
                hint="try again; a catalog that is being changed may look so for a while",
            )

    def _next(self, url: str, following: Any) -> str | None:
        """The address of the next page, which is followed as it is: what is in it is the service's own business."""
        if following is None or following == "":
            return None
        try:
            address = urljoin(url, following) if isinstance(following, str) else ""
            target = origin_of(address)
        except (UsageError, ValueError):
            raise ServiceError("the service's address of the next page makes no sense", status=200) from None
        home = origin_of(self.client.base_url)
        check_redirect(home, home, target)
        return address

    def _take(self, answer: Any) -> tuple[list[dict[str, Any]], Any]:
        hits = answer.get("hits") if isinstance(answer, dict) else None
        pagination = answer.get("pagination") if isinstance(answer, dict) else None
        if not isinstance(hits, list) or not isinstance(pagination, dict) or any(type(hit) is not dict for hit in hits):
            raise ServiceError("the service's answer is no list of entities", status=200)
        total = pagination.get("total")
        self.total = total if isinstance(total, int) and not isinstance(total, bool) else self.total
        facets = answer.get("termFacets")
        if isinstance(facets, dict) and not self.facets:
            self.facets = facets
            remember(self.client, facets)
        return hits, pagination.get("next")


def get_entity(client: AzulConnection, kind: str, uuid: str, catalog: str | None = None) -> dict[str, Any]:
    """One entity, with all that the service knows of it.

    :raises NotFoundError: there is none
    """
    from urllib.parse import quote

    answer = get_json(client, f"/index/{kind}/{quote(uuid, safe='')}", {"catalog": client.catalog(catalog)})
    if not isinstance(answer, dict):
        raise ServiceError("the service's answer is no entity", status=200)
    return answer
