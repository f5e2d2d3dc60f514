"""A client's methods against a real server: results, streams, pages, errors, credentials, help."""

from __future__ import annotations

import inspect
import json
import logging
import pydoc
import threading
from collections.abc import Mapping
from typing import Any, Literal

import pytest

from hca_base.errors import (
    AuthError,
    DocumentError,
    ExitCode,
    NotFoundError,
    RefusedError,
    ServiceError,
    UnreachableError,
    UsageError,
)
from hca_base.http import Session
from hca_base.openapi import Client
from hca_base.plugins import Service

UUID = "a9b1b33e-5b8c-4d1c-9a1e-0f7c1d2e3f40"
JSON = {"Content-Type": "application/json"}


def store(**more: Any) -> dict[str, Any]:
    """A Swagger 2 document of a service like the DSS."""
    replica = {"name": "replica", "in": "query", "required": True, "type": "string", "enum": ["aws", "gcp"]}
    uuid = {"name": "uuid", "in": "path", "required": True, "type": "string", "pattern": "[a-z0-9]{8}-[a-z0-9]{4}"}
    per_page = {"name": "per_page", "in": "query", "type": "integer", "default": 100, "minimum": 10, "maximum": 500}
    query = {
        "name": "json_request_body",
        "in": "body",
        "required": True,
        "schema": {"type": "object", "required": ["es_query"], "properties": {"es_query": {"type": "object"}}},
    }
    pages = {"200": {"description": "All."}, "206": {"description": "A page."}, "404": {"description": "Not there."}}
    return {
        "swagger": "2.0",
        "info": {"title": "Store", "version": "1"},
        "host": "store.example.org",
        "schemes": ["https"],
        "basePath": "/v1",
        "produces": ["application/json"],
        "securityDefinitions": {"login": {"type": "oauth2"}},
        "paths": {
            "/bundles/{uuid}": {
                "get": {
                    "summary": "Retrieve a *bundle*.",
                    "description": "Given a UUID,\nreturn `bundle`.\n\n* one\n* two\n",
                    "parameters": [uuid, replica, per_page],
                    "responses": pages,
                },
                "delete": {
                    "parameters": [uuid],
                    "security": [{"login": []}],
                    "responses": {"200": {"description": ""}},
                },
            },
            "/bundles/all": {"get": {"parameters": [replica, per_page], "responses": pages}},
            "/files/{uuid}": {
                "get": {"parameters": [uuid, replica], "responses": {"302": {"description": "There."}}},
                "head": {"parameters": [uuid, replica], "responses": {"200": {"description": "Yes."}}},
            },
            "/search": {"post": {"parameters": [query, replica, per_page], "responses": pages}},
            "/bundles/{uuid}/checkout": {"post": {"parameters": [uuid], "responses": {"200": {"description": ""}}}},
        },
        **more,
    }


@pytest.fixture
def client(web: Any) -> Client:
    web.documents["/v1/swagger.json"] = store()
    return Client(swagger_url=f"{web.url}/v1/swagger.json")


def test_it_talks_to_where_the_document_came_from(client: Client, web: Any) -> None:
    web.answer = lambda request: {"bundle": {"uuid": UUID}}
    assert client.get_bundle(uuid=UUID, replica="aws") == {"bundle": {"uuid": UUID}}
    assert client.base_url == f"{web.url}/v1"
    assert [str(each) for each in web.seen] == [f"GET /v1/bundles/{UUID}?replica=aws"]


def test_arguments_by_place_and_name(client: Client, web: Any) -> None:
    client.get_bundle(UUID, "gcp", 10)
    client.get_bundle(UUID, replica="gcp", per_page="10")
    assert web.seen[0].target == web.seen[1].target == f"/v1/bundles/{UUID}?replica=gcp&per_page=10"
    with pytest.raises(UsageError, match="given twice"):
        client.get_bundle(UUID, uuid=UUID)
    with pytest.raises(UsageError, match="takes 3 arguments; 4 were given"):
        client.get_bundle(UUID, "aws", 1, 2)


