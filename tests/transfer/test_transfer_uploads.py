"""Uploads to a real S3 endpoint, the embedded one, with and without faults."""

from __future__ import annotations

import datetime
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import ExitCode, HCAError
from hca_base.transfer import (
    Report,
    S3Credentials,
    S3Target,
    TransferOptions,
    UploadItem,
    checksum_file,
    upload,
)
from tests.lib.fault_server import raw_server
from tests.lib.relay import Relay

MIB = 1024 * 1024
BUCKET = "dss-staging"
TAGS = {f"hca-dss-{name}": f"{{{name}}}" for name in ("sha1", "sha256", "crc32c", "s3_etag")}
pytestmark = pytest.mark.xdist_group("transfer-uploads")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from hca_local.server import Deployment

    with Deployment(tmp_path_factory.mktemp("s3")) as started:
        yield started


@pytest.fixture
def relay(deployment: Any) -> Iterator[Relay]:
    made = Relay(int(deployment.s3_url.rpartition(":")[2]))
    yield made
    made.close()


@pytest.fixture
def s3(deployment: Any) -> Any:
    import boto3

    root = deployment.ctx.credentials.root()
    return boto3.client(
        "s3", endpoint_url=deployment.s3_url, region_name="us-east-1",
        aws_access_key_id=root.access_key, aws_secret_access_key=root.secret_key,
    )  # fmt: skip


@pytest.fixture
def target(deployment: Any) -> Callable[..., S3Target]:
    root = deployment.ctx.credentials.root()

    def make(endpoint: str = deployment.s3_url, **more: Any) -> S3Target:
        given = {"credentials": S3Credentials(root.access_key, root.secret_key), **more}
        return S3Target(given.pop("bucket", BUCKET), endpoint_url=endpoint, **given)

    return make


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "hca" / "uploads"


