"""``hca dss login`` with the embedded deployment in a real browser, with simulated clicks.

Chromium is driven over its debugging pipe: it enforces the pages' own policies, and reports violations.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from hca_local.server import Deployment

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("oidc-chromium")]

HCA = [sys.executable, "-m", "hca_base"]


class Browser:
    """Headless Chromium with one page."""

    def __init__(self, program: str, folder: Path) -> None:
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        self.folder = folder
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        # Chromium reads commands from descriptor 3, and writes responses to descriptor 4.
        script = f'exec "$@" 3<&{to_read} 4>&{to_write}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, "sh", program, *options, f"--user-data-dir={folder}", "--remote-debugging-pipe"],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._numbers = itertools.count(1)
        self._buffer = b""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, *, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session is not None or hasattr(self, "_session"):
            message["sessionId"] = session or self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._buffer:
                piece = os.read(self._read, 1 << 20)
                assert piece, "Chromium has ended"
                self._buffer += piece
            raw, _, self._buffer = self._buffer.partition(b"\0")
            answer: dict[str, Any] = json.loads(raw)
            if answer.get("id") == number:
                # Between two pages, a target briefly has none.
                if "Not attached to an active page" in str(answer.get("error")):
                    time.sleep(0.1)
                    return self.call(method, session=session, **parameters)
                assert "error" not in answer, answer
                return dict(answer["result"])
            self.events.append(answer)

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def script(self, text: str) -> Any:
        return self.call("Runtime.evaluate", expression=text, returnByValue=True)["result"].get("value")

    def wait(self, text: str) -> None:
        """Wait until the page shows a text."""
        deadline = time.monotonic() + 60
        while text not in (self.script("document.body ? document.body.innerText : ''") or ""):
            assert time.monotonic() < deadline, (self.script("document.body.innerText"), self.complaints)
            time.sleep(0.1)

    def choose(self, person: str, decision: str) -> None:
        """Wait for the login page, and click."""
        self.wait("Who are you?")
        self.script(f"document.querySelector('input[value={person}]').click()")
        self.script(f"document.querySelector('button[value={decision}]').click()")

    @property
    def frames(self) -> str:
        """The content of the page's frames; those of other sites have a separate process."""
        shown = []
        for target in self.call("Target.getTargets")["targetInfos"]:
            if target["type"] == "iframe":
                session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
                text = "document.body ? document.body.innerText : ''"
                answer = self.call("Runtime.evaluate", session=session, expression=text, returnByValue=True)
                shown.append(str(answer["result"].get("value")))
        return "\n".join(shown)

    @property
    def complaints(self) -> list[str]:
        """Policy violations reported by the browser."""
        entries = [event["params"]["entry"] for event in self.events if event.get("method") == "Log.entryAdded"]
        # Our pages have no icon; the one on the loopback port reports that.
        return [entry["text"] for entry in entries if "favicon" not in str(entry.get("url"))]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        os.close(self._read)
        os.close(self._write)


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((found for name in names if (found := shutil.which(name))), None)
    if program is None or os.name == "nt":
        pytest.skip("Chromium is not at hand")
    browser = Browser(program, tmp_path / "chromium")
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(tmp_path_factory.mktemp("chromium"), device_interval=0.5, access_token_ttl=5) as running:
        yield running


Start = Callable[..., Any]


@pytest.fixture
def start(tmp_path: Path, deployment: Deployment) -> Start:
    """Run ``hca`` in a terminal."""
    home = tmp_path / "home"
    home.mkdir()
    config = home / ".config" / "hca" / "config.json"
    config.parent.mkdir(parents=True)
    url = f"{deployment.api_url}/v1/swagger.json"
    config.write_text(json.dumps({"DSSClient": {"swagger_url": url}, "auth": {"store": "file"}}))
    shown = home / "shown.txt"
    opener = home / "browser.sh"
    opener.write_text(f'#!/bin/sh\necho "$1" > "{shown}.new" && mv "{shown}.new" "{shown}"\n')
    opener.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HCA_", "XDG_", "GOOGLE_"))}
    env = {**kept, "HOME": str(home), "BROWSER": f"{opener} %s", "HCA_SITE_CONFIG": str(home / "none.json")}

    def run(*words: str) -> Any:
        child = pexpect.spawn(HCA[0], [*HCA[1:], *words], env=env, cwd=str(home), encoding="utf-8", timeout=90)
        child.setwinsize(50, 1000)
        child.shown = shown
        return child

    return run