def test_a_value_that_is_not_listed_is_sent_with_one_warning(web: Any, caplog: pytest.LogCaptureFixture) -> None:
    parameter = {"name": "form", "in": "query", "schema": {"enum": ["short", "long"]}}
    web.documents["/d"] = {"openapi": "3.0.0", "paths": {"/x": {"get": {"parameters": [parameter]}}}}
    Client(swagger_url=f"{web.url}/d").get_x(form="newest")
    assert web.seen[0].query == [("form", "newest")]
    assert [record.getMessage() for record in caplog.records if record.name == "hca.openapi"] == [
        "form is 'newest', which is not among short, long; sent as it is"
    ]


def test_wrong_arguments_make_no_connection(web: Any) -> None:
    web.documents["/v1/swagger.json"] = store()
    Client(swagger_url=f"{web.url}/v1/swagger.json").document  # noqa: B018
    fetched = len(web.fetched)
    client = Client(swagger_url=f"{web.url}/v1/swagger.json")
    for wrong in ({}, {"uuid": "malformed", "replica": "aws"}, {"uuid": UUID, "replica": "azure"}):
        with pytest.raises(UsageError):
            client.get_bundle(**wrong)
    assert not web.seen and len(web.fetched) == fetched


# What help shows


def test_signature(client: Client) -> None:
    signature = inspect.signature(client.get_bundle)
    assert list(signature.parameters) == ["uuid", "replica", "per_page"]
    assert signature.parameters["replica"].annotation == Literal["aws", "gcp"]
    assert signature.parameters["per_page"].annotation == int | None
    assert signature.parameters["per_page"].default is None
    assert signature.bind(UUID, "aws").arguments == {"uuid": UUID, "replica": "aws"}
    assert str(inspect.signature(client.post_search)) == (
        "(es_query: dict, replica: Literal['aws', 'gcp'], per_page: int | None = None) -> Any"
    )


def test_help_reads_well(client: Client) -> None:
    text = pydoc.plain(pydoc.render_doc(client.get_bundle))
    assert text.splitlines()[0].startswith("Python Library Documentation: function get_bundle")
    for line in (
        "    Retrieve a *bundle*.",
        "    Given a UUID, return bundle.",
        "    :param uuid: (text) A UUID.",
        "    :param replica: (text) One of aws, gcp.",
        "    :param per_page: (integer, optional) 10 to 500. The service's default: 100.",
        "    :returns: All.",
        "    :raises hca_base.errors.ServiceError: 404 Not there",
        f"        client.get_bundle(uuid='{UUID}', replica='aws')",
        "    GET /bundles/{uuid}",
    ):
        assert line in text.splitlines(), line
    assert "get_bundle.iterate(...)" in text
    assert client.get_bundle.__name__ == "get_bundle"
    assert client.get_bundle.__qualname__ == "Client.get_bundle"
    assert "items of all pages" in (client.get_bundle.iterate.__doc__ or "")
    assert inspect.signature(client.get_bundle.iterate).parameters.keys() == {"uuid", "replica", "per_page"}


def test_help_of_every_method_can_be_rendered(client: Client) -> None:
    names = [name for name in dir(client) if name.startswith(("get_", "post_", "delete_", "head_"))]
    assert names == [
        "delete_bundle",
        "get_bundle",
        "get_bundles_all",
        "get_file",
        "head_file",
        "post_bundles_checkout",
        "post_search",
    ]
    for name in names:
        assert name in pydoc.render_doc(getattr(client, name))


# Instances


def test_two_clients_share_nothing(web: Any) -> None:
    web.documents["/a"] = {"openapi": "3.0.0", "paths": {"/one": {"get": {"responses": {}}}}}
    web.documents["/b"] = {"openapi": "3.0.0", "paths": {"/two": {"get": {"responses": {}}}}}
    one, two = Client(swagger_url=f"{web.url}/a"), Client(swagger_url=f"{web.url}/b")
    assert callable(one.get_one) and callable(two.get_two)
    assert one.get_one is one.get_one
    assert not hasattr(one, "get_two") and not hasattr(two, "get_one") and not hasattr(Client, "get_one")
    with pytest.raises(AttributeError, match="did you mean get_one"):
        one.get_onee  # noqa: B018


