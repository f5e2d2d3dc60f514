"""Checksums in requests to complete an upload: all are verified, whichever algorithm the upload was created with."""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from xml.etree import ElementTree

import google_crc32c
import pytest
from hca_local.server import Deployment

from .s3_requests import SignedRequests, crc64nvme, error_code

XML = "{http://s3.amazonaws.com/doc/2006-03-01/}"
MIB = 1 << 20
ALGORITHMS = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"]
COMPOSITES = ["crc32", "crc32c", "sha1", "sha256"]
BEGUN = ["nothing", "crc32 FULL_OBJECT", *(f"{name} COMPOSITE" for name in COMPOSITES), "crc64nvme FULL_OBJECT"]


def checksum(algorithm: str, data: bytes) -> str:
    if algorithm == "crc64nvme":
        return crc64nvme(data)
    if algorithm == "crc32":
        raw = zlib.crc32(data).to_bytes(4, "big")
    elif algorithm == "crc32c":
        raw = google_crc32c.Checksum(data).digest()
    else:
        raw = hashlib.new(algorithm, data).digest()
    return base64.b64encode(raw).decode()


def composite(algorithm: str, parts: list[bytes]) -> str:
    raw = b"".join(base64.b64decode(checksum(algorithm, part)) for part in parts)
    return f"{checksum(algorithm, raw)}-{len(parts)}"


@pytest.fixture(scope="module")
def send(tmp_path_factory):
    with Deployment(tmp_path_factory.mktemp("checksums")) as deployment:
        deployment.ctx.objects.create_bucket("bkt")
        yield SignedRequests(deployment)


@pytest.fixture
def complete(send):
    """Uploads parts, and completes the upload."""

    def run(begun, parts, headers=None, in_part="", with_part=None):
        started = {}
        if begun != "nothing":
            algorithm, kind = begun.split()
            started = {"x-amz-checksum-algorithm": algorithm.upper(), "x-amz-checksum-type": kind}
        answer = send("POST", "bkt/k?uploads=", started)
        upload = ElementTree.fromstring(answer.content).findtext(f"{XML}UploadId")
        named = ""
        for number, part in enumerate(parts, 1):
            own = {f"x-amz-checksum-{with_part}": checksum(with_part, part)} if with_part else {}
            etag = send("PUT", f"bkt/k?partNumber={number}&uploadId={upload}", own, part).headers["ETag"]
            named += f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>{in_part}</Part>"
        document = f"<CompleteMultipartUpload>{named}</CompleteMultipartUpload>".encode()

        def ask(others=None):
            sent = headers if others is None else others
            return send("POST", f"bkt/k?uploadId={upload}", sent or {}, document)

        run.again = ask
        return ask()

    yield run
    send("DELETE", "bkt/k")


def refused(answer, code, status=400):
    assert (answer.status_code, error_code(answer)) == (status, code), answer.text


@pytest.mark.parametrize("begun", BEGUN)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_checksum_in_a_header_is_compared_with_the_object(send, complete, begun, algorithm):
    parts = [os.urandom(1000)]
    header = f"x-amz-checksum-{algorithm}"
    refused(complete(begun, parts, {header: checksum(algorithm, b"other bytes")}), "BadDigest")
    assert send("HEAD", "bkt/k").status_code == 404
    own = begun == f"{algorithm} COMPOSITE"
    right = composite(algorithm, parts) if own else checksum(algorithm, parts[0])
    answer = complete(begun, parts, {header: right})
    assert answer.status_code == 200, answer.text
    assert send("GET", "bkt/k").content == parts[0]


@pytest.mark.parametrize("with_part", [False, True], ids=["part without one", "part with one"])
@pytest.mark.parametrize("begun", BEGUN)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_checksum_of_a_part_is_compared_with_its_bytes(send, complete, begun, algorithm, with_part):
    parts = [os.urandom(1000)]
    sent = algorithm if with_part else None
    element = f"<Checksum{algorithm.upper()}>%s</Checksum{algorithm.upper()}>"
    refused(complete(begun, parts, in_part=element % checksum(algorithm, b"other"), with_part=sent), "InvalidPart")
    refused(complete(begun, parts, in_part=element % "text", with_part=sent), "InvalidPart")
    assert send("HEAD", "bkt/k").status_code == 404
    answer = complete(begun, parts, in_part=element % checksum(algorithm, parts[0]), with_part=sent)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("begun", BEGUN)
@pytest.mark.parametrize("kind", ["COMPOSITE", "FULL_OBJECT", "OTHER"])
def test_a_checksum_type_must_be_the_uploads(complete, begun, kind):
    answer = complete(begun, [b"bytes"], {"x-amz-checksum-type": kind})
    if kind == (begun.split()[1:] or ["FULL_OBJECT"])[0]:
        assert answer.status_code == 200, answer.text
    else:
        refused(answer, "InvalidRequest")


@pytest.mark.parametrize("algorithm", COMPOSITES)
@pytest.mark.parametrize("same", [True, False], ids=["the upload's", "of an upload without"])
def test_a_checksum_of_checksums_is_computed_from_the_parts(complete, algorithm, same):
    parts = [os.urandom(5 * MIB), b"the last part"]
    begun = f"{algorithm} COMPOSITE" if same else "nothing"
    header, right = f"x-amz-checksum-{algorithm}", composite(algorithm, parts)
    refused(complete(begun, parts, {header: right.replace("-2", "-3")}), "BadDigest")
    for value in (composite(algorithm, parts[:1]), composite(algorithm, parts[::-1])):
        refused(complete.again({header: value}), "BadDigest")
    assert complete.again({header: right}).status_code == 200


def test_what_is_no_checksum_or_not_supported_is_refused(complete):
    refused(complete("nothing", [b"x"], {"x-amz-checksum-crc32": "text"}), "InvalidRequest")
    refused(complete.again({"x-amz-checksum-sha512": "text"}), "NotImplemented", 501)
    refused(complete("nothing", [b"x"], in_part="<ChecksumSHA512>eA==</ChecksumSHA512>"), "NotImplemented", 501)
    twice = "".join(f"<ChecksumCRC32>{checksum('crc32', data)}</ChecksumCRC32>" for data in (b"x", b"y"))
    refused(complete("nothing", [b"x"], in_part=twice), "MalformedXML")


def test_a_repeated_request_with_another_checksum_does_not_get_the_first_answer(complete):
    right = {"x-amz-checksum-crc32": checksum("crc32", b"x")}
    first = complete("nothing", [b"x"], right)
    assert first.status_code == 200
    assert complete.again().content == first.content
    refused(complete.again({"x-amz-checksum-crc32": "AAAAAA=="}), "NoSuchUpload", 404)
