"""Proxies, certificates, netrc: only the user's."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from hca_base.errors import ConfigError, UnreachableError
from hca_base.http import HttpSettings, RetryPolicy, Session, json_of

NEVER = RetryPolicy.never()


def test_a_certificate_that_nobody_knows(tls_server):
    with pytest.raises(UnreachableError, match="cannot establish a secure connection") as caught:
        Session().get(tls_server.url)
    assert "http.ca_bundle" in caught.value.hint
    assert tls_server.asked == []


def test_ca_bundle_by_configuration(tls_server, kit, certificate):
    assert json_of(Session({"http.ca_bundle": str(certificate[0])}).get(tls_server.url)) == {}


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_ca_bundle_by_environment(tls_server, kit, certificate, monkeypatch, name):
    for other in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, str(certificate[0]))
    assert json_of(Session().get(tls_server.url)) == {}


def test_a_missing_ca_bundle(tls_server, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="does not exist"):
        Session({"http.ca_bundle": str(tmp_path / "none.pem")})
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with pytest.raises(ConfigError, match="certificates cannot be used"):
        Session().get(tls_server.url)


def test_a_ca_bundle_that_is_none(tls_server, tmp_path):
    bundle = tmp_path / "bad.pem"
    bundle.write_text("not a certificate")
    with pytest.raises((ConfigError, UnreachableError)):
        Session({"http.ca_bundle": str(bundle)}).get(tls_server.url, policy=NEVER)


def test_https_does_not_become_http(tls_server, server, kit, certificate):
    tls_server.answers(kit.Answer(302, b"", {"Location": server.url}))
    from hca_base.errors import RefusedError

    # Same host name, but another port and no encryption.
    with pytest.raises(RefusedError, match="plain http"):
        Session({"http.ca_bundle": str(certificate[0])}).get(tls_server.url)
    assert server.asked == []


@pytest.mark.parametrize("how", ["environment", "configuration", "by scheme"])
def test_a_proxy(server, kit, monkeypatch, how):
    config = {}
    if how == "environment":
        monkeypatch.setenv("HTTP_PROXY", server.url)
        monkeypatch.setenv("http_proxy", server.url)
    else:
        config["http.proxy"] = server.url if how == "configuration" else {"http": server.url}
    Session(config).get("http://service.invalid/v1/x?y=1")
    assert server.asked[0].target == "http://service.invalid/v1/x?y=1"


def test_no_proxy_is_honoured(server, other_server, kit, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "service.invalid")
    monkeypatch.setenv("no_proxy", "service.invalid")
    with pytest.raises(UnreachableError):
        Session({"http.proxy": server.url}).get("http://service.invalid/", policy=NEVER)
    assert server.asked == []


def test_this_machine_is_never_behind_a_proxy(server, other_server, kit, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, other_server.url)
    Session({"http.proxy": other_server.url}).get(server.url)
    assert len(server.asked) == 1
    assert other_server.asked == []


def test_a_proxy_that_does_not_answer_hides_its_password():
    with pytest.raises(UnreachableError, match="through the proxy") as caught:
        Session({"http.proxy": "http://me:canary@127.0.0.1:9"}).get("http://service.invalid/", policy=NEVER)
    assert "canary" not in str(caught.value)
    assert "canary" not in repr(HttpSettings(proxy="http://me:canary@127.0.0.1:9"))


def test_passwords_of_netrc_are_not_used(server, kit, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    Session().get(server.url)
    assert "Authorization" not in server.asked[0].headers


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("http.timeout", "soon"),
        ("http.timeout", -1),
        ("http.timeout", float("nan")),
        ("http.timeout", [1, 2, 3]),
        ("http.retries", "many"),
        ("http.retries", -1),
        ("http.retries", True),
        ("http.wait_budget", float("nan")),
        ("http.proxy", 7),
        ("http.ca_bundle", False),
        ("http.insecure_hosts", 7),
    ],
)
def test_settings_of_the_wrong_kind(key, value):
    with pytest.raises(ConfigError, match=key):
        Session({key: value})


@pytest.mark.parametrize("value", [1e10, 10**400, float("inf")], ids=["large", "huge", "endless"])
@pytest.mark.parametrize("name", ["timeout", "answer_timeout", "wait_budget", "retries", "retry_budget", "max_body"])
def test_settings_without_bound(server, kit, name, value):
    """Values that users write for "no limit" mean none; values too large for a clock or a counter are rejected."""
    server.answers(kit.Answer(503, headers={"Retry-After": "0"}), kit.json({"a": 1}))
    assert Session({f"http.{name}": value}).get(server.url).json() == {"a": 1}


def test_timeouts():
    assert HttpSettings.from_config({"http.timeout": 5}).timeout == (5, 5)
    assert HttpSettings.from_config({"http.timeout": 60}).timeout == (10, 60)
    assert HttpSettings.from_config({"http.timeout": [3, 60]}).timeout == (3, 60)
    assert HttpSettings.from_config({"http.timeout": {"read": 7}}).timeout == (10, 7)


def test_importing_the_package_imports_nothing_heavy():
    import subprocess
    import sys

    code = (
        "import sys, hca_base.http\n"
        "hca_base.http.Session({'http.retries': 1}); hca_base.http.redact('x')\n"
        "print([m for m in ('requests', 'urllib3', 'keyring', 'google.auth') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    "asked",
    [
        {"method": "get", "url": "http://a.example/b c?d=e", "params": [("f", "g h"), ("f", "i")]},
        {"method": "PUT", "url": "http://a.b", "json": {"a": [1]}, "headers": {"content-type": "x", "Accept": None}},
        {"method": "POST", "url": "http://a.b/x", "data": {"a": "ü"}, "headers": {"USER-AGENT": "me", "Cookie": "b"}},
        {"method": "POST", "url": "http://a.example/x", "data": b"bytes", "files": {}, "headers": None},
        {"method": "HEAD", "url": "http://a.example/x", "auth": ("me", "word"), "cookies": {"c": "d"}},
    ],
)  # fmt: skip
def test_requests_are_prepared_as_by_requests(asked: dict[str, Any]) -> None:
    transport = Session().transport
    ours = transport.prepare_request(requests.Request(**asked))
    theirs = requests.Session.prepare_request(transport, requests.Request(**asked))
    assert (ours.method, ours.url, ours.body, ours.headers) == (theirs.method, theirs.url, theirs.body, theirs.headers)
    assert list(ours.headers.items()) == list(theirs.headers.items())
