"""The commands as a user types them: hca login, logout, auth status, auth token, auth set-key."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import socket
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pexpect
import pytest

from tests.lib import Runner

HCA = [sys.executable, "-m", "hca_base"]

VISIT = """
import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=30).read()
"""


@pytest.fixture
def configured(issuer, home):
    """The user's settings: a service called toy at the issuer's URL."""
    folder = home / "config" / "hca"
    folder.mkdir(parents=True)
    settings = {
        "services": {
            "toy": {
                "url": f"{issuer.url}/v1/swagger.json",
                "credentials": {
                    "kind": "oauth2",
                    "scopes": ["openid", "email", "offline_access"],
                    "client_settings_path": "/internal/application_secrets",
                },
            }
        },
        "auth": {"store": "file"},
    }
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "config.json").chmod(0o600)
    return settings


@pytest.fixture
def known(configured):
    """The settings, with the service's document downloaded."""
    hca("service", "refresh", "toy")


def hca(*arguments, stdin="", environment=None, code=0, traceback=False):
    return Runner.here()(*arguments, stdin=stdin, env=environment, check=code, traceback=traceback)


def status(*arguments):
    (row,) = [
        row for row in json.loads(hca("auth", "status", "-f", "json", *arguments).stdout) if row["service"] == "toy"
    ]
    return row


def test_a_token_from_stdin(issuer, configured, home):
    token = issuer.issue()["access_token"]
    done = hca("login", "toy", "--access-token", "-", stdin=token + "\n")
    assert done.stdout == "Storing access credentials\n"
    assert "warning" not in done.stderr
    assert token not in done.stdout + done.stderr
    assert hca("auth", "token", "toy").stdout == token + "\n"
    assert json.loads(hca("toy", "get-thing").stdout) == {"thing": 1}
    file = home / "state" / "hca" / "auth" / "tokens.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "logged out" in hca("logout", "toy").stderr
    assert "nothing was stored" in hca("logout", "toy").stderr
    assert hca("auth", "token", "toy", code=3).stdout == ""


def test_a_token_as_an_argument_warns(issuer, configured):
    done = hca("login", "toy", "--access-token", "canary-0123456789")
    assert done.stdout == "Storing access credentials\n"
    assert "shows the token to every user" in done.stderr
    assert "the token was not checked" in done.stderr
    assert "canary" not in done.stderr


@pytest.mark.parametrize(
    ("refusal", "made", "told"),
    [
        (None, "canary-opaque", "{issuer} offers no way"),
        (401, "known", "{issuer} confirmed the token of u1"),
        (403, "canary-opaque", "127.0.0.1 does not tell (status 403)"),
        (500, "canary-opaque", "127.0.0.1 does not tell (status 500)"),
        (401, "foreign", "another issuer than {issuer} made it"),
    ],
)
def test_a_token_is_checked_where_its_issuer_offers_that(issuer, configured, refusal, made, told):
    issuer.userinfo_refusal = refusal
    token = {"known": issuer.issue()["access_token"], "foreign": jwt(iss="http://127.0.0.1:9")}.get(made, made)
    done = hca("login", "toy", "--access-token", "-", stdin=token)
    assert told.format(issuer=issuer.url) in done.stderr
    assert ("not checked" in done.stderr) == (made != "known")
    assert "logged in" not in done.stderr
    # One request, and none for tokens of other issuers.
    assert len(issuer.asked("/userinfo")) == (refusal is not None and made != "foreign")
    assert hca("auth", "token", "toy").stdout == token + "\n"


def test_a_token_that_the_issuer_refuses_is_not_stored(issuer, configured):
    issuer.userinfo_refusal = 401
    good = issuer.issue()["access_token"]
    hca("login", "toy", "--access-token", "-", stdin=good)
    done = hca("login", "toy", "--access-token", "-", stdin="canary-bad", code=3)
    assert f"{issuer.url} refused the token" in done.stderr and done.stdout == ""
    assert "canary" not in done.stderr
    assert hca("auth", "token", "toy").stdout == good + "\n"
    # The command from the hint.
    assert "'hca auth set-key toy' stores one without checking it" in done.stderr
    hca("auth", "set-key", "toy", stdin="canary-bad")
    assert hca("auth", "token", "toy").stdout == "canary-bad\n"


