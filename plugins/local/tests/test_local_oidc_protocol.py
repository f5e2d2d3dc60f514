"""The embedded OpenID provider as programs and browsers meet it: discovery, codes, tokens, pages, errors."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests
from hca_local.server import Deployment

REDIRECT = "http://127.0.0.1:43210/"
SECRET = ("hca-local", "not-a-secret")


class Page(html.parser.HTMLParser):
    """The form of a page, with what it would send."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.people: list[str] = []
        self.buttons: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        members = dict(attrs)
        if tag == "input" and members.get("type") == "hidden":
            self.fields[members["name"]] = members["value"]
        elif tag == "input" and members.get("type") == "radio":
            self.people.append(members["value"])
            if "checked" in members:
                self.fields[members["name"]] = members["value"]
        elif tag == "button" and "value" in members:
            self.buttons.append(members["value"])


class Program:
    """A program that logs people in, and the browser that it opens."""

    def __init__(self, api: str, client: str = "hca-local-public", secret: str | None = None) -> None:
        self.issuer = f"{api}/auth"
        self.client, self.secret = client, secret
        self.browser = requests.Session()
        self.verifier = secrets.token_urlsafe(48)

    def request(self, **changes: str | None) -> str:
        """The address of the login page; a change to None leaves a member out."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        members: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": REDIRECT,
            "scope": "openid email offline_access",
            "state": "a state & more=%20é",
            "nonce": "n-123",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **changes,
        }
        return f"{self.issuer}/authorize?{urlencode({k: v for k, v in members.items() if v is not None})}"

    def open(self, url: str) -> requests.Response:
        return self.browser.get(url, allow_redirects=False, timeout=30)

    def answer(self, url: str, *, decision: str = "allow", person: str = "user", **options: Any) -> requests.Response:
        """Open a page, choose, and send its form."""
        page = Page(self.open(url).text)
        form = {**page.fields, "decision": decision, "person": person, **options.pop("form", {})}
        return self.browser.post(url, data=form, allow_redirects=False, timeout=30, **options)

    def code(self, person: str = "user", **changes: str | None) -> str:
        sent = self.answer(self.request(**changes), person=person)
        assert sent.status_code == 303, sent.text
        return query_of(sent)["code"]

    def ask(self, endpoint: str = "token", *, auth: Any = None, **form: str | None) -> requests.Response:
        members = {name: value for name, value in form.items() if value is not None}
        if auth is None:
            members.setdefault("client_id", self.client)
            if self.secret:
                members.setdefault("client_secret", self.secret)
        return requests.post(f"{self.issuer}/{endpoint}", data=members, auth=auth, timeout=30)

    def exchange(self, code: str, **changes: Any) -> requests.Response:
        members = {"code": code, "redirect_uri": REDIRECT, "code_verifier": self.verifier, **changes}
        return self.ask(grant_type="authorization_code", **members)

    def login(self, person: str = "user", **changes: str | None) -> dict[str, Any]:
        answer = self.exchange(self.code(person, **changes))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refresh(self, token: str, **changes: Any) -> requests.Response:
        return self.ask(grant_type="refresh_token", refresh_token=token, **changes)


def query_of(response: requests.Response) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(response.headers["Location"]).query))


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(tmp_path_factory.mktemp("oidc"), access_token_ttl=120, device_interval=0.2) as running:
        yield running


@pytest.fixture
def program(deployment: Deployment) -> Program:
    return Program(deployment.api_url)


def claims(token: str) -> dict[str, Any]:
    import jwt

    return jwt.decode(token, options={"verify_signature": False})


def verified(program: Program, token: str, audience: str) -> dict[str, Any]:
    """The claims of a token, checked as a program checks them: by the issuer's published keys."""
    import jwt

    found = requests.get(f"{program.issuer}/.well-known/openid-configuration", timeout=30).json()
    key = jwt.PyJWKClient(found["jwks_uri"]).get_signing_key_from_jwt(token)
    return jwt.decode(token, key.key, algorithms=["RS256"], audience=audience, issuer=found["issuer"])


