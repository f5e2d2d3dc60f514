"""Running deployments for the tests of the embedded services, with helpers for the DSS and for logins."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.lib.oidc_program import Program

VERSION = "2020-05-21T235543.123456Z"


class DSSOverHTTP:
    """Requests to a deployment's DSS as one of its people, with shortcuts for files and bundles."""

    def __init__(self, deployment: Any) -> None:
        self.deployment = deployment
        self.session = requests.Session()

    def __call__(
        self, method: str, path: str, *, who: str | None = None, headers: dict[str, str] | None = None, **options: Any
    ) -> requests.Response:
        """Send a request; redirects are not followed. ``who`` is a name, or None for no token."""
        headers = dict(headers or {})
        if who is not None:
            headers["Authorization"] = f"Bearer {self.deployment.token(who)}"
        url = path if path.startswith("http") else self.deployment.api_url + path
        options.setdefault("allow_redirects", False)
        return self.session.request(method, url, headers=headers, timeout=60, **options)

    def stage(
        self, content: bytes, *, content_type: str = "application/json", scheme: str = "s3", **checksums: str | None
    ) -> str:
        """Put an object into the staging bucket, with its checksums or others as tags; return its source_url."""
        ctx = self.deployment.ctx
        blob = ctx.store.blobs.put_bytes(content)
        tags = {"sha1": blob.sha1, "sha256": blob.sha256, "crc32c": blob.crc32c, "s3_etag": blob.s3_etag, **checksums}
        tags = {f"hca-dss-{name}": value for name, value in tags.items() if value is not None}
        key = f"{uuid.uuid4()}/staged"
        ctx.objects.put("dss-staging", key, blob, content_type=content_type, tags=tags)
        return f"{scheme}://dss-staging/{key}"

    def put_file(
        self, content: bytes, *, name: str | None = None, version: str = VERSION, creator: int = 1, **options: Any
    ) -> requests.Response:
        body = {"source_url": self.stage(content, **options), "creator_uid": creator}
        path = f"/v1/files/{name or uuid.uuid4()}"
        return self("PUT", path, who="user", params={"version": version}, json=body)

    def new_file(self, content: bytes, **options: Any) -> str:
        """Create a file of version VERSION; return its uuid."""
        name = str(uuid.uuid4())
        response = self.put_file(content, name=name, **options)
        assert response.status_code in {201, 202}, response.text
        return name

    def new_bundle(self, files: dict[str, str], *, replica: str = "aws", version: str = VERSION) -> str:
        """Create a bundle of ``files``, names to uuids; return its uuid."""
        name = str(uuid.uuid4())
        response = self.put_bundle(name, files, replica=replica, version=version)
        assert response.status_code == 201, response.text
        return name

    def put_bundle(
        self, name: str, files: dict[str, str], *, replica: str = "aws", version: str = VERSION
    ) -> requests.Response:
        entries = [
            {"name": title, "uuid": file, "version": VERSION, "indexed": title.endswith(".json")}
            for title, file in files.items()
        ]
        body = {"creator_uid": 1, "files": entries}
        return self(
            "PUT", f"/v1/bundles/{name}", who="user", params={"version": version, "replica": replica}, json=body
        )


@pytest.fixture(scope="module")
def dss(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DSSOverHTTP]:
    """The DSS of a deployment for one module."""
    from hca_local.server import Deployment

    with Deployment(tmp_path_factory.mktemp("deployment")) as deployment:
        yield DSSOverHTTP(deployment)


@pytest.fixture
def dss_over() -> type[DSSOverHTTP]:
    """For tests that start deployments themselves."""
    return DSSOverHTTP


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A deployment for one module; access tokens are valid for two minutes, and devices may poll often."""
    from hca_local.server import Deployment

    with Deployment(tmp_path_factory.mktemp("oidc"), access_token_ttl=120, device_interval=0.2) as running:
        yield running


@pytest.fixture
def program(deployment: Any) -> Program:
    """Logs people in at the deployment."""
    return Program(deployment.api_url)


@pytest.fixture
def deployment_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"
