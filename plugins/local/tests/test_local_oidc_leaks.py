"""Secrets are only written to the token store: every kind of command, with --debug, including a crash.

A user is logged in to the embedded deployment, and has the keys of its Upload Service and S3 endpoint. After the
commands of a group every byte of stdout, stderr, the log file and the user's home is searched for all of these.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pexpect
import pytest
from hca_local.server import Deployment

from tests.lib.runner import completed

HCA = [sys.executable, "-m", "hca_base"]
VERSION = "2020-05-21T235543.123456Z"

#: A plugin that misuses tokens, and crashes.
PLUGIN = '''
"""A plugin that crashes."""

import logging

from hca_base.commands import Command


class Crash(Command):
    """Crash with the token in a variable and in the message."""

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        parser.add_argument("how", choices=("message", "cause", "group", "log", "local", "headers", "exit"))
        return parser

    def take_action(self, args):
        client = self.service_client("dss")
        headers = client.credentials.headers_for(client.base_url)
        token = headers["Authorization"].split()[1]
        if args.how == "message":
            raise RuntimeError(f"cannot use {token} (Bearer {token}) at {client.base_url}?token={token}")
        if args.how == "cause":
            try:
                raise KeyError(token)
            except KeyError as error:
                raise ValueError({"headers": headers}) from error
        if args.how == "group":
            raise ExceptionGroup(f"of {token}", [OSError(5, "broken", token), ValueError(token)])
        if args.how == "log":
            logging.getLogger("crashing").error("with %s", headers)
            logging.getLogger("crashing").debug("with %r", client.credentials, exc_info=RuntimeError(token))
            logging.getLogger().warning(token)
            return
        if args.how == "headers":
            client.session.get(f"{client.base_url}/nothing?access_token={token}", headers={"X-Token": token})
        if args.how == "exit":
            raise SystemExit(f"gave up on {token}")
        raise RuntimeError("what is wrong does not matter")
'''


class User:
    """A user with a separate home, and the user's secrets."""

    def __init__(self, home: Path, env: dict[str, str], deployment: Deployment, secrets: set[str]) -> None:
        self.home = home
        self.env = env
        self.deployment = deployment
        self.secrets = set(secrets)
        self.written: list[tuple[str, bytes]] = []
        self.log = home / "debug.log"

    def run(self, *words: str, stdin: str = "", show: bool = False, **env: str) -> subprocess.CompletedProcess[bytes]:
        """Run ``hca --debug``, and record its output.

        :param show: stdout is meant to show a secret
        """
        done = completed(
            [*HCA, "--debug", "--log-file", str(self.log), *words],
            stdin=stdin.encode(),
            env={**self.env, **env},
            cwd=self.home,
        )
        name = " ".join(words)
        self.written.append((f"stderr of {name}", done.stderr))
        if not show:
            self.written.append((f"stdout of {name}", done.stdout))
        return done

    @property
    def shown(self) -> bytes:
        """All of stderr and stdout."""
        return b"".join(text for _, text in self.written)

    def check(self, *, own: tuple[str, ...] = ("tokens.json",)) -> None:
        """Search everything that was written.

        :param own: names of files that may contain secrets
        """
        for path in self.home.rglob("*"):
            if path.is_file() and not path.name.startswith(own):
                self.written.append((str(path.relative_to(self.home)), path.read_bytes()))
        self.secrets |= kept(self.home)
        assert len(self.secrets) >= 3, "there is nothing to look for"
        for where, text in self.written:
            for secret in self.secrets:
                for form in forms(secret):
                    assert form not in text, f"{where}: {secret[:12]}… is in it:\n{around(text, form)}"
            if not where.startswith("stdout"):
                found = re.search(rb"(X-Amz-Signature|Signature)=[0-9a-fA-F]{16}", text)
                assert not found, f"{where}: a signature\n{around(text, found.group())}"


def around(text: bytes, form: bytes) -> str:
    at = text.index(form)
    return text[max(0, at - 300) : at + 50].decode("utf-8", "replace")


def forms(secret: str) -> Iterator[bytes]:
    """The forms of a secret to search for: whole, quoted, encoded, and the revealing parts of a token."""
    yield secret.encode()
    if quote(secret, safe="") != secret:
        yield quote(secret, safe="").encode()
    yield base64.b64encode(secret.encode())[:-4]
    if secret.count(".") == 2 and len(secret) > 200:
        yield secret.rpartition(".")[2].encode()
        yield secret.split(".")[1][:60].encode()


