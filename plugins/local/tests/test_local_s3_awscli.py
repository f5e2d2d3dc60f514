"""The AWS CLI against the embedded S3 endpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hca_local.server import Deployment

BUCKET = "dss-staging"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    with Deployment(tmp_path_factory.mktemp("s3")) as deployment:
        yield deployment


@pytest.fixture
def aws(deployment, tmp_path):
    root = deployment.ctx.credentials.root()
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": root.access_key,
        "AWS_SECRET_ACCESS_KEY": root.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": deployment.s3_url,
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    def run(*arguments: str, code: int = 0) -> str:
        command = [sys.executable, "-m", "awscli", *arguments]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_copy_list_and_remove(aws, tmp_path: Path):
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "empty").write_bytes(b"")
    (folder / "sub" / "ü +.json").write_bytes(b"{}")
    (folder / "large").write_bytes(os.urandom(20 * 1024 * 1024))  # multipart
    aws("s3", "cp", "--recursive", "data", f"s3://{BUCKET}/up", "--only-show-errors")
    listed = aws("s3", "ls", "--recursive", f"s3://{BUCKET}/up/")
    assert [line.split(maxsplit=2)[2] for line in listed.splitlines()] == [
        "0 up/empty",
        "20971520 up/large",
        "2 up/sub/ü +.json",
    ]
    assert "PRE up/" in aws("s3", "ls", f"s3://{BUCKET}/")
    aws("s3", "sync", f"s3://{BUCKET}/up", "back", "--only-show-errors")
    for path in folder.rglob("*"):
        if path.is_file():
            assert (tmp_path / "back" / path.relative_to(folder)).read_bytes() == path.read_bytes()
    assert aws("s3", "sync", f"s3://{BUCKET}/up", "back").strip() == ""
    aws("s3", "mv", f"s3://{BUCKET}/up/large", f"s3://{BUCKET}/moved", "--only-show-errors")
    aws("s3", "rm", "--recursive", f"s3://{BUCKET}/up", "--only-show-errors")
    assert aws("s3", "ls", "--recursive", f"s3://{BUCKET}").split()[3] == "moved"


def test_buckets_tags_ranges_and_presigned_urls(aws, tmp_path: Path):
    aws("s3", "mb", "s3://cli-bucket")
    (tmp_path / "body").write_bytes(b"0123456789")
    aws("s3api", "put-object", "--bucket", "cli-bucket", "--key", "k", "--body", "body", "--tagging", "a=b")
    tags = json.loads(aws("s3api", "get-object-tagging", "--bucket", "cli-bucket", "--key", "k"))
    assert tags["TagSet"] == [{"Key": "a", "Value": "b"}]
    aws("s3api", "get-object", "--bucket", "cli-bucket", "--key", "k", "--range", "bytes=2-4", "part")
    assert (tmp_path / "part").read_bytes() == b"234"
    url = aws("s3", "presign", "s3://cli-bucket/k").strip()
    import requests

    assert requests.get(url, timeout=10).content == b"0123456789"
    assert "NoSuchKey" in aws("s3api", "get-object", "--bucket", "cli-bucket", "--key", "none", "out", code=255)
    aws("s3", "rb", "--force", "s3://cli-bucket")
    assert "cli-bucket" not in aws("s3", "ls")