def test_making_one_and_looking_at_other_attributes_loads_nothing(web: Any) -> None:
    client = Client(swagger_url=f"{web.url}/none")
    assert not hasattr(client, "_repr_html_") and not hasattr(client, "download") and not hasattr(client, "getter")
    assert repr(client) == f"<Client {web.url}/none>"
    assert not web.seen
    with pytest.raises(UsageError):
        Client()


def test_a_method_of_a_subclass_goes_before_the_operation(web: Any) -> None:
    class Own(Client):
        def get_bundle(self, uuid: str) -> str:
            return f"own {uuid}"

    web.documents["/v1/swagger.json"] = store()
    client = Own(swagger_url=f"{web.url}/v1/swagger.json")
    assert client.get_bundle("x") == "own x"
    assert client.get_file.__qualname__ == "Own.get_file"


def test_threads_may_share_a_client(client: Client, web: Any) -> None:
    web.answer = lambda request: {"uuid": request.path.rsplit("/", 1)[1]}
    found: list[bool] = []

    def run(number: int) -> None:
        uuid = f"{number:08d}-0000"
        found.append(client.get_bundle(uuid=uuid, replica="aws") == {"uuid": uuid})

    threads = [threading.Thread(target=run, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 16
    assert len(web.fetched) == 1


# Results


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ((200, JSON, b'{"a": [1]}'), {"a": [1]}),
        ((200, {"Content-Type": "application/problem+json; charset=utf-8"}, b"[]"), []),
        ((200, {"Content-Type": "application/octet-stream"}, b"\x00\xff"), b"\x00\xff"),
        ((200, {"Content-Type": "text/plain"}, "é".encode()), "é".encode()),
        ((200, {"Content-Type": "text/plain"}, b""), b""),
        ((200, JSON, b""), None),
        ((204, {}, b""), None),
        ((202, JSON, b"null"), None),
    ],
)
def test_results(client: Client, web: Any, answer: Any, result: Any) -> None:
    web.answer = lambda request: answer
    assert client.get_bundle(uuid=UUID, replica="aws") == result


def test_head_gives_the_response(client: Client, web: Any) -> None:
    web.answer = lambda request: (200, {"X-DSS-SIZE": "7", **JSON}, b"")
    response = client.head_file(uuid=UUID, replica="aws")
    assert (response.status_code, response.headers["x-dss-size"]) == (200, "7")


def test_json_that_is_none(client: Client, web: Any) -> None:
    web.answer = lambda request: (200, JSON, b"<html>")
    with pytest.raises(ServiceError, match="not the service that was expected"):
        client.get_bundle(uuid=UUID, replica="aws")
    web.answer = lambda request: (200, JSON, b"[" * 200_000)
    with pytest.raises(ServiceError, match="nested too deeply"):
        client.get_bundle(uuid=UUID, replica="aws")


def test_redirects_and_waits_are_followed(client: Client, web: Any) -> None:
    def answer(request: Any) -> Any:
        if request.path == "/data":
            return 200, JSON, b'{"the": "file"}'
        if dict(request.query).get("token") != "2":
            token = 1 + int(dict(request.query).get("token", "0"))
            where = f"{web.url}{request.path}?replica=aws&token={token}"
            return 301, {"Location": where, "Retry-After": "0"}, b""
        return 302, {"Location": f"{web.url}/data"}, b""

    web.answer = answer
    assert client.get_file(uuid=UUID, replica="aws") == {"the": "file"}
    assert [each.path for each in web.seen] == [f"/v1/files/{UUID}"] * 3 + ["/data"]


def test_a_redirect_to_a_store_is_told(client: Client, web: Any) -> None:
    web.answer = lambda request: (302, {"Location": "s3://bucket/key"}, b"")
    assert client.get_file(uuid=UUID, replica="aws") == {"location": "s3://bucket/key"}
    with client.get_file.stream(uuid=UUID, replica="aws") as response:
        assert response.headers["Location"] == "s3://bucket/key"


