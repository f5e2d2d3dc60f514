"""Storages behaving like public bug reports, between the service and the installed command: all bytes arrive."""

from __future__ import annotations

import csv
import hashlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lib import Runner

SERVER = Path(__file__).resolve().parents[3].parent / "shared" / "inputs" / "servers" / "odd_storage.py"
MODES = [
    "ignore-range", "earlier-206", "earlier-206-big", "etag-flips", "etag-flips-40", "etag-flips-if-range-40",
    "gzip-stored-length", "gzip-stored-chunked", "gzip-stored-chunked-large", "gzip-on-the-fly-small",
    "gzip-on-the-fly-large", "range-416-40", "range-403-40", "range-501-40", "empty", "one-byte", "no-length",
    "http-1.0",
]  # fmt: skip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SERVER.exists(), reason="the recorded contracts are not beside this checkout"),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder with a manifest of one file for each behaviour of the storage."""
    folder = tmp_path_factory.mktemp("odd")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, SERVER, str(port), folder]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline().startswith("http://")
        yield folder
    finally:
        process.kill()
        process.wait(60)


@pytest.fixture
def user(tmp_path: Path, served: Path) -> Runner:
    runner = Runner(tmp_path / "home")
    runner.configure({"azul": {"base_url": (served / "azul-url").read_text()}})
    return runner


def promised(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.mark.parametrize("mode", MODES)
def test_a_promised_checksum_is_kept(user: Runner, served: Path, tmp_path: Path, mode: str) -> None:
    manifest = served / f"{mode}.tsv"
    user("azul", "download", "--manifest", manifest, "--download-dir", tmp_path / "to", "--no-progress")
    (row,) = promised(manifest)
    (found,) = (path for path in (tmp_path / "to").rglob(row["file_name"]) if path.is_file())
    assert hashlib.sha256(found.read_bytes()).hexdigest() == row["file_sha256"]


def test_what_cannot_be_decoded_is_named_and_nothing_is_left(user: Runner, served: Path, tmp_path: Path) -> None:
    manifest = served / "br-on-the-fly.tsv"
    done = user(
        "azul", "download", "--manifest", manifest, "--download-dir", tmp_path / "to", "--no-progress", check=None
    )
    assert done.returncode not in (0, 130)
    assert "br-on-the-fly.bin" in done.stderr and "sent the encoding 'br', although" in done.stderr
    assert not [path for path in (tmp_path / "to").rglob("br-on-the-fly.bin") if path.is_file()]