def test_discovery_names_what_is_there(program: Program) -> None:
    found = requests.get(f"{program.issuer}/.well-known/openid-configuration", timeout=30).json()
    assert found["issuer"] == program.issuer
    assert found["code_challenge_methods_supported"] == ["S256"]
    for name, url in found.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            assert requests.get(url, timeout=30).status_code != 404, name


def test_a_login(program: Program, deployment: Deployment) -> None:
    sent = program.answer(program.request())
    assert sent.status_code == 303
    assert sent.headers["Location"].startswith(REDIRECT + "?")
    assert sent.headers["Cache-Control"] == "no-store"
    members = query_of(sent)
    assert members["state"] == "a state & more=%20é"
    assert members["iss"] == program.issuer
    answer = program.exchange(members["code"])
    assert answer.headers["Cache-Control"] == "no-store"
    tokens = answer.json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 120)
    assert tokens["scope"] == "openid email offline_access"
    about = verified(program, tokens["id_token"], program.client)
    assert (about["sub"], about["email"], about["nonce"]) == ("hca-local|user", "user@example.org", "n-123")
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert about["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
    access = verified(program, tokens["access_token"], "https://dev.data.humancellatlas.org/")
    assert access["https://auth.data.humancellatlas.org/email"] == "user@example.org"
    assert access["https://auth.data.humancellatlas.org/group"] == "hca"
    assert access["scope"] == tokens["scope"]
    assert access["exp"] - access["iat"] == 120
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    found = requests.get(f"{program.issuer}/userinfo", headers=bearer, timeout=30).json()
    assert (found["sub"], found["email"]) == ("hca-local|user", "user@example.org")
    wanted = requests.get(f"{deployment.api_url}/v1/subscriptions?replica=aws", headers=bearer, timeout=30)
    assert wanted.status_code == 200


@pytest.mark.parametrize("way", ["basic", "post"])
def test_the_client_with_a_secret(deployment: Deployment, way: str) -> None:
    program = Program(deployment.api_url, *SECRET)
    options = {"auth": SECRET} if way == "basic" else {}
    answer = program.exchange(program.code(), **options)
    assert answer.status_code == 200, answer.text
    assert program.refresh(answer.json()["refresh_token"], **options).status_code == 200


@pytest.mark.parametrize("secret", ["wrong", "", None])
def test_the_client_with_a_wrong_secret(deployment: Deployment, secret: str | None) -> None:
    program = Program(deployment.api_url, *SECRET)
    code = program.code()
    program.secret = None
    answer = program.exchange(code, client_secret=secret)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "WWW-Authenticate" in answer.headers
    answer = program.exchange(code, auth=("hca-local", secret or "x"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_service_settings_lead_here(deployment: Deployment) -> None:
    found = requests.get(f"{deployment.api_url}/internal/application_secrets", timeout=30).json()["installed"]
    program = Program(deployment.api_url, found["client_id"], found["client_secret"])
    assert found["auth_uri"] == f"{program.issuer}/authorize"
    assert found["token_uri"] == f"{program.issuer}/token"
    assert program.login()["access_token"]


@pytest.mark.parametrize("name", ["user", "other", "admin", "public", "stranger", "noemail"])
def test_everybody_can_be_chosen(program: Program, deployment: Deployment, name: str) -> None:
    page = Page(program.open(program.request()).text)
    assert name in page.people and page.buttons == ["allow", "deny"]
    tokens = program.login(name)
    caller = deployment.ctx.identity.verify(tokens["access_token"])
    assert caller.claims["sub"] == f"hca-local|{name}"


@pytest.mark.parametrize("name", ["expired", "badaud", "badiss"])
def test_those_who_are_to_be_refused_log_in_all_the_same(program: Program, deployment: Deployment, name: str) -> None:
    from hca_local.identity import TokenError

    with pytest.raises(TokenError):
        deployment.ctx.identity.verify(program.login(name)["access_token"])


def test_scopes(program: Program) -> None:
    few = program.login(scope="openid")
    assert "refresh_token" not in few and few["scope"] == "openid"
    assert "email" not in claims(few["id_token"])
    none = program.login(scope=None)
    assert none["scope"] == "openid email"
    some = program.login(scope="email unheard-of")
    assert some["scope"] == "email" and "id_token" not in some
    bearer = {"Authorization": f"Bearer {some['access_token']}"}
    assert requests.get(f"{program.issuer}/userinfo", headers=bearer, timeout=30).status_code == 401
    assert "refresh_token" in program.login(scope="openid", access_type="offline")


# The page


def test_pages_cannot_be_framed_or_kept_and_load_nothing(program: Program) -> None:
    for url in (program.request(), f"{program.issuer}/device"):
        page = program.open(url)
        assert page.headers["X-Frame-Options"] == "DENY"
        policy = page.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy and "default-src 'none'" in policy
        assert page.headers["Cache-Control"] == "no-store"
        assert "script" not in page.text and "for evaluation" in page.text
    assert (
        "form-action 'self' http://127.0.0.1:43210;"
        in program.open(program.request()).headers["Content-Security-Policy"]
    )


def test_the_cookie_is_for_this_page_only(program: Program) -> None:
    cookie = program.open(program.request()).headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/auth" in cookie


def test_the_user_denies(program: Program) -> None:
    sent = program.answer(program.request(), decision="deny")
    assert sent.status_code == 303
    members = query_of(sent)
    assert (members["error"], members["state"]) == ("access_denied", "a state & more=%20é")
    assert members["iss"] == program.issuer and "code" not in members


def test_forms_from_elsewhere_decide_nothing(program: Program, deployment: Deployment) -> None:
    url = program.request()
    good = Page(program.open(url).text).fields
    refused = [
        # another page, which has neither cookie nor token
        requests.post(url, data={"decision": "allow", "person": "admin"}, allow_redirects=False, timeout=30),
        # one that learned the token, but is not in this browser
        requests.post(url, data={**good, "decision": "allow"}, allow_redirects=False, timeout=30),
        # one that says so
        program.answer(url, headers={"Origin": "http://evil.example"}),
        program.answer(url, headers={"Origin": "null"}),
        program.answer(url, form={"form": good["form"][:-1] + "x"}),
        program.answer(url, form={"form": "9" * 400 + ".x"}),
        program.answer(url, form={"form": "1.x"}),
        program.answer(url, person="nobody"),
        program.answer(url, decision="perhaps"),
    ]
    assert [answer.status_code for answer in refused] == [400] * len(refused)
    # The token of one request does not do for another.
    other = program.request(state="other")
    answer = program.browser.post(other, data={**good, "decision": "allow"}, allow_redirects=False, timeout=30)
    assert answer.status_code == 400
    assert program.answer(url, headers={"Origin": deployment.api_url}).status_code == 303


def test_requests_may_be_posted(program: Program) -> None:
    url = program.request()
    form = dict(parse_qsl(urlsplit(url).query))
    answer = program.browser.post(f"{program.issuer}/authorize", data=form, timeout=30)
    assert answer.status_code == 200 and Page(answer.text).buttons


# Requests that are refused


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "unheard-of"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "http://evil.example/"},
        {"redirect_uri": "https://127.0.0.1:43210/"},
        {"redirect_uri": "http://127.0.0.1:43210/elsewhere"},
        {"redirect_uri": "http://127.0.0.1:43210/?a=b"},
        {"redirect_uri": "http://127.0.0.1:43210/#fragment"},
        {"redirect_uri": "http://127.0.0.1:43210@evil.example/"},
        {"redirect_uri": "http://evil.example\\@127.0.0.1:43210/"},
        {"redirect_uri": "http://127.0.0.1.evil.example/"},
        {"redirect_uri": "http://127.0.0.1:043210/"},
        {"redirect_uri": "http://127.0.0.1:99999/"},
        {"redirect_uri": "http://127.0.0.1:43210/\r\nSet-Cookie: a=b"},
        {"redirect_uri": 'http://127.0.0.1:43210/"é'},
        {"redirect_uri": "HTTP://127.0.0.1:43210/"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "//127.0.0.1/"},
        {"response_type": 'co"de', "redirect_uri": "http://evil.example"},
    ],
    ids=str,
)
def test_the_browser_is_sent_nowhere(program: Program, changes: dict[str, str | None]) -> None:
    answer = program.open(program.request(**changes))
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert "<h1>" in answer.text and "<button" not in answer.text
    # Nor with a form that was good for another request.
    assert program.answer(program.request(), form={}).status_code == 303
    posted = program.browser.post(
        program.request(**changes), data={"decision": "allow", "person": "user"}, allow_redirects=False, timeout=30
    )
    assert posted.status_code == 400 and "Location" not in posted.headers


