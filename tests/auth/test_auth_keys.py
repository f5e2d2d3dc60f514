"""Keys, names and passwords: where they are sent, and the security schemes of a service's document."""

from __future__ import annotations

import pytest

from hca_base.auth import Scheme, credentials_for, scheme_from_security, set_key
from hca_base.errors import AuthError, UsageError
from hca_base.plugins import Service
from tests.auth.toy_service import SETTINGS, URL, service, used


def test_api_keys_in_headers(monkeypatch):
    one = service(kind="apikey", api_key_header="Api-Key", api_key_config_key="upload.api_key", env=("TOY_KEY",))
    assert credentials_for(one, SETTINGS).headers_for(URL) == {}
    set_key(one, SETTINGS, "stored-key")
    assert credentials_for(one, SETTINGS).headers_for(URL) == {"Api-Key": "stored-key"}
    settings = {**SETTINGS, "upload.api_key": "config-key"}
    assert credentials_for(one, settings).headers_for(URL) == {"Api-Key": "config-key"}
    assert credentials_for(one, settings).headers_for("https://elsewhere.example") == {}
    monkeypatch.setenv("TOY_KEY", "environment-key")
    monkeypatch.setenv("HCA_ACCESS_TOKEN", "a-bearer-token")
    assert credentials_for(one, settings).headers_for(URL) == {"Api-Key": "environment-key"}
    assert credentials_for(one, settings, token="explicit-key").headers_for(URL) == {"Api-Key": "explicit-key"}


def test_api_keys_in_the_query_and_in_cookies():
    one = service(kind="apikey", api_key_query="key")
    set_key(one, SETTINGS, "stored-key")
    credentials = credentials_for(one, SETTINGS)
    assert credentials.headers_for(URL) == {}
    assert credentials.params_for(URL) == {"key": "stored-key"}
    assert credentials.params_for("https://elsewhere.example") == {}
    assert used(credentials) == "stored login"
    schemes = {"k": {"type": "apiKey", "in": "cookie", "name": "sid"}}
    bare = Service(name="bare")
    settings = {"services.bare.url": "https://toy.example/x", "auth.store": "file"}
    set_key(bare, settings, "cookie-key", security_schemes=schemes)
    found = credentials_for(bare, settings, security_schemes=schemes)
    assert found.headers_for(URL) == {"Cookie": "sid=cookie-key"}


def test_names_and_passwords():
    one = service(kind="basic")
    with pytest.raises(UsageError, match="user name"):
        set_key(one, SETTINGS, "secret")
    set_key(one, SETTINGS, "secret", username="me")
    credentials = credentials_for(one, SETTINGS)
    assert credentials.headers_for(URL) == {"Authorization": "Basic bWU6c2VjcmV0"}
    assert [state.identity for state in credentials.describe() if state.used] == ["me"]


def test_keys_are_not_stored_for_open_lines():
    settings = {"services.toy.url": "http://toy.example/x", "auth.store": "file"}
    with pytest.raises(AuthError, match="not encrypted"):
        set_key(service(kind="apikey", api_key_header="Api-Key"), settings, "stored-key")


def test_schemes_of_documents():
    assert scheme_from_security(None) == Scheme()
    assert scheme_from_security({"a": {"type": "basic"}}).kind == "basic"
    assert scheme_from_security({"a": {"type": "http", "scheme": "Bearer"}}).kind == "bearer"
    assert scheme_from_security({"a": {"type": "http", "scheme": "digest"}}) == Scheme()
    assert scheme_from_security({"a": {"type": "mutualTLS"}, "b": {}}) == Scheme()
    assert scheme_from_security({"a": {"type": "apiKey", "in": "header", "name": "X-K"}}).api_key_header == "X-K"
    both = {
        "key": {"type": "apiKey", "in": "query", "name": "k"},
        "login": {
            "type": "oauth2",
            "flows": {
                "implicit": {"authorizationUrl": "https://i/a", "scopes": {}},
                "authorizationCode": {
                    "authorizationUrl": "https://i/b",
                    "tokenUrl": "https://i/t",
                    "scopes": {"email": ""},
                },
            },
        },
    }
    found = scheme_from_security(both)
    assert (found.kind, found.authorization_url, found.token_url, found.scopes) == (
        "oauth2",
        "https://i/b",
        "https://i/t",
        ("email",),
    )
    discovered = scheme_from_security({"o": {"type": "openIdConnect", "openIdConnectUrl": "https://i/.well-known/x"}})
    assert discovered.openid_url == "https://i/.well-known/x"


@pytest.mark.parametrize(
    "scheme",
    [
        {"type": "oauth2", "flows": {"deviceAuthorization": None}},
        {"type": "oauth2", "flows": {"deviceAuthorization": "x", "implicit": 7}},
        {"type": "oauth2", "flows": {"implicit": {"authorizationUrl": "http://[x", "scopes": [1, {}]}}},
        {"type": "oauth2", "flows": []},
        {"type": ["oauth2"]},
        {"type": "apiKey", "in": ["header"], "name": "k"},
    ],
)
def test_schemes_of_odd_documents_cost_nothing(scheme):
    bare = Service(name="bare")
    settings = {"services.bare.url": "https://toy.example/x", "auth.store": "file"}
    found = credentials_for(bare, settings, security_schemes={"s": scheme}, token="given")
    assert all(isinstance(scope, str) for scope in scheme_from_security({"s": scheme}).scopes)
    if scheme["type"] != "apiKey":
        assert found.headers_for(URL) == {"Authorization": "Bearer given"}
