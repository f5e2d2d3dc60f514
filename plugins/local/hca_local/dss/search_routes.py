"""POST /search: bundles by their metadata."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from hca_local.dss.call import Call, page
from hca_local.dss.errors import illegal_arguments
from hca_local.dss.service import Service
from hca_local.search import BadQuery, compile_query

#: Raw results are large; the original returned ten a page regardless of the page size requested.
_RAW_PAGE = 10


def post_search(service: Service, call: Call) -> Response:
    """A page of matching bundle versions; the next page is fetched with the same body at the link."""
    raw = call.args["output_format"] == "raw"
    length = _RAW_PAGE if raw else call.args["per_page"]
    after = _position(call.args["search_after"])
    try:
        query = compile_query(call.body["es_query"])
    except BadQuery as error:
        raise illegal_arguments(f"Invalid Elasticsearch query: {error}") from None
    with service.store.read() as db:
        found = service.index.search(db, call.replica, query, after, length, documents=raw)
    results = []
    for hit in found.hits:
        result: dict[str, Any] = {
            "bundle_fqid": f"{hit.uuid}.{hit.version}",
            "bundle_url": f"{call.base}/v1/bundles/{hit.uuid}?version={hit.version}&replica={call.replica}",
            "search_score": None,
        }
        if raw:
            result["metadata"] = hit.document
        results.append(result)
    body = {"es_query": call.body["es_query"], "results": results, "total_hits": found.total}
    following = None
    if len(results) == length:
        # A full page always links to another, which may be empty, as in the original.
        last = found.hits[-1]
        following = call.url(
            per_page=length,
            replica=call.replica,
            search_after=f"{last.uuid},{last.version}",
            output_format=call.args["output_format"],
        )
    return page(body, "results", following, quote='"')


def _position(search_after: str | None) -> tuple[str, str] | None:
    if search_after is None:
        return None
    uuid, comma, version = search_after.partition(",")
    if not comma:
        raise illegal_arguments("search_after is not one of a link of /search")
    return uuid, version
