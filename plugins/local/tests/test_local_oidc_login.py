"""``hca dss login`` with the embedded deployment, in all its ways, and all errors on the way.

The browser is a script that acts like a person; a real one is in test_local_oidc_chromium.py.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
import requests
from hca_local.server import Deployment

from tests.lib.oidc_program import Program
from tests.lib.runner import completed

HCA = [sys.executable, "-m", "hca_base"]

#: A browser: opens the page, chooses PERSON, submits DECISION, follows the redirect. WRONG_STATE: changes the state.
BROWSER = r"""
import html, os, re, sys, urllib.error, urllib.parse, urllib.request
from http.cookiejar import CookieJar

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar()))
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None
stay = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay)
url = sys.argv[1]
page = opener.open(url, timeout=60).read().decode()
token = html.unescape(re.search(r'name="form" value="([^"]+)"', page).group(1))
form = {"form": token, "person": os.environ.get("PERSON", "user"), "decision": os.environ.get("DECISION", "allow")}
cookies = urllib.request.Request(url, urllib.parse.urlencode(form).encode())
for handler in opener.handlers:
    if isinstance(handler, urllib.request.HTTPCookieProcessor):
        handler.cookiejar.add_cookie_header(cookies)
try:
    answer = stay.open(cookies, timeout=60)
    print(answer.read().decode())
except urllib.error.HTTPError as error:
    if error.code != 303:
        raise
    where = error.headers["Location"]
    if os.environ.get("WRONG_STATE"):
        where = re.sub(r"state=[^&]*", "state=wrong", where)
    if "--print" in sys.argv:
        print(where)
    else:
        print(opener.open(where, timeout=60).read().decode())
