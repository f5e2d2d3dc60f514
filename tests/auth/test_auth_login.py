"""Logging in: browser, paste, device; and all errors on the way."""

from __future__ import annotations

import contextlib
import http.client
import logging
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlsplit

import pytest

from hca_base.auth import credentials_for, login, logout, oauth_client, open_store
from hca_base.errors import AuthError, HCAError, TimedOutError, UnreachableError, UsageError
from hca_base.http import Session, json_of
from hca_base.plugins import Service


class Visitor:
    """A minimal browser for logins: opens the printed URL, and follows redirects."""

    def __init__(self):
        self.said = []
        self.pages = []
        self.urls = []
        self.visit = True
        self.threads = []

    def say(self, message):
        self.said.append(message)
        self.urls += re.findall(r"http\S+", message)
        # Once: a second visit would race with the first for the page.
        if self.visit and self.urls and not self.threads:
            thread = threading.Thread(target=self._open, args=(self.urls[0],))
            thread.start()
            self.threads.append(thread)

    def _open(self, url):
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                self.pages.append((answer.status, dict(answer.headers), answer.read().decode()))
        except (urllib.error.URLError, OSError) as error:
            self.pages.append(error)

    @property
    def page(self):
        for thread in self.threads:
            thread.join(20)
        return self.pages[0]

    @property
    def query(self):
        return {name: values[0] for name, values in parse_qs(urlsplit(self.urls[0]).query).items()}


@pytest.fixture
def visitor():
    return Visitor()


def browse(toy, settings, visitor, **kwargs):
    return login(toy, settings, open_browser=False, say=visitor.say, **{"timeout": 20, **kwargs})


def works(issuer, settings, toy):
    session = Session(settings, credentials=credentials_for(toy, settings))
    return json_of(session.get(f"{issuer.url}/v1/thing")) == {"thing": 1}


def test_login_in_a_browser(issuer, settings, toy, visitor, capsys):
    record = browse(toy, settings, visitor)
    assert record["identity"] == "user@example.org"
    assert record["issuer"] == issuer.url
    assert record["hosts"] == [issuer.url]
    assert open_store(settings).get("default/toy") == record
    assert works(issuer, settings, toy)
    assert visitor.query["code_challenge_method"] == "S256"
    assert visitor.query["audience"] == "https://toy.example/"
    assert visitor.query["scope"] == "openid email offline_access"
    assert visitor.query["prompt"] == "consent"
    assert visitor.query["redirect_uri"].startswith("http://127.0.0.1:")
    status, headers, page = visitor.page
    assert status == 200 and "You are logged in" in page
    assert headers["Referrer-Policy"] == "no-referrer" and headers["Cache-Control"] == "no-store"
    # stdout is for results, and must not contain secrets.
    out, err = capsys.readouterr()
    assert out == ""
    assert "canary" not in out + err + "".join(visitor.said) + page


@pytest.mark.parametrize("method", ["post", "basic"])
def test_clients_with_secrets(issuer, settings, toy, visitor, method):
    issuer.client_secret, issuer.auth_method = "canary-secret", method
    record = browse(toy, settings, visitor)
    assert (record["client_secret"], record["auth_method"]) == ("canary-secret", method)
    assert works(issuer, settings, toy)


def test_an_issuer_that_grants_other_scopes(issuer, settings, toy, visitor):
    issuer.granted_scope = "openid https://www.googleapis.com/auth/userinfo.email"
    assert browse(toy, settings, visitor)["scope"] == issuer.granted_scope


def test_environment_is_as_before(issuer, settings, toy, visitor, monkeypatch):
    import os

    monkeypatch.setenv("OAUTHLIB_RELAX_TOKEN_SCOPE", "0")
    browse(toy, settings, visitor)
    assert os.environ["OAUTHLIB_RELAX_TOKEN_SCOPE"] == "0"
    assert "OAUTHLIB_INSECURE_TRANSPORT" not in os.environ


def test_times_of_the_id_token_do_not_matter(issuer, settings, toy, visitor):
    """Either clock may be wrong; the issuer of these tests is an hour slow."""
    issuer.id_token_claims = {"iat": int(time.time()) + 300, "nbf": int(time.time()) + 300}
    assert browse(toy, settings, visitor)["identity"] == "user@example.org"


