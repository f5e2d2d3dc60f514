"""Measure how long ``hca`` takes to start, against its peers, in one run on this machine.

    python benchmarks/startup.py [--runs N] [--hca7 PYTHON] [--openstack PYTHON] [--rst FILE]

Run it with the Python in whose environment ``hca`` is installed. What is measured is whole processes: wall time from
before the process is started until it has ended, and the processor time of all that it ran. Every command is run N
times, all in turn, after one run that warms caches and is not counted. ``--openstack`` names the Python of an
environment in which python-openstackclient is installed, ``--hca7`` one in which hca 7.0.1 is (Python 3.8).

The service is a server on loopback with the document of the Data Storage Service that hca-dss bundles, restricted to
Swagger 2, which all can read.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

UUID = "ffffffff-0000-4000-8000-000000000001"
BARE = "python -c pass"

#: What a first program with cliff looks like.
HELLO = '''
import sys

from cliff.app import App
from cliff.command import Command
from cliff.commandmanager import CommandManager


class Hello(Command):
    """Greet."""

    def take_action(self, parsed_args):
        self.app.stdout.write("hello\\n")


class Demo(App):
    def __init__(self):
        super().__init__(description="demo", version="1", command_manager=CommandManager("cliff.demo"))
        self.command_manager.add_command("hello", Hello)


sys.exit(Demo().run(sys.argv[1:]))
'''

#: hca 7 speaks https alone unless it is told, and makes a client of its authentication service, which is gone, at every
#: start: both are pointed at the loopback service, in its favour.
HCA7 = """
import os
import sys

import hca.util
from hca.cli import main
from hca.config import get_config

hca.util.SwaggerClient.scheme = "http"
for name in ("DSSClient", "AuthClient"):
    get_config()[name].swagger_url = os.environ["HCA_BENCH_URL"]
