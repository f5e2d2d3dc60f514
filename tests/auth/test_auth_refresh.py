"""Staying logged in: one refresh before expiry and after a 401, across threads and processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest

from hca_base.auth import credentials_for, open_store
from hca_base.errors import AuthError, HCAError, ServiceError, UnreachableError
from hca_base.http import Session, json_of


@pytest.fixture
def stored(issuer, settings):
    """Store a login; the arguments override members of the record."""

    def put(**changes):
        token = issuer.issue()
        record = {
            "kind": "oauth2",
            "hosts": [issuer.url],
            "access_token": token["access_token"],
            "refresh_token": token["refresh_token"],
            "token_url": f"{issuer.url}/token",
            "client_id": "toy-client",
            "expires_at": time.time() + 3600,
            "lifetime": 3600,
            "identity": "user@example.org",
            **changes,
        }
        open_store(settings).put("default/toy", {name: value for name, value in record.items() if value is not None})
        return record

    return put


@pytest.fixture
def expired(stored, issuer):
    def put(**changes):
        record = stored(expires_at=time.time() - 60, **changes)
        issuer.access_tokens[record["access_token"]] = time.time() - 60
        return record

    return put


def thing(issuer, settings, toy, **kwargs):
    session = Session({**settings, "http.retries": 0}, credentials=credentials_for(toy, settings, **kwargs))
    return json_of(session.get(f"{issuer.url}/v1/thing"))


def test_a_good_token_is_left_alone(issuer, settings, toy, stored):
    stored()
    assert thing(issuer, settings, toy) == {"thing": 1}
    assert issuer.asked("/token") == []


def test_an_expired_token_is_renewed_first(issuer, settings, toy, expired):
    record = expired()
    assert thing(issuer, settings, toy) == {"thing": 1}
    assert len(issuer.asked("/token", grant_type="refresh_token", refresh_token=record["refresh_token"])) == 1
    assert len(issuer.asked("/v1/thing")) == 1
    renewed = open_store(settings).get("default/toy")
    assert renewed["access_token"] in issuer.access_tokens
    assert renewed["refresh_token"] in issuer.refresh_tokens
    assert renewed["hosts"] == [issuer.url]
    assert renewed["identity"] == "user@example.org"
    assert 3590 < renewed["expires_at"] - time.time() <= 3600


def test_a_token_near_its_end_is_renewed_early(issuer, settings, toy, stored):
    stored(expires_at=time.time() + 250)
    thing(issuer, settings, toy)
    assert len(issuer.asked("/token")) == 1


def test_short_lives_have_short_margins(issuer, settings, toy, stored):
    stored(expires_at=time.time() + 50, lifetime=60)
    thing(issuer, settings, toy)
    assert issuer.asked("/token") == []
    stored(expires_at=time.time() + 5, lifetime=60)
    thing(issuer, settings, toy)
    assert len(issuer.asked("/token")) == 1


def test_a_401_renews_once(issuer, settings, toy, stored):
    record = stored()
    issuer.access_tokens.clear()
    assert thing(issuer, settings, toy) == {"thing": 1}
    assert len(issuer.asked("/token")) == 1
    assert len(issuer.asked("/v1/thing")) == 2
    assert open_store(settings).get("default/toy")["access_token"] != record["access_token"]


def test_a_service_that_always_refuses_does_not_wear_the_issuer_out(issuer, settings, toy, stored):
    stored()
    session = Session(settings, credentials=credentials_for(toy, settings))
    issuer.lifetime = 3600
    for _ in range(5):
        issuer.access_tokens.clear()
        with pytest.raises(ServiceError) as caught:
            # The issuer forgets every token immediately.
            original = issuer.issue

            def forgetful(nonce=None, original=original):
                answer = original(nonce)
                issuer.access_tokens.clear()
                return answer

            issuer.issue = forgetful
            session.get(f"{issuer.url}/v1/thing")
        assert caught.value.status == 401
    assert len(issuer.asked("/token")) == 1


def test_issuers_that_keep_their_refresh_tokens(issuer, settings, toy, expired):
    issuer.rotate = False
    record = expired()
    thing(issuer, settings, toy)
    assert open_store(settings).get("default/toy")["refresh_token"] == record["refresh_token"]


@pytest.mark.parametrize("method", ["post", "basic"])
def test_clients_with_secrets(issuer, settings, toy, expired, method):
    issuer.client_secret, issuer.auth_method = "canary-s3cret/+", method
    if method == "basic":
        issuer.client_secret = "canary-s3cret"
    expired(client_secret=issuer.client_secret, auth_method=method)
    assert thing(issuer, settings, toy) == {"thing": 1}


def test_a_revoked_login_says_what_to_do(issuer, settings, toy, expired):
    expired()
    issuer.refresh_tokens.clear()
    with pytest.raises(AuthError, match="revoked, or too old") as caught:
        thing(issuer, settings, toy)
    assert caught.value.hint == "hca login toy"
    assert "canary" not in f"{caught.value!r} {caught.value.hint}"
    # The next one makes no request to the issuer.
    with pytest.raises(AuthError, match="revoked"):
        thing(issuer, settings, toy)
    assert len(issuer.asked("/token")) == 1
    state = credentials_for(toy, settings).describe()[-1]
    assert not state.used and "hca login toy" in state.why
    assert "refresh_token" not in open_store(settings).get("default/toy")


def test_a_revoked_login_of_a_profile_names_it(issuer, settings, toy, expired):
    class Profiled(dict):
        profile = "staging"

    record = expired()
    open_store(settings).put("staging/toy", record)
    issuer.refresh_tokens.clear()
    with pytest.raises(AuthError) as caught:
        thing(issuer, Profiled(settings), toy)
    assert caught.value.hint == "hca --profile staging login toy"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((500, b"<html>canary"), "cannot issue a token now"),
        ((200, b"<html>canary"), "issued no token"),
        ((200, {"canary": 1}), "no access token"),
        ((200, {"access_token": "x" * 20, "token_type": "mac"}), "not supported"),
        ((400, {"error": "invalid_client", "error_description": "canary"}), "does not recognize this client"),
        ((400, {"error": "canary\x1b[31m says"}), "refused: error"),
        ((400, b"[" * 100_000), "issued no token"),
        ((302, b""), "issued no token"),
    ],
)
def test_issuers_that_answer_badly(issuer, settings, toy, expired, answer, words):
    record = expired()
    issuer.refresh_answer = lambda: answer
    with pytest.raises(HCAError, match=words) as caught:
        thing(issuer, settings, toy)
    assert "canary" not in f"{caught.value} {caught.value.hint}"
    # Nothing is lost: the refresh token may still be valid.
    assert open_store(settings).get("default/toy")["refresh_token"] == record["refresh_token"]


def test_an_issuer_out_of_reach(issuer, settings, toy, expired):
    expired(token_url="http://127.0.0.1:9/token")
    with pytest.raises(UnreachableError):
        thing(issuer, settings, toy)


def test_an_issuer_out_of_reach_while_the_token_lives(issuer, settings, toy, stored):
    stored(expires_at=time.time() + 100, token_url="http://127.0.0.1:9/token")
    assert thing(issuer, settings, toy) == {"thing": 1}


def test_the_refresh_token_is_not_sent_over_an_open_line(issuer, settings, toy, expired):
    expired(token_url="http://issuer.example/token")
    with pytest.raises(AuthError, match="not encrypted"):
        thing(issuer, settings, toy)


def test_logged_out_meanwhile(issuer, settings, toy, expired):
    expired()
    credentials = credentials_for(toy, settings)
    credentials.describe()
    open_store(settings).delete("default/toy")
    with pytest.raises(AuthError, match="was deleted") as caught:
        credentials.headers_for(issuer.url)
    assert caught.value.hint == "hca login toy"


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("place", ["file", "keyring"])
@pytest.mark.parametrize("what", ["logout", "login"])
def test_a_renewal_undoes_nothing_that_the_user_did_meanwhile(
    issuer, settings, toy, expired, keyring_backend, what, place, accepted
):
    """The issuer responds slowly; meanwhile the login to be refreshed is deleted."""
    if place == "keyring":
        settings.pop("auth.store")
        keyring_backend("Working")
    record = expired()
    store = open_store(settings)
    assert ("keyring" in store.place_of("default/toy")) is (place == "keyring")
    other = {
        **record,
        "access_token": "canary-other",
        "refresh_token": "canary-other-r",
        "expires_at": time.time() + 3600,
    }

    def answer():
        if what == "logout":
            store.delete("default/toy")
        else:
            store.put("default/toy", other)
        return (200, issuer.issue()) if accepted else (400, {"error": "invalid_grant"})

    issuer.refresh_answer = answer
    credentials = credentials_for(toy, settings)
    if what == "logout":
        with pytest.raises(AuthError, match="was deleted"):
            credentials.headers_for(issuer.url)
        assert store.get("default/toy") is None
        assert store.accounts() == []
    else:
        assert credentials.headers_for(issuer.url) == {"Authorization": "Bearer canary-other"}
        assert store.get("default/toy") == other


@pytest.mark.parametrize("left", [-60, 250])
def test_a_login_to_another_deployment_meanwhile_stays_with_that_one(issuer, settings, toy, stored, left):
    record = stored(expires_at=time.time() + left)
    credentials = credentials_for(toy, settings)
    credentials.describe()  # reads the record
    elsewhere = {
        "hosts": ["https://other.example"],
        "access_token": "canary-elsewhere",
        "expires_at": time.time() + 3600,
    }
    open_store(settings).put("default/toy", {**record, **elsewhere})
    assert credentials.headers_for(issuer.url) == {}
    assert "other.example" in credentials.providers[-1].explain()
    assert issuer.asked("/token") == []


def test_threads_renew_once(issuer, settings, toy, expired):
    expired()
    issuer.refresh_delay = 0.2
    session = Session(settings, credentials=credentials_for(toy, settings))
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(json_of(session.get(f"{issuer.url}/v1/thing"))))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [{"thing": 1}] * 20
    assert len(issuer.asked("/token")) == 1


def test_threads_meet_a_401_once(issuer, settings, toy, stored):
    stored()
    issuer.access_tokens.clear()
    issuer.refresh_delay = 0.2
    session = Session(settings, credentials=credentials_for(toy, settings))
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(json_of(session.get(f"{issuer.url}/v1/thing"))))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [{"thing": 1}] * 20
    assert len(issuer.asked("/token")) == 1


FORKED_IN_A_RENEWAL = """
import os, sys, threading, time
from hca_base.auth import credentials_for
from hca_base.http import Session, json_of
from hca_base.plugins import CredentialScheme, Service
toy = Service(name="toy", credentials=CredentialScheme(kind="oauth2"))
settings = {"services.toy.url": sys.argv[1] + "/v1/swagger.json", "auth.store": "file"}
session = Session(settings, credentials=credentials_for(toy, settings))
ask = lambda: json_of(session.get(sys.argv[1] + "/v1/thing"))["thing"]
thread = threading.Thread(target=lambda: os.write(1, f"parent {ask()}\\n".encode()))
thread.start()
time.sleep(1.0)  # by now the thread renews, and holds the locks of the provider and of the store
if os.fork() == 0:
    os.write(1, f"child {ask()}\\n".encode())
    os._exit(0)