def test_a_token_that_has_expired_is_not_stored(issuer, configured):
    issuer.userinfo_refusal = 401
    done = hca("login", "toy", "--access-token", "-", stdin=jwt(iss=issuer.url, exp=1_600_000_000), code=3)
    assert "the token expired at 2020-09-13 12:26:40Z" in done.stderr
    assert issuer.asked("/userinfo") == []
    assert hca("auth", "token", "toy", code=3).stdout == ""


@pytest.mark.slow
def test_an_issuer_that_drips_does_not_hold_up_the_login(issuer, configured):
    """One byte a second: no single read times out, but the response would take minutes."""
    issuer.userinfo_refusal = 401
    issuer.drip = 0.5
    started = time.monotonic()
    done = hca("login", "toy", "--access-token", "-", stdin="canary-opaque")
    assert time.monotonic() - started < 90
    assert "not checked" in done.stderr
    assert hca("auth", "token", "toy").stdout == "canary-opaque\n"


def test_an_identity_is_one_line(issuer, configured):
    issuer.userinfo_refusal = 401
    issuer.subject = "u1\nhca: error: \x1b[31mnothing is right"
    done = hca("login", "toy", "--access-token", "-", stdin=issuer.issue()["access_token"])
    assert "confirmed the token of u1 hca: error: nothing is right" in done.stderr


def jwt(**claims):
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({}, claims)]
    return ".".join([*parts, "canary"])


@pytest.mark.parametrize("arguments", [("login", "toy", "--access-token", "-"), ("auth", "set-key", "toy")])
def test_a_part_of_a_secret_is_not_stored(issuer, configured, arguments):
    done = hca(*arguments, stdin="-----BEGIN KEY-----\ncanary\n-----END KEY-----\n", code=2)
    assert "stdin has more than one line" in done.stderr and "on one line" in done.stderr
    assert hca("auth", "token", "toy", code=3).stdout == ""
    hca(*arguments, stdin="\n  canary-1  \n\n")
    assert hca("auth", "token", "toy").stdout == "canary-1\n"


def test_no_token_at_all(configured):
    assert "stdin has no token" in hca("login", "toy", "--access-token", "-", code=2).stderr
    assert "not a valid access token" in hca("login", "toy", "--access-token", "two words", code=2).stderr


def test_login_with_a_browser(issuer, configured, tmp_path):
    script = tmp_path / "browser.py"
    script.write_text(VISIT)
    done = hca("login", "toy", environment={"BROWSER": f"{sys.executable} {script} %s"})
    assert done.stdout == "Storing access credentials\n"
    assert "logged in to toy as user@example.org" in done.stderr
    assert json.loads(hca("toy", "get-thing").stdout) == {"thing": 1}
    row = status()
    assert row["identity"] == "user@example.org"
    assert row["issuer"] == issuer.url
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", row["expires"])
    assert row["stored in"].endswith("tokens.json")
    assert row["used"] == "stored login: login for default/toy"
    assert "HCA_ACCESS_TOKEN not set" in row["not used"]


def test_login_without_a_browser(issuer, configured):
    child = pexpect.spawn(HCA[0], [*HCA[1:], "login", "toy"], encoding="utf-8", timeout=60)
    child.setwinsize(50, 500)
    child.expect(r"Open this page in a browser on this machine.*\s(http://\S+)\s")
    url = child.match.group(1)
    child.expect("Waiting up to 10 minutes for the login; press Ctrl-C to cancel")
    follow(url)
    child.expect("Storing access credentials")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def follow(url):
    """Open the URL like a browser; return the final URL."""
    while True:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=20)
        connection.request("GET", f"{parts.path}?{parts.query}")
        answer = connection.getresponse()
        if answer.status != 302:
            return url
        url = answer.headers["Location"]
        if urlsplit(url).port is None:
            return url


def test_login_on_another_machine(issuer, configured):
    child = pexpect.spawn(HCA[0], [*HCA[1:], "login", "toy", "--remote"], encoding="utf-8", timeout=60)
    child.setwinsize(50, 500)
    child.expect(r"Open this page in any browser.*\s(http://\S+)\s")
    url = child.match.group(1)
    child.expect("Address or code: ")
    child.sendline(follow(url))
    child.expect("Storing access credentials")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert json.loads(hca("toy", "get-thing").stdout) == {"thing": 1}


def test_login_on_another_machine_with_nothing_pasted(issuer, configured):
    done = hca("login", "toy", "--remote", code=3)
    assert "no code entered" in done.stderr
    assert done.stdout == ""