"""

#: On PYTHONPATH, shifts a process's clock by SKEW seconds.
SKEW = """
import os, time
_time, _skew = time.time, float(os.environ.get("SKEW", "0"))
time.time = lambda: _time() + _skew
"""


class Home:
    """A user whose ``hca`` uses a deployment."""

    def __init__(self, folder: Path, deployment: Deployment) -> None:
        self.folder = folder
        self.deployment = deployment
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("HCA_", "XDG_", "GOOGLE_", "PYTHON")) and name not in ("DISPLAY", "WAYLAND_DISPLAY")
        }
        self.env = {
            **kept,
            "PYTHONWARNINGS": "default",
            "HOME": str(folder),
            "HCA_SITE_CONFIG": str(folder / "none.json"),
            "COLUMNS": "200",
        }
        self.configure({})
        script = folder / "browser.py"
        script.write_text(BROWSER)
        self.browser = [sys.executable, str(script)]
        self.env["BROWSER"] = f"{sys.executable} {script} %s"

    def configure(self, settings: dict[str, Any]) -> None:
        path = self.folder / ".config" / "hca" / "config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        url = f"{self.deployment.api_url}/v1/swagger.json"
        path.write_text(json.dumps({"DSSClient": {"swagger_url": url}, "auth": {"store": "file"}, **settings}))

    def connect(self) -> None:
        """The state after ``hca local start``: the profile ``local`` is active, with its tokens and keys."""
        settings = self.deployment.settings
        code = (
            "from pathlib import Path\nfrom hca_local.server import Settings\n"
            "from hca_local.server.profile import connect\n"
            f"folder = Path({str(settings.data_dir)!r})\n"
            f"connect(Settings(folder, api_port={settings.api_port}, s3_port={settings.s3_port}))\n"
        )
        subprocess.run([sys.executable, "-c", code], env=self.env, check=True, timeout=60)

    def run(self, *arguments: str, code: int | None = 0, stdin: str = "", **env: str) -> Any:
        found = completed([*HCA, *arguments], stdin=stdin.encode(), env={**self.env, **env}, cwd=self.folder)
        done = subprocess.CompletedProcess(
            found.args, found.returncode, found.stdout.decode("utf-8"), found.stderr.decode("utf-8")
        )
        assert code is None or done.returncode == code, done.stdout + done.stderr
        return done

    def spawn(self, *arguments: str) -> pexpect.spawn[str]:
        child = pexpect.spawn(
            HCA[0], [*HCA[1:], *arguments], encoding="utf-8", timeout=60, env=self.env, cwd=str(self.folder)
        )
        child.setwinsize(50, 1000)
        return child

    def visit(self, url: str, *options: str, **env: str) -> str:
        """Open a page in the browser; return the final page, or with --print its URL."""
        done = subprocess.run(
            [*self.browser, url, *options], capture_output=True, text=True, timeout=60, env={**self.env, **env}
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @property
    def tokens(self) -> Path:
        return self.folder / ".local" / "state" / "hca" / "auth" / "tokens.json"

    def record(self) -> dict[str, Any]:
        return self.store().get("default/dss") or {}

    def store(self) -> Any:
        from hca_base.auth import TokenStore

        return TokenStore("file", path=self.tokens)

    def status(self, **env: str) -> dict[str, Any]:
        (row,) = json.loads(self.run("auth", "status", "dss", "-f", "json", **env).stdout)
        return row

    def works(self, **env: str) -> None:
        """A request that requires a token."""
        done = self.run("dss", "get-subscriptions", "--replica", "aws", **env)
        assert json.loads(done.stdout) == {"subscriptions": []}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(tmp_path_factory.mktemp("login"), device_interval=0.3) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, deployment: Deployment) -> Home:
    (tmp_path / "home").mkdir()
    return Home(tmp_path / "home", deployment)


def test_in_the_browser(home: Home, deployment: Deployment) -> None:
    home.run("dss", "get-subscriptions", "--replica", "aws", code=3)
    done = home.run("dss", "login", PERSON="other")
    assert done.stdout == "Storing access credentials\n"
    home.works()
    row = home.status()
    assert row["identity"] == "other@example.org"
    assert row["issuer"] == f"{deployment.api_url}/auth"
    assert row["expires"] and row["stored in"] == str(home.tokens)
    assert row["used"] == "stored login: login for default/dss"
    record = home.record()
    assert record["refresh_token"] and record["revocation_url"] == f"{deployment.api_url}/auth/revoke"
    # Logging out also ends the login at the provider.
    home.run("dss", "logout")
    assert home.status()["used"] is None
    bearer = {"Authorization": f"Bearer {record['access_token']}"}
    assert requests.get(f"{deployment.api_url}/auth/userinfo", headers=bearer, timeout=30).status_code == 401


@pytest.mark.slow
def test_the_cores_command_does_the_same(home: Home) -> None:
    assert "logged in to dss as admin@example.org" in home.run("login", "dss", PERSON="admin").stderr
    home.works()


@pytest.mark.parametrize("command", [("dss", "login"), ("login", "dss")])
def test_a_token_of_ones_own_is_checked_at_the_provider(
    home: Home, deployment: Deployment, command: tuple[str]
) -> None:
    program = Program(deployment.api_url)
    token = program.login("other")
    store = [*command, "--access-token", "-"]
    done = home.run(*store, stdin=token["access_token"])
    assert f"{deployment.api_url}/auth confirmed the token of other@example.org" in done.stderr
    home.works()
    assert program.ask("revoke", token=token["refresh_token"]).status_code == 200
    home.run("dss", "logout")
    done = home.run(*store, stdin=token["access_token"], code=3)
    assert f"{deployment.api_url}/auth refused the token" in done.stderr and done.stdout == ""
    assert not home.record()
    done = home.run(*store, stdin=deployment.token("badiss"))
    assert "the token was not checked: another issuer" in done.stderr and "logged in" not in done.stderr


def test_as_a_public_client(home: Home) -> None:
    url = f"{home.deployment.api_url}/v1/swagger.json"
    home.configure({"DSSClient": {"swagger_url": url, "auth": {"client_id": "hca-local-public"}}})
    home.run("dss", "login")
    assert "client_secret" not in home.record()
    home.works()


def test_the_user_denies(home: Home) -> None:
    done = home.run("dss", "login", code=3, DECISION="deny")
    assert "the login was denied" in done.stderr and done.stdout == ""
    assert not home.record()


def test_a_wrong_state(home: Home) -> None:
    done = home.run("dss", "login", code=3, WRONG_STATE="1")
    assert "wrong state" in done.stderr
    assert not home.record()


def test_a_port_that_is_busy(home: Home) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = home.run("--config", f"auth.redirect_port={port}", "dss", "login", code=3)
    assert f"port {port} is in use" in done.stderr and "--remote" in done.stderr
    home.run("--config", f"auth.redirect_port={port}", "dss", "login")


def test_no_browser(home: Home) -> None:
    del home.env["BROWSER"]
    child = home.spawn("dss", "login")
    child.expect(r"Open this page in a browser on this machine.*\s(http://\S+)\s")
    assert "You are logged in" in home.visit(child.match.group(1))
    finish(child)
    home.works()


@pytest.mark.slow
def test_a_browser_that_does_not_start(home: Home) -> None:
    home.env["BROWSER"] = "/no/such/browser %s"
    child = home.spawn("dss", "login")
    child.expect(r"Open this page in a browser on this machine.*\s(http://\S+)\s")
    home.visit(child.match.group(1))
    finish(child)


def finish(child: Any) -> None:
    child.expect("Storing access credentials")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


@pytest.mark.parametrize("paste", ["address", pytest.param("code", marks=pytest.mark.slow)])
def test_remote(home: Home, paste: str) -> None:
    child = home.spawn("dss", "login", "--remote")
    child.expect(r"Open this page in any browser.*\s(http://\S+)\s")
    url = child.match.group(1)
    child.expect("Address or code: ")
    sent = home.visit(url, "--print")
    child.sendline(sent if paste == "address" else sent.partition("code=")[2].partition("&")[0])
    finish(child)
    home.works()


@pytest.mark.slow
def test_remote_and_the_user_denies(home: Home) -> None:
    child = home.spawn("dss", "login", "--remote")
    child.expect(r"Open this page in any browser.*\s(http://\S+)\s")
    url = child.match.group(1)
    child.expect("Address or code: ")
    child.sendline(home.visit(url, "--print", DECISION="deny"))
    child.expect("the login was denied")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 3


@pytest.mark.slow
def test_remote_with_the_answer_of_another_login(home: Home) -> None:
    child = home.spawn("dss", "login", "--remote")
    child.expect(r"Open this page in any browser.*\s(http://\S+)\s")
    url = child.match.group(1)
    child.expect("Address or code: ")
    child.sendline(home.visit(url, "--print", WRONG_STATE="1"))
    child.expect("wrong state")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 3


def test_by_device_code(home: Home) -> None:
    child = home.spawn("dss", "login", "--device")
    child.expect(r"open (http://\S+/auth/device)\s")
    page = child.match.group(1)
    child.expect(r"enter the code: ([A-Z-]+)")
    code = child.match.group(1)
    assert "You are logged in" in home.visit(f"{page}?user_code={code.lower()}", PERSON="admin")
    finish(child)
    assert home.status()["identity"] == "admin@example.org"
    home.works()


@pytest.mark.slow
def test_by_device_code_and_the_user_denies(home: Home) -> None:
    child = home.spawn("dss", "login", "--device")
    child.expect(r"\(or open (http://[^\s)]+)\)")
    assert "Denied" in home.visit(child.match.group(1), DECISION="deny")
    child.expect("the login was denied")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 3


def test_nobody_logs_in(home: Home) -> None:
    for way in ("--device", "--no-browser"):
        assert "login was not completed" in home.run("dss", "login", way, "--timeout", "0.5", code=6).stderr


@pytest.mark.parametrize(
    "name", ["expired", *(pytest.param(name, marks=pytest.mark.slow) for name in ("badaud", "badiss", "stranger"))]
)
def test_people_whom_the_service_refuses(home: Home, name: str) -> None:
    home.run("dss", "login", PERSON=name)
    done = home.run("dss", "get-subscriptions", "--replica", "aws", code=None)
    assert done.returncode in (3, 5) and "Traceback" not in done.stderr
    # One refresh at most: another would not help.
    assert len(done.stderr) < 2000


def test_an_expired_token_is_renewed(home: Home) -> None:
    home.run("dss", "login")
    before = home.record()
    home.store().put("default/dss", {**before, "expires_at": time.time() - 1})
    assert "renewed at its next use" in home.status()["used"]
    home.works()
    after = home.record()
    assert after["access_token"] != before["access_token"] and after["refresh_token"] != before["refresh_token"]
    home.works()


def test_a_token_that_the_service_refuses_is_renewed(home: Home) -> None:
    home.run("dss", "login")
    before = home.record()
    home.store().put("default/dss", {**before, "access_token": home.deployment.token("expired")})
    home.works()
    assert home.record()["refresh_token"] != before["refresh_token"]


def test_a_login_that_was_revoked_elsewhere(home: Home) -> None:
    home.run("dss", "login")
    record = home.record()
    form = {"token": record["refresh_token"], "client_id": "hca-local", "client_secret": "not-a-secret"}
    assert requests.post(record["revocation_url"], data=form, timeout=30).status_code == 200
    done = home.run("dss", "get-subscriptions", "--replica", "aws", code=3)
    assert "has ended" in done.stderr and "hca login dss" in done.stderr
    row = home.status()
    assert row["used"] is None and "hca login dss" in row["not used"]
    home.run("dss", "login")
    home.works()


def test_a_stolen_refresh_token(home: Home) -> None:
    """An attacker used the refresh token first: the second use, here the owner's, ends the login for both."""
    home.run("dss", "login")
    record = home.record()
    form = {"grant_type": "refresh_token", "refresh_token": record["refresh_token"]}
    form |= {"client_id": "hca-local", "client_secret": "not-a-secret"}
    stolen = requests.post(record["token_url"], data=form, timeout=30).json()
    home.store().put("default/dss", {**record, "expires_at": time.time() - 1})
    assert "has ended" in home.run("dss", "get-subscriptions", "--replica", "aws", code=3).stderr
    form["refresh_token"] = stolen["refresh_token"]
    assert requests.post(record["token_url"], data=form, timeout=30).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("skew", [pytest.param(-300, marks=pytest.mark.slow), 300])
