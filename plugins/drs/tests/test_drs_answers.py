"""Spellings and shapes that servers send, each with the server that sends it.

A row says so if no server is known to send it: the specification allows it, or others are suspected to.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hca_drs.objects.access import Preferences, address_of, expires_at, ordered, read_headers
from hca_drs.objects.checksums import read_checksums
from hca_drs.objects.model import AccessMethod, DrsObject, read_object
from hca_drs.resolving.resolver import Place
from hca_drs.resolving.uris import parse_uri
from hca_drs.testing.model import as_base64, digest

from hca_base.errors import HCAError, NotFoundError, ServiceError
from hca_base.http import redact, redact_headers, remember_secret

DATA = b"0123456789" * 100
SHA256, SHA512, MD5 = (hashlib.new(name, DATA).hexdigest() for name in ("sha256", "sha512", "md5"))
CRC32C, TRUNC = digest(DATA, "crc32c"), digest(DATA, "trunc512")

SHA1 = hashlib.sha1(DATA).hexdigest()

#: The server that sends it, type, checksum, what is compared. Servers: indexd of Gen3 (crdc, BioData Catalyst, AnVIL's
#: old one, Kids First) passes on the names of its ``hashes``; those of the others are in their sources and documents.
SPELLINGS = [
    ("GA4GH specification (IANA's names)", "sha-256", SHA256, ("sha256", SHA256)),
    ("GHGA DRS3", "sha-256", SHA256, ("sha256", SHA256)),
    ("Gen3 indexd", "sha256", SHA256, ("sha256", SHA256)),
    ("Gen3 indexd", "sha512", SHA512, ("sha512", SHA512)),
    ("Gen3 indexd", "sha", SHA1, ("sha1", SHA1)),
    ("Gen3 indexd: NCI CRDC, BioData Catalyst, AnVIL", "md5", MD5, ("md5", MD5)),
    ("Gen3 indexd: Kids First", "etag", MD5, ("md5", MD5)),
    ("Seven Bridges: CGC, Cavatica", "etag", f'"{MD5}"', ("md5", MD5)),
    ("Terra Data Repository", "md5", MD5, ("md5", MD5)),
    ("Terra Data Repository", "crc32c", CRC32C, ("crc32c", CRC32C)),
    ("Human Cell Atlas Data Store", "sha256", SHA256, ("sha256", SHA256)),
    ("Human Cell Atlas Data Store", "sha1", SHA1, ("sha1", SHA1)),
    ("Human Cell Atlas Data Store", "s3_etag", f"{MD5}-2", ("s3_etag", f"{MD5}-2")),
    ("issue 18, whose servers are not named", "SHA256", SHA256.upper(), ("sha256", SHA256)),
    ("issue 18, whose servers are not named", "SHA-256", SHA256, ("sha256", SHA256)),
    ("IANA's name", "sha-512", SHA512, ("sha512", SHA512)),
    ("no server known: the name of the program", "md5sum", MD5, ("md5", MD5)),
    ("servers that copy Google Cloud Storage's metadata", "crc32c", as_base64(CRC32C), ("crc32c", CRC32C)),
    ("servers that copy Google Cloud Storage's metadata", "md5", as_base64(MD5), ("md5", MD5)),
    ("GA4GH refget", "trunc512", TRUNC, ("trunc512", TRUNC)),
    ("GA4GH VRS", "sha512t24u", as_base64(TRUNC, url_safe=True), ("trunc512", TRUNC)),
    ("GA4GH VRS, an identifier", "ga4gh", f"ga4gh:SQ.{as_base64(TRUNC, url_safe=True)}", ("trunc512", TRUNC)),
]


@pytest.mark.parametrize(("kind", "value", "known"), [row[1:] for row in SPELLINGS], ids=[row[0] for row in SPELLINGS])
def test_spellings_of_checksums(kind: str, value: str, known: tuple[str, str]) -> None:
    size = 100 << 20 if value.endswith("-2") else len(DATA)
    assert read_checksums([{"type": kind, "checksum": value}], size).known == dict([known])


#: The server that sends it, ``checksums``.
CONTAINERS: list[tuple[str, Any]] = [
    ("GA4GH specification", [{"type": "md5", "checksum": MD5}, {"type": "sha-256", "checksum": SHA256}]),
    ("Seven Bridges' documentation: a dictionary of two members", {"type": "sha256", "checksum": SHA256}),
    ("the hashes of Gen3's indexd", {"md5": MD5, "sha256": SHA256}),
    ("no server known: single objects", [{"md5": MD5}, {"sha256": SHA256}]),
]


@pytest.mark.parametrize("value", [row[1] for row in CONTAINERS], ids=[row[0] for row in CONTAINERS])
def test_containers_of_checksums(value: Any) -> None:
    found = _object(size=len(DATA), checksums=value).digests
    assert (found.strongest, found.unknown) == (f"sha256:{SHA256}", ())


@pytest.mark.parametrize("value", [SHA256, 7, [SHA256], {"md5": {"hex": MD5}}, {"type": 7}], ids=repr)
def test_checksums_in_a_form_that_is_not_known_are_said(value: Any) -> None:
    found = _object(size=len(DATA), checksums=value).digests
    assert found.known == {}
    assert "not in a form that hca reads" in found.unverifiable or "not a valid digest" in found.unverifiable


@pytest.mark.parametrize("value", [None, [], {}])
def test_no_checksums(value: Any) -> None:
    assert _object(size=len(DATA), checksums=value).digests.unverifiable == "the server provides no checksum"


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("blake3", "00", "does not support"),
        ("crc", "1a2b3c4d", "does not support"),
        ("", SHA256, "does not support"),
        ("md5", SHA256, "not a valid digest"),
        ("sha-256", "not hexadecimal", "not a valid digest"),
        ("etag", f"{MD5}-9999", "whose size is not known"),
        ("etag", "CLCY0Oz", "not an ETag of S3"),
    ],
)
def test_checksums_that_cannot_be_compared_are_kept_apart(kind: str, value: str, why: str) -> None:
    found = read_checksums([{"type": kind, "checksum": value}], len(DATA))
    assert found.known == {}
    assert why in found.unverifiable


def test_an_etag_of_parts_is_kept_for_the_usual_sizes() -> None:
    found = read_checksums([{"type": "etag", "checksum": f'"{MD5}-2"'}], 100 << 20)
    assert (found.known, found.etag, found.unknown) == ({}, f"{MD5}-2", ())
    assert found.strongest == f"etag:{MD5}-2"
    # Parts of 64 MiB and of 100 MiB both give two parts.
    assert read_checksums([{"type": "etag", "checksum": f"{MD5}-2"}], 120 << 20).known == {}


def test_the_strongest_vouches() -> None:
    values = [("md5", MD5), ("crc32c", CRC32C), ("SHA-256", SHA256), ("blake3", "x"), ("sha512", SHA512)]
    order = []
    while values:
        name = read_checksums([{"type": kind, "checksum": value} for kind, value in values], None).strongest
        order.append(name.partition(":")[0])
        values = [(kind, value) for kind, value in values if f"{order[-1]}:{value}" != name]
        if not order[-1]:
            break
    assert order == ["sha512", "sha256", "md5", "crc32c", ""]


#: The server that sends it, headers. The specification's schema and its example differ, and so do servers (issue 307 of
#: ga4gh/data-repository-service-schemas).
SHAPES: list[tuple[str, Any]] = [
    ("GA4GH specification, schema; Gen3, Terra", ["Authorization: Bearer abcdef12", "X-Of-Drs: a:b"]),
    ("GA4GH starter kit, DNAstack (the example)", {"Authorization": "Bearer abcdef12", "X-Of-Drs": "a:b"}),
    ("no server known: lists of values", {"Authorization": ["Bearer abcdef12"], "X-Of-Drs": ["a:b"]}),
    (
        "no server known: pairs",
        [{"name": "Authorization", "value": "Bearer abcdef12"}, {"name": "X-Of-Drs", "value": "a:b"}],
    ),
    ("no server known: single objects", [{"Authorization": "Bearer abcdef12"}, {"X-Of-Drs": "a:b"}]),
    ("no server known: one text", "Authorization: Bearer abcdef12\r\nX-Of-Drs: a:b"),
]


@pytest.mark.parametrize("value", [row[1] for row in SHAPES], ids=[row[0] for row in SHAPES])
def test_shapes_of_headers(value: Any) -> None:
    assert read_headers(value) == {"Authorization": "Bearer abcdef12", "X-Of-Drs": "a:b"}


@pytest.mark.parametrize("value", [None, [], {}, "", [None, 7]])
def test_no_headers(value: Any) -> None:
    assert read_headers(value) == {}


@pytest.mark.parametrize("value", [["X: a\r\nY: b"], {"X\n": "a"} | {"a b": "c"}, ["nothing"], {"X": "größe"}])
def test_headers_that_cannot_be_sent(value: Any) -> None:
    with pytest.raises(ServiceError):
        read_headers(value)


def test_a_server_does_not_steer_the_connection() -> None:
    assert read_headers(["Host: other.example", "Range: bytes=0-1", "Content-Length: 5", "X-Fine: yes"]) == {
        "X-Fine": "yes"
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-Signature=s", 1767225660.0),
        ("X-Goog-Date=20260101T000000Z&X-Goog-Expires=60", 1767225660.0),
        ("AWSAccessKeyId=k&Expires=1767225660&Signature=s", 1767225660.0),
        ("sv=2020&se=2026-01-01T00%3A01%3A00Z&sig=s", 1767225660.0),
        ("se=never", None),
        ("X-Amz-Date=x&X-Amz-Expires=60", None),
        ("", None),
    ],
)
def test_how_long_addresses_hold(query: str, expected: float | None) -> None:
    assert expires_at(query) == expected


def test_what_signs_an_address_is_hidden_by_its_name() -> None:
    remember_secret("the-token-of-the-user")
    for number in range(600):
        url = f"https://h.example/{number}?v=7&odd-seal={number:040d}"
        address_of(AccessMethod("https"), url, [f"X-Odd-Seal: {number:040d}"], Preferences())
    assert f"{599:040d}" not in redact(f"GET {url}")
    assert "v=7" in redact(url)
    assert redact_headers({"X-Odd-Seal": f"{599:040d}"})["X-Odd-Seal"] == "[hidden]"
    # The user's own values are still redacted.
    assert "the-token-of-the-user" not in redact("sent the-token-of-the-user")


METHOD = AccessMethod("s3", region="us-west-2")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://bucket/a/b c", "https://bucket.s3.us-west-2.amazonaws.com/a/b%20c"),
        ("s3://with.dots/a", "https://s3.us-west-2.amazonaws.com/with.dots/a"),
        ("gs://bucket/a/größe", "https://storage.googleapis.com/bucket/a/gr%C3%B6%C3%9Fe"),
    ],
)
def test_buckets_are_read_over_https(url: str, expected: str) -> None:
    address = address_of(METHOD, url, ["Authorization: secret"], Preferences())
    assert (address.url, dict(address.headers), address.anonymous) == (expected, {}, True)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://host.example/x",
        "https://user:pw@host.example/x",
        "https://",
        "s3://bucket",
        "s3://ev il/x",
        "gs://../x",
        "https://host.example/a\nb",
    ],
)
def test_addresses_that_are_not_read(url: str) -> None:
    with pytest.raises(HCAError):
        address_of(METHOD, url, None, Preferences())


def test_headers_do_not_travel_unencrypted() -> None:
    with pytest.raises(HCAError, match="plain http"):
        address_of(METHOD, "http://host.example/x", ["Authorization: Bearer x"], Preferences())


def _object(*methods: dict[str, Any], **more: Any) -> DrsObject:
    uri = "drs://drs.example.org/x"
    place = Place(parse_uri(uri), "https://drs.example.org/ga4gh/drs/v1", "x", "uri")
    return read_object(place, {"id": "x", "access_methods": list(methods), **more})


def test_the_order_of_access_methods() -> None:
    found = _object(
        {"type": "gs", "access_url": {"url": "gs://b/x"}},
        {"type": "s3", "access_url": {"url": "s3://b/x"}, "region": "us-east-1"},
        {"type": "s3", "access_id": 7, "region": "us-east-1"},
        {"type": "https", "access_id": "cold", "available": False},
        {"type": "https", "access_id": "eu", "region": "eu-west-1"},
        {"type": "https", "access_id": "us", "region": "us-east-1"},
        {"type": "globus", "access_id": "g"},
        {"type": "file", "access_url": {"url": "file:///etc/passwd"}},
    )

    def names(**preferences: Any) -> list[str]:
        return [str(method.access_id or method.type) for method in ordered(found, Preferences(**preferences))]

    assert names() == ["eu", "us", "7", "s3", "gs", "cold"]
    assert names(region="us-east-1") == ["us", "7", "s3", "eu", "gs", "cold"]
    assert names(order=("gs", "s3"), chosen=True) == ["gs", "7", "s3"]
    with pytest.raises(NotFoundError, match="by htsget, globus only"):
        ordered(_object({"type": "htsget"}, {"type": "globus"}), Preferences())


@pytest.mark.parametrize(
    "answer",
    [[], "x", None, {}, {"msg": "no"}],
)
def test_answers_that_are_no_objects(answer: Any) -> None:
    with pytest.raises(ServiceError):
        read_object(_object().place, answer)


def test_objects_with_odd_fields() -> None:
    found = _object(
        7, None, {"type": 3, "access_url": "https://x.example/plain"}, size="12", name="a/b/c.txt", contents=[]
    )  # type: ignore[arg-type]
    assert (found.size, found.name, found.is_bundle) == (12, "c.txt", False)
    assert found.methods[0].url == "https://x.example/plain"
    assert _object(size=-1, checksums="x", contents=[7, {"name": 3, "drs_uri": "drs://a.example/b"}]).is_bundle