def test_stream(client: Client, web: Any) -> None:
    content = bytes(range(256)) * 4096
    web.answer = lambda request: (200, {"Content-Type": "application/octet-stream"}, content)
    with client.get_file.stream(uuid=UUID, replica="aws") as response:
        assert response.raw.read(10) == content[:10]
        assert b"".join(response.iter_content(1000)) == content[10:]
    with pytest.raises(UsageError), client.get_file.stream(uuid=UUID):
        pass
    web.answer = lambda request: (404, JSON, b'{"code": "not_found", "status": 404, "title": "Cannot find file!"}')
    with pytest.raises(ServiceError), client.get_file.stream(uuid=UUID, replica="aws"):
        pass


def test_errors(client: Client, web: Any) -> None:
    body = {"code": "not_found", "status": 404, "title": "Cannot find bundle!", "stacktrace": "..."}
    web.answer = lambda request: (404, {"X-AWS-REQUEST-ID": "r1", **JSON}, json.dumps(body).encode())
    with pytest.raises(ServiceError) as caught:
        client.get_bundle(uuid=UUID, replica="aws")
    assert (caught.value.code, caught.value.reason, caught.value.details) == (404, "not_found", body)
    assert (caught.value.exit_code, caught.value.request_id) == (ExitCode.NOT_FOUND, "r1")
    assert not issubclass(ServiceError, NotFoundError)


# Repeats


def test_search_is_repeated_and_other_posts_are_not(client: Client, web: Any) -> None:
    web.answer = lambda request: (503, {"Retry-After": "0"}, b"") if len(web.seen) < 3 else {}
    assert client.post_search(es_query={}, replica="aws") == {}
    assert len(web.seen) == 3
    web.seen.clear()
    with pytest.raises(ServiceError):
        client.post_bundles_checkout(uuid=UUID)
    assert len(web.seen) == 1


def test_a_service_may_name_operations_that_are_safe_to_repeat(web: Any) -> None:
    web.documents["/v1/swagger.json"] = store()
    web.answer = lambda request: (503, {"Retry-After": "0"}, b"") if len(web.seen) < 3 else {}
    service = Service("store", safe_operations=("post_bundles_checkout",))
    client = Client(service, swagger_url=f"{web.url}/v1/swagger.json")
    assert client.post_bundles_checkout(uuid=UUID) == {}
    assert len(web.seen) == 3


# Pages


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


def test_search_repeats_the_post_with_its_body(client: Client, web: Any) -> None:
    def answer(request: Any) -> Any:
        after = int(dict(request.query).get("search_after", 0))
        headers = dict(JSON)
        if after < 20:
            headers["Link"] = f'<{web.url}/v1/search?replica=aws&per_page=10&search_after={after + 10}>; rel="next"'
        # A last page may be empty.
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
    with pytest.raises(ServiceError, match="was there before"):
        list(client.get_bundles_all.iterate(replica="aws"))
    assert len(web.seen) == 2
    web.seen.clear()
    web.answer = lambda request: (206, {"Link": f"<?a={len(web.seen)}>; rel=next", **JSON}, b'{"results": []}')
    with pytest.raises(ServiceError, match="101 of them are empty"):
        list(client.get_bundles_all.paginate(replica="aws"))


def test_pages_of_another_host_get_nothing_of_the_service(web: Any, other_web: Any) -> None:
    """A first page that was redirected elsewhere went there without keys and cookies: so do the pages after it."""
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


def keyed(web: Any, where: str) -> Client:
    """A client of a service that wants a key; the caller gives one."""
    secret = {"type": "object", "properties": {"pin": {"type": "string", "format": "password"}}}
    header = {"name": "Ocp-Sub-Key", "in": "header", "schema": {"type": "string"}}
    web.documents["/keyed.json"] = {
        "openapi": "3.0.3",
        "security": [{"key": []}],
        "components": {"securitySchemes": {"key": {"type": "apiKey", "in": where, "name": "Ocp-Sub-Key"}}},
        "paths": {
            "/x": {
                "get": {"parameters": [header], "responses": {"206": {"description": "a page"}}},
                "post": {"requestBody": {"content": {"application/json": {"schema": secret}}}, "responses": {}},
            }
        },
    }
    return Client(swagger_url=f"{web.url}/keyed.json", token="token-of-the-client")


