"""No secrets in traces, messages or reprs."""

from __future__ import annotations

import logging

import pytest

from hca_base.http import RedactingFilter, RetryPolicy, Session, redact, redact_headers, redact_url, remember_secret

CANARY = "c4n4ry-Secret_value.123456"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {CANARY}",
        f"curl -H 'Authorization: bearer {CANARY}'",
        f"Basic {CANARY}",
        f"https://x/y?token={CANARY}&z=1",
        f"https://x/y?a=1&X-Amz-Signature={CANARY}",
        f"https://x/y?X-Amz-Credential={CANARY}&X-Amz-Security-Token={CANARY}",
        f"https://x/y?X-Goog-Signature={CANARY}&X-Goog-Credential={CANARY}",
        f"https://x/y?AWSAccessKeyId={CANARY}&Signature={CANARY}&Expires=1",
        f"http://127.0.0.1:1/cb?code={CANARY}&state=1",
        f"client_secret={CANARY}&grant_type=refresh_token&refresh_token={CANARY}",
        f"https://me:{CANARY}@host/",
        f'{{"access_token": "{CANARY}", "n": 1}}',
        f'{{"SecretAccessKey":"{CANARY}","SessionToken":"{CANARY}"}}',
        f"{{'refresh_token': '{CANARY}'}}",
        f'{{"client_secret": "{CANARY}',
        f'{{"hmac_secret_key": "a\\"{CANARY}"}}',
        f'Signature keyId="k",algorithm="hmac-sha256",signature="{CANARY}"',
        f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----",
        f'"-----BEGIN PRIVATE KEY-----\\n{CANARY}',
    ],
)
def test_secrets_go(text):
    assert CANARY not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {}",
        "authorization: {}",
        "Authorization: token {}",
        "{{'Authorization': 'Bearer {}'}}",
        "curl -H 'authorization: basic {}'",
    ],
)
def test_small_letters_alone_are_a_secret_after_the_name_of_the_header(text):
    assert "abcdefghijklmnop" not in redact(text.format("abcdefghijklmnop"))


def test_long_small_letters_are_a_secret_after_bearer():
    assert "abcdefghijkl" not in redact("sent Bearer abcdefghijklmnopqrstuvwxyz")
    assert redact("bearer authentication") == "bearer authentication"


def test_tokens_go_wherever_they_are():
    assert JWT not in redact(f"what is {JWT} for")


@pytest.mark.parametrize(
    "text",
    [
        "the token is invalid",
        "Authorization token is invalid",
        '{"code": "not_found", "title": "Cannot find file!"}',
        "https://dss.example/v1/bundles/u?replica=aws&version=2019",
        '{"key": "files.project_json", "files": []}',
        "no basic understanding",
        "",
    ],
)
def test_the_rest_stays(text):
    assert redact(text) == text


@pytest.mark.parametrize(
    "piece",
    [
        "a-",
        "Authorization: a ",
        "eyJ-",
        "a://",
        '"a":',
        "x=",
        "Bearer ",
        "'a': '",
        "-----BEGIN A PRIVATE KEY-----",
        "\\",
    ],
)
def test_no_text_takes_long(piece):
    redact(piece * (60_000 // len(piece)))


def test_known_values_do_not_hide_names():
    """If a password is a common word, a parameter with that name must still be found."""
    remember_secret("password")
    remember_secret("client_secret")
    assert CANARY not in redact(f'password={CANARY} {{"client_secret": "{CANARY}"}} client_secret={CANARY}')
    assert "x-y-z" not in redact("Bearer abc.Def-password-x-y-z123")


def test_known_values_go_in_every_spelling():
    remember_secret("zq+known/value=")
    remember_secret("ab")
    remember_secret(None)
    assert redact("x zq+known/value= y zq%2Bknown%2Fvalue%3D z ab") == "x [hidden] y [hidden] z ab"


def test_headers():
    shown = redact_headers(
        {"Authorization": f"Bearer {CANARY}", "Api-Key": CANARY, "X-Amz-Security-Token": CANARY, "Accept": "*/*",
         "Location": f"https://x/?X-Amz-Signature={CANARY}", "Set-Cookie": f"session={CANARY}"}
    )  # fmt: skip
    assert CANARY not in repr(shown)
    assert shown["Authorization"] == "Bearer [hidden]"
    assert shown["Accept"] == "*/*"
    assert redact_url(f"https://x/?a=1&sig={CANARY}") == "https://x/?a=1&sig=[hidden]"


def test_traces_show_all_but_secrets(server, kit, caplog, credentials):
    def script(asked):
        if asked.path == "/a":
            return kit.Answer(301, b"", {"Location": f"/b?token={CANARY}", "Retry-After": "0"})
        if len(server.asked) == 2:
            return kit.json({"code": "Unauthorized"}, 401)
        return kit.json({"access_token": CANARY, "Title": "fine\x1b[2J"}, X_Other="\x1b]0;x")

    server.script = script
    with caplog.at_level(logging.DEBUG):
        Session(credentials=credentials).call(
            "GET",
            server.url + "/a",
            headers={"Api-Key": CANARY},
            params={"id_token": CANARY},
            json={"password": CANARY},
        )
    text = caplog.text
    assert CANARY not in text
    assert "canary-token" not in text
    assert "> GET " in text and "/b?token=[hidden]" in text
    assert "< 200 OK" in text
    assert "Authorization: Bearer [hidden]" in text
    assert '"Title": "fine' in text
    assert "\x1b" not in text


def test_request_lines_only_at_info(server, kit, caplog):
    with caplog.at_level(logging.INFO, logger="hca.http"):
        Session().get(server.url + "/a")
    lines = [record.getMessage() for record in caplog.records if record.name == "hca.http"]
    assert lines[0] == f"> GET {server.url}/a"
    assert lines[1].startswith("< 200 OK (")
    assert len(lines) == 2


def test_repeats_are_told(server, kit, caplog):
    server.answers(kit.Answer(503), kit.Answer(200))
    with caplog.at_level(logging.INFO, logger="hca.http"):
        Session().get(server.url, policy=RetryPolicy(backoff=0.01))
    assert "status 503; retry 1 of 5" in caplog.text


def test_a_filter_for_other_loggers(caplog):
    logger = logging.getLogger("some.other.package")
    caplog.handler.addFilter(RedactingFilter())
    try:
        logger.warning("sent %s to %s", f"token={CANARY}", "host")
        try:
            raise ValueError(f"bad: access_token={CANARY}")
        except ValueError:
            logger.exception("failed")
    finally:
        caplog.handler.filters.clear()
    assert CANARY not in caplog.text
    assert "sent token=[hidden] to host" in caplog.text
    assert "ValueError: bad: access_token=[hidden]" in caplog.text


def test_reprs_hold_no_secrets(server, kit, credentials):
    session = Session({"http.proxy": f"http://me:{CANARY}@h:1"}, credentials=credentials)
    assert CANARY not in repr(session)
    assert CANARY not in repr(session.settings)


def test_bodies_that_hold_credentials_are_not_traced(caplog, loopback):
    loopback.route("POST", "/access", {"headers": ["X-Odd-Name: odd-value-1"]})
    with Session() as session, caplog.at_level(logging.DEBUG, "hca.http"):
        for sensitive in (False, True):
            caplog.clear()
            session.call("POST", f"{loopback.url}/access", json={"sent": "odd-value-2"}, sensitive=sensitive)
            assert ("odd-value" in caplog.text) is not sensitive
            assert "/access" in caplog.text