def kept(home: Path) -> set[str]:
    """All secrets in the token store."""
    found: set[str] = set()
    for path in home.rglob("tokens.json"):
        for entry in json.loads(path.read_text())["accounts"].values():
            members = ("access_token", "refresh_token", "key", "password")
            found |= {entry["record"][name] for name in members if name in entry["record"]}
    return found


@pytest.fixture(scope="module")
def logged_in(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Path, dict[str, str], Deployment, dict[str, str]]]:
    """A template home with a login and keys; and the names of what is in the deployment."""
    folder = tmp_path_factory.mktemp("leaks")
    home = folder / "home"
    home.mkdir()
    plugin = folder / "plugin"
    (plugin / "hca_crashing-1.0.dist-info").mkdir(parents=True)
    (plugin / "hca_crashing.py").write_text(PLUGIN)
    info = plugin / "hca_crashing-1.0.dist-info"
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hca-crashing\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hca.commands]\ncrash = hca_crashing:Crash\n")
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HCA_", "XDG_", "GOOGLE_", "AWS_", "PYTHON"))
        and name not in ("DISPLAY", "WAYLAND_DISPLAY")
    }
    env |= {
        "PYTHONWARNINGS": "default",
        "HOME": str(home),
        "PYTHONPATH": str(plugin),
        "HCA_SITE_CONFIG": str(folder / "none.json"),
        "COLUMNS": "200",
    }
    with Deployment(folder / "data") as running:
        settings = running.settings
        path = home / ".config" / "hca" / "config.json"
        path.parent.mkdir(parents=True)
        toy = {"url": f"{running.api_url}/v1/swagger.json", "plugin": "dss"}
        path.write_text(json.dumps({"auth": {"store": "file"}, "services": {"toy": toy}}))
        code = (
            "from pathlib import Path\nfrom hca_local.server import Settings\n"
            "from hca_local.server.profile import connect, open_store\n"
            "import hca_base.config\nfrom hca_local.identity.provider import Provider\n"
            f"folder = Path({str(settings.data_dir)!r})\n"
            f"connect(Settings(folder, api_port={settings.api_port}, s3_port={settings.s3_port}))\n"
        )
        subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=60)
        names = seed(running, env, home)
        yield home, env, running, names