@pytest.mark.parametrize(
    ("claims", "words"), [({"aud": "other-client"}, "another client"), ({"nonce": "other"}, "wrong nonce")]
)
def test_id_tokens_that_are_not_ours(issuer, settings, toy, visitor, claims, words):
    issuer.id_token_claims = claims
    with pytest.raises(AuthError, match=words):
        browse(toy, settings, visitor)
    assert open_store(settings).get("default/toy") is None


def test_wrong_state(issuer, settings, toy, visitor):
    issuer.state_override = "somebody-else's"
    with pytest.raises(AuthError, match="wrong state"):
        browse(toy, settings, visitor)
    assert issuer.asked("/token") == []
    assert "The login failed" in visitor.page[2]


def test_the_user_denies(issuer, settings, toy, visitor):
    issuer.deny = True
    with pytest.raises(AuthError, match="denied"):
        browse(toy, settings, visitor)
    assert "The login failed" in visitor.page[2]
    assert open_store(settings).accounts() == []


def test_nobody_logs_in(issuer, settings, toy, visitor):
    visitor.visit = False
    with pytest.raises(TimedOutError, match="login was not completed"):
        browse(toy, settings, visitor, timeout=0.3)


def test_other_requests_to_the_port_are_no_answers(issuer, settings, toy, visitor):
    class Curious(Visitor):
        def _open(self, url):
            port = urlsplit(parse_qs(urlsplit(url).query)["redirect_uri"][0]).port
            for path in ("/favicon.ico", "/", "/other?code=1&state=2"):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                connection.request("GET", path)
                assert connection.getresponse().status == 404
            super()._open(url)

    browse(toy, settings, Curious())
    assert works(issuer, settings, toy)


def taken_port():
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    return taken


def test_a_fixed_port_of_the_issuer_is_used(issuer, settings, toy, visitor):
    free = taken_port()
    port = free.getsockname()[1]
    free.close()
    issuer.redirect_uris = ["urn:ietf:wg:oauth:2.0:oob", f"http://localhost:{port}"]
    browse(toy, settings, visitor)
    assert visitor.query["redirect_uri"] == f"http://localhost:{port}/"


def test_a_fixed_port_that_is_busy(issuer, settings, toy, visitor):
    with taken_port() as taken:
        port = taken.getsockname()[1]
        issuer.redirect_uris = [f"http://localhost:{port}/callback"]
        browse(toy, settings, visitor)
    asked = urlsplit(visitor.query["redirect_uri"])
    assert (asked.hostname, asked.path) == ("localhost", "/callback")
    assert asked.port != port


def test_the_users_port_that_is_busy(issuer, settings, toy, visitor):
    with taken_port() as taken:
        settings["auth.redirect_port"] = taken.getsockname()[1]
        with pytest.raises(AuthError, match="in use") as caught:
            browse(toy, settings, visitor)
    assert "--remote" in caught.value.hint


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((400, {"error": "invalid_grant", "error_description": "canary"}), "no longer valid"),
        ((400, {"error": "canary \x1b[31m"}), "could not be completed"),
        ((200, b"<html>canary</html>"), "could not be completed"),
        ((500, b"canary"), "could not be completed"),
        ((302, b"canary"), "could not be completed"),
        ((200, {"access_token": "canary-x", "token_type": "mac"}), "not supported"),
        ((200, {"token_type": "Bearer", "canary": 1}), "could not be completed"),
    ],
)
def test_token_endpoints_that_answer_badly(issuer, settings, toy, visitor, answer, words):
    issuer.token_answer = lambda: answer
    with pytest.raises(HCAError, match=words) as caught:
        browse(toy, settings, visitor)
    assert "canary" not in f"{caught.value} {caught.value.hint}"
    assert str(caught.value).isprintable()
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert open_store(settings).accounts() == []


def test_the_code_does_not_follow_a_redirect(issuer, settings, toy, visitor):
    """A 307 would forward code and verifier."""
    issuer.token_redirect = f"{issuer.url}/v1/elsewhere"
    with pytest.raises(AuthError):
        browse(toy, settings, visitor)
    assert issuer.asked("/v1/elsewhere") == []


