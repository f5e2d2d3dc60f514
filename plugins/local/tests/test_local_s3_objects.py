"""boto3 against the embedded S3 endpoint: buckets, objects, tags, ranges, conditions, copies, lists, multipart."""

from __future__ import annotations

import hashlib
import io
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from hca_local.server import Deployment

MIB = 1024 * 1024
BUCKET = "work"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    with Deployment(tmp_path_factory.mktemp("s3")) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def s3(deployment) -> Any:
    root = deployment.ctx.credentials.root()
    client = boto3.client(
        "s3",
        endpoint_url=deployment.s3_url,
        aws_access_key_id=root.access_key,
        aws_secret_access_key=root.secret_key,
        region_name="eu-west-1",
        config=Config(retries={"max_attempts": 1}),
    )
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return client


def failure(call: Any, **parameters: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_buckets_are_made_listed_found_and_removed(s3):
    s3.create_bucket(Bucket="one.bucket-2", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.head_bucket(Bucket="one.bucket-2")
    assert "one.bucket-2" in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket="one.bucket-2")["LocationConstraint"] is None
    assert "Status" not in s3.get_bucket_versioning(Bucket="one.bucket-2")
    assert s3.get_bucket_acl(Bucket="one.bucket-2")["Grants"][0]["Permission"] == "FULL_CONTROL"
    s3.put_object(Bucket="one.bucket-2", Key="k", Body=b"")
    assert failure(s3.delete_bucket, Bucket="one.bucket-2") == (409, "BucketNotEmpty")
    s3.delete_object(Bucket="one.bucket-2", Key="k")
    s3.delete_bucket(Bucket="one.bucket-2")
    assert failure(s3.delete_bucket, Bucket="one.bucket-2") == (404, "NoSuchBucket")
    assert failure(s3.head_bucket, Bucket="one.bucket-2") == (404, "404")
    assert failure(s3.put_object, Bucket="one.bucket-2", Key="k", Body=b"") == (404, "NoSuchBucket")
    assert failure(s3.list_objects_v2, Bucket="one.bucket-2") == (404, "NoSuchBucket")
    assert failure(s3.create_bucket, Bucket="Not_Valid") == (400, "InvalidBucketName")


@pytest.mark.parametrize("key", ["plain.txt", "a b+c&d=e?f#g%41.txt", "ü/日本/😀", "//a/../b", "x" * 1024, "a\tb\x01c"])
@pytest.mark.parametrize("size", [0, 1, 5000, 300_000])
def test_an_object_comes_back_as_it_was_put(s3, key, size):
    body = os.urandom(size)
    put = s3.put_object(
        Bucket=BUCKET,
        Key=key,
        Body=body,
        ContentType="text/x-thing; a=b",
        CacheControl="no-cache",
        ContentDisposition="attachment",
        ContentEncoding="gzip",
        Metadata={"crc32c": "00ff", "other": "a b"},
        ACL="bucket-owner-full-control",
    )
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=BUCKET, Key=key)
    assert got["Body"].read() == body
    for answer in (got, s3.head_object(Bucket=BUCKET, Key=key)):
        assert answer["ContentLength"] == size
        assert answer["ContentType"] == "text/x-thing; a=b"
        assert answer["CacheControl"] == "no-cache"
        assert answer["ContentDisposition"] == "attachment"
        assert answer["ContentEncoding"] == "gzip"
        assert answer["Metadata"] == {"crc32c": "00ff", "other": "a b"}
        assert answer["ETag"] == put["ETag"]
        assert abs(answer["LastModified"] - datetime.now(UTC)) < timedelta(minutes=5)
    assert key in [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix=key[:3])["Contents"]]
    s3.delete_object(Bucket=BUCKET, Key=key)
    s3.delete_object(Bucket=BUCKET, Key=key)
    assert failure(s3.get_object, Bucket=BUCKET, Key=key) == (404, "NoSuchKey")
    assert failure(s3.head_object, Bucket=BUCKET, Key=key) == (404, "404")