def test_clocks_that_differ_by_five_minutes(home: Home, skew: int) -> None:
    (home.folder / "skewed").mkdir()
    (home.folder / "skewed" / "sitecustomize.py").write_text(SKEW)
    home.env |= {"PYTHONPATH": str(home.folder / "skewed"), "SKEW": str(skew)}
    home.run("dss", "login")
    record = home.record()
    assert abs(record["obtained_at"] - time.time() - skew) < 60
    home.works()
    assert home.record()["access_token"] == record["access_token"]
    home.store().put("default/dss", {**record, "expires_at": time.time() + skew - 1})
    home.works()
    assert home.record()["access_token"] != record["access_token"]


def test_every_process_may_renew(home: Home) -> None:
    """The provider ends a login when a refresh token is used twice: concurrent requests must not cause that."""
    home.run("dss", "login")
    record = home.record()
    home.store().put("default/dss", {**record, "expires_at": time.time() - 1})
    failures: list[str] = []

    def ask() -> None:
        done = home.run("dss", "get-subscriptions", "--replica", "aws", code=None)
        if done.returncode:
            failures.append(done.stderr)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []


def test_a_long_job_outlives_its_token(tmp_path: Path) -> None:
    """Tokens valid for two seconds, and a longer job: each of its requests has a valid one."""
    with Deployment(tmp_path / "data", access_token_ttl=2) as running:
        (tmp_path / "home").mkdir()
        home = Home(tmp_path / "home", running)
        home.run("dss", "login")
        first = home.record()["access_token"]
        code = (
            "import time, hca_base\n"
            "client = hca_base.client('dss')\n"
            "until = time.monotonic() + 6\n"
            "while time.monotonic() < until:\n"
            "    assert client.get_subscriptions(replica='aws') == {'subscriptions': []}\n"
            "    time.sleep(0.2)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], env=home.env, cwd=home.folder, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert home.record()["access_token"] != first
        home.works()


@pytest.mark.slow
def test_a_long_upload_and_download_outlive_their_token(tmp_path: Path) -> None:
    """Tokens valid for a second; the upload registers each file with one, and waits for the service's copies."""
    with Deployment(tmp_path / "data", access_token_ttl=1, simulate_waits=1) as running:
        (tmp_path / "home").mkdir()
        home = Home(tmp_path / "home", running)
        home.connect()
        home.run("dss", "login")
        first = home.store().get("local/dss")["access_token"]
        (home.folder / "files").mkdir()
        count = 150  # takes some seconds
        for number in range(count):
            (home.folder / "files" / f"part-{number}.bin").write_bytes(os.urandom(20_000))
        done = home.run("dss", "upload", "--src-dir", "files", "--replica", "aws", "--staging-bucket", "dss-staging")
        bundle = json.loads(done.stdout)["bundle_uuid"]
        assert home.store().get("local/dss")["access_token"] != first
        home.run("dss", "download", "--bundle-uuid", bundle, "--replica", "aws", "--download-dir", "got")
        found = {path.name for path in (home.folder / "got").rglob("part-*.bin")}
        assert found == {f"part-{number}.bin" for number in range(count)}
        home.works()


def test_status_of_all_services(tmp_path: Path) -> None:
    """The user's identity for each service of a deployment connected by ``hca local start``."""
    with Deployment(tmp_path / "data") as running:
        (tmp_path / "home").mkdir()
        home = Home(tmp_path / "home", running)
        home.connect()
        rows = {row["service"]: row for row in json.loads(home.run("auth", "status", "-f", "json").stdout)}
        dss = rows["dss"]
        assert dss["identity"] == "user@example.org" and dss["issuer"] == f"{running.api_url}/auth"
        assert dss["expires"] and dss["used"] == "stored login: token for local/dss"
        assert "HCA_ACCESS_TOKEN not set" in dss["not used"]
        assert "GOOGLE_APPLICATION_CREDENTIALS" in dss["not used"]
        upload = rows["upload"]
        assert upload["used"] == "stored login: API key for local/upload"
        for row in rows.values():
            assert set(row) == {"service", "scheme", "identity", "issuer", "expires", "stored in", "used", "not used"}
            assert row["used"] or row["not used"], row
        # A login replaces the token, in this profile only.
        home.run("dss", "login", PERSON="admin")
        assert home.status()["used"] == "stored login: login for local/dss"
        assert home.status()["identity"] == "admin@example.org"
        row = home.status(HCA_ACCESS_TOKEN=running.token("other"))
        assert row["used"] == "environment: HCA_ACCESS_TOKEN" and row["identity"] == "other@example.org"