def test_traces_hide_keys_and_passwords_that_are_arguments(web: Any, caplog: pytest.LogCaptureFixture) -> None:
    client = keyed(web, "header")
    caplog.set_level(logging.DEBUG, logger="hca.http")
    client.get_x(ocp_sub_key="canary-key-argument")
    client.post_x(pin="canary-pin-argument")
    assert web.seen[0].headers["Ocp-Sub-Key"] == "canary-key-argument"
    assert web.seen[1].json == {"pin": "canary-pin-argument"}
    assert "Ocp-Sub-Key: [hidden]" in caplog.text
    assert "canary" not in caplog.text


def test_a_link_that_has_the_key_is_not_given_it_again(web: Any) -> None:
    def answer(request: Any) -> Any:
        more = "page=2" not in request.target
        return 200, {**JSON, **({"Link": f"<{request.target}&page=2>; rel=next"} if more else {})}, b"[1]"

    web.answer = answer
    assert list(keyed(web, "query").get_x.iterate()) == [1, 1]
    assert [request.target.count("token-of-the-client") for request in web.seen] == [1, 1]


def test_json_by_its_old_name(client: Client, web: Any) -> None:
    web.answer = lambda request: (200, {"Content-Type": "text/json; charset=utf-8"}, b'{"a": 1}')
    assert client.get_bundle(uuid=UUID, replica="aws") == {"a": 1}


def test_the_next_page_is_not_fetched_from_elsewhere(client: Client, web: Any) -> None:
    for where in ("https://evil.example/x", "//evil.example/x", "http://169.254.169.254/latest/meta-data"):
        web.answer = lambda request, where=where: (206, {"Link": f"<{where}>; rel=next", **JSON}, b'{"results": [1]}')
        with pytest.raises(RefusedError, match="not followed"):
            list(client.get_bundles_all.iterate(replica="aws"))
    # A service behind a proxy names itself by the scheme and port that it knows.
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


# Credentials, hints, addresses


