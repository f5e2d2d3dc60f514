"""The embedded OpenID provider's codes and tokens: single use, bound to a client, ended by reuse or revocation."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import requests
from hca_local.server import Deployment

from tests.lib.oidc_program import SECRET, Program, claims

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
    # The holder of the successor, thief or owner, is logged out too.
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
