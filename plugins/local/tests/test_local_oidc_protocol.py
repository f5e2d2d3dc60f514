"""The embedded OpenID provider's protocol: discovery, logins, the device flow, and stored data."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from hca_local.server import Deployment

from tests.lib.oidc_program import REDIRECT, SECRET, Page, Program, claims, query_of


def verified(program: Program, token: str, audience: str) -> dict[str, Any]:
    """The claims of a token, verified like a client does: with the issuer's published keys."""
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


# The device flow


def test_a_device_login(program: Program, deployment: Deployment) -> None:
    start = program.ask("device_authorization", scope="openid email offline_access").json()
    assert start["verification_uri"] == f"{program.issuer}/device"
    ask = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": start["device_code"]}
    assert program.ask(**ask).json()["error"] == "authorization_pending"
    assert program.ask(**ask).json()["error"] == "slow_down"
    # The code as typed by a person.
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
    # Cross-site forms are refused here too.
    form = {"decision": "allow", "person": "admin"}
    assert requests.post(start["verification_uri_complete"], data=form, timeout=30).status_code == 400
    with deployment.ctx.store.write() as db:
        db.execute("UPDATE oidc_devices SET expires_at = 1")
    assert program.ask(grant_type=device, device_code=start["device_code"]).json()["error"] == "expired_token"
    assert program.open(start["verification_uri_complete"]).status_code == 400


# Stored data


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
    # DEBUG messages of our own client library are not the deployment's.
    text = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("urllib3"))
    for secret in (code, *(value for value in (*tokens.values(), *after.values()) if len(str(value)) > 30)):
        assert str(secret) not in text
