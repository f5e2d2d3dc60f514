"""Logins at an independent OpenID provider in a real browser: npm's oidc-provider and headless Chromium."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import pexpect
import pytest
import requests

from hca_base.auth import credentials_for, jwt_claims, open_store
from hca_base.errors import AuthError
from hca_base.http import Session, json_of
from hca_base.plugins import CredentialScheme, Service

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("oidc-provider")]

HCA = [sys.executable, "-m", "hca_base"]
FOLDER = Path(__file__).parent / "oidc"
PACKAGE = "oidc-provider@9"


def chromium():
    return next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )


@pytest.fixture(scope="module")
def modules(npm_install):
    """The folder with the npm packages."""
    if shutil.which("node") is None:
        pytest.skip("npm is not at hand")
    return npm_install(PACKAGE)


@pytest.fixture
def provider(modules, home):
    """Start providers: ``provider(life=..., deny=...)`` returns the URL of one."""
    running = []

    def start(life=3600, deny=False):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen(
            ["node", str(FOLDER / "provider.mjs"), str(port), str(life), "deny" if deny else ""],
            env={**os.environ, "OIDC_MODULES": str(modules)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        running.append(process)
        assert process.stdout.readline() == "listening\n"
        url = f"http://127.0.0.1:{port}"
        configure(home, url)
        return url

    yield start
    for process in running:
        process.terminate()
        process.wait(30)


def configure(home, url):
    folder = home / "config" / "hca"
    folder.mkdir(parents=True, exist_ok=True)
    service = {
        "url": f"{url}/swagger.json",
        "credentials": {"kind": "oauth2", "scopes": ["openid", "email", "offline_access"]},
        "auth": {"client_id": "toy-client", "issuer": url},
    }
    (folder / "config.json").write_text(json.dumps({"services": {"toy": service}, "auth": {"store": "file"}}))


@pytest.fixture
def browser(tmp_path):
    """A command for $BROWSER in which Chromium submits all pages, and exits."""
    found = chromium()
    if found is None:
        pytest.skip("Chromium is not at hand")
    script = tmp_path / "browser.sh"
    script.write_text(
        "#!/bin/sh\n"
        f'exec timeout 90 "{found}" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run '
        f'--user-data-dir="{tmp_path}/chromium" --virtual-time-budget=20000 --dump-dom "$1" '
        f'> "{tmp_path}/page.html" 2> "{tmp_path}/chromium.log"\n'
    )
    script.chmod(0o755)
    return script


def settings(url):
    return {"services.toy.url": f"{url}/swagger.json", "auth.store": "file"}


TOY = Service(name="toy", credentials=CredentialScheme(kind="oauth2"))


def who(url):
    """The identity that the provider reports."""
    session = Session({**settings(url), "http.retries": 0}, credentials=credentials_for(TOY, settings(url)))
    return json_of(session.get(f"{url}/me"))["email"]


def login(browser, *options, code=0):
    done = subprocess.run(
        [*HCA, "login", "toy", *options],
        env={**os.environ, "BROWSER": f"{browser} %s"},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == code, done.stderr
    return done


def test_login_in_chromium(provider, browser, tmp_path):
    url = provider()
    done = login(browser)
    assert done.stdout == "Storing access credentials\n"
    assert "logged in to toy as somebody" in done.stderr
    assert who(url) == "somebody@example.org"
    record = open_store(settings(url)).get("default/toy")
    assert record["refresh_token"] and record["issuer"] == url
    deadline = time.monotonic() + 60
    while "You are logged in" not in (tmp_path / "page.html").read_text() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert "You are logged in" in (tmp_path / "page.html").read_text()


def test_refresh_with_rotation(provider, browser):
    url = provider(life=2)
    login(browser)
    first = open_store(settings(url)).get("default/toy")
    time.sleep(2.5)
    assert who(url) == "somebody@example.org"
    second = open_store(settings(url)).get("default/toy")
    assert second["access_token"] != first["access_token"]
    assert second["refresh_token"] != first["refresh_token"]
    time.sleep(2.5)
    assert who(url) == "somebody@example.org"


def test_logout_revokes(provider, browser):
    url = provider()
    login(browser)
    record = open_store(settings(url)).get("default/toy")
    assert subprocess.run([*HCA, "logout", "toy"], capture_output=True, timeout=60).returncode == 0
    # The old tokens are useless to anyone who kept them.
    open_store(settings(url)).put("default/toy", {**record, "expires_at": time.time() - 1})
    with pytest.raises(AuthError, match="has ended"):
        who(url)


def tokens_of(url):
    """The provider's responses to a browser that submits each of its pages."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    client = {"client_id": "toy-client", "redirect_uri": "http://127.0.0.1/"}
    asked = {"response_type": "code", "scope": "openid email", "code_challenge": challenge, **client}
    browser = requests.Session()
    page = browser.get(f"{url}/auth?code_challenge_method=S256&{urlencode(asked)}", allow_redirects=False, timeout=30)
    while not (target := urljoin(page.url, page.headers.get("Location", ""))).startswith("http://127.0.0.1/"):
        form = re.search('action="([^"]+)"', page.text)
        if page.is_redirect:
            page = browser.get(target, allow_redirects=False, timeout=30)
        else:
            page = browser.post(urljoin(url, form[1]), data={"go": "1"}, allow_redirects=False, timeout=30)
    code = parse_qs(urlsplit(target).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, **client}
    return requests.post(f"{url}/token", data=form, timeout=30).json()