def test_a_token_that_cannot_be_sent(issuer, settings, toy, visitor):
    issuer.token_answer = lambda: (200, {"access_token": "canary\nX-Evil: 1", "token_type": "Bearer"})
    with pytest.raises(AuthError, match="characters"):
        browse(toy, settings, visitor)
    assert open_store(settings).accounts() == []


@pytest.mark.parametrize("head", [b"X-Slow: ", b"Content-Length: 600000\r\n\r\n"])
def test_a_token_endpoint_that_drips(issuer, settings, toy, head):
    """Each byte arrives in time, but the whole response never would."""
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip():
        with contextlib.suppress(OSError):
            while True:
                connection = listener.accept()[0]
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\n" + head)
                with contextlib.suppress(OSError):
                    while not stop.wait(0.1):
                        connection.sendall(b"x")
                connection.close()

    threading.Thread(target=drip, daemon=True).start()
    settings["auth.token_url"] = f"http://127.0.0.1:{listener.getsockname()[1]}/token"
    settings["http.answer_timeout"] = 0.5
    ended = []

    def attempt():
        try:
            login(toy, settings, remote=True, ask=lambda prompt: "a-code", say=lambda message: None)
        except HCAError as error:
            ended.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(15)
    stop.set()
    listener.close()
    thread.join(15)
    assert [type(error) for error in ended] == [TimedOutError]


def test_nothing_secret_is_logged(issuer, settings, toy, visitor, caplog):
    issuer.client_secret = "canary-secret"
    with caplog.at_level(logging.DEBUG):
        browse(toy, settings, visitor)
        works(issuer, settings, toy)
        logout(toy, settings)
    assert "/token" in caplog.text
    assert "canary" not in caplog.text


# Other machines


def paste(issuer, settings, toy, make, **kwargs):
    """Log in by paste; ``make`` turns the printed URL into the user's input."""
    said = []

    def ask(prompt):
        said.append(prompt)
        return make(re.search(r"http\S+", said[0]).group()) + "\n"

    return login(toy, settings, remote=True, say=said.append, ask=ask, **kwargs), said


