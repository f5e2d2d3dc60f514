"""CRC64NVME: computed from the bytes, for objects, parts, and multipart objects; never just echoed."""

from __future__ import annotations

import base64
import os
from xml.etree import ElementTree

import pytest
from hca_local.server import Deployment

from .s3_requests import SignedRequests, crc64nvme, error_code

MIB = 1 << 20
XML = "{http://s3.amazonaws.com/doc/2006-03-01/}"
HEADER = "x-amz-checksum-crc64nvme"


@pytest.fixture(scope="module")
def send(tmp_path_factory):
    with Deployment(tmp_path_factory.mktemp("crc64")) as deployment:
        deployment.ctx.objects.create_bucket("bkt")
        yield SignedRequests(deployment)


def test_the_reference_has_the_check_value_of_the_specification():
    assert base64.b64decode(crc64nvme(b"123456789")).hex() == "ae8b14860a799888"


@pytest.mark.parametrize("size", [0, 9, 100_000])
def test_a_wrong_checksum_of_an_object_is_refused(send, size):
    body = os.urandom(size)
    wrong = send("PUT", "bkt/k", {HEADER: crc64nvme(body + b"x")}, body)
    assert (wrong.status_code, error_code(wrong)) == (400, "BadDigest")
    assert send("HEAD", "bkt/k").status_code == 404
    right = send("PUT", "bkt/k", {HEADER: crc64nvme(body)}, body)
    assert (right.status_code, right.headers[HEADER]) == (200, crc64nvme(body))
    read = send("GET", "bkt/k", {"x-amz-checksum-mode": "ENABLED"})
    assert (read.headers[HEADER], read.headers["x-amz-checksum-type"]) == (crc64nvme(body), "FULL_OBJECT")
    send("DELETE", "bkt/k")


@pytest.mark.parametrize("said", ["nothing", "right", "wrong"])
def test_the_checksum_of_an_object_in_parts_is_of_all_its_bytes(send, said):
    parts = [os.urandom(5 * MIB), b"the last part"]
    begun = send("POST", "bkt/k?uploads=", {"x-amz-checksum-algorithm": "CRC64NVME"})
    assert begun.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    upload = ElementTree.fromstring(begun.content).findtext(f"{XML}UploadId")
    wrong = send("PUT", f"bkt/k?partNumber=1&uploadId={upload}", {HEADER: crc64nvme(b"x")}, b"y")
    assert (wrong.status_code, error_code(wrong)) == (400, "BadDigest")
    named = ""
    for number, part in enumerate(parts, 1):
        etag = send("PUT", f"bkt/k?partNumber={number}&uploadId={upload}", data=part).headers["ETag"]
        named += f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{named}</CompleteMultipartUpload>".encode()
    whole = crc64nvme(b"".join(parts))
    headers = {"nothing": {}, "right": {HEADER: whole}, "wrong": {HEADER: crc64nvme(b"x")}}[said]
    done = send("POST", f"bkt/k?uploadId={upload}", headers, document)
    if said == "wrong":
        assert (done.status_code, error_code(done)) == (400, "BadDigest")
        assert send("HEAD", "bkt/k").status_code == 404
        return
    root = ElementTree.fromstring(done.content)
    assert root.findtext(f"{XML}ChecksumCRC64NVME") == whole
    assert send("GET", "bkt/k", {"x-amz-checksum-mode": "ENABLED"}).headers[HEADER] == whole
    send("DELETE", "bkt/k")
