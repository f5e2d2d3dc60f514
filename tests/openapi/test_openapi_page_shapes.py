"""Paginated lists of services in use: all items by Python and by command, or a warning."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from hca_base.openapi import Client

#: Three pages: 3, 3 and 1 items.
ALL = [{"id": f"i{n}"} for n in range(7)]
SIZE = 3

Query = dict[str, str]
Answer = Callable[[Query, str], Any]


class Shape:
    """A pagination style.

    :param members: of the declared response; None: the document declares none; "array": a list
    :param answer: returns the body, or (headers, body), for a query and the list's URL
    """

    def __init__(self, parameters: dict[str, str], members: Any, answer: Answer, pages: str | None) -> None:
        self.parameters, self.members, self.answer, self.pages = parameters, members, answer, pages

    def document(self, method: str = "get") -> dict[str, Any]:
        listed = [{"name": name, "in": "query", "schema": {"type": type_}} for name, type_ in self.parameters.items()]
        schema: Any = None
        if self.members == "array":
            schema = {"type": "array", "items": {"type": "object"}}
        elif self.members is not None:
            schema = {"type": "object", "properties": {name: {} for name in self.members}}
        content = {"content": {"application/json": {"schema": schema}}} if schema else {}
        answers = {"200": {"description": "it", **content}}
        return {
            "openapi": "3.0.3",
            "info": {"title": "Lists", "version": "1"},
            "servers": [{"url": "/"}],
            "paths": {"/things": {method: {"parameters": listed, "responses": answers}}},
        }


def start_of(query: Query, name: str, first: int = 0) -> int:
    return int(query.get(name) or first) - first


def by_token(parameter: str, make: Callable[[list[Any], str | None], Any]) -> Answer:
    def answer(query: Query, url: str) -> Any:
        start = start_of(query, parameter)
        following = str(start + SIZE) if start + SIZE < len(ALL) else None
        return make(ALL[start : start + SIZE], following)

    return answer


def by_page(make: Callable[[list[Any], int], Any], parameter: str = "page", first: int = 1) -> Answer:
    def answer(query: Query, url: str) -> Any:
        page = start_of(query, parameter, first)
        return make(ALL[page * SIZE : page * SIZE + SIZE], page + first)

    return answer


def by_offset(make: Callable[[list[Any], int], Any], parameter: str = "offset", first: int = 0) -> Answer:
    def answer(query: Query, url: str) -> Any:
        start = start_of(query, parameter, first)
        return make(ALL[start : start + SIZE], start + first)

    return answer


def by_url(make: Callable[[list[Any], str | None], Any]) -> Answer:
    def answer(query: Query, url: str) -> Any:
        start = start_of(query, "from_row")
        following = f"{url}?from_row={start + SIZE}" if start + SIZE < len(ALL) else None
        return make(ALL[start : start + SIZE], following)

    return answer


def link(items: list[Any], url: str | None) -> Any:
    return {"Link": f'<{url}>; rel="next"'} if url else {}, items


def after_id(query: Query, url: str) -> Any:
    ids = [each["id"] for each in ALL]
    start = ids.index(query["starting_after"]) + 1 if query.get("starting_after") else 0
    return {"object": "list", "data": ALL[start : start + SIZE], "has_more": start + SIZE < len(ALL)}


TEXT, NUMBER = "string", "integer"
SHAPES = {
    # TES, WES, Google
    "tes": Shape(
        {"page_token": TEXT, "page_size": NUMBER},
        ["tasks", "next_page_token"],
        by_token("page_token", lambda items, to: {"tasks": items, "next_page_token": to}),
        "by token (--page-token)",
    ),
    "google": Shape(
        {"pageToken": TEXT, "pageSize": NUMBER},
        ["items", "nextPageToken", "kind"],
        by_token("pageToken", lambda items, to: {"items": items, **({"nextPageToken": to} if to else {})}),
        "by token (--pageToken)",
    ),
    "aws": Shape(
        {"NextToken": TEXT},
        ["Jobs", "NextToken"],
        by_token("NextToken", lambda items, to: {"Jobs": items, "NextToken": to}),
        None,
    ),
    "slack": Shape(
        {"cursor": TEXT, "limit": NUMBER},
        ["channels", "response_metadata", "ok"],
        by_token("cursor", lambda i, to: {"ok": True, "channels": i, "response_metadata": {"next_cursor": to or ""}}),
        None,
    ),
    "notion": Shape(
        {"start_cursor": TEXT},
        ["results", "has_more", "next_cursor"],
        by_token("start_cursor", lambda i, to: {"results": i, "has_more": to is not None, "next_cursor": to}),
        "by token (--start-cursor)",
    ),
    "hubspot": Shape(
        {"after": TEXT},
        ["results", "paging"],
        by_token("after", lambda i, to: {"results": i, **({"paging": {"next": {"after": to}}} if to else {})}),
        "by token (--after)",
    ),
    "relay": Shape(
        {"after": TEXT},
        ["nodes", "pageInfo"],
        by_token("after", lambda i, to: {"nodes": i, "pageInfo": {"endCursor": to, "hasNextPage": to is not None}}),
        None,
    ),
    "json:api cursor": Shape(
        {"page[cursor]": TEXT},
        ["data", "meta"],
        by_token("page[cursor]", lambda items, to: {"data": items, "meta": {"page": {"nextCursor": to}}}),
        None,
    ),
    "undeclared token": Shape(
        {"cursor": TEXT}, None, by_token("cursor", lambda i, to: {"items": i, "next_cursor": to}), None
    ),
    # links
    "github": Shape({"page": NUMBER}, "array", by_url(link), None),
    "django": Shape(
        {"page": NUMBER},
        ["count", "next", "previous", "results"],
        by_url(lambda items, to: {"count": 7, "next": to, "previous": None, "results": items}),
        "by link",
    ),
    "json:api": Shape(
        {"page": NUMBER}, ["data", "links"], by_url(lambda i, to: {"data": i, "links": {"next": to}}), "by link"
    ),
    "digitalocean": Shape(
        {"page": NUMBER},
        ["things", "links", "meta"],
        by_url(lambda i, to: {"things": i, "links": {"pages": {"next": to}} if to else {}, "meta": {"total": 7}}),
        "by link",
    ),
    "hal": Shape(
        {},
        ["_embedded", "_links"],
        by_url(lambda i, to: {"_embedded": {"things": i}, "_links": {"next": {"href": to}} if to else {}}),
        "by link",
    ),
    "odata": Shape({}, ["value"], by_url(lambda i, to: {"value": i, **({"@odata.nextLink": to} if to else {})}), None),
    "fhir": Shape(
        {},
        ["entry", "link", "total"],
        by_url(lambda i, to: {"entry": i, "link": [{"relation": "next", "url": to}] if to else [], "total": 7}),
        "by link",
    ),
    "laravel": Shape(
        {"page": NUMBER},
        ["data", "next_page_url", "total"],
        by_url(lambda items, to: {"data": items, "next_page_url": to, "total": 7}),
        "by link",
    ),
    "azul": Shape(
        {"size": NUMBER},
        ["hits", "pagination", "termFacets"],
        by_url(lambda i, to: {"hits": i, "pagination": {"next": to, "total": 7}, "termFacets": {}}),
        None,
    ),
    # numbers
    "page, total": Shape(
        {"page": NUMBER, "per_page": NUMBER},
        ["items", "total", "page"],
        by_page(lambda items, page: {"items": items, "total": 7, "page": page}),
        "by page number (--page)",
    ),
    "spring": Shape(
        {"page": NUMBER, "size": NUMBER},
        ["content", "number", "last", "totalElements"],
        by_page(lambda i, n: {"content": i, "number": n, "last": n == 2, "totalElements": 7}, first=0),
        "by page number (--page)",
    ),
    "strapi": Shape(
        {"page": NUMBER},
        ["data", "meta"],
        by_page(lambda i, n: {"data": i, "meta": {"pagination": {"page": n, "pageCount": 3, "total": 7}}}),
        None,
    ),
    "next page's number": Shape(
        {"page": NUMBER},
        ["items", "next_page"],
        by_page(lambda items, page: {"items": items, "next_page": page + 1 if page < 3 else None}),
        None,
    ),
    "a bare list by page": Shape(
        {"page": NUMBER}, "array", by_page(lambda items, page: items), "by page number (--page)"
    ),
    "x-total-count": Shape(
        {"page": NUMBER}, "array", by_page(lambda items, page: ({"X-Total-Count": "7"}, items)), None
    ),
    "offset, total": Shape(
        {"offset": NUMBER, "limit": NUMBER},
        ["results", "total_count"],
        by_offset(lambda items, start: {"results": items, "total_count": 7}),
        "by offset (--offset)",
    ),
    "postgrest": Shape(
        {"offset": NUMBER, "limit": NUMBER},
        "array",
        by_offset(lambda items, start: ({"Content-Range": f"{start}-{start + 2}/7"}, items)),
        "by offset (--offset)",
    ),
    "offset, nothing told": Shape({"skip": NUMBER}, "array", by_offset(lambda i, start: i, "skip"), None),
    "scim": Shape(
        {"startIndex": NUMBER},
        ["Resources", "totalResults", "startIndex"],
        by_offset(lambda i, n: {"Resources": i, "totalResults": 7, "startIndex": n}, "startIndex", 1),
        "by offset (--startIndex)",
    ),
    "ckan": Shape(
        {"start": NUMBER, "rows": NUMBER},
        ["result", "success"],
        by_offset(lambda i, n: {"success": True, "result": {"count": 7, "results": i, "facets": {}}}, "start"),
        None,
    ),
    "elasticsearch": Shape(
        {"from": NUMBER, "size": NUMBER},
        ["hits", "took"],
        by_offset(lambda i, n: {"hits": {"total": {"value": 7, "relation": "eq"}, "hits": i}, "took": 3}, "from"),
        None,
    ),
    "solr": Shape(
        {"start": NUMBER, "rows": NUMBER},
        ["response"],
        by_offset(lambda i, n: {"response": {"numFound": 7, "start": n, "docs": i}}, "start"),
        None,
    ),
    "stripe": Shape(
        {"starting_after": TEXT, "limit": NUMBER},
        ["object", "data", "has_more"],
        after_id,
        "by the ID of the last item (--starting-after)",
    ),
}


def serve(web: Any, shape: Shape) -> Client:
    web.documents["/openapi.json"] = shape.document()

    def answer(request: Any) -> Any:
        headers, body = {}, shape.answer(dict(request.query), f"{web.url}/things")
        if isinstance(body, tuple):
            headers, body = body
        return 200, {"Content-Type": "application/json", **headers}, json.dumps(body).encode()

    web.answer = answer
    return Client(swagger_url=f"{web.url}/openapi.json")


@pytest.mark.parametrize("name", SHAPES)
def test_all_items_in_python(web: Any, caplog: Any, name: str) -> None:
    shape = SHAPES[name]
    client = serve(web, shape)
    assert list(client.get_things.iterate()) == ALL
    # A page after the last one is requested only if its emptiness is the only sign of the end.
    assert len(web.seen) <= 4
    whole = client.invoke("get_things", paginate=True)
    assert json.dumps(whole).count('"id"') == len(ALL)
    if shape.pages is not None:
        assert str(client.paging(client.get_things.operation)) == shape.pages
        assert shape.pages.partition(" (")[0] in (client.get_things.__doc__ or "")
    assert not caplog.records


@pytest.mark.parametrize("name", ["tes", "json:api", "stripe", "offset, total", "github", "undeclared token", "spring"])
def test_the_same_by_command(hca: Any, web: Any, name: str) -> None:
    shape = SHAPES[name]
    serve(web, shape)
    hca("service", "add", "lists", f"{web.url}/openapi.json", check=0)
    done = hca("lists", "get-things", check=0)
    assert done.stdout.count('"id"') == len(ALL) and done.stderr == ""
    assert hca("lists", "get-things", "--no-paginate", check=0).stdout.count('"id"') == SIZE
    limit = "--hca-limit" if "limit" in shape.parameters else "--limit"
    web.seen.clear()
    assert hca("lists", "get-things", limit, "4", check=0).stdout.count('"id"') == 4
    assert len(web.seen) == 2
    if name != "undeclared token":
        assert hca("lists", "get-things", "-f", "value", "-c", "id", check=0).stdout.split() == [e["id"] for e in ALL]
        assert hca("lists", "get-things", limit, "2", "-f", "jsonl", check=0).stdout.count("\n") == 2
    if shape.pages is not None:
        assert f"pages: {shape.pages}" in hca("lists", "get-things", "--help", check=0).stdout


def test_a_list_that_is_not_followed_says_so(hca: Any, web: Any, caplog: Any) -> None:
    shape = Shape({}, ["items", "total"], lambda query, url: {"items": ALL[:3], "total": 7}, None)
    client = serve(web, shape)
    assert list(client.get_things.iterate()) == ALL[:3]
    assert "3 of 7" in caplog.text
    hca("service", "add", "lists", f"{web.url}/openapi.json", check=0)
    done = hca("lists", "get-things", check=0)
    assert "warning" in done.stderr and "3 of 7" in done.stderr and "services.NAME.paging.get-things" in done.stderr
    web.answer = lambda request: {"items": ALL[:3], "has_more": True}
    assert "the first 3" in hca("lists", "get-things", check=0).stderr
    web.answer = lambda request: {"items": ALL, "total": 7}
    assert hca("lists", "get-things", check=0).stderr == ""


def test_a_page_that_was_asked_for_is_the_only_one(web: Any, caplog: Any) -> None:
    client = serve(web, SHAPES["page, total"])
    assert list(client.get_things.iterate(page=2)) == ALL[3:6]
    web.documents.clear()
    client = serve(web, SHAPES["offset, total"])
    client.refresh()
    assert list(client.get_things.iterate(offset=5)) == ALL[5:]
    assert not caplog.records


def test_a_service_that_ignores_the_page_ends(web: Any) -> None:
    client = serve(web, Shape({"page": NUMBER}, "array", lambda query, url: ALL, None))
    assert list(client.get_things.iterate()) == [*ALL, *ALL]
    assert len(web.seen) == 2


def test_numbers_that_are_no_pages_are_left_alone(web: Any) -> None:
    """A region of a genome also has a start, and so has the name of a page."""
    for parameters in ({"start": NUMBER, "end": NUMBER}, {"from": NUMBER}, {"page": TEXT}, {"start": NUMBER}):
        web.seen.clear()
        client = serve(web, Shape(parameters, "array", lambda query, url: ALL[:3], None))
        client.refresh()
        assert list(client.get_things.iterate()) == ALL[:3]
        assert len(web.seen) == 1


def test_an_operation_that_changes_things_is_called_once(web: Any) -> None:
    client = serve(web, Shape({"cursor": TEXT, "page": NUMBER}, None, lambda query, url: {}, None))
    web.documents["/openapi.json"] = Shape({"cursor": TEXT, "page": NUMBER}, None, None, None).document("post")
    web.answer = lambda request: {"items": ALL[:3], "next_cursor": "3", "total": 7}
    client = Client(swagger_url=f"{web.url}/openapi.json")
    assert list(client.post_thing.iterate()) == ALL[:3]
    assert len(web.seen) == 1


@pytest.mark.parametrize(
    ("setting", "answer"),
    [
        (
            {"items": "rows.list", "next": "rows.more", "parameter": "go"},
            by_token("go", lambda items, to: {"rows": {"list": items, "other": [1], "more": to}}),
        ),
        ({"parameter": "go"}, by_page(lambda items, page: {"rows": items, "n": len(items)}, "go")),
        ({"next": "on"}, by_url(lambda items, to: {"rows": items, "on": to})),
    ],
)
def test_the_settings_say_how(hca: Any, web: Any, setting: dict[str, str], answer: Answer) -> None:
    serve(web, Shape({"go": NUMBER}, None, answer, None))
    hca("service", "add", "lists", f"{web.url}/openapi.json", check=0)
    hca("config", "set", "services.lists.paging.get-things", json.dumps(setting), check=0)
    assert hca("lists", "get-things", "-f", "value", check=0).stdout.split() == [each["id"] for each in ALL]
    code = "import hca_base; print(len(list(hca_base.client('lists').get_things.iterate())))"
    done = subprocess.run([sys.executable, "-c", code], env=hca.env, capture_output=True, text=True, check=True)
    assert done.stdout == "7\n"


def test_settings_that_do_not_fit(hca: Any, web: Any) -> None:
    serve(web, SHAPES["tes"])
    hca("service", "add", "lists", f"{web.url}/openapi.json", check=0)
    hca("config", "set", "services.lists.paging.get-things", "false", check=0)
    done = hca("lists", "get-things", check=0)
    assert done.stdout.count('"id"') == SIZE
    hca("config", "set", "services.lists.paging.get-things", '{"parameter": "gone"}', check=0)
    assert "unknown parameter 'gone'" in hca("lists", "get-things", check=2).stderr
    done = hca("config", "set", "services.lists.paging.get-things", '{"parametr": "x"}', check=0)
    assert "did you mean services.lists.paging.get-things.parameter?" in done.stderr