def visited(url):
    """The issuer's redirect URL."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    connection.request("GET", f"{parts.path}?{parts.query}")
    return connection.getresponse().headers["Location"]


def test_remote_with_the_address(issuer, settings, toy):
    record, said = paste(issuer, settings, toy, visited)
    assert record["identity"] == "user@example.org"
    assert "http://127.0.0.1/" in parse_qs(urlsplit(re.search(r"http\S+", said[0]).group()).query)["redirect_uri"]
    assert works(issuer, settings, toy)


def test_remote_with_the_bare_code(issuer, settings, toy):
    paste(issuer, settings, toy, lambda url: "  " + parse_qs(urlsplit(visited(url)).query)["code"][0])
    assert works(issuer, settings, toy)


def test_remote_with_a_part_of_the_address(issuer, settings, toy):
    paste(issuer, settings, toy, lambda url: urlsplit(visited(url)).query)
    assert works(issuer, settings, toy)


def test_remote_with_a_redirect_uri_of_the_users(issuer, settings, toy):
    settings["services.toy.auth.remote_redirect_uri"] = f"{issuer.url}/echo"
    paste(issuer, settings, toy, visited)
    assert issuer.asked("/authorize")[0]["redirect_uri"] == f"{issuer.url}/echo"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda url: "", "no code"),
        (lambda url: visited(url).replace("state=", "state=x"), "wrong state"),
        (lambda url: "http://127.0.0.1/?code=abc", "wrong state"),
        (lambda url: "http://127.0.0.1/", "wrong state"),
        (lambda url: "not-the-code", "no longer valid"),
        (lambda url: visited(url) + "x" * 100_000, "wrong state"),
        (lambda url: visited(url) + "&iss=https%3A%2F%2Fevil.example", "another issuer"),
    ],
)
def test_remote_with_something_else(issuer, settings, toy, make, words):
    with pytest.raises(AuthError, match=words):
        paste(issuer, settings, toy, make)


def test_remote_and_the_user_denies(issuer, settings, toy):
    issuer.deny = True
    with pytest.raises(AuthError, match="denied"):
        paste(issuer, settings, toy, visited)


# Device


def test_device_flow(issuer, settings, toy):
    issuer.device_polls_before = 3
    said = []
    record = login(toy, settings, device=True, say=said.append)
    assert record["identity"] == "user@example.org"
    assert "WDJB-MJHT" in said[0] and f"{issuer.url}/enter" in said[0]
    assert "\x1b" not in said[0]
    assert "canary" not in "".join(said)
    assert issuer.polls == 4
    assert issuer.asked("/device")[0]["scope"] == "openid email offline_access"
    assert works(issuer, settings, toy)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [("access_denied", "denied"), ("expired_token", "code expired"), ("unauthorized_client", "log in this way")],
)
def test_device_flow_that_ends_otherwise(issuer, settings, toy, outcome, words):
    issuer.device_outcome = outcome
    with pytest.raises(HCAError, match=words):
        login(toy, settings, device=True, say=lambda message: None)


def test_device_flow_that_nobody_finishes(issuer, settings, toy):
    issuer.device_polls_before = 10_000
    with pytest.raises(TimedOutError):
        login(toy, settings, device=True, say=lambda message: None, timeout=0.4)


def test_device_flow_where_there_is_none(issuer, settings, toy):
    issuer.with_discovery = False
    with pytest.raises(AuthError, match="does not support login by device code"):
        login(toy, settings, device=True, say=lambda message: None)


# Sources of the client's settings


def client_of(issuer, settings, toy, **kwargs):
    return oauth_client(toy, settings, Session(settings), base_url=issuer.url, **kwargs)


def test_settings_from_the_service(issuer, settings, toy):
    found = client_of(issuer, settings, toy)
    assert (found.client_id, found.token_url) == ("toy-client", f"{issuer.url}/token")
    assert found.device_url == f"{issuer.url}/device"
    assert found.issuer == issuer.url


def test_settings_of_the_user_win(issuer, settings, toy):
    issuer.client_secret = "canary-secret"
    settings["auth.client_id"] = "my-client"
    settings["services.toy.auth.scopes"] = "openid profile"
    settings["auth.token_url"] = "https://mine.example/token"
    found = client_of(issuer, settings, toy)
    assert (found.client_id, found.token_url, found.scopes) == (
        "my-client",
        "https://mine.example/token",
        ("openid", "profile"),
    )
    # The service's secret belongs to the service's client id.
    assert found.client_secret is None
    settings["services.toy.auth.client_id"] = "section-client"
    settings["services.toy.auth.client_secret"] = "canary-mine"
    found = client_of(issuer, settings, toy)
    assert (found.client_id, found.client_secret) == ("section-client", "canary-mine")
    assert "canary" not in repr(found)


def test_settings_by_discovery(issuer, settings, toy):
    issuer.with_secrets = False
    settings.update({"auth.client_id": "toy-client", "auth.issuer": issuer.url})
    found = client_of(issuer, settings, toy)
    assert (found.authorization_url, found.token_url) == (f"{issuer.url}/authorize", f"{issuer.url}/token")
    assert found.revocation_url == f"{issuer.url}/revoke"


def test_settings_from_the_document(issuer, settings, toy):
    issuer.with_secrets = issuer.with_discovery = False
    settings["auth.client_id"] = "toy-client"
    schemes = {
        "login": {
            "type": "oauth2",
            "flow": "accessCode",
            "authorizationUrl": f"{issuer.url}/authorize",
            "tokenUrl": f"{issuer.url}/token",
            "scopes": {},
        }
    }
    found = client_of(issuer, settings, toy, security_schemes=schemes)
    assert (found.authorization_url, found.token_url) == (f"{issuer.url}/authorize", f"{issuer.url}/token")
    openid = {"o": {"type": "openIdConnect", "openIdConnectUrl": f"{issuer.url}/.well-known/openid-configuration"}}
    issuer.with_discovery = True
    assert client_of(issuer, settings, toy, security_schemes=openid).token_url == f"{issuer.url}/token"


def from_document(issuer, settings, flow):
    settings["auth.client_id"] = "mine"
    schemes = {"s": {"type": "oauth2", "flows": {"authorizationCode": {"scopes": {}, **flow}}}}
    bare = Service(name="bare", client_section="bare")
    return oauth_client(bare, settings, Session(settings), base_url=f"{issuer.url}/api/v1", security_schemes=schemes)


def test_relative_urls_of_a_document_are_those_of_the_service(issuer, settings):
    issuer.with_secrets = issuer.with_discovery = False
    found = from_document(issuer, settings, {"authorizationUrl": "/login", "tokenUrl": "token"})
    assert (found.authorization_url, found.token_url) == (f"{issuer.url}/login", f"{issuer.url}/api/v1/token")


@pytest.mark.parametrize("name", ["authorizationUrl", "tokenUrl"])
def test_urls_of_a_document_that_are_none(issuer, settings, name):
    issuer.with_secrets = issuer.with_discovery = False
    flow = {"authorizationUrl": f"{issuer.url}/a", "tokenUrl": f"{issuer.url}/t", name: "http://[x"}
    with pytest.raises(UsageError, match="not a usable URL"):
        from_document(issuer, settings, flow)


def test_a_discovery_document_of_somebody_else(issuer, settings, toy):
    issuer.with_secrets = False
    issuer.discovery = lambda: {"issuer": "https://else.example", "token_endpoint": "https://else.example/steal"}
    settings.update({"auth.client_id": "toy-client", "auth.issuer": issuer.url})
    with pytest.raises(AuthError, match="discovery"):
        client_of(issuer, settings, toy)


def test_no_client_is_known(issuer, settings, toy):
    issuer.with_secrets = False
    with pytest.raises(AuthError, match="no OAuth client") as caught:
        client_of(issuer, settings, toy)
    assert "services.toy.auth.client_id" in caught.value.hint
    settings["auth.client_id"] = "toy-client"
    issuer.with_discovery = False
    with pytest.raises(AuthError, match="token endpoint"):
        client_of(issuer, settings, toy)


@pytest.mark.parametrize("name", ["token_url", "authorization_url", "device_authorization_url", "revocation_url"])
def test_logins_over_open_lines(issuer, settings, toy, name):
    settings[f"auth.{name}"] = "http://issuer.example/x"
    with pytest.raises(AuthError, match="not encrypted"):
        client_of(issuer, settings, toy)
    settings["http.insecure_hosts"] = ["issuer.example"]
    assert client_of(issuer, settings, toy)


def test_google_gets_no_offline_scope(issuer, settings, toy):
    settings["auth.authorization_url"] = "https://accounts.google.com/o/oauth2/auth"
    settings["auth.issuer"] = issuer.url
    assert client_of(issuer, settings, toy).scopes == ("openid", "email")


def test_an_issuer_out_of_reach(issuer, settings, toy, visitor):
    settings["auth.token_url"] = "http://127.0.0.1:9/token"
    with pytest.raises(UnreachableError, match=r"cannot connect to 127\.0\.0\.1:9"):
        browse(toy, settings, visitor)


@pytest.mark.parametrize(("key", "value"), [("auth.redirect_port", "x"), ("auth.login_timeout", -1)])
def test_settings_of_the_wrong_kind(issuer, settings, toy, visitor, key, value):
    settings[key] = value
    with pytest.raises(UsageError, match=key):
        browse(toy, settings, visitor, timeout=None)


def test_a_service_without_a_place(toy):
    with pytest.raises(AuthError, match="no base URL is configured for toy"):
        login(toy, {"auth.store": "file"})


# Logout


def test_logout_ends_it_at_the_issuer_too(issuer, settings, toy, visitor):
    record = browse(toy, settings, visitor)
    assert logout(toy, settings)
    assert issuer.revoked == [record["refresh_token"]]
    assert open_store(settings).accounts() == []
    assert not logout(toy, settings)


def test_logout_without_the_issuer(issuer, settings, toy, visitor):
    browse(toy, settings, visitor)
    issuer.stop()
    assert logout(toy, settings)
    assert open_store(settings).accounts() == []
