"""Runs a scenario repeatedly, each time in a process that is killed one step later than before.

A step is a call that changes the disk: write, pwrite, fsync, truncate, replace, rename, link, symlink, unlink, mkdir,
chmod, or opening a file to write. Before each, and in the middle of each write, the process gets SIGKILL. Afterwards
the disk must have the old state or the new, and the same work must succeed.

Usage: ``python killing.py SCENARIO DIRECTORY STRIDE``; prints the number of kills.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_CALLS = [
    *("write", "pwrite", "writev", "fsync", "fdatasync", "ftruncate", "truncate", "replace", "rename", "link"),
    *("symlink", "unlink", "remove", "rmdir", "mkdir", "chmod", "fchmod", "utime"),
]


class Doom:
    """Kills this process at a step."""

    def __init__(self, number: int) -> None:
        self.left = number
        self.process = os.getpid()
        self.lock = threading.Lock()

    def step(self) -> None:
        if os.getpid() != self.process:
            return
        with self.lock:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(60)

    def install(self) -> None:
        for name in _CALLS:
            if hasattr(os, name):
                setattr(os, name, self._around(name, getattr(os, name)))
        fdopen = os.fdopen

        def halved(*args: Any, **kwargs: Any) -> Any:
            stream = fdopen(*args, **kwargs)
            return Half(stream, self) if stream.writable() and not stream.readable() else stream

        os.fdopen = halved  # type: ignore[assignment]

        def audit(event: str, args: tuple[Any, ...]) -> None:
            if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR):
                self.step()

        sys.addaudithook(audit)

    def _around(self, name: str, plain: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            # Descriptors 1 and 2 are not on disk.
            if name == "write" and args[0] in (1, 2):
                return plain(*args, **kwargs)
            self.step()
            if name in ("write", "pwrite") and len(args[1]) > 1:
                half = len(args[1]) // 2
                plain(args[0], bytes(args[1][:half]), *args[2:])
                self.step()
                rest = bytes(args[1][half:])
                return half + plain(args[0], rest, *([args[2] + half] if name == "pwrite" else []))
            return plain(*args, **kwargs)

        return call


class Half:
    """A stream that writes in two halves."""

    def __init__(self, stream: Any, doom: Doom) -> None:
        self._stream = stream
        self._doom = doom

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> Half:
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._stream.__exit__(*error)

    def write(self, data: Any) -> int:
        self._doom.step()
        self._stream.write(data[: len(data) // 2])
        self._stream.flush()
        self._doom.step()
        self._stream.write(data[len(data) // 2 :])
        return len(data)


class Quiet(BaseHTTPRequestHandler):
    """Logs nothing, not even clients that were killed."""

    def log_message(self, *args: Any) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            pass


_servers: list[int] = []


def serve(handler: type[BaseHTTPRequestHandler]) -> str:
    """The URL of a server in a separate process: this one forks, so it must not have threads."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    child = os.fork()
    if child == 0:
        server.serve_forever()
    _servers.append(child)
    server.server_close()
    return f"http://127.0.0.1:{server.server_port}"


# Scenarios, and the conditions that must hold. Each gets the home directory.


class Settings:
    """Change a setting, in a file that has others."""

    OLD = {"kept": {"a": [1, 2]}, "log_level": "INFO"}

    def setup(self, home: Path) -> None:
        path = home / ".config/hca/config.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(self.OLD), encoding="utf-8")

    def act(self, home: Path) -> None:
        from hca_base import config

        config.set_value("http.timeout", 99)

    def check(self, home: Path, done: bool) -> None:
        found = json.loads((home / ".config/hca/config.json").read_text(encoding="utf-8"))
        assert found in (self.OLD, {**self.OLD, "http": {"timeout": 99}}), found
        assert not done or "http" in found