class Credentials:
    """Stands in for the credential chain, which has tests of its own."""

    def __init__(self, token: str | None) -> None:
        self.token = token

    def headers_for(self, url: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def params_for(self, url: str) -> Mapping[str, str]:
        return {}

    def on_unauthorized(self, url: str) -> bool:
        return False


def test_credentials_go_where_the_document_wants_them(client: Client, web: Any) -> None:
    client._credentials = Credentials("secret")
    client.delete_bundle(uuid=UUID)
    client.get_bundle(uuid=UUID, replica="aws")
    assert [each.headers.get("Authorization") for each in web.seen] == ["Bearer secret", None]
    client._credentials = Credentials(None)
    with pytest.raises(AuthError):
        client.delete_bundle(uuid=UUID)
    assert len(web.seen) == 2


def test_a_service_explains_its_errors(web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    web.documents["/v1/swagger.json"] = store()
    service = Service(
        "store",
        hints={"not_found": "Look elsewhere.", "503": "Wait."},
        retired_hosts={"127.0.0.1": "That deployment was retired."},
    )
    client = Client(service, swagger_url=f"{web.url}/v1/swagger.json")
    web.answer = lambda request: (404, JSON, b'{"code": "not_found"}')
    with pytest.raises(ServiceError) as caught:
        client.get_bundle(uuid=UUID, replica="aws")
    assert caught.value.hint == "Look elsewhere."
    with pytest.raises(UnreachableError) as unreachable:
        Client(service, swagger_url="http://127.0.0.1:9/swagger.json").get_bundle(uuid=UUID, replica="aws")
    assert unreachable.value.hint == "That deployment was retired."


def test_a_base_url_of_ones_own(client: Client, web: Any) -> None:
    other = Client(swagger_url=client.swagger_url, base_url=f"{web.url}/other/")
    other.get_bundle(uuid=UUID, replica="aws")
    assert web.seen[-1].path == f"/other/bundles/{UUID}"
    with pytest.raises(UsageError, match="must begin with http"):
        Client(swagger_url=client.swagger_url, base_url="file:///etc").get_bundle(uuid=UUID, replica="aws")


def test_a_document_that_does_not_say_where_its_service_is(tmp_path: Any) -> None:
    path = tmp_path / "d.json"
    path.write_text(json.dumps({"openapi": "3.0.0", "paths": {"/x": {"get": {"responses": {}}}}}))
    with pytest.raises(DocumentError, match="does not say where the service is") as caught:
        Client(swagger_url=str(path)).get_x()
    assert "base_url" in (caught.value.hint or "")


def test_sessions(client: Client, web: Any) -> None:
    with Session() as session:
        shared = Client(swagger_url=client.swagger_url, session=session)
        shared.get_bundle(uuid=UUID, replica="aws")
        shared.close()
        shared.get_bundle(uuid=UUID, replica="aws")
    with client:
        client.get_bundle(uuid=UUID, replica="aws")
    client.get_bundle(uuid=UUID, replica="aws")
    assert len(web.seen) == 4


def test_paths_of_one_name(web: Any) -> None:
    def post() -> dict[str, Any]:
        return {"post": {"responses": {"200": {"description": "fine"}}}}

    web.documents["/d"] = {"openapi": "3.0.0", "paths": {"/v1/area/{id}": post(), "/v1/area/{id}/{file}": post()}}
    client = Client(swagger_url=f"{web.url}/d")
    client.post_area(id="1")
    client.post_area(id="1", file="f")
    client.post_area_by_file(id="2", file="g")
    client.post_area_by_id("3")
    assert [each.path for each in web.seen] == ["/v1/area/1", "/v1/area/1/f", "/v1/area/2/g", "/v1/area/3"]
    with pytest.raises(UsageError, match="the argument id is missing"):
        client.post_area(file="f")
    assert "(id, file; also post_area_by_file)" in (client.post_area.__doc__ or "")
    assert "post_area_by_file" in dir(client)


def test_a_token_goes_to_operations_that_want_one_and_to_no_other_host(client: Client, web: Any) -> None:
    other = Client(swagger_url=client.swagger_url, token="secret-token")
    web.answer = lambda request: {"seen": request.headers.get("Authorization")}
    assert other.delete_bundle(uuid=UUID) == {"seen": "Bearer secret-token"}
    assert other.get_bundle(uuid=UUID, replica="aws") == {"seen": None}
    with pytest.raises(AuthError):
        client.delete_bundle(uuid=UUID)


def test_a_document_that_says_nothing_of_credentials_leaves_it_to_the_token(web: Any) -> None:
    web.documents["/d"] = {"openapi": "3.0.0", "paths": {"/x": {"get": {"responses": {}}}}}
    web.answer = lambda request: {"seen": request.headers.get("Authorization")}
    assert Client(swagger_url=f"{web.url}/d", token="secret-token").get_x() == {"seen": "Bearer secret-token"}
    assert Client(swagger_url=f"{web.url}/d").get_x() == {"seen": None}


def test_an_api_key_in_a_header_or_the_query(web: Any) -> None:
    for place, schema in (("header", "Api-Key"), ("query", "key")):
        schemes = {"k": {"type": "apiKey", "in": place, "name": schema}}
        parameters = [{"name": schema, "in": place, "required": place == "header", "schema": {"type": "string"}}]
        operation = {"parameters": parameters, "security": [{"k": []}], "responses": {}}
        web.documents[f"/{place}"] = {
            "openapi": "3.0.0",
            "paths": {"/x": {"get": operation}},
            "components": {"securitySchemes": schemes},
        }
    web.answer = lambda request: {"header": request.headers.get("Api-Key"), "query": request.query}
    header = Client(swagger_url=f"{web.url}/header", token="stored")
    assert header.get_x()["header"] == "stored"
    assert header.get_x(api_key="given")["header"] == "given"
    assert Client(swagger_url=f"{web.url}/header").get_x(api_key="given")["header"] == "given"
    assert Client(swagger_url=f"{web.url}/query", token="stored").get_x()["query"] == [["key", "stored"]]
