"""A client's tokens and keys: for which operations they are sent, where, and to which hosts never."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from hca_base.errors import AuthError
from hca_base.openapi import Client
from tests.openapi.store_service import JSON, UUID


def keyed(web: Any, where: str) -> Client:
    """A client of a service that requires a key; the caller passes one."""
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


class Credentials:
    """Replaces the credential chain, which has tests of its own."""

    def __init__(self, token: str | None) -> None:
        self.token = token

    def headers_for(self, url: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def params_for(self, url: str) -> Mapping[str, str]:
        return {}

    def certificate_for(self, url: str) -> None:
        return None

    def refusal(self, host: str) -> AuthError:
        return AuthError(f"{host} requires credentials, and none are stored")

    def for_operation(self, security: Any, given: Any = ()) -> Any:
        return self

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