class Profiles:
    """Create and select a profile."""

    def setup(self, home: Path) -> None:
        from hca_base import config

        config.create_profile("old", {"log_level": "INFO"})
        config.use_profile("old")

    def act(self, home: Path) -> None:
        from hca_base import config

        config.create_profile("new", {"log_level": "DEBUG"}, replace=True)
        config.use_profile("new")

    def check(self, home: Path, done: bool) -> None:
        from hca_base import config

        assert config.active_profile() in ("old", "new")
        assert config.load().get("log_level") == {"old": "INFO", "new": "DEBUG"}[str(config.active_profile())]
        assert not done or config.active_profile() == "new"


class Tokens:
    """Add a login to a store that has one."""

    def setup(self, home: Path) -> None:
        from hca_base.auth import TokenStore

        TokenStore("file").put("a/old", {"kind": "token", "access_token": "one", "hosts": []})

    def act(self, home: Path) -> None:
        from hca_base.auth import TokenStore

        TokenStore("file").put("a/new", {"kind": "token", "access_token": "two", "hosts": []})

    def check(self, home: Path, done: bool) -> None:
        from hca_base.auth import TokenStore

        store = TokenStore("file")
        old, new = store.get("a/old"), store.get("a/new")
        assert old is not None and old["access_token"] == "one"
        assert new is None or new["access_token"] == "two"
        assert not done or new is not None
        for path in (home / ".local/state/hca/auth").iterdir():
            assert path.stat().st_mode & 0o077 == 0, path


class OldLogin:
    """Move hca 7's login from the settings to the store: it is always in at least one of them."""

    def setup(self, home: Path) -> None:
        path = home / ".config/hca/config.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"oauth2_token": {"access_token": "old"}, "kept": 1}), encoding="utf-8")

    def act(self, home: Path) -> None:
        from hca_base.auth import TokenStore
        from hca_base.config import take_legacy_token

        store = TokenStore("file")
        take_legacy_token(lambda token: store.put("default/dss", {"kind": "token", "hosts": [], **token}))

    def check(self, home: Path, done: bool) -> None:
        from hca_base.auth import TokenStore

        found = json.loads((home / ".config/hca/config.json").read_text(encoding="utf-8"))
        stored = TokenStore("file").get("default/dss")
        assert found["kept"] == 1
        assert "oauth2_token" in found or (stored is not None and stored["access_token"] == "old")
        assert not done or "oauth2_token" not in found


class Startup:
    """Add the completion line to the shell's start file; the user's content stays."""

    OLD = "export PATH=~/bin:$PATH\n# no newline at the end"

    def setup(self, home: Path) -> None:
        (home / ".bashrc").write_text(self.OLD, encoding="utf-8")

    def act(self, home: Path) -> None:
        from hca_base.shell import main

        assert main(["-q", "completion", "install", "bash"]) == 0

    def check(self, home: Path, done: bool) -> None:
        text = (home / ".bashrc").read_text(encoding="utf-8")
        assert text.startswith(self.OLD), text
        assert text == self.OLD or text.count("hca") >= 1


class Documents:
    """Replace a cached document by a newer one."""

    def __init__(self) -> None:
        outer = self
        self.body = b""

        class Handler(Quiet):
            def do_GET(self) -> None:
                # The killed processes set what is served.
                outer._serve(self.headers.get("User-Agent", "").rpartition(" ")[2])
                self.send_response(200)
                self.send_header("Content-Length", str(len(outer.body)))
                self.send_header("ETag", f'"{hashlib.sha256(outer.body).hexdigest()}"')
                self.end_headers()
                self.wfile.write(outer.body)

        self.url = serve(Handler) + "/d"

    def _serve(self, name: str) -> None:
        paths = {f"/{name}{n}": {"get": {"responses": {}}} for n in range(20)}
        self.body = json.dumps({"openapi": "3.0.0", "paths": paths}).encode()

    def _refresh(self, name: str) -> list[str]:
        from hca_base.http import Session
        from hca_base.openapi import DocumentCache

        with Session(user_agent=name) as session:
            return list(DocumentCache().refresh(None, session, self.url).names())

    def setup(self, home: Path) -> None:
        self._refresh("old")

    def act(self, home: Path) -> None:
        self._refresh("new")

    def check(self, home: Path, done: bool) -> None:
        from hca_base.openapi import DocumentCache

        index = DocumentCache().cached(self.url)
        assert index is not None
        kinds = {name.partition("_")[2][:3] for name in index.names()}
        assert kinds in ({"old"}, {"new"}), kinds
        assert len(index.names()) >= 20
        assert any("new" in name for name in self._refresh("new"))