def test_too_long_a_key_and_too_much_metadata_are_refused(s3):
    assert failure(s3.put_object, Bucket=BUCKET, Key="x" * 1025, Body=b"") == (400, "KeyTooLongError")
    metadata = {"a": "x" * 2048}
    assert failure(s3.put_object, Bucket=BUCKET, Key="k", Body=b"", Metadata=metadata) == (400, "MetadataTooLarge")


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
def test_checksums_are_checked_kept_and_given_to_who_asks(s3, algorithm):
    body = os.urandom(100_000)
    member = f"Checksum{algorithm}"
    if algorithm == "CRC32C":
        import base64

        from google_crc32c import Checksum

        given = {member: base64.b64encode(Checksum(body).digest()).decode()}
    else:
        given = {"ChecksumAlgorithm": algorithm}
    put = s3.put_object(Bucket=BUCKET, Key="sum", Body=body, **given)
    head = s3.head_object(Bucket=BUCKET, Key="sum", ChecksumMode="ENABLED")
    assert put[member] == head[member]
    assert s3.get_object(Bucket=BUCKET, Key="sum", ChecksumMode="ENABLED")["Body"].read() == body
    wrong = {member: put[member].replace(put[member][0], "A" if put[member][0] != "A" else "B", 1)}
    assert failure(s3.put_object, Bucket=BUCKET, Key="wrong", Body=body, **wrong) == (400, "BadDigest")
    assert failure(s3.head_object, Bucket=BUCKET, Key="wrong") == (404, "404")


def test_content_md5_is_checked(s3):
    import base64

    right = base64.b64encode(hashlib.md5(b"right").digest()).decode()
    s3.put_object(Bucket=BUCKET, Key="md5", Body=b"right", ContentMD5=right)
    assert failure(s3.put_object, Bucket=BUCKET, Key="md5", Body=b"wrong", ContentMD5=right) == (400, "BadDigest")
    assert failure(s3.put_object, Bucket=BUCKET, Key="md5", Body=b"x", ContentMD5="xx") == (400, "InvalidDigest")
    assert s3.get_object(Bucket=BUCKET, Key="md5")["Body"].read() == b"right"


def test_tags_are_set_with_the_object_and_apart_and_leave_its_bytes_alone(s3):
    s3.put_object(Bucket=BUCKET, Key="tagged", Body=b"bytes", Tagging="hca-dss-sha1=abc&name=a%20b%2Bc")
    assert s3.get_object_tagging(Bucket=BUCKET, Key="tagged")["TagSet"] == [
        {"Key": "hca-dss-sha1", "Value": "abc"},
        {"Key": "name", "Value": "a b+c"},
    ]
    assert s3.head_object(Bucket=BUCKET, Key="tagged")["TagCount"] == 2
    tags = [{"Key": f"k{number}", "Value": "ü" * number} for number in range(10)]
    s3.put_object_tagging(Bucket=BUCKET, Key="tagged", Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket=BUCKET, Key="tagged")["TagSet"] == tags
    assert s3.get_object(Bucket=BUCKET, Key="tagged")["Body"].read() == b"bytes"
    for wrong in (
        [*tags, {"Key": "one-too-many", "Value": ""}],
        [{"Key": "twice", "Value": "1"}, {"Key": "twice", "Value": "2"}],
        [{"Key": "k" * 129, "Value": ""}],
        [{"Key": "k", "Value": "v" * 257}],
        [{"Key": "bad<>", "Value": ""}],
    ):
        assert failure(s3.put_object_tagging, Bucket=BUCKET, Key="tagged", Tagging={"TagSet": wrong}) == (
            400,
            "InvalidTag",
        )
    s3.delete_object_tagging(Bucket=BUCKET, Key="tagged")
    assert s3.get_object_tagging(Bucket=BUCKET, Key="tagged")["TagSet"] == []
    assert failure(s3.get_object_tagging, Bucket=BUCKET, Key="none") == (404, "NoSuchKey")


@pytest.mark.parametrize("size", [100, 100_000, 3_000_000])
@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("0-0", 0, 1),
        ("5-9", 5, 10),
        ("90-", 90, None),
        ("-7", -7, None),
        ("-999999999", 0, None),
        ("7-99999999", 7, None),
    ],
)
def test_ranges(s3, size, header, start, stop):
    body = os.urandom(size)
    s3.put_object(Bucket=BUCKET, Key="ranged", Body=body)
    got = s3.get_object(Bucket=BUCKET, Key="ranged", Range=f"bytes={header}")
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    expected = body[start:stop]
    assert got["Body"].read() == expected
    first = body.index(expected) if len(expected) > 1 else start
    assert got["ContentRange"] == f"bytes {first}-{first + len(expected) - 1}/{size}"
    assert s3.head_object(Bucket=BUCKET, Key="ranged", Range=f"bytes={header}")["ContentLength"] == len(expected)


def test_ranges_that_cannot_be(s3):
    s3.put_object(Bucket=BUCKET, Key="ten", Body=b"0123456789")
    s3.put_object(Bucket=BUCKET, Key="empty", Body=b"")
    for key, header in [
        ("ten", "10-"),
        ("ten", "10-20"),
        ("ten", "-0"),
        ("empty", "0-"),
        ("empty", "-5"),
        ("empty", "0-0"),
    ]:
        assert failure(s3.get_object, Bucket=BUCKET, Key=key, Range=f"bytes={header}") == (416, "InvalidRange")
    for header in ("bytes=5-2", "bytes=0-1,3-4", "lines=1-2", "bytes=-"):
        got = s3.get_object(Bucket=BUCKET, Key="ten", Range=header)
        assert (got["ResponseMetadata"]["HTTPStatusCode"], got["Body"].read()) == (200, b"0123456789")


def test_conditions(s3):
    etag = s3.put_object(Bucket=BUCKET, Key="cond", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=BUCKET, Key="cond")["LastModified"]
    get = {"Bucket": BUCKET, "Key": "cond"}
    s3.get_object(**get, IfMatch=etag)
    s3.get_object(**get, IfNoneMatch='"other"')
    s3.get_object(**get, IfModifiedSince=modified - timedelta(seconds=5))
    s3.get_object(**get, IfUnmodifiedSince=modified + timedelta(seconds=5))
    s3.get_object(**get, IfMatch=etag, IfUnmodifiedSince=modified - timedelta(days=1))
    assert failure(s3.get_object, **get, IfMatch='"other"') == (412, "PreconditionFailed")
    assert failure(s3.get_object, **get, IfUnmodifiedSince=modified - timedelta(days=1)) == (412, "PreconditionFailed")
    assert failure(s3.get_object, **get, IfNoneMatch=etag)[0] == 304
    assert failure(s3.head_object, **get, IfModifiedSince=modified)[0] == 304
    assert failure(s3.put_object, **get, Body=b"y", IfNoneMatch="*") == (412, "PreconditionFailed")
    assert failure(s3.put_object, **get, Body=b"y", IfMatch='"other"') == (412, "PreconditionFailed")
    s3.put_object(**get, Body=b"z", IfMatch=etag)
    s3.delete_object(**get)
    s3.put_object(**get, Body=b"y", IfNoneMatch="*")
    assert s3.get_object(**get)["Body"].read() == b"y"


def test_copies_keep_or_replace_what_belongs_to_the_object(s3):
    s3.put_object(Bucket=BUCKET, Key="from/ü +", Body=b"copied", ContentType="a/b", Metadata={"m": "1"}, Tagging="t=1")
    source = {"Bucket": BUCKET, "Key": "from/ü +"}
    copy = s3.copy_object(Bucket=BUCKET, Key="to", CopySource=source)
    assert copy["CopyObjectResult"]["ETag"] == s3.head_object(**source)["ETag"]
    got = s3.get_object(Bucket=BUCKET, Key="to")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"copied", "a/b", {"m": "1"})
    assert s3.get_object_tagging(Bucket=BUCKET, Key="to")["TagSet"] == [{"Key": "t", "Value": "1"}]
    s3.copy_object(
        Bucket=BUCKET,
        Key="to",
        CopySource=source,
        MetadataDirective="REPLACE",
        Metadata={"n": "2"},
        ContentType="c/d",
        TaggingDirective="REPLACE",
        Tagging="u=2",
    )
    got = s3.get_object(Bucket=BUCKET, Key="to")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"copied", "c/d", {"n": "2"})
    assert s3.get_object_tagging(Bucket=BUCKET, Key="to")["TagSet"] == [{"Key": "u", "Value": "2"}]
    to = {"Bucket": BUCKET, "Key": "to"}
    assert failure(s3.copy_object, **source, CopySource=source) == (400, "InvalidRequest")
    assert failure(s3.copy_object, **to, CopySource={"Bucket": BUCKET, "Key": "none"}) == (404, "NoSuchKey")
    assert failure(s3.copy_object, **to, CopySource={"Bucket": "nowhere", "Key": "k"}) == (404, "NoSuchBucket")
    assert failure(s3.copy_object, **to, CopySource=source, CopySourceIfMatch='"x"') == (412, "PreconditionFailed")
    assert failure(s3.copy_object, **to, CopySource="nonsense") == (400, "InvalidArgument")


def test_lists_by_page_prefix_and_delimiter(s3):
    bucket = "lists"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    keys = sorted(
        [f"a/{n:03}" for n in range(30)]
        + [f"b/{n:03}/x/y" for n in range(30)]
        + ["b", "b/", "c", "a+ b&<>", "ü", "z\U0001f600"],
        key=lambda key: key.encode(),
    )
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for version in ("list_objects_v2", "list_objects"):

        def listing(**parameters: Any) -> tuple[list[str], list[str]]:
            pages = list(s3.get_paginator(version).paginate(Bucket=bucket, **parameters))  # noqa: B023
            return (
                [item["Key"] for page in pages for item in page.get("Contents", [])],
                [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", [])],
            )

        assert listing() == (keys, [])
        for size in (1, 2, 7, 1000):
            configured = {"PaginationConfig": {"PageSize": size}}
            assert listing(**configured) == (keys, [])
            top = [key for key in keys if "/" not in key]
            assert listing(Delimiter="/", **configured) == (top, ["a/", "b/"])
            assert listing(Prefix="b/", Delimiter="/", **configured) == (
                ["b/"],
                [f"b/{n:03}/" for n in range(30)],
            )
            assert listing(Prefix="a/01", **configured) == ([f"a/{n:03}" for n in range(10, 20)], [])
        assert listing(Prefix="nothing") == ([], [])
    versions = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 7})
    listed = [(item["Key"], item["VersionId"]) for page in versions for item in page["Versions"]]
    assert listed == [(key, "null") for key in keys]
    after = s3.list_objects_v2(Bucket=bucket, StartAfter="a/028", Prefix="a/")
    assert [item["Key"] for item in after["Contents"]] == ["a/029"]
    assert after["KeyCount"] == 1
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0
    assert "Owner" in s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"][0]
    assert failure(s3.list_objects_v2, Bucket=bucket, ContinuationToken="@@@") == (400, "InvalidArgument")
    assert failure(s3.list_objects_v2, Bucket=bucket, MaxKeys=-1) == (400, "InvalidArgument")


def test_many_objects_are_deleted_at_once(s3):
    for number in range(5):
        s3.put_object(Bucket=BUCKET, Key=f"doomed/{number} ü", Body=b"x")
    objects = [{"Key": f"doomed/{number} ü"} for number in range(4)] + [{"Key": "doomed/none"}]
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": objects})
    assert [item["Key"] for item in answer["Deleted"]] == [item["Key"] for item in objects]
    left = s3.list_objects_v2(Bucket=BUCKET, Prefix="doomed/")["Contents"]
    assert [item["Key"] for item in left] == ["doomed/4 ü"]
    assert "Deleted" not in s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "doomed/4 ü"}], "Quiet": True})


def test_a_multipart_object_has_s3s_own_etag_and_all_its_bytes(s3, deployment):
    parts = [os.urandom(5 * MIB), os.urandom(6 * MIB + 1), os.urandom(3)]
    body = b"".join(parts)
    upload = s3.create_multipart_upload(
        Bucket=BUCKET, Key="multi", ContentType="m/p", Metadata={"crc32c": "x"}, Tagging="a=b"
    )["UploadId"]
    where = {"Bucket": BUCKET, "Key": "multi", "UploadId": upload}
    # Out of order, one part twice, and one that is not used.
    s3.upload_part(**where, PartNumber=7, Body=parts[2])
    s3.upload_part(**where, PartNumber=2, Body=b"replaced")
    s3.upload_part(**where, PartNumber=2, Body=parts[1])
    s3.upload_part(**where, PartNumber=9, Body=b"left out")
    s3.upload_part(**where, PartNumber=1, Body=parts[0])
    listed = s3.list_parts(**where)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in listed] == [
        (1, len(parts[0])),
        (2, len(parts[1])),
        (7, 3),
        (9, 8),
    ]
    page = s3.list_parts(**where, MaxParts=2)
    assert (page["IsTruncated"], page["NextPartNumberMarker"]) == (True, 2)
    rest = s3.list_parts(**where, PartNumberMarker=2)["Parts"]
    assert [part["PartNumber"] for part in rest] == [7, 9]
    uploads = s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
    assert [(item["Key"], item["UploadId"]) for item in uploads] == [("multi", upload)]
    assert failure(s3.head_object, Bucket=BUCKET, Key="multi") == (404, "404")
    chosen = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in listed[:3]]
    etag = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest() + "-3"
    for _ in range(2):  # the second time as if the first response had been lost
        done = s3.complete_multipart_upload(**where, MultipartUpload={"Parts": chosen})
        assert done["ETag"] == f'"{etag}"'
    got = s3.get_object(Bucket=BUCKET, Key="multi")
    assert got["Body"].read() == body
    assert (got["ETag"], got["ContentType"], got["Metadata"]) == (f'"{etag}"', "m/p", {"crc32c": "x"})
    assert s3.get_object_tagging(Bucket=BUCKET, Key="multi")["TagSet"] == [{"Key": "a", "Value": "b"}]
    for start, stop in [(0, 10), (5 * MIB - 3, 5 * MIB + 3), (11 * MIB, len(body) - 1), (2, 11 * MIB + 2)]:
        ranged = s3.get_object(Bucket=BUCKET, Key="multi", Range=f"bytes={start}-{stop}")
        assert ranged["Body"].read() == body[start : stop + 1]
    second = s3.get_object(Bucket=BUCKET, Key="multi", PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (parts[1], 3)
    assert failure(s3.list_parts, **where) == (404, "NoSuchUpload")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
    blob = deployment.ctx.store.blobs.get(hashlib.sha256(body).hexdigest())
    assert blob.s3_etag == hashlib.md5(body).hexdigest()  # under 64 MiB: the platform's rule, whatever the parts
    assert not list((deployment.settings.data_dir / "multipart").iterdir())
    s3.copy_object(Bucket=BUCKET, Key="multi-copy", CopySource={"Bucket": BUCKET, "Key": "multi"})
    assert s3.get_object(Bucket=BUCKET, Key="multi-copy")["Body"].read() == body


@pytest.mark.parametrize("kind", ["COMPOSITE", "FULL_OBJECT"])
@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
def test_checksums_of_multipart_objects(s3, algorithm, kind):
    import base64

    def checksum(data: bytes) -> bytes:
        import zlib

        from google_crc32c import Checksum

        if algorithm == "CRC32":
            return zlib.crc32(data).to_bytes(4, "big")
        return Checksum(data).digest() if algorithm == "CRC32C" else hashlib.new(algorithm, data).digest()

    where: dict[str, Any] = {"Bucket": BUCKET, "Key": f"sums-{algorithm}-{kind}"}
    begin = {**where, "ChecksumAlgorithm": algorithm, "ChecksumType": kind}
    if kind == "FULL_OBJECT" and algorithm.startswith("SHA"):
        assert failure(s3.create_multipart_upload, **begin) == (400, "InvalidRequest")
        return
    begun = s3.create_multipart_upload(**begin)
    assert (begun["ChecksumAlgorithm"], begun["ChecksumType"]) == (algorithm, kind)
    where["UploadId"] = begun["UploadId"]
    member = f"Checksum{algorithm}"
    bodies = [os.urandom(5 * MIB), b"the end"]
    parts = []
    for number, body in enumerate(bodies, 1):
        value = base64.b64encode(checksum(body)).decode()
        answer = s3.upload_part(**where, PartNumber=number, Body=body, **{member: value})
        parts.append({"PartNumber": number, "ETag": answer["ETag"], member: value})
    assert [part[member] for part in s3.list_parts(**where)["Parts"]] == [part[member] for part in parts]
    whole = b"".join(bodies)
    if kind == "COMPOSITE":
        value = base64.b64encode(checksum(b"".join(map(checksum, bodies)))).decode() + "-2"
    else:
        value = base64.b64encode(checksum(whole)).decode()
    complete = s3.complete_multipart_upload
    swapped = [{**parts[0], member: parts[1][member]}, parts[1]]
    assert failure(complete, **where, MultipartUpload={"Parts": swapped}) == (400, "InvalidPart")
    wrong = {member: "AAAA" + value[4:]}
    assert failure(complete, **where, MultipartUpload={"Parts": parts}, **wrong) == (400, "BadDigest")
    done = complete(**where, MultipartUpload={"Parts": parts}, **{member: value})
    assert (done[member], done["ChecksumType"]) == (value, kind)
    del where["UploadId"]
    head = s3.head_object(**where, ChecksumMode="ENABLED")
    assert (head[member], head["ChecksumType"]) == (value, kind)
    assert s3.get_object(**where, ChecksumMode="ENABLED")["Body"].read() == whole


def test_conditions_hold_for_multipart_uploads_too(s3):
    where = {"Bucket": BUCKET, "Key": "conditional"}

    def complete(**conditions: str) -> Any:
        upload = {**where, "UploadId": s3.create_multipart_upload(**where)["UploadId"]}
        part = {"PartNumber": 1, "ETag": s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]}
        return lambda: s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]}, **conditions)

    assert failure(complete(IfMatch='"none"')) == (404, "NoSuchKey")
    etag = complete(IfNoneMatch="*")()["ETag"]
    assert failure(complete(IfNoneMatch="*")) == (412, "PreconditionFailed")
    assert failure(complete(IfMatch='"other"')) == (412, "PreconditionFailed")
    assert failure(complete(IfNoneMatch='"other"')) == (501, "NotImplemented")
    complete(IfMatch=etag)()


def test_metadata_beyond_ascii_comes_back_as_it_was_given(s3):
    def add(request: Any, **_: Any) -> None:
        request.headers.add_header("x-amz-meta-name", "caf\xe9")

    s3.meta.events.register("before-sign.s3.PutObject", add)
    try:
        s3.put_object(Bucket=BUCKET, Key="latin", Body=b"")
    finally:
        s3.meta.events.unregister("before-sign.s3.PutObject", add)
    assert s3.head_object(Bucket=BUCKET, Key="latin")["Metadata"] == {"name": "caf\xe9"}


def test_what_a_bucket_never_has_is_told_in_s3s_words(s3):
    for call, expected in [
        (s3.get_bucket_cors, "NoSuchCORSConfiguration"),
        (s3.get_bucket_policy, "NoSuchBucketPolicy"),
        (s3.get_bucket_tagging, "NoSuchTagSet"),
        (s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
        (s3.get_bucket_website, "NoSuchWebsiteConfiguration"),
    ]:
        assert failure(call, Bucket=BUCKET) == (404, expected)
    assert failure(s3.put_bucket_acl, Bucket=BUCKET, ACL="private") == (400, "AccessControlListNotSupported")
    listed = s3.list_buckets(MaxBuckets=2, Prefix="dss-")
    assert len(listed["Buckets"]) == 2
    rest = s3.list_buckets(Prefix="dss-", ContinuationToken=listed["ContinuationToken"])["Buckets"]
    assert {bucket["Name"] for bucket in listed["Buckets"]} & {bucket["Name"] for bucket in rest} == set()


def test_a_bucket_with_uploads_under_way_can_be_removed(s3, deployment):
    s3.create_bucket(Bucket="brief", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    upload = s3.create_multipart_upload(Bucket="brief", Key="k")["UploadId"]
    s3.upload_part(Bucket="brief", Key="k", UploadId=upload, PartNumber=1, Body=b"x")
    s3.delete_bucket(Bucket="brief")
    assert not (deployment.settings.data_dir / "multipart" / upload).exists()


def test_what_is_wrong_with_a_multipart_upload_is_told(s3):
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="wrong")["UploadId"]
    where = {"Bucket": BUCKET, "Key": "wrong", "UploadId": upload}
    one = {"PartNumber": 1, "ETag": s3.upload_part(**where, PartNumber=1, Body=b"small")["ETag"]}
    two = {"PartNumber": 2, "ETag": s3.upload_part(**where, PartNumber=2, Body=b"last")["ETag"]}

    def complete(*parts: dict[str, Any]) -> tuple[int, str]:
        return failure(s3.complete_multipart_upload, **where, MultipartUpload={"Parts": list(parts)})

    assert complete(one, two) == (400, "EntityTooSmall")
    assert complete(two, one) == (400, "InvalidPartOrder")
    assert complete(one, one) == (400, "InvalidPartOrder")
    assert complete({**one, "ETag": two["ETag"]}) == (400, "InvalidPart")
    assert complete({"PartNumber": 3, "ETag": one["ETag"]}) == (400, "InvalidPart")
    assert complete() == (400, "MalformedXML")
    assert failure(s3.upload_part, **where, PartNumber=10_001, Body=b"") == (400, "InvalidArgument")
    assert failure(s3.upload_part, **{**where, "Key": "other"}, PartNumber=1, Body=b"") == (404, "NoSuchUpload")
    assert failure(s3.upload_part, **{**where, "UploadId": "../../x"}, PartNumber=1, Body=b"") == (404, "NoSuchUpload")
    s3.abort_multipart_upload(**where)
    assert complete(one) == (404, "NoSuchUpload")
    assert failure(s3.abort_multipart_upload, **where) == (404, "NoSuchUpload")


def test_parts_are_copied_from_objects(s3):
    body = os.urandom(6 * MIB)
    s3.put_object(Bucket=BUCKET, Key="source", Body=body)
    source = {"Bucket": BUCKET, "Key": "source"}
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="made")["UploadId"]
    where = {"Bucket": BUCKET, "Key": "made", "UploadId": upload}
    first = s3.upload_part_copy(**where, PartNumber=1, CopySource=source, CopySourceRange=f"bytes=1-{5 * MIB}")
    second = s3.upload_part_copy(**where, PartNumber=2, CopySource=source)
    bad = f"bytes=0-{len(body)}"
    assert failure(s3.upload_part_copy, **where, PartNumber=3, CopySource=source, CopySourceRange=bad)[0] == 416
    parts = [
        {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]} for number, answer in [(1, first), (2, second)]
    ]
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=BUCKET, Key="made")["Body"].read() == body[1 : 5 * MIB + 1] + body


def test_boto3s_transfer_manager_uploads_and_downloads_large_files(s3, tmp_path):
    body = os.urandom(20 * MIB + 7)
    (tmp_path / "up").write_bytes(body)
    s3.upload_file(str(tmp_path / "up"), BUCKET, "managed", ExtraArgs={"ContentType": "x/y; dcp-type=data"})
    s3.download_file(BUCKET, "managed", str(tmp_path / "down"))
    assert (tmp_path / "down").read_bytes() == body
    s3.upload_fileobj(io.BytesIO(b""), BUCKET, "managed-empty")
    s3.download_file(BUCKET, "managed-empty", str(tmp_path / "empty"))
    assert (tmp_path / "empty").read_bytes() == b""
    s3.copy({"Bucket": BUCKET, "Key": "managed"}, BUCKET, "managed-copy")
    assert s3.head_object(Bucket=BUCKET, Key="managed-copy")["ContentType"] == "x/y; dcp-type=data"


def test_a_bucket_may_stand_in_the_hosts_name(s3, deployment):
    root = deployment.ctx.credentials.root()
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    s3.put_object(Bucket=BUCKET, Key="virtual/ü", Body=b"here")
    host = f"{BUCKET}.localhost:{deployment.settings.s3_port}"
    request = AWSRequest("GET", f"http://{host}/virtual/%C3%BC")
    S3SigV4Auth(Credentials(root.access_key, root.secret_key), "s3", "us-east-1").add_auth(request)
    headers = {**dict(request.headers.items()), "Host": host}
    assert requests.get(f"{deployment.s3_url}/virtual/%C3%BC", headers=headers, timeout=10).content == b"here"