def seed(running: Deployment, env: dict[str, str], home: Path) -> dict[str, str]:
    """Log in, and upload a bundle."""
    from hca_local.identity import PEOPLE
    from hca_local.identity.logins import Logins

    from hca_base.auth import TokenStore

    # Like the end of `hca dss login`, which other tests cover.
    logins = Logins(running.ctx.store)
    refreshes = {}
    for account in ("local/dss", "local/toy"):
        login = logins.begin("hca-local", PEOPLE["user"], "openid email offline_access")
        refreshes[account] = f"canary-refresh-{uuid.uuid4().hex}"
        logins.add_refresh_token(refreshes[account], login)
        record = {
            "kind": "oauth2",
            "hosts": [running.api_url],
            "access_token": running.token("user"),
            "refresh_token": refreshes[account],
            "token_url": f"{running.api_url}/auth/token",
            "revocation_url": f"{running.api_url}/auth/revoke",
            "client_id": "hca-local",
            "client_secret": "not-a-secret",
            "expires_at": 4e9,
            "identity": "user@example.org",
        }
        (path,) = home.rglob("tokens.json")
        TokenStore("file", path=path).put(account, record)
    (home / "files").mkdir()
    for name in ("a.json", "b.txt"):
        (home / "files" / name).write_text('{"a": 1}')
    done = subprocess.run(
        [*HCA, "dss", "upload", "--src-dir", "files", "--replica", "aws", "--staging-bucket", "dss-staging"],
        env=env,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return {"bundle": told["bundle_uuid"], "version": told["version"], "file": told["files"][0]["uuid"]}


@pytest.fixture
def user(logged_in: Any, tmp_path: Path) -> User:
    home, env, deployment, _ = logged_in
    shutil.copytree(home, tmp_path / "home")
    return User(tmp_path / "home", {**env, "HOME": str(tmp_path / "home")}, deployment, kept(home))


#: Groups of command lines. {bundle}, {version}, {file}, {new}: UUIDs; {token}: a token; a leading "!" exempts stdout.
GROUPS: dict[str, list[str]] = {
    "dss-reading": [
        "dss get-bundle --uuid {bundle} --replica aws",
        "dss get-bundle --uuid {bundle} --replica aws --presignedurls true",
        "dss get-file --uuid {file} --replica aws",
        "dss get-subscriptions --replica aws",
        "dss get-subscription --uuid {new} --replica aws",
        "dss post-search --replica aws --es-query {{}}",
    ],
    "dss-transfers": [
        "dss download --bundle-uuid {bundle} --replica aws --download-dir got",
        "dss upload --src-dir files --replica aws --staging-bucket dss-staging",
        "dss upload --src-dir files --replica aws --staging-bucket no-such-bucket",
    ],
    "dss-writing": [
        "!dss put-subscription --replica aws --es-query {{}} --callback-url http://127.0.0.1:9/x "
        "--hmac-secret-key canary-hmac",
        "dss put-collection --uuid {new} --version {version} --replica aws --name n --description d --details {{}} "
        "--contents []",
        "dss get-collections",
        "dss delete-bundle --uuid {bundle} --replica aws --reason r",
        "dss patch-bundle --uuid {bundle} --version {version} --replica aws --add-files []",
        "dss put-file --uuid {new} --version {version} --creator-uid 1 --source-url s3://no/such",
    ],
    "dss-own": [
        "dss create-version",
        "dss refresh-swagger",
        "dss login --remote",
        "dss login --no-browser --timeout 0.2",
        "dss login --device --timeout 0.2",
        "dss logout",
        "dss get-subscriptions --replica aws",
    ],
    "upload": [
        "upload create {new}",
        "upload areas",
        "upload files files/a.json",
        "upload list",
        "upload status a.json",
        "upload store files/b.txt",
        "!upload creds",
        "upload get-area-checksums --upload-area-uuid {new}",
        "!upload post-area-credential --upload-area-uuid {new}",
        "upload files no-such-file",
        "upload forget {new}",
    ],
    "auth": [
        "auth status",
        "auth status dss",
        "!auth token dss",
        "!auth token upload",
        "login toy --access-token {token}",
        "auth status toy",
        "logout toy",
        "logout dss",
        "auth token dss",
    ],
    "core": [
        "config show --origin",
        "config show -f json",
        "config get auth",
        "config validate",
        "config path",
        "config set x.token {token}",
        "config get DSSClient",
        "profile list",
        "service list",
        "plugin list",
        "plugin doctor",
        "cache list",
        "completion bash",
        "transfer verify got",
        "help dss",
        "nonsense {token}",
        "dss nonsense {token}",
        "dss get-bundle --nonsense {token}",
    ],
    "generated": [
        "toy get-subscriptions --replica aws",
        "toy get-bundle --uuid {bundle} --replica aws",
        "toy get-collections --per-page nonsense",
        "service refresh toy",
        "service add another {api}/v1/swagger.json",
        "another get-subscriptions --replica aws",
        "another get-bundle --uuid {new} --replica aws",
        "service remove another",
    ],
    "local": ["local status", "local token user --lifetime 60 --data-dir data", "local logs", "local logs --access"],
    "azul": [
        "--config azul.url=http://127.0.0.1:9/openapi.json azul get-version",
        "--config azul.url=http://127.0.0.1:9/openapi.json azul get-user-token",
        "azul fields",
    ],
    "crash": [f"crash {how}" for how in ("message", "cause", "group", "log", "local", "headers", "exit")],
    "explicit": [
        "--access-token {token} dss get-subscriptions --replica aws",
        "--access-token {token} crash message",
        "--access-token {token} auth status",
        "--access-token {token} --config http.retries=nonsense dss get-subscriptions --replica aws",
    ],
}
FAST = ("dss-reading", "dss-own", "upload", "auth", "crash", "explicit")


@pytest.mark.parametrize("group", [g if g in FAST else pytest.param(g, marks=pytest.mark.slow) for g in GROUPS])
def test_nothing_secret_is_written(user: User, logged_in: Any, group: str) -> None:
    names = {**logged_in[3], "new": str(uuid.uuid5(uuid.NAMESPACE_URL, group)), "api": user.deployment.api_url}
    # Only in the command line.
    names["token"] = f"canary-explicit-{uuid.uuid4().hex}{uuid.uuid4().hex}"
    explicit = {names["token"]} if group in ("explicit", "auth") else set()
    user.secrets |= explicit | {"canary-hmac"}
    for line in GROUPS[group]:
        words = [word.format(**names) for word in line.removeprefix("!").split(" ")]
        user.run(*words, show=line.startswith("!"))
    if group in ("dss-reading", "dss-transfers", "dss-writing", "upload", "generated"):
        assert re.search(rb"(?i)> (authorization|api-key): (bearer )?\[hidden", user.shown), "no secret was at work"
    user.check()


def test_tokens_from_stdin_and_the_environment(user: User) -> None:
    token, key = f"canary-stdin-{uuid.uuid4().hex}", f"canary-key-{uuid.uuid4().hex}"
    user.secrets |= {token, key}
    user.run("login", "dss", "--access-token", "-", stdin=token + "\n")
    user.run("dss", "get-subscriptions", "--replica", "aws")
    user.run("auth", "set-key", "upload", stdin=key + "\n")
    user.run("upload", "get-area-checksums", "--upload-area-uuid", str(uuid.UUID(int=1)))
    user.run("--access-token", "-", "dss", "get-subscriptions", "--replica", "aws", stdin=token + "\n")
    for name in ("HCA_ACCESS_TOKEN", "HCA_UPLOAD_API_KEY"):
        secret = f"canary-{name.lower()}-{uuid.uuid4().hex}"
        user.secrets.add(secret)
        user.run("dss", "get-subscriptions", "--replica", "aws", **{name: secret})
        user.run("upload", "get-area-checksums", "--upload-area-uuid", str(uuid.UUID(int=1)), **{name: secret})
        user.run("crash", "message", **{name: secret})
    user.check()


def test_a_refresh_that_fails(user: User) -> None:
    from hca_base.auth import TokenStore

    (path,) = user.home.rglob("tokens.json")
    store = TokenStore("file", path=path)
    record = store.get("local/dss")
    assert record is not None
    user.secrets.add("canary-dead-refresh-token")
    store.put("local/dss", {**record, "expires_at": 1, "refresh_token": "canary-dead-refresh-token"})
    assert user.run("dss", "get-subscriptions", "--replica", "aws").returncode == 3
    store.put("local/dss", {**record, "expires_at": 1, "token_url": "http://127.0.0.1:9/token"})
    assert user.run("dss", "get-subscriptions", "--replica", "aws").returncode == 6
    user.check()


def test_a_batch_of_the_shell(user: User, logged_in: Any) -> None:
    lines = [
        "dss get-subscriptions --replica aws",
        "crash message",
        "crash cause",
        "auth status",
        "history",
        "dss get-file --uuid {file} --replica aws".format(**logged_in[3]),
    ]
    user.run("shell", stdin="\n".join(lines) + "\n")
    user.check()


@pytest.mark.slow
def test_the_history_of_the_shell(user: User) -> None:
    token = f"canary-typed-{uuid.uuid4().hex}"
    user.secrets.add(token)
    env = {**user.env, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
    child = pexpect.spawn(HCA[0], [*HCA[1:], "--debug"], env=env, cwd=str(user.home), timeout=60, dimensions=(50, 200))
    child.expect(r"debug\]>")
    for line in (f"login toy --access-token {token}", "dss get-subscriptions --replica aws", "crash message"):
        child.send(line + "\r")
        child.expect(rb"\r?\n")
        child.expect(r"debug\]>")
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    # Typed input is on the screen; it must not be in any file.
    history = next(path for path in user.home.rglob("history"))
    assert b"get-subscriptions" in history.read_bytes()
    user.check()


@pytest.mark.slow
def test_a_deployment_of_a_process_of_its_own(logged_in: Any, tmp_path: Path) -> None:
    """``hca local``: its output, its logs, and its files after a stop."""
    home = tmp_path / "home"
    home.mkdir()
    _, env, deployment, _ = logged_in
    user = User(home, {**env, "HOME": str(home)}, deployment, set())
    path = home / ".config" / "hca" / "config.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"auth": {"store": "file"}}')
    data = str(home / "data")
    try:
        assert user.run("local", "start", "--port", "0", "--data-dir", data).returncode == 0
        user.secrets = kept(home)
        user.run("local", "status", "--data-dir", data)
        user.run("local", "demo")
        user.run("dss", "get-subscriptions", "--replica", "aws")
        user.run("local", "logs", "--data-dir", data)
        user.run("local", "logs", "--access", "--data-dir", data)
    finally:
        assert user.run("local", "stop", "--data-dir", data).returncode == 0
    user.check(own=("tokens.json", "store.sqlite", "signing-key.pem"))