class Files:
    """Add files of several sizes to a filestore and under names."""

    def __init__(self) -> None:
        self.bodies = {name: (name.encode() * size)[:size] for name, size in (("s", 900), ("m", 300_000), ("l", 2**23))}
        self.wanted = {name: hashlib.sha256(body).hexdigest() for name, body in self.bodies.items()}
        outer = self

        class Handler(Quiet):
            def do_GET(self) -> None:
                body = outer.bodies[self.path.strip("/")]
                start = int(self.headers.get("Range", "bytes=0-")[6:].partition("-")[0])
                self.send_response(206 if "Range" in self.headers else 200)
                self.send_header("Content-Length", str(len(body) - start))
                if "Range" in self.headers:
                    self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
                self.end_headers()
                self.wfile.write(body[start:])

        self.url = serve(Handler)

    def setup(self, home: Path) -> None:
        (home / "data").mkdir()

    def act(self, home: Path) -> None:
        from hca_base.transfer import DirectoryDestination, FileStore, Item, Source, TransferOptions, download

        items = [
            Item(f"d/{name}", len(body), {"sha256": self.wanted[name]}, Source(f"{self.url}/{name}"))
            for name, body in self.bodies.items()
        ]
        destination = DirectoryDestination(home / "data", FileStore(home / "data"))
        report = download(items, destination, options=TransferOptions(fast=False, progress="none"))
        assert report.ok, report.failed

    def check(self, home: Path, done: bool) -> None:
        for name in self.bodies:
            path = home / "data/d" / name
            if done or path.exists():
                assert hashlib.sha256(path.read_bytes()).hexdigest() == self.wanted[name], name
        for path in (home / "data").glob(".hca/v2/files_2_4/*/*/*"):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name, path


SCENARIOS = {
    "settings": Settings,
    "profiles": Profiles,
    "tokens": Tokens,
    "old login": OldLogin,
    "start file": Startup,
    "documents": Documents,
    "files": Files,
}
_AT_MOST = 5000


def fresh(home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)


def in_child(work: Any) -> int:
    """The exit status of a separate process that does the work."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def main() -> None:
    scenario, home, stride = SCENARIOS[sys.argv[1]](), Path(sys.argv[2]), int(sys.argv[3])
    for name in list(os.environ):
        if name.startswith(("XDG_", "HCA_")):
            del os.environ[name]
    os.environ |= {"HOME": str(home), "HCA_SITE_CONFIG": str(home / "none.json")}
    kills, number = 0, 1
    while number < _AT_MOST:
        fresh(home)
        assert in_child(lambda: scenario.setup(home)) == 0, "setup"

        def doomed(number: int = number) -> None:
            Doom(number).install()
            scenario.act(home)

        status = in_child(doomed)
        done = status == 0
        assert done or os.WIFSIGNALED(status), f"step {number}: it failed with {status}"
        assert in_child(lambda done=done: scenario.check(home, done)) == 0, f"killed at step {number}"
        # Leftovers do not interfere.
        assert in_child(lambda: scenario.act(home)) == 0, f"again after step {number}"
        assert in_child(lambda: scenario.check(home, True)) == 0, f"done after step {number}"
        if done:
            break
        kills += 1
        number += stride
    else:
        raise AssertionError("it never ended")
    print(kills)


if __name__ == "__main__":
    try:
        main()
    finally:
        for server in _servers:
            os.kill(server, signal.SIGKILL)
