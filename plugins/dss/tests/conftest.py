"""Fixtures for tests of the DSS plugin: an embedded deployment, bundles in it, and running ``hca`` against it."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.lib import Runner

BUCKET = "dss-staging"
DOCUMENT = Path(__file__).resolve().parents[1] / "hca_dss" / "document.json"


class Traffic(logging.Handler):
    """The requests to a deployment, from its access log.

    :ivar requests: (api or s3, method, path)
    """

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[tuple[str, str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        side, method, path = record.getMessage().split(" ")[:3]
        self.requests.append((side, method, path))

    def count(self, side: str, method: str = "", prefix: str = "") -> int:
        """The number of requests."""
        return sum(s == side and m.startswith(method) and p.startswith(prefix) for s, m, p in self.requests)


class Seeded:
    """A bundle created by a test.

    :ivar contents: name -> bytes
    :ivar files: name -> (uuid, version)
    """

    def __init__(self, bundle_uuid: str, version: str) -> None:
        self.uuid = bundle_uuid
        self.version = version
        self.contents: dict[str, bytes] = {}
        self.files: dict[str, tuple[str, str]] = {}

    @property
    def folder(self) -> str:
        return f"{self.uuid}.{self.version}"

    def manifest(self, names: list[str] | None = None, extra: str = "", **changes: str) -> str:
        """A manifest of some of its files, with an additional column like the data browser's."""
        columns = "bundle_uuid bundle_version file_name file_uuid file_version file_sha256 file_size specimen"
        lines = ["\t".join(columns.split())]
        for name in names if names is not None else list(self.contents):
            content = self.contents.get(name, b"")
            file_uuid, version = self.files.get(name, (str(uuid.uuid4()), self.version))
            row = {
                "bundle_uuid": self.uuid,
                "bundle_version": self.version,
                "file_name": name,
                "file_uuid": file_uuid,
                "file_version": version,
                "file_sha256": hashlib.sha256(content).hexdigest(),
                "file_size": str(len(content)),
                "specimen": "é 1",
            } | changes
            lines.append("\t".join(row.values()))
        return "\n".join(lines) + "\n" + extra


class Site:
    """An embedded deployment, with helpers to fill it."""

    def __init__(self, deployment: Any) -> None:
        import boto3
        import requests

        self.deployment = deployment
        self.traffic = Traffic()
        log = logging.getLogger("hca_local.access")
        log.addHandler(self.traffic)
        log.setLevel(logging.INFO)
        self.api = deployment.api_url
        self.url = f"{self.api}/v1/swagger.json"
        self.keys = deployment.ctx.credentials.root()
        self.token = deployment.token("user")
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["Authorization"] = f"Bearer {self.token}"
        self.s3 = boto3.client(
            "s3",
            endpoint_url=deployment.s3_url,
            region_name="us-east-1",
            aws_access_key_id=self.keys.access_key,
            aws_secret_access_key=self.keys.secret_key,
        )

    def put_file(self, content: bytes, *, sha256: str = "", replica: str = "aws", kind: str = "") -> tuple[str, str]:
        """Stage and register a file; return its uuid and version."""
        from hca_dss.versions import new_version

        from hca_base.transfer import Hashes

        hashes = Hashes(("sha1", "sha256", "crc32c", "s3_etag"))
        hashes.update(content)
        tags = {f"hca-dss-{name}": digest for name, digest in hashes.hexdigests().items()}
        if sha256:
            tags["hca-dss-sha256"] = sha256
        key, version = str(uuid.uuid4()), new_version()
        tagging = "&".join(f"{name}={value}" for name, value in tags.items())
        self.s3.put_object(
            Bucket=BUCKET, Key=key, Body=content, Tagging=tagging, ContentType=kind or "application/octet-stream"
        )
        scheme = {"aws": "s3", "gcp": "gs"}[replica]
        self.send("PUT", f"files/{key}", {"version": version}, source_url=f"{scheme}://{BUCKET}/{key}", creator_uid=0)
        return key, version

    def put_bundle(
        self, contents: Mapping[str, bytes], bundle_uuid: str = "", replica: str = "aws", **wrong: str
    ) -> Seeded:
        """Create a bundle.

        :param wrong: name of a file (with ``_`` for the dot) -> the sha256 to claim for it
        """
        from hca_dss.versions import new_version

        files = {}
        for name, content in contents.items():
            kind = "application/json" if name.endswith(".json") else ""
            sha256 = wrong.get(name.replace(".", "_"), "")
            files[name] = self.put_file(content, sha256=sha256, replica=replica, kind=kind)
        bundle = Seeded(bundle_uuid or str(uuid.uuid4()), new_version())
        bundle.contents, bundle.files = dict(contents), files
        self.send(
            "PUT",
            f"bundles/{bundle.uuid}",
            {"version": bundle.version, "replica": replica},
            creator_uid=0,
            files=[
                {"name": name, "uuid": file_uuid, "version": version, "indexed": name.endswith(".json")}
                for name, (file_uuid, version) in files.items()
            ],
        )
        return bundle

    def send(self, method: str, path: str, query: Mapping[str, str], **body: Any) -> Any:
        """An API request that must succeed."""
        answer = self.http.request(method, f"{self.api}/v1/{path}", params=query, json=body or None, timeout=60)
        assert answer.ok, answer.text
        return answer.json()

    def settings(self) -> dict[str, Any]:
        """The configuration for ``hca`` to use this deployment."""
        return {
            "DSSClient": {"swagger_url": self.url},
            "s3": {"endpoint_url": self.deployment.s3_url, "region": "us-east-1", "staging_bucket": BUCKET},
        }

    def environment(self) -> dict[str, str]:
        """The email address of the test's user."""
        return {
            "HCA_ACCESS_TOKEN": self.token,
            "AWS_ACCESS_KEY_ID": self.keys.access_key,
            "AWS_SECRET_ACCESS_KEY": self.keys.secret_key,
        }


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A deployment for the whole test run; tests create their own bundles in it."""
    from hca_local.server import Deployment

    with Deployment(tmp_path_factory.mktemp("deployment")) as deployment:
        yield Site(deployment)


@pytest.fixture
def slow_site(tmp_path: Path) -> Iterator[Site]:
    """A deployment with simulated waits like the original's, but shorter."""
    from hca_local.server import Deployment

    with Deployment(tmp_path / "deployment", simulate_waits=0.2) as deployment:
        yield Site(deployment)