def opened(child: Any) -> str:
    """The URL that the user's browser was asked to open."""
    deadline = time.monotonic() + 60
    while not child.shown.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return str(child.shown.read_text().strip())


def end(child: Any, code: int = 0) -> None:
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == code


def test_login(start: Start, chromium: Browser) -> None:
    child = start("dss", "login")
    chromium.open(opened(child))
    chromium.choose("admin", "allow")
    chromium.wait("You are logged in")
    child.expect("Storing access credentials")
    end(child)
    assert chromium.complaints == []
    # The URL with the code is replaced in the address bar immediately after use; nothing frames or stores it.
    child = start("dss", "get-subscriptions", "--replica", "aws")
    child.expect("subscriptions")
    end(child)
    time.sleep(6)
    child = start("dss", "get-subscriptions", "--replica", "aws")
    child.expect("subscriptions")
    end(child)
    child = start("auth", "status", "dss", "-f", "json")
    child.expect("admin@example.org")
    end(child)


def test_deny(start: Start, chromium: Browser) -> None:
    child = start("dss", "login")
    chromium.open(opened(child))
    chromium.choose("user", "deny")
    chromium.wait("The login failed")
    child.expect("the login was denied")
    end(child, 3)
    assert chromium.complaints == []


def test_remote(start: Start, chromium: Browser) -> None:
    child = start("dss", "login", "--remote")
    child.expect(r"Open this page in any browser.*\s(http://\S+)\s")
    chromium.open(child.match.group(1))
    chromium.choose("user", "allow")
    # Nothing listens there; the user copies the URL from the browser's address bar.
    deadline = time.monotonic() + 60
    while True:
        history = chromium.call("Page.getNavigationHistory")
        address = history["entries"][history["currentIndex"]]["url"]
        if "code=" in address and address.startswith("http://127.0.0.1/"):
            break
        assert time.monotonic() < deadline, address
        time.sleep(0.1)
    child.expect("Address or code: ")
    child.sendline(address)
    child.expect("Storing access credentials")
    end(child)


def test_device(start: Start, chromium: Browser) -> None:
    child = start("dss", "login", "--device")
    child.expect(r"open (http://\S+/auth/device)\s")
    chromium.open(child.match.group(1))
    child.expect(r"enter the code: ([A-Z-]+)")
    chromium.wait("The code that the program shows")
    chromium.script(f"document.querySelector('input[name=user_code]').value = '{child.match.group(1).lower()}'")
    chromium.script("document.querySelector('button').click()")
    chromium.choose("user", "allow")
    chromium.wait("You are logged in")
    child.expect("Storing access credentials")
    end(child)
    assert chromium.complaints == []


def test_other_pages_can_neither_frame_the_login_nor_send_its_form(
    start: Start, chromium: Browser, tmp_path: Path, deployment: Deployment
) -> None:
    child = start("dss", "login", "--no-browser", "--timeout", "60")
    child.expect(r"\s(http://127\S+/auth/authorize\S+)\s")
    url = child.match.group(1)
    page = tmp_path / "evil.html"
    page.write_text(
        f"<body>evil<iframe src={json.dumps(url)}></iframe>"
        f"<iframe src={json.dumps(deployment.api_url + '/v1/swagger.json')}></iframe>"
        f"<form method=post action={json.dumps(url)}><input name=decision value=allow><input name=person value=admin>"
        "<button>win</button></form></body>"
    )
    # This browser has visited the login page: it has its cookie.
    chromium.open(url)
    chromium.wait("Who are you?")
    chromium.open(page.as_uri())
    chromium.wait("evil")
    deadline = time.monotonic() + 60
    # A page that allows framing, to show that the other one would be displayed.
    while '"swagger"' not in chromium.frames or "refused to connect" not in chromium.frames:
        assert time.monotonic() < deadline, chromium.frames
        time.sleep(0.1)
    assert "Who are you?" not in chromium.frames
    chromium.script("document.querySelector('button').click()")
    chromium.wait("That did not work")
    child.sendintr()
    end(child, 130)