@pytest.mark.parametrize("uri", ["http://127.0.0.1", "http://localhost:1/", "http://[::1]:65535", "http://localhost/"])
def test_loopback_on_any_port(program: Program, uri: str) -> None:
    sent = program.answer(program.request(redirect_uri=uri))
    assert sent.status_code == 303 and sent.headers["Location"].startswith(f"{uri}?")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"scope": "unheard-of"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.example/"}, "request_uri_not_supported"),
        ({"response_mode": "fragment"}, "invalid_request"),
    ],
    ids=str,
)
def test_the_program_is_told_what_is_wrong(program: Program, changes: dict[str, str | None], error: str) -> None:
    sent = program.open(program.request(**changes))
    assert sent.status_code == 303
    assert sent.headers["Location"].startswith(REDIRECT + "?")
    members = query_of(sent)
    assert (members["error"], members["state"]) == (error, "a state & more=%20é")
    assert members["iss"] == program.issuer


def test_members_given_twice(program: Program) -> None:
    assert program.open(program.request() + "&state=other").status_code == 400
    assert program.open(program.request() + "&client_id=hca-local").status_code == 400
    body = "grant_type=refresh_token&refresh_token=a&refresh_token=b&client_id=hca-local-public"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(f"{program.issuer}/token", data=body, headers=kind, timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_nothing_of_a_request_becomes_markup(program: Program) -> None:
    mark = '"><script>alert(1)</script>'
    for url in (
        program.request(client_id=mark),
        program.request(redirect_uri=mark),
        program.request(state=mark, nonce=mark, scope=f"openid {mark}"),
        f"{program.issuer}/device?{urlencode({'user_code': mark})}",
    ):
        assert "<script" not in program.open(url).text


# Codes


def test_a_code_is_good_once_and_its_second_use_ends_the_login(program: Program, deployment: Deployment) -> None:
    from hca_local.identity import InvalidTokenError

    code = program.code()
    tokens = program.exchange(code).json()
    again = program.exchange(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert program.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    with pytest.raises(InvalidTokenError):
        deployment.ctx.identity.verify(tokens["access_token"])


def test_of_two_that_exchange_a_code_at_once_one_succeeds(program: Program) -> None:
    code = program.code()
    together(lambda: program.exchange(code).status_code, expected=[200] + [400] * 7)


def together(function: Any, *, expected: list[int]) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(function())) for _ in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "x" * 43},
        {"redirect_uri": "http://127.0.0.1:43211/"},
        {"code": "unheard-of"},
        {"client_id": "hca-local", "client_secret": "not-a-secret"},
    ],
    ids=str,
)
def test_codes_are_bound_to_their_request(program: Program, changes: dict[str, str]) -> None:
    answer = program.exchange(**{"code": program.code(), **changes})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "password", "username": "user"}, "unsupported_grant_type"),
        ({"grant_type": 'pass"word\né'}, "unsupported_grant_type"),
        ({}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x", "client_id": "unheard-of"}, "invalid_client"),
    ],
    ids=str,
)
def test_bad_token_requests(program: Program, form: dict[str, str], error: str) -> None:
    answer = program.ask(**form)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] == error or (error, answer.json()["error"]) == (
        "unsupported_grant_type",
        "invalid_request",
    )