@pytest.fixture
def traffic(site: Site) -> Traffic:
    """The requests to the deployment during the test."""
    site.traffic.requests.clear()
    return site.traffic


@pytest.fixture
def nowhere(tmp_path: Path) -> Runner:
    """``hca`` as installed."""
    return Runner(tmp_path / "home")


@pytest.fixture
def hca(nowhere: Runner, site: Site) -> Runner:
    """``hca`` with the deployment as its DSS."""
    nowhere.configure(site.settings())
    nowhere.env |= site.environment()
    return nowhere


Answer = tuple[int, Mapping[str, str], bytes]


class FakeDSS:
    """A DSS with scripted responses, including the store of its files.

    :ivar requests: method and path of all requests
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self.routes: dict[tuple[str, str], Callable[[dict[str, str]], Any]] = {}
        self.blobs: dict[str, bytes] = {}
        self.slow = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                outer.requests.append((self.command, parts.path))
                status, headers, content = outer.respond(self.command, parts.path, parts.query, body)
                if self.command == "GET" and status == 200 and (wanted := self.headers.get("Range")):
                    first, _, last = wanted.removeprefix("bytes=").partition("-")
                    end = int(last) + 1 if last else len(content)
                    headers = {**headers, "Content-Range": f"bytes {first}-{end - 1}/{len(content)}"}
                    status, content = 206, content[int(first) : end]
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "HEAD":
                    return
                for start in range(0, len(content), 65536):
                    self.wfile.write(content[start : start + 65536])
                    if outer.slow and parts.path.startswith("/blobs/"):
                        time.sleep(outer.slow)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        self.url = f"{self.base}/v1/swagger.json"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def respond(self, method: str, path: str, query: str, body: bytes) -> Answer:
        route = self.routes.get((method, path))
        if route is not None:
            found = route({name: values[0] for name, values in parse_qs(query).items()})
            return found if isinstance(found, tuple) else (200, {}, json.dumps(found).encode())
        if path == "/v1/swagger.json":
            document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
            document |= {"host": urlsplit(self.base).netloc, "schemes": ["http"]}
            return 200, {}, json.dumps(document).encode()
        name = path.rpartition("/")[2]
        if path.startswith("/v1/files/") and name in self.blobs:
            return 302, {"Location": f"{self.base}/blobs/{name}"}, b""
        if path.startswith("/blobs/") and name in self.blobs:
            return 200, {"Content-Type": "application/octet-stream", "ETag": f'"{name}"'}, self.blobs[name]
        return 404, {}, b'{"status": 404, "code": "not_found", "title": "there is no such thing"}'

    def route(self, method: str, path: str, answer: Any) -> None:
        """Respond with: a JSON value, (status, headers, bytes), or a function of the query that returns one."""
        self.routes[method, path] = answer if callable(answer) else lambda query: answer

    def put_bundle(self, contents: Mapping[str, bytes], *, version: str = "2018-11-02T113344.698028Z") -> Seeded:
        """Create a bundle, whatever its files are called."""
        bundle = Seeded(str(uuid.uuid4()), version)
        bundle.contents = dict(contents)
        files = []
        for name, content in contents.items():
            file_uuid = str(uuid.uuid4())
            self.blobs[file_uuid] = content
            bundle.files[name] = (file_uuid, version)
            files.append(
                {
                    "name": name,
                    "uuid": file_uuid,
                    "version": version,
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "size": len(content),
                    "indexed": name.endswith(".json"),
                    "content-type": "x",
                }
            )
        answer = {"bundle": {"uuid": bundle.uuid, "version": version, "creator_uid": 0, "files": files}}
        self.route("GET", f"/v1/bundles/{bundle.uuid}", answer)
        return bundle

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def fake() -> Iterator[FakeDSS]:
    """A DSS with scripted responses."""
    service = FakeDSS()
    yield service
    service.close()


@pytest.fixture
def fake_hca(nowhere: Runner, fake: FakeDSS) -> Runner:
    """``hca`` with that DSS."""
    nowhere.configure({"DSSClient": {"swagger_url": fake.url}})
    return nowhere
