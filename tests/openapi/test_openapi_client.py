"""A client's methods against a real server: results, streams, errors, retries, URLs, help."""

from __future__ import annotations

import inspect
import json
import pydoc
import threading
from typing import Any, Literal

import pytest

from hca_base.config import load
from hca_base.errors import DocumentError, ExitCode, NotFoundError, ServiceError, UnreachableError, UsageError
from hca_base.http import Session
from hca_base.openapi import Client
from hca_base.plugins import Service
from tests.openapi.store_service import JSON, UUID, store


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
    with pytest.raises(UsageError, match="takes 3 arguments, but 4 were given"):
        client.get_bundle(UUID, "aws", 1, 2)


def test_a_value_that_is_not_listed_is_sent_with_one_warning(web: Any, caplog: pytest.LogCaptureFixture) -> None:
    parameter = {"name": "form", "in": "query", "schema": {"enum": ["short", "long"]}}
    web.documents["/d"] = {"openapi": "3.0.0", "paths": {"/x": {"get": {"parameters": [parameter]}}}}
    Client(swagger_url=f"{web.url}/d").get_x(form="newest")
    assert web.seen[0].query == [("form", "newest")]
    assert [record.getMessage() for record in caplog.records if record.name == "hca.openapi"] == [
        "form is 'newest', which is not one of short, long; sent anyway"
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


# Help


def test_signature(client: Client) -> None:
    signature = inspect.signature(client.get_bundle)
    assert list(signature.parameters) == ["uuid", "replica", "per_page"]
    assert signature.parameters["replica"].annotation == Literal["aws", "gcp"]
    assert signature.parameters["per_page"].annotation == int | None
    assert signature.parameters["per_page"].default is None
    assert signature.bind(UUID, "aws").arguments == {"uuid": UUID, "replica": "aws"}
    assert str(inspect.signature(client.post_search)) == (
        "(es_query: dict, replica: Literal['aws', 'gcp'], per_page: int | None = None, body: dict | None = None) -> Any"
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
    assert not hasattr(client, "_repr_html_")
    # If operations are named by path, only names that start with a method are operations.
    named_by_path = Client(Service("x", naming="path"), swagger_url=f"{web.url}/none", config=load())
    assert not hasattr(named_by_path, "download") and not hasattr(named_by_path, "getter")
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


def test_json_by_its_old_name(client: Client, web: Any) -> None:
    web.answer = lambda request: (200, {"Content-Type": "text/json; charset=utf-8"}, b'{"a": 1}')
    assert client.get_bundle(uuid=UUID, replica="aws") == {"a": 1}


def test_json_that_is_none(client: Client, web: Any) -> None:
    web.answer = lambda request: (200, JSON, b"<html>")
    with pytest.raises(ServiceError, match="not the expected service"):
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


def test_answers_of_which_only_the_status_is_read_share_a_connection(client: Client, web: Any) -> None:
    web.answer = lambda request: (201, JSON, b'{"version": "2018"}')
    for _ in range(5):
        with client.get_file.stream(uuid=UUID, replica="aws") as response:
            assert response.status_code == 201
    assert len({request.connection for request in web.seen}) == 1
    # A long rest of a response is not read.
    web.answer = lambda request: (200, JSON, b" " * 2**20)
    for _ in range(2):
        with client.get_file.stream(uuid=UUID, replica="aws") as response:
            assert response.raw.read(10) == b" " * 10
    assert len({request.connection for request in web.seen}) == 2


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


# Retries


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


# Hints, URLs


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
    with pytest.raises(DocumentError, match="does not name the service's URL") as caught:
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
    client.post_area(id="1", file="f")
    client.post_area_by_file(id="2", file="g")
    client.post_area_by_id("3")
    assert [each.path for each in web.seen] == ["/v1/area/1/f", "/v1/area/2/g", "/v1/area/3"]
    # The shared name requires all parameters: with fewer, the wrong resource could be changed.
    for arguments in ({"id": "1"}, {"file": "f"}, {}):
        with pytest.raises(UsageError, match="post_area is ambiguous") as caught:
            client.post_area(**arguments)
        assert "post_area_by_id (POST /v1/area/{id}) or post_area_by_file" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="file must not be None"):
        client.post_area(id="1", file=None)
    assert len(web.seen) == 3
    assert "post_area_by_file (id, file): POST /v1/area/{id}/{file}" in inspect.getdoc(client.post_area)
    assert "post_area_by_file" in dir(client) and "post_area" not in dir(client)
