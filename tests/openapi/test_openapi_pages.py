"""A client's pages: how the next one is found, when it is requested, and from where it is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hca_base.errors import RefusedError, ServiceError
from hca_base.openapi import Client
from tests.openapi.store_service import JSON, UUID


def test_pages_by_link_header_in_either_quotes(client: Client, web: Any) -> None:
    def answer(request: Any) -> Any:
        start = int(dict(request.query).get("start_at", 0))
        headers = {"X-OpenAPI-Pagination": "true", "X-OpenAPI-Paginated-Content-Key": "bundle.files", **JSON}
        quote = "'\""[start % 2]
        if start < 3:
            link = f"{web.url}{request.path}?start_at={start + 1}&version=v&token=None"
            headers["Link"] = f"<{link}>; rel={quote}next{quote}"
        body = {"bundle": {"uuid": UUID, "files": [start * 2, start * 2 + 1]}}
        return 200 if start == 3 else 206, headers, json.dumps(body).encode()

    web.answer = answer
    assert list(client.get_bundle.iterate(uuid=UUID, replica="aws")) == list(range(8))
    assert [page["bundle"]["files"] for page in client.get_bundle.paginate(UUID, "aws")] == [
        [0, 1],
        [2, 3],
        [4, 5],
        [6, 7],
    ]
    assert client.invoke("get_bundle", {"uuid": UUID, "replica": "aws"}, paginate=True) == {
        "bundle": {"uuid": UUID, "files": list(range(8))}
    }
    assert client.get_bundle(UUID, "aws")["bundle"]["files"] == [0, 1]


def test_a_value_that_is_not_listed_is_warned_about_once_and_not_for_each_page(
    client: Client, web: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(request: Any) -> Any:
        page = int(dict(request.query).get("page", 0))
        link = {"Link": f"<?page={page + 1}>; rel=next"} if page < 4 else {}
        return 206 if link else 200, {**link, **JSON}, json.dumps({"results": [page]}).encode()

    web.answer = answer
    client.strict_choices = frozenset()  # type: ignore[misc]
    assert list(client.get_bundles_all.iterate(replica="azure")) == [0, 1, 2, 3, 4]
    assert [record.getMessage() for record in caplog.records if "azure" in record.getMessage()] == [
        "replica is 'azure', which is not one of aws, gcp; sent anyway"
    ]


def test_search_repeats_the_post_with_its_body(client: Client, web: Any) -> None:
    def answer(request: Any) -> Any:
        after = int(dict(request.query).get("search_after", 0))
        headers = dict(JSON)
        if after < 20:
            headers["Link"] = f'<{web.url}/v1/search?replica=aws&per_page=10&search_after={after + 10}>; rel="next"'
        # The last page may be empty.
        hits = [{"n": n} for n in range(after, min(after + 10, 20))]
        return 206 if hits else 200, headers, json.dumps({"es_query": request.json, "results": hits}).encode()

    web.answer = answer
    query = {"query": {"match_all": {}}}
    found = list(client.post_search.iterate(es_query=query, replica="aws", per_page=10))
    assert found == [{"n": n} for n in range(20)]
    assert [each.method for each in web.seen] == ["POST"] * 3
    assert all(each.json == {"es_query": query} for each in web.seen)
    joined = client.invoke("post_search", {"es_query": query, "replica": "aws", "per_page": 10}, paginate=True)
    assert len(joined["results"]) == 20


def test_a_page_is_asked_for_when_it_is_needed(client: Client, web: Any) -> None:
    def answer(request: Any) -> Any:
        page = int(dict(request.query).get("page", 0))
        return 206, {"Link": f"<?page={page + 1}>; rel=next", **JSON}, json.dumps({"results": [page]}).encode()

    web.answer = answer
    items = client.get_bundles_all.iterate(replica="aws")
    assert not web.seen
    assert [next(items), next(items)] == [0, 1]
    assert len(web.seen) == 2


@pytest.mark.parametrize(
    "place",
    [("pagination", "next"), ("links", "pages", "next"), ("links", "next"), ("_links", "next", "href"), ("next",)],
)
def test_pages_by_a_link_in_the_body(client: Client, web: Any, place: tuple[str, ...]) -> None:
    def answer(request: Any) -> Any:
        number = int(dict(request.query).get("n", 0))
        link = f"{web.url}{request.path}?n={number + 1}" if number < 2 else None
        body: dict[str, Any] = {"hits": [number], "termFacets": [1]}
        holder = body
        for name in place[:-1]:
            holder = holder.setdefault(name, {})
        holder[place[-1]] = link
        return body

    web.answer = answer
    assert list(client.get_bundles_all.iterate(replica="aws")) == [0, 1, 2]
    whole = client.invoke("get_bundles_all", {"replica": "aws"}, paginate=True)
    assert whole["hits"] == [0, 1, 2]


def test_a_bare_array_is_its_own_page(client: Client, web: Any) -> None:
    def answer(request: Any) -> Any:
        number = int(dict(request.query).get("n", 0))
        headers = {**JSON, **({"Link": f"<?n={number + 1}>; rel=next"} if number < 2 else {})}
        return 200, headers, json.dumps([number]).encode()

    web.answer = answer
    assert list(client.get_bundles_all.iterate(replica="aws")) == [0, 1, 2]
    assert client.invoke("get_bundles_all", {"replica": "aws"}, paginate=True) == [0, 1, 2]


def test_pages_without_end_are_noticed(client: Client, web: Any) -> None:
    web.answer = lambda request: (206, {"Link": "<?a=1>; rel=next", **JSON}, b'{"results": [1]}')
    with pytest.raises(ServiceError, match="was already fetched"):
        list(client.get_bundles_all.iterate(replica="aws"))
    assert len(web.seen) == 2
    web.seen.clear()
    web.answer = lambda request: (206, {"Link": f"<?a={len(web.seen)}>; rel=next", **JSON}, b'{"results": []}')
    with pytest.raises(ServiceError, match="101 pages have nothing new"):
        list(client.get_bundles_all.paginate(replica="aws"))


def test_pages_of_which_no_list_is_known_are_not_empty(client: Client, web: Any) -> None:
    """A body with two lists, and no header that names one: the pages are returned unchanged, all of them."""
    last = 130

    def answer(request: Any) -> Any:
        page = int(dict(request.query).get("a", 0))
        headers = {**JSON, **({"Link": f"<?a={page + 1}>; rel=next"} if page < last else {})}
        return 206, headers, json.dumps({"one": [page], "two": [page]}).encode()

    web.answer = answer
    assert [page["one"] for page in client.get_bundles_all.paginate("aws")] == [[page] for page in range(last + 1)]
    web.answer = lambda request: (206, {"Link": f"<?a={len(web.seen)}>; rel=next", **JSON}, b'{"one": [], "two": [1]}')
    with pytest.raises(ServiceError, match="never end"):
        list(client.get_bundles_all.paginate("aws"))


def test_pages_of_another_host_get_nothing_of_the_service(web: Any, other_web: Any) -> None:
    """If the first page was redirected to another host without keys and cookies, so are the following pages."""
    header = {"name": "X-Subscription", "in": "header", "schema": {"type": "string"}}
    cookie = {"name": "session", "in": "cookie", "schema": {"type": "string"}}
    member = {"type": "object", "properties": {"note": {"type": "string"}}}
    answers = {"responses": {"200": {"description": "a page", "content": {"application/json": {}}}}}
    web.documents["/openapi.json"] = {
        "openapi": "3.0.3",
        "paths": {
            "/list": {
                "get": {"parameters": [header, cookie], **answers},
                "post": {"requestBody": {"content": {"application/json": {"schema": member}}}, **answers},
            }
        },
    }
    web.answer = lambda request: (303, {"Location": f"{other_web.url}/list"}, b"")
    link = {**JSON, "Link": '</list?page=2>; rel="next"'}
    other_web.answer = lambda request: (200, JSON if request.query else link, b"[1]")
    client = Client(swagger_url=f"{web.url}/openapi.json")
    assert list(client.get_list.iterate(x_subscription="of the service", session="s")) == [1, 1]
    assert web.seen[0].headers["X-Subscription"] == "of the service"
    assert [request.target for request in other_web.seen] == ["/list", "/list?page=2"]
    for request in other_web.seen:
        assert not {"X-Subscription", "Cookie"} & set(request.headers)
        assert "json" in request.headers["Accept"]
    other_web.seen.clear()
    with pytest.raises(RefusedError, match="next page of this POST"):
        list(client.post_list.iterate(note="private"))
    assert [request.body for request in other_web.seen] == [b""]


def test_the_next_page_is_not_fetched_from_elsewhere(client: Client, web: Any) -> None:
    for where in ("https://evil.example/x", "//evil.example/x", "http://169.254.169.254/latest/meta-data"):
        web.answer = lambda request, where=where: (206, {"Link": f"<{where}>; rel=next", **JSON}, b'{"results": [1]}')
        with pytest.raises(RefusedError, match="not followed"):
            list(client.get_bundles_all.iterate(replica="aws"))
    # A service behind a proxy uses the scheme and port that it knows in its URLs.
    web.answer = lambda request: (
        200,
        {**JSON, **({} if request.query == [("p", "2")] else {"Link": "<https://localhost:1/v1/next?p=2>; rel=next"})},
        b'{"results": [1]}',
    )
    assert list(client.get_bundles_all.iterate(replica="aws")) == [1, 1]
    assert web.seen[-1].target == "/v1/next?p=2"


def test_an_answer_without_a_list_cannot_be_gone_through(client: Client, web: Any) -> None:
    web.answer = lambda request: {"a": 1}
    with pytest.raises(ServiceError, match="no list of items"):
        list(client.get_bundles_all.iterate(replica="aws"))
    assert list(client.get_bundles_all.paginate(replica="aws")) == [{"a": 1}]


@pytest.mark.parametrize(
    ("unit", "total", "past"),
    [("items", True, 416), ("", True, 416), ("items", False, 416), ("", False, 200), ("rows", False, 206)],
)
def test_pages_by_range(hca: Any, web: Any, caplog: Any, unit: str, total: bool, past: int) -> None:
    """The service's default page size is three items; its ranges have a unit, and optionally a total."""
    rows = [{"id": number} for number in range(7)]
    listed = {"schema": {"type": "array", "items": {"type": "object"}}}
    parameters = [{"name": "Range", "in": "header", "schema": {"type": "string"}}]
    answers = {"206": {"description": "some", "content": {"application/json": listed}}}
    file = {"200": {"description": "a file", "content": {"application/octet-stream": {}}}}
    web.documents["/openapi.json"] = {
        "openapi": "3.0.3",
        "info": {"title": "Rows", "version": "1"},
        "servers": [{"url": "/"}],
        "paths": {
            "/rows": {"get": {"parameters": parameters, "responses": answers}},
            "/file": {"get": {"parameters": parameters, "responses": file}},
        },
    }

    def answer(request: Any) -> Any:
        wanted = request.headers.get("Range") or f"{f'{unit}=' if unit else ''}0-2"
        assert wanted.startswith(f"{unit}=" if unit else "")
        start, end = (int(part) for part in wanted.rpartition("=")[2].split("-"))
        found = rows[start : end + 1]
        if not found:
            return past, {"Content-Type": "application/json"}, b"[]" if past < 300 else b'{"message": "no such range"}'
        place = f"{f'{unit} ' if unit else ''}{start}-{start + len(found) - 1}/{len(rows) if total else '*'}"
        return 206, {"Content-Type": "application/json", "Content-Range": place}, json.dumps(found).encode()

    web.answer = answer
    client = Client(swagger_url=f"{web.url}/openapi.json")
    assert list(client.get_rows.iterate()) == rows
    assert len(web.seen) == 3 if total else len(web.seen) <= 4
    assert str(client.paging(client.operation("get_rows"))) == "by range (--range)"
    assert client.paging(client.operation("get_file")) is None
    hca("service", "add", "ranges", f"{web.url}/openapi.json", check=0)
    assert hca("ranges", "get-rows", check=0).json == rows
    assert hca("ranges", "get-rows", "--limit", "4", check=0).json == rows[:4]
    # A range requested by the caller is not changed.
    mine = f"{f'{unit}=' if unit else ''}1-2"
    assert hca("ranges", "get-rows", "--range", mine, check=0).json == rows[1:3]
    assert not caplog.records


def test_ranges_that_lead_nowhere_end(client: Client, web: Any) -> None:
    from hca_base.openapi._client._pages._links import next_range

    class Answer:
        def __init__(self, value: str, status: int = 206) -> None:
            self.headers, self.status_code = {"Content-Range": value}, status

    def place(value: str, status: int = 206) -> str | None:
        return next_range(Answer(value, status))  # type: ignore[arg-type]

    assert place("items 0-24/100") == "items=25-49" and place("0-24/100", 200) == "25-49"
    for value in ("items 75-99/100", "bytes 0-24/100", "items 24-0/100", "items */100", "", "0-24", "x" * 5000):
        assert place(value) is None, value
    assert place("items 0-24/*", 200) is None and place(f"items 0-{'9' * 400}/*") is None