thread.join()
os.write(1, f"exit {os.waitstatus_to_exitcode(os.wait()[1])}\\n".encode())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only on POSIX")
def test_a_fork_in_the_middle_of_a_renewal_asks_with_a_token_of_its_own(issuer, settings, expired):
    expired()
    issuer.refresh_delay = 2.0
    words = [sys.executable, "-c", FORKED_IN_A_RENEWAL, issuer.url]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100)
    assert done.stderr == ""
    assert sorted(done.stdout.splitlines()) == ["child 1", "exit 0", "parent 1"]
    # The child waits for the parent's refresh, like any other process.
    assert len(issuer.asked("/token")) == 1


FIFTY = """
import os, sys
from hca_base.auth import credentials_for
from hca_base.http import Session, json_of
from hca_base.plugins import CredentialScheme, Service
toy = Service(name="toy", credentials=CredentialScheme(kind="oauth2"))
settings = {"services.toy.url": sys.argv[1] + "/v1/swagger.json", "auth.store": sys.argv[2]}
Session().transport  # what is imported now need not be imported fifty times
gate, key = os.pipe()
for _ in range(50):
    if os.fork() == 0:
        os.close(key)
        os.read(gate, 1)
        session = Session(settings, credentials=credentials_for(toy, settings))
        thing = json_of(session.get(sys.argv[1] + "/v1/thing"))["thing"]
        os.write(1, f"{thing}\\n".encode())
        os._exit(0)
os.close(key)
for _ in range(50):
    os.wait()
"""


