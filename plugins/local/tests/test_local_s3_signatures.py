"""Authentication: signatures in headers and URLs, of chunks and of trailers; nothing unsigned, altered or expired."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
import zlib
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from hca_local.server import Deployment

BUCKET = "dss-staging"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    with Deployment(tmp_path_factory.mktemp("s3")) as deployment:
        yield deployment


def client(deployment: Deployment, **changes: Any) -> Any:
    root = deployment.ctx.credentials.root()
    settings: dict[str, Any] = {
        "endpoint_url": deployment.s3_url,
        "aws_access_key_id": root.access_key,
        "aws_secret_access_key": root.secret_key,
        "region_name": "us-east-1",
    }
    options = {"retries": {"max_attempts": 1}, **changes.pop("options", {})}
    return boto3.client("s3", **{**settings, **changes, "config": Config(**options)})


@pytest.fixture(scope="module")
def s3(deployment) -> Any:
    made = client(deployment)
    made.put_object(Bucket=BUCKET, Key="a/ü +&.txt", Body=b"0123456789", ContentType="text/plain")
    return made


def code(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.text.split("<Code>")[1].split("</Code>")[0]


def test_a_wrong_secret_and_an_unknown_key_are_refused(deployment):
    for changes, expected in [
        ({"aws_secret_access_key": "wrong"}, "SignatureDoesNotMatch"),
        ({"aws_access_key_id": "UNKNOWN"}, "InvalidAccessKeyId"),
        ({"aws_session_token": "token"}, "InvalidToken"),
    ]:
        with pytest.raises(ClientError) as caught:
            client(deployment, **changes).list_objects_v2(Bucket=BUCKET)
        assert caught.value.response["Error"]["Code"] == expected
        assert "RequestId" in caught.value.response["ResponseMetadata"]


def test_nobody_may_do_nothing(deployment, s3):
    for method in ("GET", "PUT", "HEAD", "DELETE"):
        for path in ("", f"/{BUCKET}", f"/{BUCKET}/a", "/nowhere/x"):
            assert requests.request(method, deployment.s3_url + path, timeout=10).status_code == 403
    response = requests.get(deployment.s3_url, headers={"Authorization": "AWS key:signature"}, timeout=10)
    assert code(response) == (400, "InvalidRequest")
    response = requests.get(deployment.s3_url, headers={"Authorization": "AWS4-HMAC-SHA256 nonsense"}, timeout=10)
    assert code(response) == (400, "AuthorizationHeaderMalformed")


@pytest.mark.parametrize("version", ["s3v4", "s3", None])
def test_presigned_urls(deployment, s3, version):
    signer = client(deployment, options={"signature_version": version} if version else {})
    where = {"Bucket": BUCKET, "Key": "a/ü +&.txt"}
    url = signer.generate_presigned_url("get_object", Params=where)
    assert requests.get(url, timeout=10).content == b"0123456789"
    assert requests.get(url, headers={"Range": "bytes=2-4"}, timeout=10).content == b"234"
    overridden = signer.generate_presigned_url(
        "get_object",
        Params={**where, "ResponseContentDisposition": 'attachment; filename="b c"', "ResponseContentType": "x/y"},
    )
    response = requests.get(overridden, timeout=10)
    assert response.headers["Content-Disposition"] == 'attachment; filename="b c"'
    assert response.headers["Content-Type"] == "x/y"
    for tampered in (
        url.replace("a/", "b/"),
        url + "&response-content-type=evil",
        overridden.replace("x%2Fy", "text%2Fhtml"),
        url.replace("Signature=", "Signature=0"),
        url.replace("Expires=", "Expires=1"),
    ):
        assert requests.get(tampered, timeout=10).status_code in (400, 403)
    assert requests.put(url, data=b"x", timeout=10).status_code == 403
    assert requests.delete(url, timeout=10).status_code == 403
    put = signer.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "put", "ContentType": "p/q"})
    body = os.urandom(2_000_000)
    assert requests.put(put, data=body, headers={"Content-Type": "p/q"}, timeout=10).status_code == 200
    assert s3.get_object(Bucket=BUCKET, Key="put")["Body"].read() == body
    assert requests.put(put, data=body, headers={"Content-Type": "r/s"}, timeout=10).status_code == 403
    assert requests.get(put, timeout=10).status_code == 403


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_presigned_url_ends(deployment, s3, version, monkeypatch):
    signer = client(deployment, options={"signature_version": version})
    url = signer.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "a/ü +&.txt"}, ExpiresIn=60)
    assert requests.get(url, timeout=10).status_code == 200
    real = time.time
    with monkeypatch.context() as patch:
        patch.setattr("hca_local.s3.requests.signing.time.time", lambda: real() + 61)
        response = requests.get(url, timeout=10)
    assert code(response) == (403, "AccessDenied")
    assert "expired" in response.text


def test_a_clock_that_is_wrong_is_told(deployment, s3, monkeypatch):
    real = time.time
    for shift in (1000, -1000):
        with monkeypatch.context() as patch:
            patch.setattr("hca_local.s3.requests.signing.time.time", lambda shift=shift: real() + shift)
            with pytest.raises(ClientError) as caught:
                s3.list_objects_v2(Bucket=BUCKET)
        assert caught.value.response["Error"]["Code"] == "RequestTimeTooSkewed"


def test_odd_presigned_parameters_are_refused_cleanly(deployment):
    base = f"{deployment.s3_url}/{BUCKET}/k?"
    root = deployment.ctx.credentials.root()
    good = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{root.access_key}/20260101/us-east-1/s3/aws4_request",
        "X-Amz-Date": "20260101T000000Z",
        "X-Amz-Expires": "60",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": "0" * 64,
    }
    for change in (
        {"X-Amz-Algorithm": "AWS4-HMAC-SHA1"},
        {"X-Amz-Credential": "a/b"},
        {"X-Amz-Credential": f"{root.access_key}/20260102/us-east-1/s3/aws4_request"},
        {"X-Amz-Date": "yesterday"},
        {"X-Amz-Expires": "604801"},
        {"X-Amz-Expires": "-1"},
        {"X-Amz-Expires": "١"},
        {"X-Amz-Signature": ""},
    ):
        response = requests.get(base, params={**good, **change}, timeout=10)
        assert code(response) == (400, "AuthorizationQueryParametersError"), change
    for change in ({}, {"X-Amz-Signature": "é"}, {"X-Amz-SignedHeaders": "host;x-amz-none;;"}):
        assert code(requests.get(base, params={**good, **change}, timeout=10)) == (403, "SignatureDoesNotMatch")
    for query in ("AWSAccessKeyId=x&Signature=y", "AWSAccessKeyId=x&Signature=y&Expires=z"):
        assert requests.get(base + query, timeout=10).status_code == 403


class Signed:
    """A manually signed request, to send what botocore does not."""

    def __init__(self, deployment: Deployment, method: str, path: str, payload: str, headers: dict[str, str]) -> None:
        root = deployment.ctx.credentials.root()
        self.auth = S3SigV4Auth(Credentials(root.access_key, root.secret_key), "s3", "us-east-1")
        self.auth.payload = lambda request: payload
        self.url = deployment.s3_url + path
        self.request = AWSRequest(method, self.url, headers=headers)
        self.auth.add_auth(self.request)
        self.headers = dict(self.request.headers.items())
        self.previous = self.headers["Authorization"].rpartition("=")[2]

    def sign(self, kind: str, *lines: str) -> str:
        scope = self.auth.credential_scope(self.request)
        text = [f"AWS4-HMAC-SHA256-{kind}", self.request.context["timestamp"], scope, self.previous, *lines]
        self.previous = self.auth.signature("\n".join(text), self.request)
        return self.previous

    def chunk(self, data: bytes) -> bytes:
        empty = hashlib.sha256(b"").hexdigest()
        signature = self.sign("PAYLOAD", empty, hashlib.sha256(data).hexdigest())
        return b"%x;chunk-signature=%s\r\n%s" % (len(data), signature.encode(), data) + (b"\r\n" if data else b"")

    def send(self, body: bytes) -> requests.Response:
        return requests.put(self.url, data=body, headers=self.headers, timeout=20)


CONTENT = [os.urandom(70_000), os.urandom(1_500_000), b"end"]
WHOLE = b"".join(CONTENT)


def streaming(deployment: Deployment, payload: str, **headers: str) -> Signed:
    return Signed(
        deployment,
        "PUT",
        f"/{BUCKET}/streamed",
        payload,
        {
            "content-encoding": "aws-chunked,gzip",
            "x-amz-decoded-content-length": str(len(WHOLE)),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        },
    )


def test_signed_chunks(deployment, s3):
    signed = streaming(deployment, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    body = b"".join(signed.chunk(data) for data in [*CONTENT, b""]) + b"\r\n"
    assert signed.send(body).status_code == 200
    got = s3.get_object(Bucket=BUCKET, Key="streamed")
    assert (got["Body"].read(), got["ContentEncoding"]) == (WHOLE, "gzip")
    s3.delete_object(Bucket=BUCKET, Key="streamed")
    flipped = bytearray(body)
    flipped[500_000] ^= 1
    for bad, expected in [
        (bytes(flipped), (403, "SignatureDoesNotMatch")),
        (body[:-100], (400, "IncompleteBody")),
        (body.replace(b"chunk-signature=", b"chunk-signature=0", 1), (400, "InvalidRequest")),
        (b"".join(b"%x\r\n%s\r\n" % (len(data), data) for data in [*CONTENT, b""]), (400, "InvalidRequest")),
        (WHOLE, (400, "InvalidRequest")),
        (b"", (400, "IncompleteBody")),
    ]:
        assert code(signed.send(bad)) == expected
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="streamed")


def checksums() -> dict[str, str]:
    import awscrt.checksums
    import google_crc32c

    raw = {
        "crc32": zlib.crc32(WHOLE).to_bytes(4, "big"),
        "crc32c": google_crc32c.Checksum(WHOLE).digest(),
        "sha1": hashlib.sha1(WHOLE).digest(),
        "sha256": hashlib.sha256(WHOLE).digest(),
        "crc64nvme": awscrt.checksums.crc64nvme(WHOLE).to_bytes(8, "big"),
    }
    return {name: base64.b64encode(value).decode() for name, value in raw.items()}


@pytest.mark.parametrize("algorithm", list(checksums()))
def test_trailing_checksums_of_unsigned_and_of_signed_bodies(deployment, s3, algorithm):
    name, value = f"x-amz-checksum-{algorithm}", checksums()[algorithm]
    wrong = base64.b64encode(bytes(len(base64.b64decode(value)))).decode()
    for sent in (value, wrong):
        unsigned = streaming(deployment, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", x_amz_trailer=name)
        body = b"".join(b"%x\r\n%s\r\n" % (len(data), data) for data in CONTENT)
        answer = unsigned.send(body + f"0\r\n{name}:{sent}\r\n\r\n".encode())
        signed = streaming(deployment, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", x_amz_trailer=name)
        body = b"".join(signed.chunk(data) for data in [*CONTENT, b""])
        trailer = f"{name}:{sent}\n".encode()
        signature = signed.sign("TRAILER", hashlib.sha256(trailer).hexdigest())
        end = f"{name}:{sent}\r\nx-amz-trailer-signature:{signature}\r\n\r\n".encode()
        answer_to_signed = signed.send(body + end)
        for response in (answer, answer_to_signed):
            if sent == value:
                assert (response.status_code, response.headers[name]) == (200, sent)
                assert s3.get_object(Bucket=BUCKET, Key="streamed")["Body"].read() == WHOLE
            else:
                assert code(response) == (400, "BadDigest")


def test_trailers_must_be_those_announced_and_signed(deployment, s3):
    name, value = "x-amz-checksum-crc32", checksums()["crc32"]
    body = b"".join(b"%x\r\n%s\r\n" % (len(data), data) for data in CONTENT) + b"0\r\n"
    for end in (b"\r\n", b"x-amz-checksum-sha1:" + value.encode() + b"\r\n\r\n", f"{name}:!!\r\n\r\n".encode()):
        unsigned = streaming(deployment, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", x_amz_trailer=name)
        assert unsigned.send(body + end).status_code == 400
    signed = streaming(deployment, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", x_amz_trailer=name)
    body = b"".join(signed.chunk(data) for data in [*CONTENT, b""])
    end = f"{name}:{value}\r\nx-amz-trailer-signature:{'0' * 64}\r\n\r\n".encode()
    assert code(signed.send(body + end)) == (403, "SignatureDoesNotMatch")


def test_the_length_and_the_payloads_checksum_must_hold(deployment, s3):
    short = streaming(deployment, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", x_amz_decoded_content_length="5")
    assert code(short.send(b"4\r\nabcd\r\n0\r\n\r\n")) == (400, "IncompleteBody")
    for payload, expected in [
        (hashlib.sha256(b"other").hexdigest(), "XAmzContentSHA256Mismatch"),
        ("STREAMING-SOMETHING", "InvalidArgument"),
        ("ABC", "InvalidArgument"),
    ]:
        signed = Signed(deployment, "PUT", f"/{BUCKET}/streamed", payload, {})
        assert code(signed.send(b"body")) == (400, expected)
    assert Signed(deployment, "PUT", f"/{BUCKET}/streamed", "UNSIGNED-PAYLOAD", {}).send(b"body").status_code == 200


def test_a_header_that_was_not_signed_is_refused(deployment, s3):
    signed = Signed(deployment, "PUT", f"/{BUCKET}/k", "UNSIGNED-PAYLOAD", {"x-amz-meta-a": "1"})
    for change in ({"x-amz-meta-a": "2"}, {"x-amz-meta-b": "1"}, {"x-amz-copy-source": f"/{BUCKET}/other"}):
        response = requests.put(signed.url, data=b"", headers={**signed.headers, **change}, timeout=10)
        assert response.status_code == 403
    signature = hmac.new(b"", b"", hashlib.sha256).hexdigest()
    headers = {**signed.headers, "Authorization": signed.headers["Authorization"][:-64] + signature}
    assert code(requests.put(signed.url, data=b"", headers=headers, timeout=10)) == (403, "SignatureDoesNotMatch")


def test_presigned_by_the_deployment_itself(deployment, s3):
    url = deployment.ctx.objects.presign_get(
        BUCKET, "a/ü +&.txt", 60, content_disposition="attachment; filename=x", content_type="a/b"
    )
    assert urlsplit(url).netloc == f"127.0.0.1:{deployment.settings.s3_port}"
    response = requests.get(url, timeout=10)
    assert response.content == b"0123456789"
    assert response.headers["Content-Disposition"] == "attachment; filename=x"
    # A client may send another host's bearer token: it is ignored.
    assert requests.get(url, headers={"Authorization": "Bearer x"}, timeout=10).status_code == 200
