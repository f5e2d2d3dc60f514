"""Stored content damaged on disk: never served, named in the error, quarantined, repaired by a new PUT."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from hca_local.server import Deployment

MIB = 1 << 20
SIZES = {"in a row": 4000, "in a file": 100_000}


@pytest.fixture
def deployment(tmp_path):
    with Deployment(tmp_path / "data") as running:
        yield running


def client(deployment: Deployment) -> Any:
    root = deployment.ctx.credentials.root()
    return boto3.client(
        "s3",
        endpoint_url=deployment.s3_url,
        aws_access_key_id=root.access_key,
        aws_secret_access_key=root.secret_key,
        region_name="us-east-1",
        config=Config(retries={"max_attempts": 1}),
    )


def upload_in_parts(s3: Any, key: str, parts: list[bytes]) -> None:
    upload = s3.create_multipart_upload(Bucket="dss-staging", Key=key)["UploadId"]
    made = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(Bucket="dss-staging", Key=key, UploadId=upload, PartNumber=number, Body=part)[
                "ETag"
            ],
        }
        for number, part in enumerate(parts, 1)
    ]
    s3.complete_multipart_upload(Bucket="dss-staging", Key=key, UploadId=upload, MultipartUpload={"Parts": made})


def blob_path(deployment: Deployment, sha256: str) -> Path:
    return deployment.settings.data_dir / "blobs" / sha256[:2] / sha256


def damage(deployment: Deployment, sha256: str, change: Any) -> None:
    """Change the bytes of stored content without the deployment."""
    path = blob_path(deployment, sha256)
    if path.is_dir():
        path = max(path.iterdir())
    if path.exists():
        path.write_bytes(change(path.read_bytes()))
        return
    with sqlite3.connect(deployment.settings.data_dir / "store.sqlite") as db:
        (data,) = db.execute("SELECT data FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()
        db.execute("UPDATE blobs SET data = ? WHERE sha256 = ?", (change(bytes(data)), sha256))
    db.close()


def get_failure(s3: Any, key: str, **options: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket="dss-staging", Key=key, **options)["Body"].read()
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


CHANGES = {
    "shorter": lambda data: data[:-1],
    "longer": lambda data: data + b"x",
    "empty": lambda data: b"",
    "as long": lambda data: bytes([data[0] ^ 1]) + data[1:],
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("size", [*SIZES.values(), 30_000, MIB], ids=[*SIZES, "small file", "largest checked"])
def test_damaged_content_is_a_500_that_names_it_until_it_is_put_again(deployment, size, change):
    s3, body = client(deployment), os.urandom(size)
    sha256 = hashlib.sha256(body).hexdigest()
    s3.put_object(Bucket="dss-staging", Key="k", Body=body)
    damage(deployment, sha256, CHANGES[change])
    for _ in range(2):
        status, message = get_failure(s3, "k")
        assert status == 500
        assert f"the stored content {sha256} is damaged" in message
    assert get_failure(s3, "k", Range="bytes=10-19")[0] == 500
    with pytest.raises(ClientError, match="is damaged"):
        s3.copy_object(Bucket="dss-staging", Key="copy", CopySource={"Bucket": "dss-staging", "Key": "k"})
    s3.put_object(Bucket="dss-staging", Key="other", Body=body)
    for key in ("k", "other"):
        assert s3.get_object(Bucket="dss-staging", Key=key)["Body"].read() == body


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_putting_the_same_content_again_repairs_what_is_damaged(deployment, size, change):
    s3, body = client(deployment), os.urandom(size)
    sha256 = hashlib.sha256(body).hexdigest()
    s3.put_object(Bucket="dss-staging", Key="k", Body=body)
    damage(deployment, sha256, change)
    s3.put_object(Bucket="dss-staging", Key="again", Body=body)
    for key in ("k", "again"):
        assert s3.get_object(Bucket="dss-staging", Key=key)["Body"].read() == body
    (kept,) = (deployment.settings.data_dir / "quarantine").iterdir()
    assert kept.name.startswith(sha256)
    assert kept.read_bytes() == change(body)


def test_of_larger_content_the_size_is_checked_when_it_is_read_and_every_byte_by_verify(deployment):
    s3, body = client(deployment), os.urandom(MIB + 1)
    sha256 = hashlib.sha256(body).hexdigest()
    s3.put_object(Bucket="dss-staging", Key="k", Body=body)
    damage(deployment, sha256, CHANGES["as long"])
    run(deployment.settings.data_dir, code=7)
    assert get_failure(s3, "k")[0] == 500


def test_content_in_one_small_part_is_checked_completely(deployment):
    s3, body = client(deployment), os.urandom(30_000)
    upload_in_parts(s3, "k", [body])
    assert s3.get_object(Bucket="dss-staging", Key="k", Range="bytes=10-19")["Body"].read() == body[10:20]
    damage(deployment, hashlib.sha256(body).hexdigest(), CHANGES["as long"])
    # The damaged byte is not among those that are read.
    assert get_failure(s3, "k", Range="bytes=10-19")[0] == 500


@pytest.mark.parametrize("size", [*SIZES.values(), MIB + 1], ids=[*SIZES, "in a large file"])
@pytest.mark.parametrize("by", ["read", "verify"])
def test_what_was_moved_to_quarantine_is_not_called_missing(deployment, size, by):
    s3, body = client(deployment), os.urandom(size)
    sha256 = hashlib.sha256(body).hexdigest()
    s3.put_object(Bucket="dss-staging", Key="k", Body=body)
    damage(deployment, sha256, CHANGES["shorter"])
    if by == "read":
        get_failure(s3, "k")
    else:
        run(deployment.settings.data_dir, code=7)
    if by == "read" and size == SIZES["in a row"]:
        return  # A read leaves it in its row, and says so.
    (moved,) = (deployment.settings.data_dir / "quarantine").iterdir()
    assert f"{sha256} is damaged: it was moved to quarantine/{moved.name}" in get_failure(s3, "k")[1]
    for dry in ("--dry-run",), ():
        (row,) = json.loads(run(deployment.settings.data_dir, "-f", "json", *dry, code=7)[0])
        assert (row["moved_to"], row["problem"]) == (str(moved), f"it was moved to quarantine/{moved.name}")
    moved.unlink()
    (row,) = json.loads(run(deployment.settings.data_dir, "-f", "json", code=7)[0])
    assert (row["moved_to"], row["problem"]) == (None, f"{sha256} is missing")


def test_bytes_in_a_row_are_checked_completely_on_each_read(deployment):
    s3, body = client(deployment), os.urandom(4000)
    s3.put_object(Bucket="dss-staging", Key="k", Body=body)
    damage(deployment, hashlib.sha256(body).hexdigest(), CHANGES["as long"])
    assert get_failure(s3, "k")[0] == 500


def test_content_in_parts_is_repaired_by_one_put_and_by_parts(deployment):
    s3, parts = client(deployment), [os.urandom(5 * MIB), os.urandom(1000)]
    body = b"".join(parts)
    sha256 = hashlib.sha256(body).hexdigest()
    upload_in_parts(s3, "k", parts)
    for repair in (
        lambda: s3.put_object(Bucket="dss-staging", Key="again", Body=body),
        lambda: upload_in_parts(s3, "again", parts),
    ):
        damage(deployment, sha256, CHANGES["as long"])
        repair()
        assert s3.get_object(Bucket="dss-staging", Key="k")["Body"].read() == body
    max(blob_path(deployment, sha256).iterdir()).unlink()
    # The requested range is in the undamaged part.
    assert s3.get_object(Bucket="dss-staging", Key="k", Range="bytes=0-9")["Body"].read() == body[:10]
    assert get_failure(s3, "k")[0] == 500


def test_the_dss_and_the_upload_service_name_damaged_content_too(deployment, dss_over):
    dss = dss_over(deployment)
    content = json.dumps({"describedBy": "x", "filler": "y" * 20_000}).encode()
    sha256 = hashlib.sha256(content).hexdigest()
    file = dss.new_file(content)
    damage(deployment, sha256, CHANGES["shorter"])
    entries = [{"name": "a.json", "uuid": file, "version": "2020-05-21T235543.123456Z", "indexed": True}]
    body = {"creator_uid": 1, "files": entries}
    params = {"version": "2020-05-21T235543.123456Z", "replica": "aws"}
    answer = dss("PUT", f"/v1/bundles/{file}", who="user", params=params, json=body)
    assert answer.status_code == 500
    assert answer.json()["code"] == "damaged_content"
    assert f"the stored content {sha256} is damaged" in answer.json()["title"]
    assert "Traceback" not in answer.text
    redirect = dss("GET", f"/v1/files/{file}", params={"replica": "aws"})
    fetched = requests.get(redirect.headers["Location"], timeout=60)
    assert (fetched.status_code, sha256 in fetched.text) == (500, True)


def run(data_dir: Path, *arguments: str, code: int) -> tuple[str, str]:
    command = [sys.executable, "-m", "hca_base", "local", "verify", "--data-dir", str(data_dir), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_verify_finds_what_is_damaged_while_the_deployment_runs(deployment, change):
    s3 = client(deployment)
    bodies = {name: os.urandom(size) for name, size in SIZES.items()}
    for name, body in bodies.items():
        s3.put_object(Bucket="dss-staging", Key=name, Body=body)
    s3.put_object(Bucket="dss-staging", Key="good", Body=os.urandom(70_000))
    data_dir = deployment.settings.data_dir
    out, err = run(data_dir, code=0)
    assert out == ""
    assert "none damaged" in err
    for body in bodies.values():
        damage(deployment, hashlib.sha256(body).hexdigest(), change)
    for dry in ("--dry-run",), ():
        out, err = run(data_dir, "-f", "json", *dry, code=7)
        found = {row["sha256"]: row for row in json.loads(out)}
        assert set(found) == {hashlib.sha256(body).hexdigest() for body in bodies.values()}
        for name, body in bodies.items():
            row = found[hashlib.sha256(body).hexdigest()]
            assert row["used_by"] == [f"s3://dss-staging/{name}"]
            assert (row["moved_to"] is None) == bool(dry)
        assert err.startswith("hca: error: 2 of ")
    for name, body in bodies.items():
        assert get_failure(s3, name)[0] == 500
        s3.put_object(Bucket="dss-staging", Key=name, Body=body)
        assert s3.get_object(Bucket="dss-staging", Key=name)["Body"].read() == body
    assert get_failure(s3, "none")[0] == 404
    run(data_dir, code=0)


def test_verify_without_a_deployment_says_so(tmp_path):
    _, err = run(tmp_path / "nothing", code=4)
    assert err.startswith(f"hca: error: {tmp_path}/nothing contains no deployment\n")


@pytest.mark.parametrize("clean", [True, False], ids=["after a stop", "after a crash"])
def test_what_was_being_written_when_it_crashed_is_checked_at_the_next_start(tmp_path, clean, monkeypatch):
    data_dir, body = tmp_path / "data", os.urandom(100_000)
    sha256 = hashlib.sha256(body).hexdigest()
    with Deployment(data_dir) as running:
        client(running).put_object(Bucket="dss-staging", Key="k", Body=body)
        if not clean:
            monkeypatch.setattr(running.ctx.store, "mark_clean", lambda: None)
    damage(running, sha256, CHANGES["as long"])
    with Deployment(data_dir) as running:
        if clean:
            # Damaged content of the right size is found by 'hca local verify', and when it is put again.
            assert blob_path(running, sha256).exists()
        else:
            assert get_failure(client(running), "k")[0] == 500
            assert [path.name[:64] for path in (data_dir / "quarantine").iterdir()] == [sha256]
