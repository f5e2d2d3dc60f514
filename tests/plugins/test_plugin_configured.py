"""Services declared in the settings: errors name the service, and do not affect the others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hca_base import config
from hca_base.errors import ConfigError
from hca_base.plugins import service_of
from tests.lib import Runner


@pytest.fixture
def settings(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings with one service, by the members of its section."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HCA_SITE_CONFIG", str(tmp_path / "none.json"))

    def make(**section: Any) -> Any:
        file = tmp_path / "settings.json"
        file.write_text(json.dumps({"services": {"zoo": {"url": "https://zoo.example/openapi.json", **section}}}))
        monkeypatch.setenv("HCA_CONFIG_FILE", str(file))
        return config.load(tolerant=True)

    return make


def test_a_single_name_is_a_list_of_one(settings: Any) -> None:
    credentials = {"kind": "oauth2", "scopes": "email", "env": "ZOO_TOKEN"}
    found = service_of("zoo", settings(credentials=credentials, safe_operations="post_count"))
    assert (found.credentials.scopes, found.credentials.env) == (("email",), ("ZOO_TOKEN",))
    assert found.safe_operations == ("post_count",)
    found = service_of("zoo", settings(credentials={"kind": "bearer", "env": ["A", "B"], "claims": {"a": 1}}))
    assert (found.credentials.env, found.credentials.claims) == (("A", "B"), {"a": 1})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("credentials.kind", 7),
        ("credentials.kind", ["oauth2"]),
        ("credentials.env", 7),
        ("credentials.scopes", ["email", 7]),
        ("credentials.claims", "x"),
        ("credentials.api_key_header", 7),
        ("credentials.nonsense", "x"),
        ("safe_operations", 7),
        ("safe_operations", [7]),
    ],
)
def test_what_is_wrong_is_named(settings: Any, key: str, value: Any) -> None:
    first, _, second = key.partition(".")
    section = {first: {second: value} if second else value}
    with pytest.raises(ConfigError, match=f"services.zoo.{key} "):
        service_of("zoo", settings(**section))


@pytest.mark.parametrize("url", ["https://[zoo", "https://user:password@zoo.example/", "https://zoo.example:port/"])
def test_an_address_that_is_none_costs_the_status_of_no_other_service(hca: Runner, url: str) -> None:
    hca.configure({"services": {"zoo": {"url": url}, "park": {"url": "https://park.example/openapi.json"}}})
    done = hca("auth", "status", "-f", "json", check=0)
    assert {"zoo", "park"} <= {row["service"] for row in json.loads(done.stdout)}
    assert "password" not in done.stdout + done.stderr
