"""Stores that lose tags, or replace an object by them: "uploaded" is only reported for exact results."""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import ExitCode, HCAError
from hca_base.transfer import Report, S3Credentials, S3Target, TransferOptions, UploadItem, upload

MIB = 1024 * 1024
BUCKET = "dss-staging"
TAGS = {"sha256": "{sha256}", "etag": "{s3_etag}", "a+b": "c = d:ü/@"}
SIZES = {"small": 5000, "single": 9 * MIB, "parts": 65 * MIB}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from hca_local.server.deployment import Deployment

    with Deployment(tmp_path_factory.mktemp("s3")) as started:
        yield started


@pytest.fixture
def target(deployment: Any) -> S3Target:
    root = deployment.ctx.credentials.root()
    keys = S3Credentials(root.access_key, root.secret_key)
    return S3Target(BUCKET, endpoint_url=deployment.s3_url, credentials=keys)


@pytest.fixture
def send(
    tmp_path: Path, target: S3Target, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Report, dict[str, UploadItem]]]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def run(tags: str = "auto") -> tuple[Report, dict[str, UploadItem]]:
        items = {}
        for name, size in SIZES.items():
            (tmp_path / name).write_bytes(random.Random(size).randbytes(size))
            items[name] = UploadItem(tmp_path / name, f"{tmp_path.name}/{name}", tags=TAGS)
        return upload(list(items.values()), target, options=TransferOptions(fast=fast, tags=tags)), items

    return run


@pytest.fixture
def behave(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make the store handle tag requests like other stores.

    ``overlooks``: GET and PUT of tags affect the object itself; ``replaces``: only PUT does; ``loses``: tags are lost;
    ``refuses``: 501; ``forbids``: tags may be written, but not read.
    """
    from hca_local.s3 import operations
    from hca_local.s3.answers import Answer
    from hca_local.s3.errors import S3Error
    from hca_local.s3.objects.buckets import xml_answer
    from hca_local.s3.requests.call import Operation

    table = operations._OBJECT

    def raising(code: str) -> Callable[[Any], Answer]:
        def answer(call: Any) -> Answer:
            raise S3Error(code)

        return answer

    def set_answer(method: str, answer: Callable[[Any], Answer]) -> None:
        kind = table[(method, "tagging")].kind
        monkeypatch.setitem(table, (method, "tagging"), Operation("Tags", "s3:GetObject", kind, answer))

    def make(behaviour: str) -> None:
        if behaviour in ("overlooks", "replaces"):
            monkeypatch.setitem(table, ("PUT", "tagging"), table[("PUT", "")])
        if behaviour == "overlooks":
            monkeypatch.setitem(table, ("GET", "tagging"), table[("GET", "")])
        if behaviour == "loses":
            set_answer("PUT", lambda call: Answer(200))
            set_answer("GET", lambda call: xml_answer(b"<Tagging><TagSet></TagSet></Tagging>"))
        if behaviour == "refuses":
            set_answer("PUT", raising("NotImplemented"))
            set_answer("GET", raising("NotImplemented"))
        if behaviour == "forbids":
            set_answer("GET", raising("AccessDenied"))

    return make


def stored(deployment: Any, item: UploadItem) -> tuple[str, dict[str, str]]:
    """The sha256 of an object, and its tags."""
    import boto3

    root = deployment.ctx.credentials.root()
    s3 = boto3.client(
        "s3", endpoint_url=deployment.s3_url, region_name="us-east-1",
        aws_access_key_id=root.access_key, aws_secret_access_key=root.secret_key,
    )  # fmt: skip
    body = s3.get_object(Bucket=BUCKET, Key=item.key)["Body"].read()
    tags = s3.get_object_tagging(Bucket=BUCKET, Key=item.key)["TagSet"]
    return hashlib.sha256(body).hexdigest(), {tag["Key"]: tag["Value"] for tag in tags}


def tags_of(item: UploadItem) -> dict[str, str]:
    return {"sha256": sha256_of(item), "etag": item.digests["s3_etag"], "a+b": "c = d:ü/@"}


def sha256_of(item: UploadItem) -> str:
    return hashlib.sha256(Path(item.path).read_bytes()).hexdigest()


@pytest.mark.parametrize("behaviour", ["overlooks", "loses", "refuses"])
def test_a_store_that_keeps_no_tags(
    deployment: Any, send: Callable[..., Any], behave: Callable[[str], None], behaviour: str
) -> None:
    behave(behaviour)
    report, _ = send()
    assert {Path(row.name).name for row in report.failed} == set(SIZES)
    assert all("does not support tags" in row.error for row in report.failed), report.failed
    with pytest.raises(HCAError) as raised:
        report.raise_for_failures("uploaded")
    assert raised.value.exit_code == ExitCode.REFUSED
    assert "--tags put" in (raised.value.hint or "")


@pytest.mark.parametrize("behaviour", ["overlooks", "replaces", "loses", "refuses"])
def test_tags_with_the_bytes_alone(
    deployment: Any,
    send: Callable[..., Any],
    behave: Callable[[str], None],
    behaviour: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Objects of all sizes are complete; if their tags are lost, one warning says so."""
    with caplog.at_level(logging.WARNING, "hca.transfer"):
        behave(behaviour)
        report, items = send("put")
    monkeypatch.undo()
    assert report.ok, report.failed
    expected = {name: (sha256_of(item), tags_of(item)) for name, item in items.items()}
    assert {name: stored(deployment, item) for name, item in items.items()} == expected
    warnings = [record.getMessage() for record in caplog.records if "does not support tags" in record.getMessage()]
    assert len(warnings) == (behaviour != "replaces")


def test_a_store_that_replaces_an_object_by_its_tags(
    deployment: Any, send: Callable[..., Any], behave: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    behave("replaces")
    report, _ = send()
    assert {Path(row.name).name: row.outcome for row in report.rows} == {
        "small": "uploaded", "single": "uploaded", "parts": "mismatch",
    }  # fmt: skip
    assert "replaced" in report.failed[0].error


def test_credentials_that_may_not_read_tags(
    deployment: Any, send: Callable[..., Any], behave: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    behave("forbids")
    report, items = send()
    assert report.ok, report.failed
    monkeypatch.undo()
    for item in items.values():
        assert stored(deployment, item) == (sha256_of(item), tags_of(item))