def run_fifty(issuer, place):
    """Fifty processes started at the same moment; their output."""
    done = subprocess.run([sys.executable, "-c", FIFTY, issuer.url, place], capture_output=True, text=True, timeout=150)
    assert done.stderr == ""
    return done.stdout.split()


def test_fifty_processes_renew_once(issuer, settings, expired):
    expired()
    issuer.refresh_delay = 0.3
    assert run_fifty(issuer, "file") == ["1"] * 50
    assert len(issuer.asked("/token")) == 1
    assert len(issuer.asked("/v1/thing")) == 50


@pytest.mark.slow
def test_fifty_processes_meet_a_401_once(issuer, settings, stored):
    stored()
    issuer.access_tokens.clear()
    assert run_fifty(issuer, "file") == ["1"] * 50
    assert len(issuer.asked("/token")) == 1


def test_fifty_processes_and_a_revoked_login(issuer, settings, toy, expired):
    """One of them gets the error from the issuer, the others from the store."""
    expired()
    issuer.refresh_tokens.clear()
    failures = []

    def ask():
        try:
            thing(issuer, settings, toy)
        except AuthError as error:
            failures.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 10
    assert len(issuer.asked("/token")) == 1


def test_a_long_download_outlives_its_token(issuer, settings, toy, stored):
    issuer.lifetime = 1.0
    stored(expires_at=time.time() + 1.0, lifetime=1.0)
    session = Session(settings, credentials=credentials_for(toy, settings))
    deadline = time.monotonic() + 2.5
    while time.monotonic() < deadline:
        assert json_of(session.get(f"{issuer.url}/v1/thing")) == {"thing": 1}
        time.sleep(0.1)
    assert len(issuer.asked("/token")) >= 2


def test_a_keyring_that_locks_in_between_does_not_lose_the_new_token(
    issuer, settings, toy, expired, keyring_backend, home
):
    """The old refresh token is invalid: if the new one cannot be stored in the keyring, it is stored in the file."""
    settings.pop("auth.store")
    backend = keyring_backend("Working")
    expired()
    assert open_store(settings).place_of("default/toy") == "keyring"
    credentials = credentials_for(toy, settings)
    credentials.describe()

    def refuse(*args):
        from keyring.errors import KeyringLocked

        raise KeyringLocked()

    backend.set_password = refuse
    assert credentials.headers_for(issuer.url)["Authorization"].startswith("Bearer canary-access")
    assert open_store(settings).get("default/toy")["refresh_token"] in issuer.refresh_tokens
    assert "tokens.json" in open_store(settings).place_of("default/toy")