def test_a_token_is_checked_at_the_provider(provider):
    url = provider()
    token = tokens_of(url)["access_token"]

    def store(text):
        command = [*HCA, "login", "toy", "--access-token", "-"]
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)

    done = store(token)
    assert done.returncode == 0 and f"{url} confirmed the token of somebody@example.org" in done.stderr
    assert who(url) == "somebody@example.org"
    refused = store("an-invented-token")
    assert refused.returncode == 3 and f"{url} refused the token" in refused.stderr
    assert open_store(settings(url)).get("default/toy")["access_token"] == token


def test_the_user_denies_in_chromium(provider, browser):
    provider(deny=True)
    done = login(browser, code=3)
    assert "the login was denied" in done.stderr
    assert done.stdout == ""


def chromium_at(browser, url):
    return subprocess.run([str(browser), url], timeout=120).returncode


def test_remote_paste(provider, browser, tmp_path):
    """The browser is redirected to a closed port; the user pastes the URL from its address bar."""
    url = provider()
    child = pexpect.spawn(HCA[0], [*HCA[1:], "login", "toy", "--remote"], encoding="utf-8", timeout=120)
    child.setwinsize(50, 2000)
    child.expect(r"Open this page in any browser.*\s(http://\S+)\s")
    page = child.match.group(1)
    child.expect("Address or code: ")
    log = tmp_path / "net.json"
    script = browser.read_text().replace("--dump-dom", f'--dump-dom --log-net-log="{log}"')
    browser.write_text(script)
    chromium_at(browser, page)
    pasted = re.search(r"http://127\.0\.0\.1/\?code=[^\"\\ ]+", log.read_text(errors="replace")).group()
    child.sendline(pasted)
    child.expect("Storing access credentials")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert who(url) == "somebody@example.org"


def test_device_flow(provider, browser):
    url = provider()
    child = pexpect.spawn(HCA[0], [*HCA[1:], "login", "toy", "--device"], encoding="utf-8", timeout=120)
    child.setwinsize(50, 2000)
    child.expect(r"\(or open (http://[^\s)]+)\)")
    chromium_at(browser, child.match.group(1))
    child.expect("Storing access credentials")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert who(url) == "somebody@example.org"
    assert jwt_claims(open_store(settings(url)).get("default/toy")["access_token"]) == {}
