"""Fixtures for compatibility tests: a deployment, and running scripts and commands under hca 7.0.1 and this version."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parent / "scripts"
WRAPPER = Path(__file__).with_name("under_hca7.py")
REQUIRED = {"HCA_SITE_CONFIG": "none.json", "AWS_EC2_METADATA_DISABLED": "true", "COLUMNS": "80"}


class Side:
    """One of the two versions, with separate home, working directory and settings.

    :ivar python: its interpreter
    :ivar old: whether it is hca 7.0.1
    """

    def __init__(self, python: str, home: Path, deployment: Any, *, old: bool) -> None:
        self.python = python
        self.old = old
        self.home = home
        self.work = home / "work"
        self.work.mkdir(parents=True)
        self.deployment = deployment
        keys = deployment.ctx.credentials.root()
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("HCA_", "XDG_", "AWS_"))}
        self.env |= {
            **REQUIRED,
            "HOME": str(home),
            "USERPROFILE": str(home),
            "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": deployment.s3_url,
            # hca 7's OAuth library requires this to send a token to a service on loopback.
            "OAUTHLIB_INSECURE_TRANSPORT": "1",
        }
        self.configure(self.settings())

    def settings(self) -> dict[str, Any]:
        """hca 7's settings file after a login; both versions get the same one."""
        deployment = self.deployment
        client = {"client_id": "x", "client_secret": "x", "token_uri": "http://127.0.0.1:9/token"}
        token = {"access_token": deployment.token("user"), "refresh_token": None, "id_token": None}
        return {
            "client_id": "foo",
            "log_level": "INFO",
            "DSSClient": {"swagger_url": f"{deployment.api_url}/v1/swagger.json"},
            "AuthClient": {"swagger_url": f"{deployment.api_url}/v1/swagger.json"},
            "application_secrets": {"installed": client},
            "oauth2_token": {**token, "expires_at": time.time() + 86400, "token_type": "Bearer"},
            "upload": {
                "areas": {},
                "current_area": None,
                "bucket_name_template": "org-humancellatlas-upload-{deployment_stage}",
                "production_api_url": "https://upload.data.humancellatlas.org/v1",
                "preprod_api_url_template": f"{deployment.api_url}/upload/v1",
            },
        }

    @property
    def file(self) -> Path:
        return self.home / ".config" / "hca" / "config.json"

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Write the user's config.json."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(settings), encoding="utf-8")
        self.file.chmod(0o600)

    def _run(self, command: list[str], check: int | None) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [self.python, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=self.env,
            cwd=self.work,
            timeout=300,
            encoding="utf-8",
            check=False,
        )
        if check is not None:
            assert done.returncode == check, f"{command}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def script(self, name: str, *args: object) -> tuple[Any, str]:
        """Run a script of :data:`SCRIPTS`; return the JSON on its last line, and the output before it."""
        wrapper = [str(WRAPPER)] if self.old else []
        done = self._run([*wrapper, str(SCRIPTS / f"{name}.py"), *map(str, args)], 0)
        # Except for the expected output, nothing: warnings about old names are for developers.
        assert self.old or "Deprecat" not in done.stderr, done.stderr
        head, _, last = done.stdout.rstrip("\n").rpartition("\n")
        return json.loads(last), head

    def command(self, *args: object, check: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command line."""
        words = [str(WRAPPER), "-"] if self.old else ["-m", "hca_base"]
        return self._run([*words, *map(str, args)], check)


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An embedded deployment for the whole test run."""
    from hca_local.server import Deployment

    with Deployment(tmp_path_factory.mktemp("deployment")) as running:
        yield running


@pytest.fixture
def ours(tmp_path: Path, deployment: Any) -> Side:
    """This version."""
    return Side(sys.executable, tmp_path / "ours", deployment, old=False)


@pytest.fixture
def theirs(tmp_path: Path, deployment: Any, hca7: str) -> Side:
    """hca 7.0.1."""
    return Side(hca7, tmp_path / "theirs", deployment, old=True)


@pytest.fixture
def api_key(deployment: Any) -> str:
    """The key of the Upload Service."""
    from hca_local.upload_service import api_key

    return str(api_key(deployment.ctx.store))


@pytest.fixture
def bundle_source(tmp_path: Path) -> Path:
    """A directory to upload."""
    contents = {
        "links.json": b'{"links": []}',
        "donor_organism_0.json": b'{"sex": "female", "biomaterial_core": {"biomaterial_id": "d1"}}',
        "reads_R1.fastq.gz": bytes(range(256)) * 400,
        "cells.csv": b"a,b\n1,2\n",
    }
    folder = tmp_path / "source"
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


UNSTABLE = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d{6}\.\d{6}Z"), "VERSION"),
)


def _stable(text: str) -> str:
    for pattern, word in UNSTABLE:
        text = pattern.sub(word, text)
    return text


@pytest.fixture
def stable() -> Any:
    """A function that removes from a text what differs between runs."""
    return _stable
