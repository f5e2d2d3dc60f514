"""Machines with a wrong clock, and stores that reject signatures with another time."""

from __future__ import annotations

import http.server
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import ExitCode, HCAError
from hca_base.transfer import S3Credentials, S3Target, TransferOptions, UploadItem, upload

MIB = 1024 * 1024
#: Uploads with a clock that differs from the store's.
PROGRAM = """
import logging, sys, time
endpoint, access_key, secret_key, ahead, fast, *paths = sys.argv[1:]
real_time = time.time
time.time = lambda: real_time() + float(ahead)
from hca_base.transfer import S3Credentials, S3Target, TransferOptions, UploadItem, upload
logging.basicConfig(format="%(message)s")
target = S3Target("dss-staging", endpoint_url=endpoint, credentials=S3Credentials(access_key, secret_key))
items = [UploadItem(path, f"clock/{path.rpartition('/')[2]}", tags={"a": "{sha256}"}) for path in paths]
options = TransferOptions(fast=fast == "True", retries=0 if float(ahead) == 0 else 2, min_delay=0.01)
upload(items, target, options=options).raise_for_failures("uploaded")
"""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from hca_local.server.deployment import Deployment

    with Deployment(tmp_path_factory.mktemp("s3")) as started:
        yield started


@pytest.mark.parametrize(
    ("ahead", "words"), [(1200, "20 minutes ahead of"), (-90_000, "25 hours behind"), (40 * 86400, "40 days ahead of")]
)
def test_a_wrong_clock_is_corrected(tmp_path: Path, deployment: Any, fast: bool, ahead: int, words: str) -> None:
    root = deployment.ctx.credentials.root()
    paths = []
    for number, size in enumerate([10, 4000, 4001, 4002, 9 * MIB, 65 * MIB]):
        paths.append(tmp_path / f"f{number}")
        paths[-1].write_bytes(random.Random(number).randbytes(size))
    words_of_program = [deployment.s3_url, root.access_key, root.secret_key, str(ahead), str(fast), *map(str, paths)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words_of_program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(f"this machine's clock is {words} the store's") == 1


class Store(http.server.BaseHTTPRequestHandler):
    """Rejects all signatures as too old or too new."""

    protocol_version = "HTTP/1.1"
    requests = 0
    server_time = ""
    date: str | None = None

    def do_PUT(self) -> None:
        type(self).requests += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        body = f"<Error><Code>RequestTimeTooSkewed</Code>{self.server_time}</Error>".encode()
        self.send_response_only(403)
        if self.date is not None:
            self.send_header("Date", self.date)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def refuse(tmp_path: Path, fast: bool) -> Iterator[Callable[..., tuple[HCAError, int]]]:
    """Upload a file to a store that rejects it; return the exception, and the number of requests."""
    handler = type("Handler", (Store,), {})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def run(server_time: str = "", date: str | None = None) -> tuple[HCAError, int]:
            handler.server_time, handler.date = server_time, date
            (tmp_path / "f").write_bytes(b"x" * 100)
            endpoint = f"http://127.0.0.1:{server.server_address[1]}"
            target = S3Target("b", endpoint_url=endpoint, credentials=S3Credentials("a", "b"))
            with pytest.raises(HCAError) as raised:
                options = TransferOptions(fast=fast, min_delay=0.01)
                upload([UploadItem(tmp_path / "f", "k")], target, options=options).raise_for_failures("uploaded")
            return raised.value, handler.requests - fast

        yield run
        server.shutdown()


@pytest.mark.parametrize("date", [None, "yesterday", "Thu, 99 Foo 2026 00:00:00 GMT"])
def test_a_store_that_names_no_time(refuse: Callable[..., tuple[HCAError, int]], date: str | None) -> None:
    error, requests = refuse("<ServerTime>noon</ServerTime>", date)
    assert "this machine's clock differs from the store's" in error.message
    assert error.hint == "Correct the clock of this machine."
    assert error.exit_code == ExitCode.AUTH
    assert requests == 1


def test_a_store_that_goes_on_refusing(refuse: Callable[..., tuple[HCAError, int]]) -> None:
    there = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 7200))
    error, requests = refuse(f"<ServerTime>{there}</ServerTime>")
    assert "this machine's clock is 2 hours ahead of the store's" in error.message
    assert requests == 2


def test_the_header_date_is_enough(refuse: Callable[..., tuple[HCAError, int]]) -> None:
    there = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 7200))
    error, requests = refuse("", there)
    assert "this machine's clock is 2 hours behind the store's" in error.message
    assert requests == 2