def make_file(path: Path, size: int, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    block = random.Random(seed).randbytes(min(size, MIB))
    with path.open("wb") as stream:
        for number in range(size // MIB):
            stream.write(number.to_bytes(4, "big") + block[4:])
        stream.write(block[: size % MIB])
    return path


def check(s3: Any, item: UploadItem, bucket: str = BUCKET) -> None:
    """The object equals the file, with its checksums."""
    head = s3.head_object(Bucket=bucket, Key=item.key)
    sums = checksum_file(item.path)
    assert head["ContentLength"] == sums.size
    assert head["ETag"].strip('"') == sums.s3_etag
    told = {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=bucket, Key=item.key)["TagSet"]}
    wanted = sums._asdict()
    assert (
        told == {f"hca-dss-{name}": wanted[name] for name in ("sha1", "sha256", "crc32c", "s3_etag")}
        if item.tags
        else not told
    )
    for name, digest in item.digests.items():
        assert wanted.get(name, digest) == digest


def failures(report: Report) -> dict[str, str]:
    return {Path(row.name).name: row.outcome for row in report.failed}


def test_files_of_all_sizes_arrive(tmp_path: Path, s3: Any, target: Callable[..., S3Target], fast: bool) -> None:
    sizes = [0, 1, 4096, 300_000, 9 * MIB, 64 * MIB, 64 * MIB + 1]
    items = [
        UploadItem(
            make_file(tmp_path / f"f{size}", size, size), f"{fast}/{size}/name b+c&d#e%41.ü", tags=TAGS,
            content_type="text/plain; dcp-type=data", metadata={"crc32c": "{crc32c}"},
            acl="bucket-owner-full-control", tag=size,
        )
        for size in sizes
    ]  # fmt: skip
    done: list[Any] = []
    report = upload(
        iter(items), target(), options=TransferOptions(fast=fast), on_result=lambda item, row: done.append(row.key)
    )
    assert report.counts == {"uploaded": len(sizes)}, report.failed
    assert sorted(done) == sorted(sizes)
    for item in items:
        check(s3, item)
        head = s3.head_object(Bucket=BUCKET, Key=item.key)
        assert head["ContentType"] == "text/plain; dcp-type=data"
        assert head["Metadata"] == {"crc32c": checksum_file(item.path).crc32c}
    assert not s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads")


def test_many_small_files(tmp_path: Path, s3: Any, target: Callable[..., S3Target], fast: bool) -> None:
    items = [UploadItem(make_file(tmp_path / f"f{n}", 100 + n, n), f"many/{fast}/{n}", tags=TAGS) for n in range(300)]
    report = upload(iter(items), target(), options=TransferOptions(fast=fast))
    assert report.counts == {"uploaded": 300}, report.failed
    for item in items[::50]:
        check(s3, item)


def test_a_connection_cut_in_every_part(
    tmp_path: Path, s3: Any, relay: Relay, target: Callable[..., S3Target], fast: bool
) -> None:
    relay.cuts.extend([100, 3000, None, 200_000, 5 * MIB, 30 * MIB, None, 50 * MIB, 10 * MIB, 1])
    items = [
        UploadItem(make_file(tmp_path / f"f{size}", size, size), f"cut/{fast}/{size}", tags=TAGS)
        for size in (5000, 250_000, 20 * MIB, 80 * MIB)
    ]
    options = TransferOptions(fast=fast, min_delay=0.01)
    report = upload(items, target(relay.url), options=options)
    assert report.ok, report.failed
    for item in items:
        check(s3, item)


def test_nobody_there(tmp_path: Path, target: Callable[..., S3Target], fast: bool) -> None:
    items = [UploadItem(make_file(tmp_path / f"f{size}", size), f"{size}") for size in (5000, 70 * MIB)]
    report = upload(items, target("http://127.0.0.1:9"), options=TransferOptions(fast=fast, min_delay=0.01, retries=2))
    assert report.counts == {"failed": 2}
    with pytest.raises(HCAError) as raised:
        report.raise_for_failures("uploaded")
    assert raised.value.exit_code == ExitCode.UNREACHABLE


def test_refusals(tmp_path: Path, target: Callable[..., S3Target], deployment: Any, fast: bool) -> None:
    file = make_file(tmp_path / "f", 100)
    big = make_file(tmp_path / "big", 70 * MIB)
    root = deployment.ctx.credentials.root()
    wrong = S3Credentials(root.access_key, "wrong secret")
    for made, code in (
        (target(credentials=wrong), ExitCode.AUTH),
        (target(bucket="no-such-bucket"), ExitCode.NOT_FOUND),
    ):
        report = upload(
            [UploadItem(file, "a"), UploadItem(big, "b")], made, options=TransferOptions(fast=fast, min_delay=0.01)
        )
        assert report.counts == {"failed": 2}
        for error in report.errors:
            assert error.exit_code == code
            assert root.secret_key not in str(error)
    report = upload([UploadItem(file, "x" * 1025), UploadItem(file, "")], target(), options=TransferOptions(fast=fast))
    assert report.counts == {"failed": 2}
    report = upload([UploadItem(file, "m", metadata={"a": "ü"})], target(), options=TransferOptions(fast=fast))
    assert "ASCII" in report.failed[0].error


def test_a_path_is_named_once_in_a_message(tmp_path, target):
    paths = [tmp_path / "one.fastq", tmp_path / "two.fastq"]
    for path in paths:
        os.mkfifo(path)
    report = upload([UploadItem(path, path.name) for path in paths], target())
    with pytest.raises(HCAError) as raised:
        report.raise_for_failures("uploaded")
    first = report.failed[0].name
    assert str(raised.value) == (
        f"2 of 2 files were not uploaded; the first: {first}: cannot read it: not a regular file"
    )


def test_confined_credentials_that_lapse_in_the_middle(
    tmp_path: Path, s3: Any, deployment: Any, target: Callable[..., S3Target], relay: Relay, fast: bool
) -> None:
    """Keys for one area that cannot list or read, and expire while a file is sent."""
    bucket, area = "org-humancellatlas-upload-local", f"aaaaaaaa-1111-4111-8111-00000000000{int(fast)}/"
    handed = 0

    def keys() -> S3Credentials:
        nonlocal handed
        handed += 1
        issued = deployment.ctx.credentials.issue(bucket=bucket, prefix=area)
        return S3Credentials(
            issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"], time.time() + 3600
        )

    items = [
        UploadItem(make_file(tmp_path / f"f{size}", size), f"{area}{size}", tags=TAGS, metadata={"crc32c": "{crc32c}"})
        for size in (5000, 80 * MIB)
    ]

    def revoke(item: UploadItem, row: Any) -> None:
        deployment.ctx.credentials.revoke(bucket, area)

    report = upload(
        items, target(relay.url, bucket=bucket, credentials=keys),
        options=TransferOptions(fast=fast, min_delay=0.01), on_result=revoke,
    )  # fmt: skip
    assert report.ok, report.failed
    assert handed >= 2
    for item in items:
        check(s3, item, bucket)


def test_keys_are_renewed_before_they_end() -> None:
    handed = []

    def keys() -> S3Credentials:
        handed.append(1)
        return S3Credentials("a", "b", None, time.time() + (60 if len(handed) < 3 else 7200))

    made = S3Target("b", endpoint_url="http://127.0.0.1:1", credentials=keys)
    for _ in range(5):
        made.sign("GET", "http://127.0.0.1:1/b/k", {}, "b")
    assert len(handed) == 3
    assert "secret" not in repr(S3Credentials("key", "secret"))


def test_a_file_that_changes_or_vanishes(
    tmp_path: Path, s3: Any, relay: Relay, target: Callable[..., S3Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hca_base.transfer._upload._send import LocalFile

    real = LocalFile.blocks

    def blocks(self: LocalFile, start: int, end: int) -> Iterator[bytes]:
        for block in real(self, start, end):
            yield block
            name = Path(self.item.path).name
            if name.startswith("grows"):
                with Path(self.item.path).open("ab") as stream:
                    stream.write(b"more")
            elif name.startswith("shrinks") and start == 0:
                os.truncate(self.item.path, 2 * MIB)
            elif name.startswith("vanishes"):
                Path(self.item.path).unlink(missing_ok=True)

    monkeypatch.setattr(LocalFile, "blocks", blocks)
    items = [
        UploadItem(make_file(tmp_path / f"{what}{size}", size), f"moving/{what}{size}", tags=TAGS)
        for what in ("grows", "shrinks", "vanishes")
        for size in (3 * MIB, 12 * MIB, 70 * MIB)
    ] + [UploadItem(tmp_path / "never", "moving/never")]
    report = upload(items, target(), options=TransferOptions(min_delay=0.01, retries=1))
    assert report.counts == {"failed": len(items)}, report.counts
    # A file that changed is reported as failed, and no unfinished upload of it is left in the store.
    assert not s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads")
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="moving/grows7")


PROGRAM = """
import json, sys
from hca_base.transfer import S3Credentials, S3Target, TransferOptions, UploadItem, upload
plan = json.load(open(sys.argv[1]))
target = S3Target(plan["bucket"], endpoint_url=plan["endpoint"], credentials=S3Credentials(*plan["keys"]))
items = (UploadItem(path, key, tags=plan["tags"]) for path, key in plan["files"])
report = upload(items, target, options=TransferOptions(min_delay=0.05, connections=plan["connections"]))
report.raise_for_failures("uploaded")
"""


def run_program(plan: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(plan)], stderr=subprocess.PIPE, text=True)


def test_a_killed_upload_goes_on_where_it_was(
    tmp_path: Path, s3: Any, deployment: Any, relay: Relay, state: Path
) -> None:
    big = make_file(tmp_path / "big", 136 * MIB, 1)
    root = deployment.ctx.credentials.root()
    plan = {
        "bucket": BUCKET, "endpoint": relay.url, "keys": [root.access_key, root.secret_key], "tags": TAGS,
        "files": [[str(big), "killed/big"]], "connections": 1,
    }  # fmt: skip
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    relay.hold_at = 100 * MIB
    process = run_program(tmp_path / "plan.json")
    while not any(len(path.read_text().splitlines()) > 1 for path in state.glob("*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    parts = [json.loads(line)[0] for path in state.glob("*") for line in path.read_text().splitlines()[1:]]
    kept = sum(8 * MIB if number == 3 else 64 * MIB for number in parts)
    assert kept
    with pytest.raises(Exception, match="404"):
        s3.head_object(Bucket=BUCKET, Key="killed/big")
    relay.hold_at = None
    relay.pause.set()
    relay.drain()
    before = relay.taken
    plan["connections"] = None
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    process = run_program(tmp_path / "plan.json")
    _, told = process.communicate(timeout=100)
    assert process.returncode == 0, told
    assert relay.taken - before < 136 * MIB - kept + 2 * MIB
    check(s3, UploadItem(big, "killed/big", tags=TAGS))
    assert not list(state.glob("*"))
    assert not s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads")


def test_a_changed_file_is_not_mixed_with_its_older_self(
    tmp_path: Path, s3: Any, target: Callable[..., S3Target], state: Path
) -> None:
    path = make_file(tmp_path / "f", 66 * MIB, 1)

    class Stop(Exception):
        pass

    import hca_base.transfer._upload._multipart as multipart

    real = multipart.Multipart._complete
    multipart.Multipart._complete = lambda self, etag: (_ for _ in ()).throw(HCAError("stopped"))  # type: ignore[method-assign]
    try:
        assert not upload([UploadItem(path, "older", tags=TAGS)], target()).ok
    finally:
        multipart.Multipart._complete = real  # type: ignore[method-assign]
    assert len(list(state.glob("*"))) == 1
    make_file(path, 66 * MIB, 2)
    item = UploadItem(path, "older", tags=TAGS)
    assert upload([item], target()).ok
    check(s3, item)
    for left in s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=BUCKET, Key=left["Key"], UploadId=left["UploadId"])


def test_dry_run(tmp_path: Path, target: Callable[..., S3Target]) -> None:
    report = upload(
        [UploadItem(make_file(tmp_path / "f", 1000), "dry")], target("http://127.0.0.1:9"),
        options=TransferOptions(dry_run=True),
    )  # fmt: skip
    assert report.plan == {"files": 1, "bytes": 1000}


def test_addresses_of_objects(deployment: Any) -> None:
    from hca_base.transfer._upload._documents import tagging_header

    made = S3Target("a.b", credentials=S3Credentials("a", "b"), region="eu-west-1")
    assert made.url("a.b", "x y/ü+%") == "https://s3.eu-west-1.amazonaws.com/a.b/x%20y/%C3%BC%2B%25"
    assert made.url("ab", "k") == "https://ab.s3.eu-west-1.amazonaws.com/k"
    fast = S3Target("ab", credentials=S3Credentials("a", "b"), accelerate=True)
    assert fast.url("ab", "k") == "https://ab.s3-accelerate.amazonaws.com/k"
    assert S3Target("ab", endpoint_url="http://x/", accelerate=True).url("ab", "k") == "http://x/ab/k"
    assert tagging_header({"a b": "c&d=é"}) == "a%20b=c%26d%3D%C3%A9"


def test_the_signatures_are_botocores(monkeypatch: pytest.MonkeyPatch) -> None:
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    now = datetime.datetime(2026, 11, 30, 23, 59, 59, tzinfo=datetime.UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *arguments: now)
    monkeypatch.setattr(time, "time", now.timestamp)
    dice = random.Random(5)
    endpoints = [
        None,
        "http://127.0.0.1:9000",
        "https://store.example:443",
        "http://[::1]:80",
        "http://Store.Example/s3",
    ]
    queries = ["", "?uploads=", "?partNumber=2&uploadId=a%2Fb%3D", "?b=2&a=1&a=0"]
    for number in range(200):
        key = "".join(dice.choices("ab/ ü+%~.&=?#\U0001f600", k=12)) + "k"
        keys = S3Credentials("AKIA", "".join(dice.choices("ab/+", k=20)), dice.choice([None, "token=="]))
        made = S3Target("b.c", endpoint_url=dice.choice(endpoints), credentials=keys, region=dice.choice(["x", "eu-1"]))
        method, url = dice.choice(["PUT", "GET", "POST", "DELETE"]), made.url("b.c", key) + dice.choice(queries)
        headers = {"Content-Type": "text/plain;  a=b", "x-amz-tagging": "a%20b=c", "x-amz-meta-Name": f" {number} x"}
        headers = {name: headers[name] for name in dice.sample(sorted(headers), dice.randrange(4))}
        payload = dice.choice(["UNSIGNED-PAYLOAD", "a" * 64])
        request = AWSRequest(method, url, headers=dict(headers))
        if payload != "UNSIGNED-PAYLOAD":
            request.headers["X-Amz-Content-SHA256"] = payload
        signer = botocore.auth.S3SigV4Auth(Credentials(*keys[:3]), "s3", made.region("b.c"))
        monkeypatch.setattr(signer, "payload", lambda request, payload=payload: payload)
        signer.add_auth(request)
        theirs = {name.lower(): value for name, value in request.headers.items()}
        ours = {name.lower(): value for name, value in made.sign(method, url, headers, "b.c", payload).items()}
        assert ours == theirs, url


def test_a_part_that_fails_for_good_ends_the_others_at_once(
    tmp_path: Path, s3: Any, target: Callable[..., S3Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hca_base.transfer._upload._s3 import S3Error
    from hca_base.transfer._upload._send import LocalFile

    real, real_request = LocalFile.blocks, S3Target.request

    read: list[int] = []

    def blocks(self: LocalFile, start: int, end: int) -> Iterator[bytes]:
        for block in real(self, start, end):
            read.append(len(block))
            # Slow enough to detect an upload that is not stopped.
            time.sleep(0.05)
            yield block

    def request(self: S3Target, connections: Any, method: str, *args: Any, **more: Any) -> Any:
        if (more.get("query") or {}).get("partNumber") == "2":
            while not read:
                time.sleep(0.01)
            raise S3Error("the store refused part 2", status=400, reason="InvalidArgument")
        return real_request(self, connections, method, *args, **more)

    monkeypatch.setattr(LocalFile, "blocks", blocks)
    monkeypatch.setattr(S3Target, "request", request)
    report = upload([UploadItem(make_file(tmp_path / "f", 200 * MIB), "parts")], target())
    assert report.counts == {"failed": 1}
    assert "part 2" in report.failed[0].error
    assert sum(read) < 136 * MIB
    for left in s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=BUCKET, Key=left["Key"], UploadId=left["UploadId"])


def test_a_note_of_parts_that_is_nonsense_is_left_alone(
    tmp_path: Path, s3: Any, target: Callable[..., S3Target], state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hca_base.transfer._upload._multipart import Multipart

    item = UploadItem(make_file(tmp_path / "f", 65 * MIB), "nonsense")
    with monkeypatch.context() as patch:
        patch.setattr(Multipart, "_complete", lambda self, etag: (_ for _ in ()).throw(HCAError("stopped")))
        assert not upload([item], target()).ok
    (note,) = state.glob("*")
    note.write_text(note.read_text() + '[null, "x"]\n["1", 2]\n')
    report = upload([item], target())
    assert report.ok, report.failed
    check(s3, item)


@pytest.mark.parametrize("size", [5000, 9 * MIB, 65 * MIB])
def test_credentials_that_cannot_be_used(
    tmp_path: Path, target: Callable[..., S3Target], monkeypatch: pytest.MonkeyPatch, fast: bool, size: int
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    items = [UploadItem(make_file(tmp_path / f"f{number}", size, number), f"p/{number}") for number in range(3)]
    report = upload(items, target(credentials=None), options=TransferOptions(fast=fast, min_delay=0.01))
    assert report.counts == {"failed": 3}
    assert all("no-such-profile" in row.error for row in report.failed)
    with pytest.raises(HCAError) as raised:
        report.raise_for_failures()
    assert raised.value.exit_code == ExitCode.AUTH


def test_without_botocore_it_says_what_to_install(tmp_path: Path, target: Callable[..., S3Target], fast: bool) -> None:
    file = make_file(tmp_path / "f", 100)
    program = (
        "import sys\n"
        "sys.modules['botocore'] = None\n"
        "from hca_base.transfer import S3Target, TransferOptions, UploadItem, upload\n"
        f"target = S3Target('b', endpoint_url='http://127.0.0.1:9')\n"
        f"report = upload([UploadItem({str(file)!r}, 'k')], target, options=TransferOptions(fast={fast}))\n"
        "print(report.failed[0].error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "to find S3 credentials, botocore is needed, which is not installed\n"


def test_what_is_no_file_is_not_waited_for(tmp_path: Path, target: Callable[..., S3Target], fast: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    items = [UploadItem(tmp_path / "pipe", "pipe"), UploadItem(tmp_path, "directory"), UploadItem("/dev/null", "null")]
    report = upload(items, target(), options=TransferOptions(fast=fast))
    assert report.counts == {"failed": 3}
    assert all("not a regular file" in row.error for row in report.failed)


def test_a_store_that_wants_to_be_left_alone_for_years(tmp_path: Path, fast: bool) -> None:
    url, close = raw_server(b"HTTP/1.1 503 X\r\nRetry-After: 99999999\r\nContent-Length: 0\r\n\r\n")
    made = S3Target("b", endpoint_url=url, credentials=S3Credentials("a", "b"))
    items = [UploadItem(make_file(tmp_path / f"f{number}", 1000, number), f"{number}") for number in range(40)]
    report = upload(items, made, options=TransferOptions(fast=fast, min_delay=0.01, retries=1, connections=4))
    close()
    assert report.counts == {"failed": 40}


def test_a_target_is_pickled_without_its_keys(tmp_path: Path, target: Callable[..., S3Target], deployment: Any) -> None:
    """Another identity never replaces the keys that were passed."""
    import pickle

    root = deployment.ctx.credentials.root()
    for credentials in (S3Credentials(root.access_key, root.secret_key), lambda: S3Credentials("x", root.secret_key)):
        data = pickle.dumps(target(credentials=credentials))
        assert root.secret_key.encode() not in data
        report = upload([UploadItem(make_file(tmp_path / "f", 100), "pickled")], pickle.loads(data))
        with pytest.raises(HCAError, match="are not pickled") as raised:
            report.raise_for_failures()
        assert raised.value.exit_code == ExitCode.AUTH
    found = pickle.loads(pickle.dumps(target(credentials=None, region="eu-west-1")))
    assert (found.bucket, found.endpoint_url, found.region("b")) == (BUCKET, deployment.s3_url, "eu-west-1")
