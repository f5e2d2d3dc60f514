"""Files: importing staged ones, repeats and conflicts, redirects to their bytes."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = pytest.mark.xdist_group("local-dss-files")

VERSION = "2020-05-21T235543.123456Z"
LATER = "2021-05-21T235543.123456Z"
CONTENT = b'{"describedBy": "x"}'


def get(dss: Any, name: str, replica: str = "aws", **params: Any) -> Any:
    return dss("GET", f"/v1/files/{name}", params={"replica": replica, **params})


def test_a_file_comes_back_byte_for_byte_with_its_metadata(dss: Any) -> None:
    name = dss.new_file(CONTENT, creator=8008)
    response = get(dss, name)
    assert response.status_code == 302
    assert response.headers["Content-Type"].startswith("text/html")
    assert dss("GET", response.headers["Location"]).content == CONTENT
    assert response.headers["X-DSS-SHA256"] == hashlib.sha256(CONTENT).hexdigest()
    expected = {"X-DSS-CREATOR-UID": "8008", "X-DSS-VERSION": VERSION, "X-DSS-SIZE": str(len(CONTENT))}
    assert {key: response.headers[key] for key in expected} == expected
    head = dss("HEAD", f"/v1/files/{name}?replica=aws")
    assert (head.status_code, head.headers["Content-Length"]) == (200, "0")
    assert {key: head.headers[key] for key in expected} == expected


def test_the_presigned_url_serves_ranges_type_and_disposition(dss: Any) -> None:
    name = dss.new_file(b"0123456789", content_type="application/gzip; dcp-type=data")
    location = get(dss, name, content_disposition="attachment; filename=reads.gz").headers["Location"]
    part = dss("GET", location, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["Content-Type"] == "application/gzip; dcp-type=data"
    assert part.headers["Content-Disposition"] == "attachment; filename=reads.gz"


def test_an_empty_file_is_a_file(dss: Any) -> None:
    name = dss.new_file(b"", content_type="text/plain")
    assert dss("GET", get(dss, name).headers["Location"]).content == b""


def test_directurl_names_the_replicas_own_store(dss: Any) -> None:
    assert get(dss, dss.new_file(CONTENT), directurl="true").headers["Location"].startswith("s3://dss-checkout/blobs/")
    name = dss.new_file(CONTENT, scheme="gs")
    assert get(dss, name, "gcp", directurl="true").headers["Location"].startswith("gs://dss-checkout-gcp/blobs/")


def test_a_file_is_in_the_replica_that_it_was_staged_for_and_no_other(dss: Any) -> None:
    ours, theirs = dss.new_file(CONTENT), dss.new_file(CONTENT, scheme="gs")
    assert [get(dss, ours, replica).status_code for replica in ("aws", "gcp")] == [302, 404]
    assert [get(dss, theirs, replica).status_code for replica in ("aws", "gcp")] == [404, 302]
    assert dss("GET", get(dss, theirs, "gcp").headers["Location"]).content == CONTENT


def test_repeats_are_told_from_conflicts_by_metadata_not_by_place(dss: Any) -> None:
    name = str(uuid.uuid4())
    statuses = [
        dss.put_file(CONTENT, name=name).status_code,
        dss.put_file(CONTENT, name=name).status_code,  # staged again: another source_url, the same file
        dss.put_file(CONTENT + b" ", name=name).status_code,
        dss.put_file(CONTENT, name=name, creator=2).status_code,
        dss.put_file(CONTENT, name=name, content_type="text/plain").status_code,
        dss.put_file(CONTENT, name=name, version=LATER).status_code,
    ]
    assert statuses == [201, 200, 409, 409, 409, 201]
    conflict = dss.put_file(b"other", name=name)
    assert conflict.json()["code"] == "file_already_exists"
    assert dss("GET", get(dss, name).headers["Location"]).content == CONTENT, "a conflict leaves it as it was"


def test_the_latest_version_is_the_greatest(dss: Any) -> None:
    name = str(uuid.uuid4())
    for version, content in ((LATER, b"later"), (VERSION, b"earlier")):
        assert dss.put_file(content, name=name, version=version).status_code == 201
    assert get(dss, name).headers["X-DSS-VERSION"] == LATER
    assert get(dss, name, version=VERSION).headers["X-DSS-VERSION"] == VERSION
    assert [get(dss, name, version=version).status_code for version in ("2001-01-01T000000.000000Z", "x")] == [404, 404]


def test_uuids_are_lowered_where_the_original_lowered_them(dss: Any) -> None:
    name = str(uuid.uuid4()).upper()
    assert dss.put_file(CONTENT, name=name).status_code == 201
    assert [get(dss, name).status_code, get(dss, name.lower()).status_code] == [404, 302]
    assert dss("HEAD", f"/v1/files/{name}?replica=aws").status_code == 404


@pytest.mark.parametrize("name", ["xx{}yy", "zzzzzzzz-zzzz-4zzz-8zzz-zzzzzzzzzzzz"])
def test_the_uuid_pattern_is_not_anchored(dss: Any, name: str) -> None:
    name = name.format(uuid.uuid4())
    assert dss.put_file(CONTENT, name=name).status_code == 201
    assert get(dss, name).status_code == 302


def test_head_takes_any_uuid(dss: Any) -> None:
    assert dss("HEAD", "/v1/files/1234?replica=aws").status_code == 404
    assert get(dss, "1234").status_code == 400


@pytest.mark.parametrize("missing", ["sha1", "sha256", "crc32c", "s3_etag"])
def test_each_checksum_is_asked_for(dss: Any, missing: str) -> None:
    response = dss.put_file(CONTENT, **{missing: None})
    assert (response.status_code, response.json()["code"]) == (422, "missing_checksum")
    assert response.json()["title"] == f"missing hca-dss-{missing}"


@pytest.mark.parametrize(
    ("name", "value"),
    [("sha1", "abc"), ("sha256", "x" * 64), ("crc32c", "1234567"), ("s3_etag", "0" * 32 + "-1"), ("s3_etag", "-2")],
)
def test_each_checksum_has_a_form(dss: Any, name: str, value: str) -> None:
    response = dss.put_file(CONTENT, **{name: value})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_checksum")


def test_the_etag_is_verified_and_the_others_are_not(dss: Any) -> None:
    assert dss.put_file(CONTENT, s3_etag="a" * 32).json()["code"] == "invalid_checksum"
    name = dss.new_file(CONTENT, sha256="a" * 64)
    response = get(dss, name)
    assert response.headers["X-DSS-SHA256"] == "a" * 64
    assert dss("GET", response.headers["Location"]).content == CONTENT


def test_checksums_may_be_user_metadata_and_tags_win(dss: Any) -> None:
    ctx = dss.deployment.ctx
    blob = ctx.store.blobs.put_bytes(CONTENT)
    sums = {"sha1": blob.sha1, "sha256": blob.sha256, "crc32c": blob.crc32c, "s3_etag": blob.s3_etag.upper()}
    metadata = {f"hca-dss-{name}": value for name, value in sums.items()}
    for key, tags in (("metadata", {}), ("both", {"hca-dss-sha1": "nonsense"})):
        ctx.objects.put("dss-staging", key, blob, content_type="application/json", metadata=metadata, tags=tags)
    answers = [
        dss(
            "PUT",
            f"/v1/files/{uuid.uuid4()}",
            who="user",
            params={"version": VERSION},
            json={"source_url": f"s3://dss-staging/{key}", "creator_uid": 1},
        )
        for key in ("metadata", "both")
    ]
    assert [answer.status_code for answer in answers] == [201, 422]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("wasb://x/y", "unknown_source_schema"),
        ("http://example.org/x", "illegal_arguments"),
        ("s3://dss-staging", "illegal_arguments"),
        ("s3://dss-staging/", "illegal_arguments"),
        ("s3://dss-staging/nope", "illegal_arguments"),
        ("gs://no-such-bucket/nope", "illegal_arguments"),
        ("s3://dss-staging/\x00", "illegal_arguments"),
    ],
)
def test_sources_that_lead_nowhere_are_the_callers_mistake(dss: Any, source: str, code: str) -> None:
    body = {"source_url": source, "creator_uid": 1}
    response = dss("PUT", f"/v1/files/{uuid.uuid4()}", who="user", params={"version": VERSION}, json=body)
    assert (response.status_code, response.json()["code"]) == (400, code)


def test_any_integer_is_a_creator(dss: Any) -> None:
    assert get(dss, dss.new_file(CONTENT, creator=2**70)).headers["X-DSS-CREATOR-UID"] == str(2**70)


def test_a_content_type_beyond_ascii_does_not_break_the_headers(dss: Any) -> None:
    assert get(dss, dss.new_file(CONTENT, content_type="text/plain; é\n")).status_code == 302


def test_content_is_kept_once_and_files_outlive_their_staging(dss: Any) -> None:
    content = uuid.uuid4().bytes * 10
    name = dss.new_file(content)
    ctx = dss.deployment.ctx
    for staged in ctx.objects.list("dss-staging"):
        if staged.sha256 == hashlib.sha256(content).hexdigest():
            ctx.objects.delete("dss-staging", staged.key)
    ctx.store.collect_garbage(grace=0)
    assert dss("GET", get(dss, name).headers["Location"]).content == content


# Waits


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from hca_local.server import Deployment

    class Patience:
        """The deployment simulates waits with a clock controlled by this."""

        now = time.time()

    with Deployment(tmp_path_factory.mktemp("waiting"), simulate_waits=True) as deployment:
        from hca_local.dss import service_of

        service_of(deployment.ctx).waits.clock = lambda: Patience.now
        yield deployment, Patience


def test_get_file_is_301_until_it_is_ready(waiting: Any, dss_over: Any) -> None:
    deployment, patience = waiting
    dss = dss_over(deployment)
    name = dss.new_file(b"x" * 20_000, content_type="text/plain")
    path = f"/v1/files/{name}?replica=aws&version={VERSION}"
    seen = []
    for _ in range(3):
        response = dss("GET", path)
        assert (response.status_code, response.headers["Retry-After"]) == (301, "10")
        assert not [header for header in response.headers if header.startswith("X-DSS")]
        path = response.headers["Location"]
        query = parse_qs(urlsplit(path).query)
        assert (query["replica"], query["version"]) == (["aws"], [VERSION])
        seen.append(json.loads(query["token"][0])["attempts"])
    assert seen == [0, 1, 2]
    patience.now += 2
    response = dss("GET", path)
    assert response.status_code == 302
    assert dss("GET", response.headers["Location"]).content == b"x" * 20_000
    assert dss("GET", f"/v1/files/{name}?replica=aws").status_code == 302, "once ready, it stays so"


def test_a_client_that_drops_its_token_does_not_wait_for_ever(waiting: Any, dss_over: Any) -> None:
    deployment, patience = waiting
    dss = dss_over(deployment)
    name = dss.new_file(b"y" * 20_000, content_type="text/plain")
    assert get(dss, name).status_code == 301
    patience.now += 2
    assert get(dss, name).status_code == 302


def test_small_json_is_ready_at_once(waiting: Any, dss_over: Any) -> None:
    dss = dss_over(waiting[0])
    assert get(dss, dss.new_file(b'{"a": 1}')).status_code == 302
    assert get(dss, dss.new_file(json.dumps("x" * 12_400).encode())).status_code == 301


@pytest.mark.parametrize("token", ["{bad", "[]", "{}", '{"execution_id": 1, "start_time": "x", "attempts": 0}', "1"])
def test_a_token_that_is_none_of_ours_is_refused(dss: Any, token: str) -> None:
    response = get(dss, dss.new_file(CONTENT), token=token)
    assert (response.status_code, response.json()["code"]) == (400, "illegal_token")


def test_a_large_file_is_copied_behind_the_answer(waiting: Any, dss_over: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hca_local.dss.files.routes.ASYNC_COPY_THRESHOLD", 100)
    dss = dss_over(waiting[0])
    content, name = uuid.uuid4().bytes * 10, str(uuid.uuid4())
    first, again = (dss.put_file(content, name=name) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json() == {"version": VERSION, "task_id": first.json()["task_id"]}
    head = f"/v1/files/{name}?replica=aws&version={VERSION}"
    assert dss("HEAD", head).status_code == 404
    # A bundle with this file waits for it.
    assert dss.put_bundle(str(uuid.uuid4()), {"large": name}).status_code == 201
    assert dss("HEAD", head).status_code == 200
    assert dss.put_file(content, name=name).status_code == 200
    assert dss.put_file(content, name=name, version=LATER).status_code == 201, "known content needs no copy"


def test_a_copy_that_fails_is_told_by_head(waiting: Any, dss_over: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hca_local.dss.files.routes.ASYNC_COPY_THRESHOLD", 100)
    dss = dss_over(waiting[0])
    name = str(uuid.uuid4())
    assert dss.put_file(b"z" * 200, name=name, s3_etag="a" * 32).status_code == 202
    deadline = time.monotonic() + 30
    while (response := get(dss, name)).status_code == 404 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (response.status_code, response.json()["code"]) == (422, "unprocessable")


def test_a_copy_that_a_stop_cut_off_is_done_at_the_next_start(
    deployment_dir: Path, dss_over: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hca_local.server import Deployment

    monkeypatch.setattr("hca_local.dss.files.routes.ASYNC_COPY_THRESHOLD", 100)
    with Deployment(deployment_dir, simulate_waits=1000) as deployment:
        dss = dss_over(deployment)
        name = str(uuid.uuid4())
        assert dss.put_file(b"w" * 200, name=name).status_code == 202
    with Deployment(deployment_dir) as deployment:
        dss = dss_over(deployment)
        deadline = time.monotonic() + 30
        while (response := get(dss, name)).status_code == 404 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert dss("GET", response.headers["Location"]).content == b"w" * 200
