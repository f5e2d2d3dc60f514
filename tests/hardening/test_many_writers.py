"""Fifty processes write all shared state at once: settings, logins, documents, files. Nothing is lost or corrupted."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lib import Loopback, Runner

WRITER = """
import hashlib, os, sys
from pathlib import Path
number, kind, url = int(sys.argv[1]), sys.argv[2], sys.argv[3]
from hca_base import config
from hca_base.auth import TokenStore
from hca_base.http import Session
from hca_base.openapi import DocumentCache
from hca_base.transfer import DirectoryDestination, FileStore, Item, Source, TransferOptions, download
sys.stdin.read(1)  # all at once
if kind in ("all", "settings"):
    config.set_value(f"section.key{number}", number)
if kind in ("all", "logins"):
    TokenStore("file").put(f"p/{number}", {"kind": "token", "access_token": f"t{number}", "hosts": []})
if kind in ("all", "documents"):
    with Session() as session:
        for _ in range(3):
            assert DocumentCache().refresh(None, session, f"{url}/document").names() == ["get_thing"]
            assert DocumentCache().cached(f"{url}/document").names() == ["get_thing"]
if kind in ("all", "files"):
    body = b"x" * 300_000
    items = [
        Item(f"shared/{n}", len(body), {"sha256": hashlib.sha256(body + bytes([n])).hexdigest()}, Source(f"{url}/{n}"))
        for n in range(3)
    ]
    items = [Item(i.name, len(body) + 1, i.checksums, i.source) for i in items]
    root = Path(os.environ["HOME"]) / "data"
    report = download(
        items, DirectoryDestination(root / f"w{number}", FileStore(root)), options=TransferOptions(progress="none")
    )
    assert report.ok, report.failed
"""


def run_writers(hca: Runner, loopback: Loopback, count: int, kind: str) -> None:
    document = {"openapi": "3.0.0", "paths": {"/thing": {"get": {"responses": {}}}}}
    loopback.route("GET", "/document", document)
    bodies = {n: b"x" * 300_000 + bytes([n]) for n in range(3)}
    for n, body in bodies.items():
        loopback.route("GET", f"/{n}", (200, {"Content-Type": "application/octet-stream"}, body))
    hca.forget_caches()
    hca.configure({"kept": True})
    reader, writer = os.pipe()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(number), kind, loopback.url],
            stdin=reader,
            stderr=subprocess.PIPE,
            env=hca.env,
        )
        for number in range(count)
    ]
    os.close(reader)
    os.write(writer, b"x" * count)
    os.close(writer)
    for process in processes:
        _, told = process.communicate(timeout=170)
        assert process.returncode == 0, told.decode()
    check(hca.home, count, kind, bodies)


def check(home: Path, count: int, kind: str, bodies: dict[int, bytes]) -> None:
    settings = json.loads((home / ".config/hca/config.json").read_text())
    assert settings["kept"] is True
    if kind in ("all", "settings"):
        assert settings["section"] == {f"key{n}": n for n in range(count)}
    if kind in ("all", "logins"):
        (path,) = (home / ".local/state/hca").rglob("tokens.json")
        assert path.stat().st_mode & 0o077 == 0
        assert len(json.loads(path.read_text())["accounts"]) == count
    if kind in ("all", "documents"):
        kept = sorted(path.suffix for path in (home / ".cache/hca/openapi").iterdir())
        assert kept == [".doc", ".idx"]
    if kind in ("all", "files"):
        digests = {hashlib.sha256(body).hexdigest() for body in bodies.values()}
        stored = [path for path in (home / "data").glob(".hca/v2/files_2_4/*/*/*") if path.is_file()]
        assert {path.name for path in stored} == digests
        for path in [*stored, *(home / "data").glob("w*/shared/*")]:
            assert hashlib.sha256(path.read_bytes()).hexdigest() in digests
        left = [path for path in (home / "data/.hca/v2/partial").rglob("*") if path.is_file() and path.stat().st_size]
        assert left == []


def test_writers_at_once(hca: Runner, loopback: Loopback) -> None:
    run_writers(hca, loopback, 8, "all")


@pytest.mark.hardening
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["settings", "logins", "documents", "files", "all"])
def test_fifty_writers_at_once(hca: Runner, loopback: Loopback, kind: str) -> None:
    run_writers(hca, loopback, 50, kind)


SPOILT = {
    "empty": b"",
    "half": b'{"a": {"b": ',
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "NUL": bytes(1000),
    "a list": b"[1, 2]",
    "a million digits": b'{"a": ' + b"9" * 1_000_000 + b"}",
    "100,000 deep": b'{"a":' * 100_000,
    "escapes": b'{"\x1b]0;owned\x07": ',
}
#: file below the home -> a command that reads it
FILES = {
    ".config/hca/config.json": ["zoo", "--help"],
    ".local/state/hca/auth/tokens.json": ["auth", "status"],
    ".local/state/hca/profile": ["config", "show"],
}


def spoil(hca: Runner, file: str, name: str) -> None:
    path = hca.home / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(SPOILT[name])
    path.chmod(0o600)
    done = hca("--config", "auth.store=file", *FILES[file], check=None)
    assert "Traceback" not in done.stderr and "\x1b" not in done.stderr + done.stdout, done.stderr
    assert done.returncode in (0, 1, 2), done
    if done.returncode:
        assert str(path) in done.stderr or path.name in done.stderr, done.stderr
    # Nothing is silently reset.
    assert path.read_bytes() == SPOILT[name]


@pytest.mark.parametrize("file", sorted(FILES))
def test_a_spoilt_file_is_named_and_kept(hca: Runner, file: str) -> None:
    spoil(hca, file, "half")


@pytest.mark.hardening
@pytest.mark.parametrize("name", sorted(SPOILT))
@pytest.mark.parametrize("file", sorted(FILES))
def test_any_spoilt_file_is_named_and_kept(hca: Runner, file: str, name: str) -> None:
    spoil(hca, file, name)


@pytest.mark.parametrize("file", sorted(FILES))
def test_a_folder_in_place_of_the_file(hca: Runner, file: str) -> None:
    (hca.home / file).mkdir(parents=True)
    done = hca("--config", "auth.store=file", *FILES[file], check=None)
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1, 2)
    assert (hca.home / file).is_dir()
