"""Fixtures for tests of the upload plugin: an embedded deployment, a proxy that cuts connections, running ``hca``."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lib import Runner


class Site:
    """A running deployment, with access to its internals to check what arrived.

    :ivar service: the Upload Service's application
    """

    def __init__(self, deployment: Any) -> None:
        from hca_local.upload_service import api_key

        self.deployment = deployment
        self.service = deployment.ctx._upload_service
        self.bucket = deployment.settings.upload_bucket
        self.key = api_key(deployment.ctx.store)

    def settings(self, s3_url: str | None = None, **more: Any) -> dict[str, Any]:
        """The configuration for ``hca`` to use this deployment."""
        api = self.deployment.api_url
        return {
            "upload": {
                "stage": "local",
                "preprod_api_url_template": f"{api}/upload/v1",
                "swagger_url": f"{api}/upload/swagger.json",
            },
            "s3": {"endpoint_url": s3_url or self.deployment.s3_url, "region": "us-east-1"},
            **more,
        }

    def area(self, name: str | None = None) -> str:
        """Create an area; return its URI."""
        name = name or str(uuid.uuid4())
        return str(self.service.areas.create(name)["uri"])

    def set_status(self, area: str, status: str) -> None:
        self.service.areas.set_status(area, status)

    def objects(self, area: str) -> dict[str, Any]:
        """The content of the bucket, by name."""
        found: dict[str, Any] = {}
        after = ""
        while page := self.deployment.ctx.objects.list(self.bucket, f"{area}/", after):
            found |= {item.key.partition("/")[2]: item for item in page}
            after = page[-1].key
        return found

    def checksum_states(self, area: str) -> dict[str, str]:
        """The processing state of each file."""
        return {name: self.service.files._known(item)[0] for name, item in self.objects(area).items()}

    def until(self, condition: Callable[[], bool]) -> None:
        limit = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < limit, "it did not happen"
            time.sleep(0.02)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A deployment for the whole test run; tests create their own areas in it."""
    from hca_local.server import Deployment

    with Deployment(tmp_path_factory.mktemp("deployment")) as deployment:
        yield Site(deployment)


@pytest.fixture
def site_of() -> type[Site]:
    """For tests that start deployments themselves."""
    return Site


@pytest.fixture
def nowhere(tmp_path: Path) -> Runner:
    """``hca`` as installed."""
    return Runner(tmp_path / "home")


@pytest.fixture
def hca(nowhere: Runner, site: Site) -> Runner:
    """``hca`` with the deployment as its Upload Service, and the API key in the environment."""
    nowhere.configure(site.settings())
    nowhere.env["HCA_UPLOAD_API_KEY"] = site.key
    return nowhere


@pytest.fixture
def area(hca: Runner, site: Site) -> str:
    """UUID of a selected area."""
    uri = site.area()
    hca("upload", "select", uri)
    return uri.rstrip("/").rpartition("/")[2]


def pattern(size: int, seed: int = 1) -> bytes:
    """Bytes without repetition within 64 KiB; the same for the same seed."""
    piece = hashlib.shake_256(str(seed).encode()).digest(65_521)
    return (piece * (size // len(piece) + 1))[:size]


@pytest.fixture
def pattern_of() -> Callable[..., bytes]:
    return pattern


class Proxy:
    """A proxy in front of the store that counts requests, and closes selected connections in the middle.

    :ivar parts: part number of each part upload
    :ivar cut: called with the head of each request; True closes the connection after some of its body was forwarded
    :ivar received: bytes of requests so far
    """

    #: Bytes of a request to forward before it is cut.
    GRACE = 100_000
    _HEAD = re.compile(rb"(?:PUT|POST|GET|HEAD|DELETE) (\S+) HTTP/1\.1\r\n")

    def __init__(self, target: str) -> None:
        host, _, port = target.removeprefix("http://").partition(":")
        self._target = host, int(port)
        self._lock = threading.Lock()
        self.parts: list[int] = []
        self.cut: Callable[[bytes], bool] = lambda head: False
        self.cuts = 0
        self.received = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            threading.Thread(target=self._forward, args=(client, server), daemon=True).start()
            threading.Thread(target=self._back, args=(server, client), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        left = None
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                self.received += len(data)
                head = self._HEAD.match(data)
                if head:
                    part = re.search(rb"partNumber=(\d+)", head[1])
                    with self._lock:
                        if part and data.startswith(b"PUT"):
                            self.parts.append(int(part[1]))
                        if self.cut(head[0]):
                            self.cuts += 1
                            left = self.GRACE
                if left is not None:
                    server.sendall(data[:left])
                    left -= len(data)
                    if left <= 0:
                        break
                else:
                    server.sendall(data)
        _end(client, server)

    @staticmethod
    def _back(server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)
        _end(client, server)

    def close(self) -> None:
        self._listener.close()


def _end(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@pytest.fixture
def proxy(site: Site, hca: Runner) -> Iterator[Proxy]:
    """A proxy between ``hca`` and the store."""
    between = Proxy(site.deployment.s3_url)
    hca.configure(site.settings(between.url))
    yield between
    between.close()
