"""What tests of the command line share: running ``hca``, small plugins on PYTHONPATH, a service on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest


class Runner:
    """Runs ``hca`` as a user would, each test with a home of its own.

    :ivar home: the home directory
    :ivar env: environment of all runs
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.cwd = home / "work"
        self.cwd.mkdir(parents=True)
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("HCA_", "XDG_"))}
        self.env |= {"HOME": str(home), "USERPROFILE": str(home), "PYTHONPATH": "", "COLUMNS": "80"}
        self.env |= {"HCA_SITE_CONFIG": str(home / "no-site.json"), "PYTHONWARNINGS": "default"}

    def __call__(
        self,
        *args: str | os.PathLike[str],
        stdin: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 60,
        text: bool = True,
        check: int | None = None,
    ) -> subprocess.CompletedProcess[Any]:
        """Run it.

        :param check: the exit code that is expected
        """
        done = subprocess.run(
            [sys.executable, "-m", "hca_base", *map(str, args)],
            input=stdin if stdin is not None else ("" if text else b""),
            capture_output=True,
            env={**self.env, **(env or {})},
            cwd=self.cwd,
            timeout=timeout,
            encoding="utf-8" if text else None,
            check=False,
        )
        if check is not None:
            assert done.returncode == check, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def configure(self, settings: Mapping[str, Any]) -> Path:
        """Write the user's config.json."""
        path = self.home / ".config" / "hca" / "config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings), encoding="utf-8")
        path.chmod(0o600)
        return path


@pytest.fixture
def hca(tmp_path: Path) -> Runner:
    """Runs the installed ``hca``."""
    return Runner(tmp_path / "home")


class PluginDirectory:
    """A directory with hand-made installed distributions, to be put on PYTHONPATH."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def install(
        self,
        name: str,
        modules: Mapping[str, str],
        entry_points: Mapping[str, Mapping[str, str]],
        version: str = "1.0",
        summary: str = "A plugin of the tests",
    ) -> Path:
        """Install a distribution; the path of its metadata directory.

        :param modules: relative path -> source
        :param entry_points: group -> name -> value
        """
        for relative, source in modules.items():
            target = self.path / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source, encoding="utf-8")
        info = self.path / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", f"Summary: {summary}", ""]
        (info / "METADATA").write_text("\n".join(lines), encoding="utf-8")
        text = ""
        for group, points in entry_points.items():
            text += f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items()) + "\n"
        (info / "entry_points.txt").write_text(text, encoding="utf-8")
        return info


@pytest.fixture
def plugins(tmp_path: Path, hca: Runner) -> PluginDirectory:
    """A plugin directory that ``hca`` sees."""
    directory = PluginDirectory(tmp_path / "plugins")
    hca.env["PYTHONPATH"] = str(directory.path)
    return directory


Answer = tuple[int, Mapping[str, str], bytes]


class Loopback:
    """A service on loopback.

    :ivar requests: (method, path with query, headers, body) of all requests
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.routes: dict[tuple[str, str], Callable[[dict[str, list[str]], bytes], Any]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                outer.requests.append((self.command, self.path, dict(self.headers), body))
                parts = urlsplit(self.path)
                route = outer.routes.get((self.command, parts.path))
                status, headers, content = 404, {}, b'{"status": 404, "code": "not_found", "title": "no such thing"}'
                if route is not None:
                    found = route(parse_qs(parts.query, keep_blank_values=True), body)
                    if isinstance(found, tuple):
                        status, headers, content = found
                    else:
                        status, headers, content = 200, {}, json.dumps(found).encode()
                self.send_response(status)
                given = {name.lower() for name in headers}
                if "content-type" not in given:
                    self.send_header("Content-Type", "application/json")
                if "content-length" not in given:
                    self.send_header("Content-Length", str(len(content)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def route(self, method: str, path: str, answer: Any) -> None:
        """Answer requests: a JSON value, (status, headers, bytes), or a function of (query, body) that returns one."""
        self.routes[method, path] = answer if callable(answer) else lambda query, body: answer

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """A service on loopback that answers as the test says."""
    service = Loopback()
    yield service
    service.close()


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names no proxy."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch
