"""Condition headers as documented by AWS for each operation, and which are rejected instead of ignored.

The tables are from the S3 API reference (GetObject, HeadObject, PutObject, CopyObject, CompleteMultipartUpload,
DeleteObject, DeleteObjects) and the user guide's pages on conditional requests. Conditions that S3 does not document
for an operation, or documents for directory buckets only, are 501 here.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
import requests
from hca_local.server import Deployment

from .s3_requests import SignedRequests, error_code

BODY = b"the object"
ETAG = hashlib.md5(BODY).hexdigest()
OTHER = hashlib.md5(b"another").hexdigest()
PAST = "Thu, 01 Jan 2015 00:00:00 GMT"
XML = "{http://s3.amazonaws.com/doc/2006-03-01/}"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    with Deployment(tmp_path_factory.mktemp("conditions")) as deployment:
        deployment.ctx.objects.create_bucket("bkt")
        yield deployment


@pytest.fixture(scope="module")
def send(deployment):
    return SignedRequests(deployment)


@pytest.fixture
def there(send):
    """A new object ``bkt/there``, and its Last-Modified."""
    assert send("PUT", "bkt/there", data=BODY).status_code == 200
    send("DELETE", "bkt/absent")
    return send("HEAD", "bkt/there").headers["Last-Modified"]


M, N = "If-Match", "If-None-Match"
MS, US = "If-Modified-Since", "If-Unmodified-Since"
#: Headers -> status of GET and HEAD of an object whose ETag is ETAG; NOW is its Last-Modified.
READS = [
    ({}, 200),
    ({M: ETAG}, 200),
    ({M: f'"{ETAG}"'}, 200),
    ({M: "*"}, 200),
    ({M: f'"{OTHER}", "{ETAG}"'}, 200),
    ({M: OTHER}, 412),
    ({N: ETAG}, 304),
    ({N: f'"{ETAG}"'}, 304),
    ({N: "*"}, 304),
    ({N: OTHER}, 200),
    ({MS: PAST}, 200),
    ({MS: "NOW"}, 304),
    ({US: PAST}, 412),
    ({US: "NOW"}, 200),
    # An ETag takes precedence over a time.
    ({M: ETAG, US: PAST}, 200),
    ({M: OTHER, US: "NOW"}, 412),
    ({N: ETAG, MS: PAST}, 304),
    ({N: OTHER, MS: "NOW"}, 200),
    # A failed precondition takes precedence over "not modified".
    ({M: OTHER, N: ETAG}, 412),
    ({M: ETAG, N: ETAG}, 304),
    ({M: ETAG, N: OTHER}, 200),
    ({US: PAST, MS: "NOW"}, 412),
    ({M: ETAG, MS: "NOW"}, 304),
    ({N: ETAG, US: PAST}, 412),
    # Invalid dates are ignored.
    ({MS: "yesterday"}, 200),
    ({US: ""}, 200),
]


@pytest.mark.parametrize(("headers", "status"), READS)
def test_reading_under_a_condition(send, there, headers, status):
    headers = {name: value.replace("NOW", there) for name, value in headers.items()}
    for method in ("GET", "HEAD"):
        answer = send(method, "bkt/there", headers)
        assert answer.status_code == status
        if status == 412 and method == "GET":
            assert error_code(answer) == "PreconditionFailed"
        assert send(method, "bkt/absent", headers).status_code == 404


#: Headers -> (status, code) of a request that creates bkt/there, which exists, and bkt/absent, which does not.
WRITES = [
    ({}, (200, ""), (200, "")),
    ({N: "*"}, (412, "PreconditionFailed"), (200, "")),
    ({M: ETAG}, (200, ""), (404, "NoSuchKey")),
    ({M: f'"{ETAG}"'}, (200, ""), (404, "NoSuchKey")),
    ({M: OTHER}, (412, "PreconditionFailed"), (404, "NoSuchKey")),
    ({M: f'W/"{ETAG}"'}, (412, "PreconditionFailed"), (404, "NoSuchKey")),
    ({M: '"*"'}, (412, "PreconditionFailed"), (404, "NoSuchKey")),
    ({M: ""}, (412, "PreconditionFailed"), (404, "NoSuchKey")),
    ({N: "*", M: ETAG}, (412, "PreconditionFailed"), (404, "NoSuchKey")),
    # S3 does not support an ETag here, and responds with 501.
    ({N: ETAG}, (501, "NotImplemented"), (501, "NotImplemented")),
    ({N: OTHER}, (501, "NotImplemented"), (501, "NotImplemented")),
    ({N: '"*"'}, (501, "NotImplemented"), (501, "NotImplemented")),
    ({N: ""}, (501, "NotImplemented"), (501, "NotImplemented")),
    ({MS: PAST}, (501, "NotImplemented"), (501, "NotImplemented")),
    ({US: PAST}, (501, "NotImplemented"), (501, "NotImplemented")),
    ({"x-amz-write-offset-bytes": "3"}, (501, "NotImplemented"), (501, "NotImplemented")),
]


def put(send: Any, key: str, headers: dict[str, str]) -> Any:
    return send("PUT", f"bkt/{key}", headers, b"new")


def copy(send: Any, key: str, headers: dict[str, str]) -> Any:
    send("PUT", "bkt/source", data=b"new")
    return send("PUT", f"bkt/{key}", {**headers, "x-amz-copy-source": "/bkt/source"})


def complete(send: Any, key: str, headers: dict[str, str]) -> Any:
    begun = send("POST", f"bkt/{key}?uploads=").content
    upload = ElementTree.fromstring(begun).findtext(f"{XML}UploadId")
    etag = send("PUT", f"bkt/{key}?partNumber=1&uploadId={upload}", data=b"new").headers["ETag"]
    part = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    return send("POST", f"bkt/{key}?uploadId={upload}", headers, document)


@pytest.mark.parametrize("make", [put, copy, complete])
@pytest.mark.parametrize(("headers", "existing", "absent"), WRITES)
def test_making_an_object_under_a_condition(send, there, make, headers, existing, absent):
    for key, (status, code), before in (("there", existing, BODY), ("absent", absent, None)):
        answer = make(send, key, headers)
        assert (answer.status_code, error_code(answer)) == (status, code), key
        found = send("GET", f"bkt/{key}")
        if status == 200:
            assert found.content == b"new"
        elif before is None:
            assert found.status_code == 404
        else:
            assert found.content == before


#: Conditions on a copy's source, whose ETag is ETAG and Last-Modified NOW -> status.
COPIES = [
    ({M: ETAG}, 200),
    ({M: OTHER}, 412),
    ({N: ETAG}, 412),
    ({N: OTHER}, 200),
    ({MS: PAST}, 200),
    ({MS: "NOW"}, 412),
    ({US: PAST}, 412),
    ({US: "NOW"}, 200),
    ({M: ETAG, US: PAST}, 200),
    ({N: ETAG, MS: PAST}, 412),
]


@pytest.mark.parametrize(("headers", "status"), COPIES)
def test_copying_under_a_condition_on_the_source(send, there, headers, status):
    named = {f"x-amz-copy-source-{name.lower()}": value.replace("NOW", there) for name, value in headers.items()}
    answer = send("PUT", "bkt/absent", {**named, "x-amz-copy-source": "/bkt/there"})
    assert answer.status_code == status
    assert send("HEAD", "bkt/absent").status_code == (200 if status == 200 else 404)
    begun = send("POST", "bkt/parts?uploads=").content
    upload = ElementTree.fromstring(begun).findtext(f"{XML}UploadId")
    part = send("PUT", f"bkt/parts?partNumber=1&uploadId={upload}", {**named, "x-amz-copy-source": "/bkt/there"})
    assert part.status_code == status


#: Headers -> (status, code) of DELETE for an object that exists and one that does not.
DELETES = [
    ({}, (204, ""), (204, "")),
    ({M: ETAG}, (204, ""), (404, "NoSuchKey")),
    ({M: f'"{ETAG}"'}, (204, ""), (404, "NoSuchKey")),
    ({M: "*"}, (204, ""), (404, "NoSuchKey")),
    ({M: OTHER}, (412, "PreconditionFailed"), (404, "NoSuchKey")),
    ({M: ""}, (412, "PreconditionFailed"), (404, "NoSuchKey")),
    ({M: f'W/"{ETAG}"'}, (412, "PreconditionFailed"), (404, "NoSuchKey")),
    ({N: "*"}, (501, "NotImplemented"), (501, "NotImplemented")),
    ({N: ETAG}, (501, "NotImplemented"), (501, "NotImplemented")),
    ({MS: PAST}, (501, "NotImplemented"), (501, "NotImplemented")),
    ({US: PAST}, (501, "NotImplemented"), (501, "NotImplemented")),
    ({"x-amz-if-match-size": "10"}, (501, "NotImplemented"), (501, "NotImplemented")),
    ({"x-amz-if-match-last-modified-time": PAST}, (501, "NotImplemented"), (501, "NotImplemented")),
]


@pytest.mark.parametrize(("headers", "existing", "absent"), DELETES)
def test_deleting_under_a_condition(send, there, headers, existing, absent):
    for key, (status, code) in (("there", existing), ("absent", absent)):
        answer = send("DELETE", f"bkt/{key}", headers)
        assert (answer.status_code, error_code(answer)) == (status, code), key
    assert send("HEAD", "bkt/there").status_code == (404 if existing[0] == 204 else 200)


#: Members of an object in DeleteObjects -> the code of its error, or None if it is deleted.
MANY = [
    ("", None),
    (f"<ETag>{ETAG}</ETag>", None),
    (f'<ETag>"{ETAG}"</ETag>', None),
    ("<ETag>*</ETag>", None),
    (f"<ETag>{OTHER}</ETag>", "PreconditionFailed"),
    ("<ETag></ETag>", "PreconditionFailed"),
    ("<VersionId>null</VersionId>", None),
    ("<VersionId>3HL4kqtJlcpXroDTDmJ</VersionId>", "NotImplemented"),
    (f"<VersionId>null</VersionId><ETag>{OTHER}</ETag>", "PreconditionFailed"),
    ("<Size>10</Size>", "NotImplemented"),
    (f"<LastModifiedTime>{PAST}</LastModifiedTime>", "NotImplemented"),
]


@pytest.mark.parametrize(("members", "code"), MANY)
def test_deleting_many_under_a_condition_of_each(send, there, members, code):
    send("PUT", "bkt/free", data=BODY)
    named = f"<Object><Key>there</Key>{members}</Object><Object><Key>free</Key></Object>"
    document = f"<Delete>{named}</Delete>".encode()
    md5 = base64.b64encode(hashlib.md5(document).digest()).decode()
    answer = send("POST", "bkt?delete=", {"Content-MD5": md5}, document)
    assert answer.status_code == 200
    root = ElementTree.fromstring(answer.content)
    errors = {node.findtext(f"{XML}Key"): node.findtext(f"{XML}Code") for node in root.findall(f"{XML}Error")}
    deleted = {node.findtext(f"{XML}Key") for node in root.findall(f"{XML}Deleted")}
    assert errors == ({"there": code} if code else {})
    assert deleted == ({"free"} if code else {"there", "free"})
    assert send("HEAD", "bkt/there").status_code == (200 if code else 404)
    assert send("HEAD", "bkt/free").status_code == 404


def test_an_unknown_member_of_delete_objects_deletes_nothing(send, there):
    document = b"<Delete><Object><Key>there</Key><If>never</If></Object></Delete>"
    answer = send("POST", "bkt?delete=", {}, document)
    assert (answer.status_code, error_code(answer)) == (400, "MalformedXML")
    assert send("HEAD", "bkt/there").status_code == 200


@pytest.mark.parametrize("header", [N, M, MS, US])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "bkt/there?tagging="),
        ("DELETE", "bkt/there?tagging="),
        ("PUT", "bkt/there?acl="),
        ("POST", "bkt/there?uploads="),
        ("PUT", "bkt/there?partNumber=1&uploadId=none"),
        ("PUT", "new-bucket"),
        ("DELETE", "bkt"),
        ("POST", "bkt?delete="),
    ],
)
def test_an_operation_without_conditions_refuses_them(send, there, method, path, header):
    answer = send(method, path, {header: "*"}, b"<Tagging><TagSet></TagSet></Tagging>")
    assert (answer.status_code, error_code(answer)) == (501, "NotImplemented")


@pytest.mark.parametrize(
    ("said", "status", "code"), [("3", 200, ""), ("4", 400, "InvalidRequest"), ("x", 400, "InvalidArgument")]
)
def test_completing_an_upload_of_another_size_than_said_makes_nothing(send, there, said, status, code):
    answer = complete(send, "absent", {"x-amz-mp-object-size": said})
    assert (answer.status_code, error_code(answer)) == (status, code)
    assert send("HEAD", "bkt/absent").status_code == (200 if status == 200 else 404)


def test_a_bucket_of_another_owner_is_not_touched(send, there):
    for method, path in (("PUT", "bkt/there"), ("DELETE", "bkt/there"), ("GET", "bkt/there"), ("GET", "bkt")):
        answer = send(method, path, {"x-amz-expected-bucket-owner": "123456789012"}, b"x" if method == "PUT" else b"")
        assert (answer.status_code, error_code(answer)) == (403, "AccessDenied")
    assert send("GET", "bkt/there", {"x-amz-expected-bucket-owner": "hca-local"}).content == BODY


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("x-amz-server-side-encryption", "AES256", 501),
        ("x-amz-server-side-encryption-aws-kms-key-id", "a-key", 501),
        ("x-amz-server-side-encryption-customer-key", "a-key", 501),
        ("x-amz-server-side-encryption", "aws:kms", 501),
        ("x-amz-server-side-encryption-customer-algorithm", "AES256", 501),
        ("x-amz-object-lock-mode", "GOVERNANCE", 501),
        ("x-amz-object-lock-legal-hold", "ON", 501),
        ("x-amz-checksum-sha512", "AAAA", 501),
    ],
)
def test_protection_that_is_not_there_is_not_promised(send, there, header, value, status):
    assert send("PUT", "bkt/there", {header: value}, b"new").status_code == status


@pytest.mark.parametrize("header", ["x-amz-server-side-encryption", "x-amz-server-side-encryption-customer-key-md5"])
def test_nothing_is_read_as_if_it_were_encrypted(send, there, header):
    for method in ("GET", "HEAD"):
        assert send(method, "bkt/there", {header: "AES256"}).status_code == 501


OWNERS_ALONE = (
    "<AccessControlPolicy><AccessControlList><Grant><Grantee><ID>{}</ID></Grantee><Permission>{}</Permission></Grant>"
    "</AccessControlList></AccessControlPolicy>"
)


@pytest.mark.parametrize(
    ("headers", "document", "status"),
    [
        ({"x-amz-acl": "bucket-owner-full-control"}, "", 200),
        ({"x-amz-grant-full-control": 'id="hca-local"'}, "", 200),
        ({}, OWNERS_ALONE.format("hca-local", "FULL_CONTROL"), 200),
        ({}, "<AccessControlPolicy><AccessControlList/></AccessControlPolicy>", 400),
        ({"x-amz-acl": "private"}, "", 400),
        ({"x-amz-acl": "public-read"}, "", 400),
        ({"x-amz-acl": "no-such-acl"}, "", 400),
        ({"x-amz-grant-read": 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'}, "", 400),
        ({"x-amz-grant-full-control": 'id="somebody"'}, "", 400),
        ({}, OWNERS_ALONE.format("hca-local", "READ"), 400),
        ({}, OWNERS_ALONE.format("somebody", "FULL_CONTROL"), 400),
    ],
)
def test_an_acl_that_is_not_kept_is_refused(send, there, headers, document, status):
    body = document.encode()
    answers = [send("PUT", path, headers, body) for path in ("bkt?acl=", "bkt/there?acl=")]
    if headers:
        copy = {**headers, "x-amz-copy-source": "bkt/there"}
        answers += [send("PUT", "bkt/new", headers, b"x"), send("PUT", "bkt/new", copy)]
        answers.append(send("POST", "bkt/new?uploads=", headers))
    for answer in answers:
        assert (answer.status_code, error_code(answer)) == (
            status,
            "AccessControlListNotSupported" if status == 400 else "",
        )
    assert send("GET", "bkt/there?acl=").text.count("FULL_CONTROL") == 1


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"x-amz-acl": "private"}, 200, ""),
        ({"x-amz-object-ownership": "BucketOwnerEnforced"}, 200, ""),
        ({"x-amz-acl": "public-read"}, 400, "InvalidBucketAclWithObjectOwnership"),
        ({"x-amz-grant-write": 'id="somebody"'}, 400, "InvalidBucketAclWithObjectOwnership"),
        ({"x-amz-object-ownership": "ObjectWriter"}, 501, "NotImplemented"),
        ({"x-amz-bucket-object-lock-enabled": "true"}, 501, "NotImplemented"),
    ],
)
def test_a_bucket_is_not_made_with_what_it_cannot_have(send, headers, status, code):
    answer = send("PUT", "a-new-bucket", headers)
    assert (answer.status_code, error_code(answer)) == (status, code)
    assert send("HEAD", "a-new-bucket").status_code == (200 if status == 200 else 404)
    send("DELETE", "a-new-bucket")


def test_forms_and_cors_of_browsers_are_501(send, deployment):

    url = deployment.s3_url
    form = requests.post(f"{url}/bkt", files={"file": ("a.txt", b"x")}, data={"key": "a.txt"}, timeout=60)
    asked = {"Origin": "http://example.org", "Access-Control-Request-Method": "PUT"}
    preflight = requests.options(f"{url}/bkt/there", headers=asked, timeout=60)
    for answer in (form, preflight):
        assert (answer.status_code, error_code(answer)) == (501, "NotImplemented")
    for method in ("PUT", "DELETE"):
        assert send(method, "bkt?cors=", {}, b"<CORSConfiguration/>").status_code == 501


@pytest.mark.parametrize("key", ["a\rb", "a\r\nb", "a\nb\tc", " <&>\"'", "]]>", "ü\u2028\x85"])
def test_a_key_is_listed_as_it_is(send, deployment, key):

    path = f"bkt/odd/{quote(key, safe='')}"
    assert send("PUT", path, data=b"x").status_code == 200
    for query in ("list-type=2&prefix=odd%2F", "prefix=odd%2F", "versions=&prefix=odd%2F"):
        root = ElementTree.fromstring(send("GET", f"bkt?{query}").content)
        assert [node.text for node in root.iter(f"{XML}Key")] == [f"odd/{key}"]
    spelled = "".join(f"&#{ord(character)};" for character in key)
    document = f"<Delete><Object><Key>odd/{spelled}</Key></Object></Delete>".encode()
    root = ElementTree.fromstring(send("POST", "bkt?delete=", {}, document).content)
    assert [node.text for node in root.iter(f"{XML}Key")] == [f"odd/{key}"]
    assert send("HEAD", path).status_code == 404
