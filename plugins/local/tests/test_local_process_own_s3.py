"""``--s3-endpoint``: files are staged in the user's own S3, with the user's own AWS credentials."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from hca_local.server import Deployment


@pytest.fixture
def own(tmp_path):
    """The user's own S3; here it is another deployment's."""
    with Deployment(tmp_path / "own") as own:
        root = own.ctx.credentials.root()
        keys = {
            "AWS_ACCESS_KEY_ID": root.access_key,
            "AWS_SECRET_ACCESS_KEY": root.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        yield own, keys


def test_an_upload_is_staged_there_and_served_from_here(own, tmp_path):
    own, keys = own
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HCA_", "XDG_", "AWS_"))}
    environment = {**kept, **keys, "HOME": str(tmp_path)}

    def hca(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hca_base", *arguments]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=100)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    start = ["local", "start", "--port", "0", "--s3-endpoint", own.s3_url]
    refused = hca(*start, "--staging-bucket", "my-staging", code=1)
    assert f"bucket my-staging does not exist at {own.s3_url}" in refused.stderr
    own.ctx.objects.create_bucket("my-staging")
    try:
        hca(*start, "--staging-bucket", "my-staging")
        (tmp_path / "data").mkdir()
        files = {"small.json": b'{"describedBy": "x"}', "empty": b"", "large.bin": os.urandom(3_000_000)}
        for name, content in files.items():
            (tmp_path / "data" / name).write_bytes(content)
        uploaded = json.loads(hca("dss", "upload", "--src-dir", "data", "--replica", "aws").stdout)
        staged = own.ctx.objects.list("my-staging")
        assert sorted(item.size for item in staged) == sorted(len(content) for content in files.values())
        hca("dss", "download", "--bundle-uuid", uploaded["bundle_uuid"], "--replica", "aws", "--download-dir", "got")
        folder = Path(tmp_path / "got" / f"{uploaded['bundle_uuid']}.{uploaded['version']}")
        for name, content in files.items():
            assert (folder / name).read_bytes() == content
        client = boto3.client(
            "s3",
            endpoint_url=own.s3_url,
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
        )
        assert client.list_objects_v2(Bucket="my-staging")["KeyCount"] == 3
    finally:
        hca("local", "stop")


def test_one_that_cannot_be_reached_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    from hca_base.errors import HCAError

    with pytest.raises(HCAError, match=r"127\.0\.0\.1:9"):
        Deployment(tmp_path, s3_endpoint="http://127.0.0.1:9").start()
    with Deployment(tmp_path / "other") as other, pytest.raises(HCAError, match="refused"):
        Deployment(tmp_path, s3_endpoint=other.s3_url).start()