sys.argv[0] = "hca"
main()
"""


@dataclass
class Contender:
    """A command, and what its runs took, in seconds."""

    name: str
    command: Sequence[str]
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    failed: str = ""
    home: str = "home"

    def run(self, env: dict[str, str], count: bool) -> None:
        """Run it once."""
        if self.failed:
            return
        with tempfile.TemporaryFile() as told:
            started = time.perf_counter()
            process = subprocess.Popen(
                self.command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=told
            )
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                told.seek(0)
                self.failed = told.read()[-300:].decode(errors="replace").strip() or f"exit code {process.returncode}"
                print(f"{self.name} failed: {self.failed}", file=sys.stderr)
            elif count:
                self.wall.append(wall)
                self.cpu.append(usage.ru_utime + usage.ru_stime)


def document(host: str) -> dict[str, Any]:
    """A Swagger 2 document with as many operations as the DSS has, one of them ``GET /bundles/{uuid}``."""

    def parameter(name: str, place: str, required: bool, **more: Any) -> dict[str, Any]:
        about = f"What {name} is, in a sentence of the usual length for such a document."
        return {"name": name, "in": place, "required": required, "type": "string", "description": about, **more}

    def operation(about: str, *parameters: dict[str, Any]) -> dict[str, Any]:
        answer = {"200": {"description": "It.", "schema": {"type": "object"}}}
        return {"summary": about, "description": f"{about}. " * 10, "parameters": [*parameters], "responses": answer}

    replica = parameter("replica", "query", True, enum=["aws", "gcp"])
    uuid, version = parameter("uuid", "path", True), parameter("version", "query", False)
    paths: dict[str, Any] = {}
    for kind in ("bundles", "files", "collections", "subscriptions", "events"):
        paths[f"/{kind}/{{uuid}}"] = {
            method: operation(f"{method.capitalize()} one of the {kind}", uuid, replica, version)
            for method in ("get", "put", "patch", "delete")
        }
        paths[f"/{kind}"] = {"get": operation(f"List {kind}", replica)}
    return {
        "swagger": "2.0",
        "info": {"title": "Benchmark", "version": "1", "description": "Objects."},
        "host": host,
        "basePath": "/v1",
        "schemes": ["http", "https"],
        "paths": paths,
    }


@contextmanager
def serving() -> Iterator[str]:
    """The loopback service; the URL of its document."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            host = f"127.0.0.1:{self.server.server_address[1]}"
            answer: Any = {"bundle": {"uuid": UUID, "version": "2019-01-01T000000.000000Z", "files": []}}
            body = json.dumps(document(host) if self.path.endswith("swagger.json") else answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/swagger.json"
    finally:
        server.shutdown()


def contenders(base: Path, hca7: str | None, openstack: str | None) -> list[Contender]:
    """All that are here, bare Python first."""
    hello = base / "hello.py"
    hello.write_text(HELLO)
    program = shutil.which("hca", path=str(Path(sys.executable).parent))
    ours = [program] if program else [sys.executable, "-m", "hca_base"]
    found = [
        Contender(BARE, [sys.executable, "-c", "pass"]),
        Contender("python -c 'import cliff.app'", [sys.executable, "-c", "import cliff.app"]),
        Contender("cliff hello world", [sys.executable, str(hello), "hello"]),
        Contender("python -c 'import requests'", [sys.executable, "-c", "import requests"]),
    ]
    call = ["dss", "get-bundle", "--uuid", UUID, "--replica", "aws"]
    found += [
        Contender(f"hca {' '.join(words)}", [*ours, *words])
        for words in (["--version"], ["--help"], ["dss", "--help"], ["dss", "get-bundle", "--help"])
    ]
    found += [
        Contender("hca upload areas", [*ours, "upload", "areas"]),
        Contender("hca dss get-bundle … (loopback)", [*ours, *call]),
    ]
    if openstack:
        program = str(Path(openstack).parent / "openstack")
        words = ["server", "list", "--help"]
        found += [
            Contender("openstack --version", [program, "--version"]),
            Contender("openstack --help", [program, "--help"]),
            Contender("openstack server list --help", [program, *words]),
        ]
    if hca7:
        launcher = base / "hca7.py"
        launcher.write_text(HCA7)
        script = [hca7, str(launcher)]
        found += [
            Contender(f"hca 7.0.1 {' '.join(words)}", [*script, *words], home="home7")
            for words in (
                ["--version"], ["--help"], ["dss", "--help"], ["dss", "get-bundle", "--help"], ["upload", "areas"],
            )
        ]  # fmt: skip
        found.append(Contender("hca 7.0.1 dss get-bundle … (loopback)", [*script, *call], home="home7"))
    return found


def environment(home: Path, url: str) -> dict[str, str]:
    """A home of its own, with the server as the DSS."""
    config = home / ".config" / "hca" / "config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"DSSClient": {"swagger_url": url}}))
    config.chmod(0o600)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("HCA_", "XDG_", "OS_"))}
    return env | {"HOME": str(home), "HCA_BENCH_URL": url, "HCA_SITE_CONFIG": str(home / "none")}


def table(found: Sequence[Contender]) -> str:
    """The results as a reStructuredText table."""
    rows = [("command", "median ms", "spread ms", "CPU ms", "ratio")]
    bare = statistics.median(next(each for each in found if each.name == BARE).wall)
    for each in found:
        if not each.wall:
            rows.append((each.name, "failed", "", "", ""))
            continue
        wall = statistics.median(each.wall)
        spread = f"{min(each.wall) * 1000:.0f}-{max(each.wall) * 1000:.0f}"
        cpu = f"{statistics.median(each.cpu) * 1000:.0f}"
        rows.append((each.name, f"{wall * 1000:.0f}", spread, cpu, f"{wall / bare:.1f}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rule = "  ".join("=" * width for width in widths)
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--hca7", metavar="PYTHON", help="a Python 3.8 in whose environment hca 7.0.1 is")
    parser.add_argument("--openstack", metavar="PYTHON", help="a Python in whose environment python-openstackclient is")
    parser.add_argument("--rst", type=Path, metavar="FILE", help="write the table to FILE too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hca-startup-") as folder, serving() as url:
        base = Path(folder)
        found = contenders(base, arguments.hca7, arguments.openstack)
        # hca 7 writes all its defaults into the user's file when it ends: it has a home to itself.
        envs = {name: environment(base / name, url) for name in ("home", "home7")}
        for number in range(arguments.runs + 1):
            for each in found:
                each.run(envs[each.home], count=number > 0)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    head = f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, load {load}, "
    head += f"{arguments.runs} runs, {time.strftime('%Y-%m-%d')}; ratios are to '{BARE}'"
    text = f"{head}\n\n{table(found)}"
    print(text)
    if arguments.rst:
        arguments.rst.write_text(text)


if __name__ == "__main__":
    main()
