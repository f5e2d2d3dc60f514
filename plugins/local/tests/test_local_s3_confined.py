"""Temporary credentials are limited to one prefix of one bucket, and in time; a restart does not change that."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hca_local.server import Deployment

BUCKET = "org-humancellatlas-upload-local"
AREA, OTHER = "aaaaaaaa-1111-4111-8111-111111111111/", "aaaaaaaa-1111-4111-8111-111111111111extra/"


def client(deployment: Deployment, issued: dict[str, str]) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=deployment.s3_url,
        aws_access_key_id=issued["AccessKeyId"],
        aws_secret_access_key=issued["SecretAccessKey"],
        aws_session_token=issued["SessionToken"],
        region_name="us-east-1",
        config=Config(retries={"max_attempts": 1}),
    )


def denied(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response
    return error["Error"]["Code"] if error["ResponseMetadata"]["HTTPStatusCode"] != 403 else "denied"


def put_as_owner(deployment: Deployment, key: str) -> None:
    deployment.ctx.objects.put(BUCKET, key, deployment.ctx.store.blobs.put_bytes(b"secret"))


@pytest.fixture
def deployment(tmp_path):
    with Deployment(tmp_path) as deployment:
        yield deployment


def test_an_area_can_be_written_and_listed_and_nothing_else_be_done(deployment):
    issued = deployment.ctx.credentials.issue(bucket=BUCKET, prefix=AREA)
    ends = datetime.strptime(issued["Expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert 3500 < ends.timestamp() - time.time() <= 3600
    s3 = client(deployment, issued)
    put_as_owner(deployment, OTHER + "theirs")
    put_as_owner(deployment, "theirs")

    s3.put_object(Bucket=BUCKET, Key=AREA + "mine", Body=b"x", Tagging="a=b", ACL="bucket-owner-full-control")
    s3.put_object_tagging(Bucket=BUCKET, Key=AREA + "mine", Tagging={"TagSet": []})
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=AREA + "multi")["UploadId"]
    where = {"Bucket": BUCKET, "Key": AREA + "multi", "UploadId": upload}
    part = s3.upload_part(**where, PartNumber=1, Body=b"part")
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=AREA)["Contents"]
    assert [item["Key"] for item in listed] == [AREA + "mine", AREA + "multi"]

    for key in (OTHER + "new", "new", AREA.rstrip("/"), "/" + AREA + "x", AREA.upper()):
        assert denied(s3.put_object, Bucket=BUCKET, Key=key, Body=b"") == "denied"
        assert denied(s3.create_multipart_upload, Bucket=BUCKET, Key=key) == "denied"
    assert denied(s3.put_object, Bucket="dss-staging", Key=AREA + "x", Body=b"") == "denied"
    for key in (AREA + "mine", OTHER + "theirs", "theirs", AREA + "none"):
        for call in (s3.get_object, s3.head_object, s3.delete_object, s3.get_object_tagging):
            assert denied(call, Bucket=BUCKET, Key=key) == "denied"
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    assert denied(s3.put_object_tagging, Bucket=BUCKET, Key=OTHER + "theirs", Tagging=tags) == "denied"
    source = {"Bucket": BUCKET, "Key": OTHER + "theirs"}
    assert denied(s3.copy_object, Bucket=BUCKET, Key=AREA + "stolen", CopySource=source) == "denied"
    for prefix in ("", AREA[:-1], AREA + "m", OTHER, AREA[:8]):
        assert denied(s3.list_objects_v2, Bucket=BUCKET, Prefix=prefix) == "denied"
        assert denied(s3.list_objects, Bucket=BUCKET, Prefix=prefix) == "denied"
    for call in (s3.list_objects_v2, s3.head_bucket, s3.delete_bucket, s3.list_multipart_uploads):
        assert denied(call, Bucket=BUCKET) == "denied"
    assert denied(s3.list_buckets) == "denied"
    assert denied(s3.create_bucket, Bucket="mine") == "denied"
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": AREA + "mine"})
    import requests

    assert requests.get(url, timeout=10).status_code == 403
    url = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": AREA + "signed"})
    assert requests.put(url, data=b"x", timeout=10).status_code == 200
    url = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": OTHER + "signed"})
    assert requests.put(url, data=b"x", timeout=10).status_code == 403


def test_actions_are_those_that_were_granted(deployment):
    reader = client(deployment, deployment.ctx.credentials.issue(bucket=BUCKET, prefix=AREA, actions=["s3:GetObject"]))
    put_as_owner(deployment, AREA + "x")
    assert reader.get_object(Bucket=BUCKET, Key=AREA + "x")["Body"].read() == b"secret"
    assert denied(reader.put_object, Bucket=BUCKET, Key=AREA + "x", Body=b"") == "denied"
    no_tags = client(deployment, deployment.ctx.credentials.issue(bucket=BUCKET, prefix=AREA, actions=["s3:PutObject"]))
    no_tags.put_object(Bucket=BUCKET, Key=AREA + "y", Body=b"")
    assert denied(no_tags.put_object, Bucket=BUCKET, Key=AREA + "y", Body=b"", Tagging="a=b") == "denied"


def test_they_end_and_can_be_revoked(deployment, monkeypatch):
    issuer = deployment.ctx.credentials
    s3 = client(deployment, issuer.issue(bucket=BUCKET, prefix=AREA, ttl=600))
    s3.put_object(Bucket=BUCKET, Key=AREA + "x", Body=b"")
    real = time.time
    with monkeypatch.context() as patch:
        patch.setattr("hca_local.s3.requests.signing.time.time", lambda: real() + 601)
        assert denied(s3.put_object, Bucket=BUCKET, Key=AREA + "x", Body=b"") == "ExpiredToken"
    s3.put_object(Bucket=BUCKET, Key=AREA + "x", Body=b"")
    issuer.revoke(BUCKET, AREA)
    assert denied(s3.put_object, Bucket=BUCKET, Key=AREA + "x", Body=b"") == "denied"


def test_a_token_of_another_credential_does_not_serve(deployment):
    first, second = (deployment.ctx.credentials.issue(bucket=BUCKET, prefix=AREA) for _ in range(2))
    mixed = client(deployment, {**first, "SessionToken": second["SessionToken"]})
    assert denied(mixed.put_object, Bucket=BUCKET, Key=AREA + "x", Body=b"") == "InvalidToken"
    without = boto3.client(
        "s3",
        endpoint_url=deployment.s3_url,
        aws_access_key_id=first["AccessKeyId"],
        aws_secret_access_key=first["SecretAccessKey"],
        region_name="us-east-1",
    )
    assert denied(without.put_object, Bucket=BUCKET, Key=AREA + "x", Body=b"") == "InvalidToken"


def test_they_and_the_deployments_own_key_outlive_the_process(tmp_path):
    with Deployment(tmp_path) as first:
        issued = first.ctx.credentials.issue(bucket=BUCKET, prefix=AREA)
        root = first.ctx.credentials.root()
        client(first, issued).put_object(Bucket=BUCKET, Key=AREA + "x", Body=b"kept")
    with Deployment(tmp_path) as second:
        client(second, issued).put_object(Bucket=BUCKET, Key=AREA + "y", Body=b"")
        assert denied(client(second, issued).get_object, Bucket=BUCKET, Key=AREA + "x") == "denied"
        assert second.ctx.credentials.root() == root
        assert second.ctx.objects.open(BUCKET, AREA + "x").read() == b"kept"