def test_login_by_device_code(issuer, configured):
    child = pexpect.spawn(HCA[0], [*HCA[1:], "login", "toy", "--device"], encoding="utf-8", timeout=60)
    child.setwinsize(50, 500)
    child.expect(r"open (http://\S+)")
    child.expect("WDJB-MJHT")
    child.expect("Storing access credentials")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_a_denied_login(issuer, configured, tmp_path):
    issuer.deny = True
    script = tmp_path / "browser.py"
    script.write_text(VISIT)
    done = hca("login", "toy", environment={"BROWSER": f"{sys.executable} {script} %s"}, code=3)
    assert "hca: error: the login was denied" in done.stderr
    assert done.stdout == ""


def test_nobody_logs_in(issuer, configured):
    assert "login was not completed" in hca("login", "toy", "--no-browser", "--timeout", "0.5", code=6).stderr


def test_an_expired_login_is_renewed_by_the_next_command(issuer, known, home):
    store_login(issuer, home, expires_at=time.time() - 10)
    assert "renewed at its next use" in status()["used"]
    assert json.loads(hca("toy", "get-thing").stdout) == {"thing": 1}
    assert len(issuer.asked("/token")) == 1


def test_a_revoked_login(issuer, known, home):
    store_login(issuer, home, expires_at=time.time() - 10)
    issuer.refresh_tokens.clear()
    done = hca("toy", "get-thing", code=3)
    assert "has ended" in done.stderr and "hca login toy" in done.stderr
    assert "hca login toy" in status()["not used"]
    assert status()["used"] is None


def store_login(issuer, home, **changes):
    from hca_base.auth import open_store

    answer = issuer.issue()
    record = {
        "kind": "oauth2",
        "hosts": [issuer.url],
        "access_token": answer["access_token"],
        "refresh_token": answer["refresh_token"],
        "token_url": f"{issuer.url}/token",
        "client_id": "toy-client",
        "expires_at": time.time() + 3600,
        "lifetime": 3600,
        "identity": "user@example.org",
        **changes,
    }
    open_store({"auth.store": "file"}).put("default/toy", record)
    return record


def test_profiles_have_logins_of_their_own(issuer, configured, home):
    folder = home / "config" / "hca" / "profiles"
    folder.mkdir()
    (folder / "other.json").write_text("{}")
    token = issuer.issue()["access_token"]
    hca("--profile", "other", "login", "toy", "--access-token", "-", stdin=token)
    assert hca("--profile", "other", "auth", "token", "toy").stdout == token + "\n"
    assert "no credentials" in hca("auth", "token", "toy", code=3).stderr


def test_the_environment_comes_first(issuer, known, home):
    store_login(issuer, home)
    token = issuer.issue()["access_token"]
    environment = {"HCA_ACCESS_TOKEN": token}
    assert hca("auth", "token", "toy", environment=environment).stdout == token + "\n"
    assert json.loads(hca("toy", "get-thing", environment=environment).stdout) == {"thing": 1}
    done = hca("--access-token", "-", "auth", "token", "toy", stdin="explicit-0123456789\n", environment=environment)
    assert done.stdout == "explicit-0123456789\n"


def test_keys(configured, home, issuer):
    path = home / "config" / "hca" / "config.json"
    configured["services"]["keyed"] = {
        "url": f"{issuer.url}/v1/swagger.json",
        "credentials": {"kind": "apikey", "api_key_header": "Api-Key"},
    }
    path.write_text(json.dumps(configured))
    done = hca("auth", "set-key", "keyed", stdin="canary-key-123\n")
    assert done.stdout == "" and "canary" not in done.stderr
    assert hca("auth", "token", "keyed").stdout == "canary-key-123\n"
    hca("auth", "set-key", "keyed", "--from-env", "MY_KEY", environment={"MY_KEY": "canary-key-456"})
    assert hca("auth", "token", "keyed").stdout == "canary-key-456\n"
    assert "not set" in hca("auth", "set-key", "keyed", "--from-env", "NO_KEY", code=2).stderr
    assert "no logins" in hca("login", "keyed", code=2).stderr


def test_a_key_typed_at_a_terminal_is_not_shown(configured, issuer):
    child = pexpect.spawn(HCA[0], [*HCA[1:], "auth", "set-key", "toy"], encoding="utf-8", timeout=60)
    child.expect("Key for toy: ")
    child.sendline("canary-typed-123")
    child.expect(pexpect.EOF)
    shown = child.before
    child.close()
    assert child.exitstatus == 0
    assert "canary" not in shown
    assert hca("auth", "token", "toy").stdout == "canary-typed-123\n"


