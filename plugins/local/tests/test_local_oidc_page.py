"""The embedded OpenID provider's page: its responses, its forms, and which requests are refused."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests
from hca_local.server import Deployment

from tests.lib.oidc_program import REDIRECT, Page, Program, query_of

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
        # from another page, without cookie and token
        requests.post(url, data={"decision": "allow", "person": "admin"}, allow_redirects=False, timeout=30),
        # with the token, but not from this browser
        requests.post(url, data={**good, "decision": "allow"}, allow_redirects=False, timeout=30),
        # with a cross-site header
        program.answer(url, headers={"Origin": "http://evil.example"}),
        program.answer(url, headers={"Origin": "null"}),
        program.answer(url, form={"form": good["form"][:-1] + "x"}),
        program.answer(url, form={"form": "9" * 400 + ".x"}),
        program.answer(url, form={"form": "1.x"}),
        program.answer(url, person="nobody"),
        program.answer(url, decision="perhaps"),
    ]
    assert [answer.status_code for answer in refused] == [400] * len(refused)
    # The token of one request is not valid for another.
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
    # Nor with a form that was valid for another request.
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
