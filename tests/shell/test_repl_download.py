"""A download of the DSS plugin in the interactive shell, interrupted and repeated."""

from __future__ import annotations

import hashlib
import random
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.lib import Runner

VERSION = "2020-05-21T235543.123456Z"
SIZE = 24 * 1024 * 1024


class Bundle:
    """A bundle of one big file and a small one in an embedded deployment."""

    def __init__(self, deployment: Any) -> None:
        self.deployment = deployment
        self.content = random.Random(6).randbytes(SIZE)
        self.uuid = str(uuid.uuid4())
        files = [self._file("data.bin", self.content), self._file("note.json", b"{}")]
        self._put(f"/v1/bundles/{self.uuid}?replica=aws", {"creator_uid": 1, "files": files})

    def _file(self, name: str, content: bytes) -> dict[str, Any]:
        context = self.deployment.ctx
        blob = context.store.blobs.put_bytes(content)
        sums = {"sha1": blob.sha1, "sha256": blob.sha256, "crc32c": blob.crc32c, "s3_etag": blob.s3_etag}
        tags = {f"hca-dss-{key}": value for key, value in sums.items()}
        key = f"{uuid.uuid4()}/{name}"
        context.objects.put("dss-staging", key, blob, content_type="application/octet-stream", tags=tags)
        identity = str(uuid.uuid4())
        self._put(f"/v1/files/{identity}?", {"source_url": f"s3://dss-staging/{key}", "creator_uid": 1})
        return {"name": name, "uuid": identity, "version": VERSION, "indexed": name.endswith(".json")}

    def _put(self, path: str, body: dict[str, Any]) -> None:
        url = f"{self.deployment.api_url}{path}&version={VERSION}"
        headers = {"Authorization": f"Bearer {self.deployment.token('user')}"}
        requests.put(url, json=body, headers=headers, timeout=60).raise_for_status()


@pytest.fixture
def bundle(tmp_path: Path, hca: Runner) -> Iterator[Bundle]:
    server = pytest.importorskip("hca_local.server")
    with server.Deployment(tmp_path / "deployment", port=0) as deployment:
        hca.configure({"DSSClient": {"swagger_url": f"{deployment.api_url}/v1/swagger.json"}})
        yield Bundle(deployment)


def files(root: Path) -> dict[str, int]:
    """Names below a directory -> size."""
    return {path.relative_to(root).as_posix(): path.stat().st_size for path in root.rglob("*") if path.is_file()}


def test_interrupt_in_the_middle_of_a_download(hca: Runner, at_terminal: Any, bundle: Bundle) -> None:
    terminal = at_terminal()
    command = f"dss download --replica aws --bundle-uuid {bundle.uuid} --download-dir got"
    terminal.child.send(f"{command} --limit-rate 2MiB\r")
    # It has started once part of the file is on disk.
    got, deadline = hca.cwd / "got", time.monotonic() + 60
    while not got.exists() or not any(size > 0 for name, size in files(got).items() if "note" not in name):
        assert time.monotonic() < deadline, terminal.child.before
        time.sleep(0.1)
    time.sleep(1)
    terminal.child.send("\x03")
    terminal.wait("interrupted")
    terminal.wait("hint: run the same command again to continue")
    terminal.wait("hca> ")
    assert not [name for name in files(got) if name.endswith("data.bin")], "only whole files have their names"
    # The session continues, and the same download succeeds.
    assert "config.json" in terminal.line("config path --user")
    terminal.line(command)
    path = got / f"{bundle.uuid}.{VERSION}" / "data.bin"
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(bundle.content).digest()
    sizes = sorted(size for name, size in files(got).items() if ".hca" in name and size >= 2)
    assert SIZE in sizes
    assert not [name for name in files(got) if "partial" in name or "part" in Path(name).suffix], files(got)
    assert terminal.leave() == 0