def test_a_service_that_does_not_exist(configured):
    for command in (["login", "nope"], ["logout", "nope"], ["auth", "token", "nope"], ["auth", "status", "nope"]):
        assert "nope" in hca(*command, code=2).stderr


def test_status_asks_nobody(issuer, configured, home):
    store_login(issuer, home, expires_at=time.time() - 10)
    before = len(issuer.requests)
    hca("auth", "status")
    hca("auth", "status", "toy")
    assert len(issuer.requests) == before


def test_nothing_secret_anywhere(issuer, configured, home, tmp_path):
    """All kinds of credential commands with --debug, including a crash: no byte of a token leaves its store."""
    issuer.client_secret = "canary-client-secret"
    script = tmp_path / "browser.py"
    script.write_text(VISIT)
    log = tmp_path / "log.txt"
    browser = {"BROWSER": f"{sys.executable} {script} %s"}
    options = ["--debug", "--log-file", str(log)]
    outputs = []

    def run(*arguments, code=0, **kwargs):
        done = hca(*options, *arguments, code=code, traceback=True, **kwargs)
        outputs.extend([done.stdout, done.stderr])

    run("login", "toy", environment=browser)
    run("toy", "get-thing")
    issuer.access_tokens.clear()
    run("toy", "get-thing")
    run("auth", "status")
    run("config", "show", "--origin")
    run("--access-token", "-", "toy", "get-thing", stdin="canary-explicit-token\n", code=3)
    run("toy", "get-thing", environment={"HCA_ACCESS_TOKEN": "canary-environment-token"}, code=3)
    issuer.refresh_tokens.clear()
    issuer.access_tokens.clear()
    run("toy", "get-thing", code=3)
    run("logout", "toy")
    run("login", "toy", "--remote", stdin="canary-wrong-code\n", code=3)
    issuer.token_answer = lambda: (200, b"not a token")
    run("login", "toy", environment=browser, code=3)
    issuer.token_answer = lambda: (200, {"access_token": "canary-access-token", "token_type": "Bearer"})
    hca(*options, "login", "toy", environment=browser)
    written = "".join(outputs) + log.read_text()
    assert "> POST" in written
    for file in Path(home).rglob("*"):
        if file.is_file() and file.name != "tokens.json":
            written += file.read_text(errors="replace")
    assert "canary" not in written
    assert "canary" in (home / "state" / "hca" / "auth" / "tokens.json").read_text()


@pytest.fixture
def silent() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    server.stop()


class SilentServer:
    """Accepts connections and never responds.

    :ivar connections: number of connections
    """

    def __init__(self) -> None:
        self.connections = 0
        self._kept: list[socket.socket] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._kept.append(self._socket.accept()[0])
                self.connections += 1

    def stop(self) -> None:
        for each in (self._socket, *self._kept):
            each.close()


@pytest.mark.parametrize("command", [["login", "toy"], ["auth", "set-key", "toy"]])
def test_a_service_that_does_not_answer_is_asked_for_its_document_twice_at_most(
    home: Path, silent: SilentServer, command: list[str]
) -> None:
    hca = Runner.here()
    hca("config", "set", "services.toy.url", f"{silent.url}/openapi.json")
    hca("config", "set", "http.timeout", "[1, 1]")
    done = hca(*command, stdin="key\n", check=None, timeout=60)
    assert silent.connections <= 2
    assert "the document of toy is not available" in done.stderr
    assert (done.returncode == 0) == (command[0] == "auth")


def test_a_host_that_does_not_answer_is_named_and_not_asked_again(home: Path, silent: SilentServer) -> None:
    """The document is cached; the login settings and the discovery document are on the silent host."""
    document = {"openapi": "3.0.3", "info": {"title": "Toy", "version": "1"}, "servers": [{"url": silent.url}]}
    (home / "toy.json").write_text(json.dumps({**document, "paths": {}}))
    credentials = {
        "kind": "oauth2",
        "client_settings_path": "/secrets",
        "authorization_url": f"{silent.url}/oauth/auth",
    }
    service = {"toy": {"url": str(home / "toy.json"), "credentials": credentials}}
    (home / "settings.json").write_text(json.dumps({"services": service, "http": {"timeout": [1, 1]}}))
    hca = Runner.here()
    hca.env["HCA_CONFIG_FILE"] = str(home / "settings.json")
    done = hca("login", "toy", check=3, timeout=60)
    assert silent.connections <= 2
    assert done.error == "no OAuth client is known for toy: 127.0.0.1 does not answer"