def test_what_is_no_form(program: Program) -> None:
    url = f"{program.issuer}/token"
    assert requests.post(url, json={"grant_type": "refresh_token"}, timeout=30).status_code == 400
    assert requests.post(url, data={"a": "x" * 100_000}, timeout=30).status_code == 400
    assert requests.get(url, timeout=30).status_code == 405
    assert requests.get(f"{program.issuer}/nothing", timeout=30).status_code == 404


def test_an_old_code(program: Program, deployment: Deployment) -> None:
    code = program.code()
    with deployment.ctx.store.write() as db:
        db.execute("UPDATE oidc_codes SET expires_at = 1")
    assert program.exchange(code).json()["error"] == "invalid_grant"


# Refresh tokens


def test_refresh_tokens_rotate(program: Program) -> None:
    first = program.login()
    second = program.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert claims(second["id_token"])["auth_time"] == claims(first["id_token"])["auth_time"]
    less = program.refresh(second["refresh_token"], scope="openid").json()
    assert less["scope"] == "openid"
    whole = program.refresh(less["refresh_token"]).json()
    assert whole["scope"] == "openid email offline_access"
    assert program.refresh(whole["refresh_token"], scope="openid admin").json()["error"] == "invalid_scope"


def test_the_reuse_of_a_refresh_token_ends_the_login(program: Program, deployment: Deployment) -> None:
    from hca_local.identity import InvalidTokenError

    first = program.login()
    second = program.refresh(first["refresh_token"]).json()
    assert deployment.ctx.identity.verify(second["access_token"])
    again = program.refresh(first["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    # Whoever has the successor, thief or owner, is out too.
    assert program.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"
    with pytest.raises(InvalidTokenError):
        deployment.ctx.identity.verify(second["access_token"])
    bearer = {"Authorization": f"Bearer {second['access_token']}"}
    assert requests.get(f"{program.issuer}/userinfo", headers=bearer, timeout=30).status_code == 401


def test_of_many_that_refresh_at_once_one_succeeds(program: Program) -> None:
    token = program.login()["refresh_token"]
    together(lambda: program.refresh(token).status_code, expected=[200] + [400] * 7)


def test_refresh_tokens_are_bound_to_their_program(program: Program, deployment: Deployment) -> None:
    token = program.login()["refresh_token"]
    other = Program(deployment.api_url, *SECRET)
    assert other.refresh(token).json()["error"] == "invalid_grant"


def test_revocation(program: Program, deployment: Deployment) -> None:
    from hca_local.identity import InvalidTokenError

    for member in ("refresh_token", "access_token"):
        tokens = program.login()
        answer = program.ask("revoke", token=tokens[member], token_type_hint=member)
        assert answer.status_code == 200
        assert program.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
        with pytest.raises(InvalidTokenError):
            deployment.ctx.identity.verify(tokens["access_token"])
    assert program.ask("revoke", token="unheard-of").status_code == 200
    assert program.ask("revoke").json()["error"] == "invalid_request"
    assert program.ask("revoke", token="x", token_type_hint="id_token").json()["error"] == "unsupported_token_type"
    tokens = program.login()
    stranger = Program(deployment.api_url, *SECRET)
    assert stranger.ask("revoke", token=tokens["refresh_token"]).status_code == 400
    assert program.refresh(tokens["refresh_token"]).status_code == 200


# The device flow


def test_a_device_login(program: Program, deployment: Deployment) -> None:
    start = program.ask("device_authorization", scope="openid email offline_access").json()
    assert start["verification_uri"] == f"{program.issuer}/device"
    ask = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": start["device_code"]}
    assert program.ask(**ask).json()["error"] == "authorization_pending"
    assert program.ask(**ask).json()["error"] == "slow_down"
    # A person types the code as people do.
    typed = start["user_code"].lower().replace("-", " ")
    url = f"{start['verification_uri']}?{urlencode({'user_code': typed})}"
    page = program.open(url)
    assert start["user_code"] in page.text and "you did not start it" in page.text
    done = program.answer(url, person="admin")
    assert done.status_code == 200 and "You are logged in" in done.text
    answer = program.ask(**ask)
    assert answer.status_code == 200
    assert deployment.ctx.identity.verify(answer.json()["access_token"]).email == "admin@example.org"
    assert program.refresh(answer.json()["refresh_token"]).status_code == 200
    assert program.ask(**ask).json()["error"] == "invalid_grant"
    assert program.open(url).status_code == 400


def test_a_denied_device_login(program: Program) -> None:
    start = program.ask("device_authorization").json()
    ask = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": start["device_code"]}
    done = program.answer(start["verification_uri_complete"], decision="deny")
    assert done.status_code == 200 and "Denied" in done.text
    assert program.ask(**ask).json()["error"] == "access_denied"


def test_device_logins_that_come_to_nothing(program: Program, deployment: Deployment) -> None:
    device = "urn:ietf:params:oauth:grant-type:device_code"
    assert program.ask(grant_type=device, device_code="unheard-of").json()["error"] == "invalid_grant"
    assert program.ask("device_authorization", scope="unheard-of").json()["error"] == "invalid_scope"
    assert program.ask("device_authorization", client_id="unheard-of").json()["error"] == "invalid_client"
    start = program.ask("device_authorization").json()
    stranger = Program(deployment.api_url, *SECRET)
    assert "error" in stranger.ask(grant_type=device, device_code=start["device_code"]).json()
    # A form from elsewhere decides nothing here either.
    form = {"decision": "allow", "person": "admin"}
    assert requests.post(start["verification_uri_complete"], data=form, timeout=30).status_code == 400
    with deployment.ctx.store.write() as db:
        db.execute("UPDATE oidc_devices SET expires_at = 1")
    assert program.ask(grant_type=device, device_code=start["device_code"]).json()["error"] == "expired_token"
    assert program.open(start["verification_uri_complete"]).status_code == 400


# What is kept


def test_logins_outlive_a_restart_and_no_token_is_kept_as_it_is(tmp_path: Path) -> None:
    with Deployment(tmp_path / "data") as first:
        program = Program(first.api_url)
        tokens, ended = program.login(), program.login()
        program.ask("revoke", token=ended["refresh_token"])
        code = program.code()
        start = program.ask("device_authorization").json()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    for secret in (tokens["refresh_token"], tokens["access_token"], tokens["id_token"], code, start["device_code"]):
        assert secret.encode() not in kept
    with Deployment(tmp_path / "data") as second:
        program.issuer = f"{second.api_url}/auth"
        assert program.refresh(tokens["refresh_token"]).status_code == 200
        assert program.refresh(ended["refresh_token"]).json()["error"] == "invalid_grant"
        bearer = {"Authorization": f"Bearer {ended['access_token']}"}
        assert requests.get(f"{program.issuer}/userinfo", headers=bearer, timeout=30).status_code == 401
        assert program.exchange(code).status_code == 200
        page = program.open(f"{program.issuer}/device?user_code={start['user_code']}")
        assert page.status_code == 200 and start["user_code"] in page.text


def test_what_has_expired_is_swept(program: Program, deployment: Deployment) -> None:
    program.login()
    with deployment.ctx.store.write() as db:
        for table in ("oidc_codes", "oidc_refresh_tokens", "oidc_logins", "oidc_devices"):
            db.execute(f"UPDATE {table} SET expires_at = 1")
    program.code()
    with deployment.ctx.store.read() as db:
        assert count(db, "oidc_refresh_tokens") == 0
        assert (count(db, "oidc_logins"), count(db, "oidc_codes")) == (1, 1)


def count(db: sqlite3.Connection, table: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_nothing_secret_is_logged(program: Program, caplog: pytest.LogCaptureFixture) -> None:
    import logging

    caplog.set_level(logging.DEBUG)
    code = program.code()
    tokens = program.exchange(code).json()
    after = program.refresh(tokens["refresh_token"]).json()
    program.ask("revoke", token=after["refresh_token"])
    # What our own client library says at DEBUG is not the deployment's.
    text = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("urllib3"))
    for secret in (code, *(value for value in (*tokens.values(), *after.values()) if len(str(value)) > 30)):
        assert str(secret) not in text
