"""Requests that no real client sends: each gets a status below 500 (or 501 if only this endpoint lacks the feature)."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hca_local.server import Deployment
from hypothesis import given, settings
from hypothesis import strategies as st

BUCKET = "dss-staging"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    with Deployment(tmp_path_factory.mktemp("s3")) as deployment:
        for key in ("k", "a&b<c>", "x\x01y"):
            deployment.ctx.objects.put(BUCKET, key, deployment.ctx.store.blobs.put_bytes(b"content"))
        yield deployment


def send(deployment: Deployment, method: str, path: str, body: bytes = b"", **headers: str) -> requests.Response:
    root = deployment.ctx.credentials.root()
    request = AWSRequest(
        method, deployment.s3_url + path, headers={k.replace("_", "-"): v for k, v in headers.items()}, data=body
    )
    S3SigV4Auth(Credentials(root.access_key, root.secret_key), "s3", "us-east-1").add_auth(request)
    prepared = requests.Request(method, deployment.s3_url, headers=dict(request.headers.items()), data=body).prepare()
    prepared.url = deployment.s3_url + path
    with requests.Session() as session:
        return session.send(prepared, timeout=20)


def code(response: requests.Response) -> tuple[int, str]:
    return response.status_code, ElementTree.fromstring(response.content).findtext("Code") or ""


BOMB = b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><Delete>&b;</Delete>'
EXTERNAL = b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&x;</Key></Object></Delete>'
DOCUMENTS = [
    b"",
    b"not xml",
    b"<Delete>",
    b"<Other/>",
    b"<Delete/>",
    b"<Delete><Object/></Delete>",
    b"<Delete><Object><Key></Key></Object></Delete>",
    b"\xff\xfe\x00",
    b"<Delete><Object><Key>\x00</Key></Object></Delete>",
    BOMB,
    EXTERNAL,
    BOMB.decode().encode("utf-16"),
    b"<d>" * 5000,
    b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>",
    b'<?xml version="1.0" encoding="no-such"?><Delete/>',
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=range(len(DOCUMENTS)))
@pytest.mark.parametrize("path", [f"/{BUCKET}?delete", f"/{BUCKET}/k?tagging", f"/{BUCKET}/k?uploadId=none"])
def test_documents_that_are_none(deployment, document, path):
    method = "PUT" if "tagging" in path else "POST"
    status, error = code(send(deployment, method, path, document))
    assert (status, error) in [(400, "MalformedXML"), (404, "NoSuchUpload")]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/", (405, "MethodNotAllowed")),
        ("PATCH", f"/{BUCKET}/k", (405, "MethodNotAllowed")),
        ("POST", f"/{BUCKET}/k", (405, "MethodNotAllowed")),
        ("OPTIONS", f"/{BUCKET}/k", (501, "NotImplemented")),
        ("PUT", f"/{BUCKET}?policy", (501, "NotImplemented")),
        ("PUT", f"/{BUCKET}/k?retention", (501, "NotImplemented")),
        ("POST", f"/{BUCKET}/k?tagging", (405, "MethodNotAllowed")),
        ("GET", f"/{BUCKET}/k?versionId=abc", (501, "NotImplemented")),
        ("GET", f"/{BUCKET}/k?tagging&acl", (400, "InvalidArgument")),
        ("PUT", f"/{BUCKET}/k?uploadId=x", (400, "InvalidArgument")),
        ("PUT", f"/{BUCKET}/k?uploadId=x&partNumber=-1", (400, "InvalidArgument")),
        ("GET", f"/{BUCKET}/%ff%fe", (400, "InvalidURI")),
        ("GET", f"/{BUCKET}?prefix=%ff", (400, "InvalidURI")),
        ("GET", f"/{BUCKET}?list-type=2&max-keys=x", (400, "InvalidArgument")),
        ("GET", f"/{BUCKET}?encoding-type=latin", (400, "InvalidArgument")),
        ("GET", f"/{BUCKET}/k?partNumber=2", (416, "InvalidPartNumber")),
        ("PUT", "/..", (400, "InvalidBucketName")),
    ],
)
def test_odd_requests(deployment, method, path, expected):
    assert code(send(deployment, method, path)) == expected
    assert deployment.ctx.objects.open(BUCKET, "k").read() == b"content"


@pytest.mark.parametrize(
    "headers",
    [
        {"x_amz_tagging": "a"},
        {"x_amz_tagging": "a=1&a=2"},
        {"x_amz_tagging": "&".join(f"k{n}=" for n in range(60))},
        {"content_md5": "é"},
        {"x_amz_checksum_crc32": "AAAA"},
        {"x_amz_copy_source": "%ff%fe"},
        {"x_amz_copy_source": f"/{BUCKET}/k?versionId=1"},
        {"x_amz_copy_source": f"/{BUCKET}/none", "x_amz_metadata_directive": "?"},
        {"if_none_match": "abc"},
        {"content_length": "5"},
        {"x_amz_decoded_content_length": "-5"},
    ],
)
def test_odd_headers(deployment, headers):
    if "content_length" in headers:
        pytest.importorskip("socket")
    body = b"12345" if "content_length" in headers else b""
    response = send(deployment, "PUT", f"/{BUCKET}/odd", body, **headers)
    assert response.status_code < 500 or response.status_code == 501


def test_a_header_cannot_be_smuggled_into_an_answer(deployment):
    url = deployment.ctx.objects.presign_get(BUCKET, "k", content_disposition="a\r\nSet-Cookie: x=y\x00\x1b[2J é")
    response = requests.get(url, timeout=10)
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers


def test_lists_of_odd_keys_are_well_formed(deployment):
    for query in ("", "?list-type=2", "?list-type=2&encoding-type=url", "?prefix=x%01", "?delimiter=%26"):
        response = send(deployment, "GET", f"/{BUCKET}{query}")
        assert response.status_code == 200
        ElementTree.fromstring(response.content)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_client_that_goes_away_leaves_nothing(deployment):
    root = deployment.ctx.credentials.root()
    request = AWSRequest("PUT", f"{deployment.s3_url}/{BUCKET}/cut", headers={"content-length": "50000000"})
    auth = S3SigV4Auth(Credentials(root.access_key, root.secret_key), "s3", "us-east-1")
    auth.payload = lambda request: "UNSIGNED-PAYLOAD"
    auth.add_auth(request)
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    incoming = deployment.settings.data_dir / "incoming"
    with socket.create_connection(("127.0.0.1", deployment.settings.s3_port)) as connection:
        connection.sendall(
            f"PUT /{BUCKET}/cut HTTP/1.1\r\nHost: 127.0.0.1:{deployment.settings.s3_port}\r\n{head}\r\n".encode()
        )
        connection.sendall(b"x" * 5_000_000)
        wait_until(lambda: any(incoming.iterdir()))
    wait_until(lambda: not any(incoming.iterdir()))
    assert code(send(deployment, "GET", f"/{BUCKET}/cut")) == (404, "NoSuchKey")


def test_a_client_that_goes_away_while_it_reads_is_no_fault_of_the_endpoint(deployment, caplog):
    """Each aborts at another point: during sendfile, between two files of a blob, or before the first byte."""
    objects = deployment.ctx.objects
    objects.put(BUCKET, "large", deployment.ctx.store.blobs.put_bytes(bytes(24 << 20)))
    caplog.clear()
    for number in range(24):
        url = objects.presign_get(BUCKET, "large")
        host, _, path = url.removeprefix("http://").partition("/")
        name, _, port = host.partition(":")
        with socket.create_connection((name, int(port)), timeout=20) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            if number % 3:
                client.recv(1000 if number % 3 == 1 else 1 << 20)
            # A reset, not an orderly close.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    assert send(deployment, "GET", f"/{BUCKET}/k").content == b"content"
    time.sleep(0.3)
    faults = [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]
    assert [record.getMessage() for record in faults] == []


def test_a_full_disk_is_told_and_leaves_nothing_half_written(deployment, monkeypatch):
    import errno
    import sqlite3

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    data = bytes(100_000)
    with monkeypatch.context() as patch:
        patch.setattr("hca_local.store.writing.write_all", full)
        assert code(send(deployment, "PUT", f"/{BUCKET}/full", data)) == (507, "InsufficientStorage")

    def full_database(*_: Any, **__: Any) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorname = "SQLITE_FULL"
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(deployment.ctx.objects, "put", full_database)
        assert code(send(deployment, "PUT", f"/{BUCKET}/full", data)) == (507, "InsufficientStorage")
    assert code(send(deployment, "GET", f"/{BUCKET}/full")) == (404, "NoSuchKey")
    assert not any((deployment.settings.data_dir / "incoming").iterdir())
    assert send(deployment, "PUT", f"/{BUCKET}/full", data).status_code == 200


_NAMES = st.sampled_from(
    [
        "acl",
        "tagging",
        "uploads",
        "uploadId",
        "partNumber",
        "delete",
        "list-type",
        "prefix",
        "delimiter",
        "marker",
        "max-keys",
        "encoding-type",
        "versionId",
        "continuation-token",
        "start-after",
        "part-number-marker",
        "max-parts",
        "key-marker",
        "upload-id-marker",
        "response-content-type",
    ]
)
_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_HEADERS = st.sampled_from(
    [
        "range",
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
        "content-md5",
        "x-amz-tagging",
        "x-amz-copy-source",
        "x-amz-copy-source-range",
        "x-amz-checksum-crc32",
        "x-amz-checksum-mode",
        "x-amz-trailer",
        "x-amz-metadata-directive",
        "x-amz-decoded-content-length",
        "x-amz-meta-é",
        "content-type",
        "content-encoding",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]),
    key=_TEXT,
    query=st.dictionaries(_NAMES, _TEXT, max_size=3),
    headers=st.dictionaries(_HEADERS, _TEXT.filter(lambda text: text.isprintable()), max_size=3),
    body=st.binary(max_size=200),
)
def test_nothing_makes_the_endpoint_fail(deployment, method, key, query, headers, body):
    from urllib.parse import quote, urlencode

    path = f"/{BUCKET}" + (f"/{quote(key, safe='')}" if key else "") + ("?" + urlencode(query) if query else "")
    encoded: Any = {name.encode(): value.strip().encode() for name, value in headers.items() if name.isascii()}
    root = deployment.ctx.credentials.root()
    request = AWSRequest(method, deployment.s3_url + path, data=body)
    for name, value in headers.items():
        if name.isascii():
            request.headers[name] = value.strip()
    S3SigV4Auth(Credentials(root.access_key, root.secret_key), "s3", "us-east-1").add_auth(request)
    sent = {name: value.encode() if isinstance(value, str) else value for name, value in request.headers.items()}
    prepared = requests.Request(method, deployment.s3_url, data=body).prepare()
    prepared.url = deployment.s3_url + path
    prepared.headers.update(sent)
    prepared.headers.update({name.decode(): value for name, value in encoded.items()})
    with requests.Session() as session:
        response = session.send(prepared, timeout=20)
    assert response.status_code < 500 or response.status_code == 501, response.text
