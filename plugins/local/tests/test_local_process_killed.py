"""Killed during writes: acknowledged data is served after a restart, and no leftovers remain."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from hca_local.server import Deployment
from hca_local.server.process import running

MIB = 1024 * 1024
BUCKET = "dss-staging"


def start(data_dir: Path, tmp_path: Path) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    command = [sys.executable, "-m", "hca_local.server", "--data-dir", str(data_dir), "--port", "0"]
    command += ["--staging-bucket", BUCKET]
    with (tmp_path / "report").open("wb") as report:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=report)
    while True:
        state = running(data_dir)
        if state is not None and state["pid"] == process.pid:
            return process, state
        assert process.poll() is None, (tmp_path / "report").read_text()
        time.sleep(0.02)


def client(state: dict[str, Any], key: tuple[str, str]) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=state["s3_url"],
        aws_access_key_id=key[0],
        aws_secret_access_key=key[1],
        region_name="us-east-1",
        config=Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=20),
    )


class Writer(threading.Thread):
    """Puts, overwrites, tags, deletes and uploads in parts, and records what was acknowledged."""

    def __init__(self, number: int, s3: Any, rounds: int) -> None:
        super().__init__(daemon=True)
        self.number = number
        self.s3 = s3
        self.random = random.Random(f"{number}/{rounds}")
        #: allowed final states of each key: the last acknowledged one, or one in progress
        self.allowed: dict[str, list[tuple[str, str] | None]] = {}
        self.acknowledged = 0

    def run(self) -> None:
        try:
            while True:
                self.step()
        except (BotoCoreError, ClientError):
            return  # the kill

    def step(self) -> None:
        key = f"w{self.number}/{self.random.randrange(20)}"
        before = self.allowed.get(key, [None])[-1]
        kind = self.random.choice(["put", "put", "put", "delete", "parts"])
        if kind == "delete":
            after = None
        else:
            body = self.random.randbytes(self.random.choice([0, 10, 4096, 200_000, 1_500_000]))
            if kind == "parts":
                body = self.random.randbytes(5 * MIB) + body
            after = (hashlib.sha256(body).hexdigest(), f"t={self.random.randrange(1000)}")
        self.allowed[key] = [before, after]
        where = {"Bucket": BUCKET, "Key": key}
        if kind == "delete":
            self.s3.delete_object(**where)
        elif kind == "put":
            self.s3.put_object(**where, Body=body, Tagging=after[1])
        else:
            upload = {**where, "UploadId": self.s3.create_multipart_upload(**where, Tagging=after[1])["UploadId"]}
            parts = []
            for part, piece in enumerate([body[: 5 * MIB], body[5 * MIB :]], 1):
                answer = self.s3.upload_part(**upload, PartNumber=part, Body=piece)
                parts.append({"PartNumber": part, "ETag": answer["ETag"]})
            self.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        self.allowed[key] = [after]
        self.acknowledged += 1


def found(s3: Any, key: str) -> tuple[str, str] | None:
    try:
        body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchKey"
        return None
    tags = s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]
    return hashlib.sha256(body).hexdigest(), "&".join(f"{tag['Key']}={tag['Value']}" for tag in tags)


def kill_and_look(tmp_path: Path, rounds: int) -> None:
    data_dir = tmp_path / "data"
    with Deployment(data_dir) as deployment:
        root = deployment.ctx.credentials.root()
    key = (root.access_key, root.secret_key)
    expected: dict[str, list[tuple[str, str] | None]] = {}
    for number in range(rounds):
        process, state = start(data_dir, tmp_path)
        try:
            s3 = client(state, key)
            for name, allowed in expected.items():
                now = found(s3, name)
                assert now in allowed, name
                expected[name] = [now]
            writers = [Writer(writer, client(state, key), number) for writer in range(3)]
            for writer in writers:
                writer.allowed = {
                    name: [*allowed] for name, allowed in expected.items() if name.startswith(f"w{writer.number}/")
                }
                writer.start()
            time.sleep(0.4 + 0.6 * random.Random(number).random())
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        for writer in writers:
            writer.join(60)
            assert not writer.is_alive()
            expected.update(writer.allowed)
        assert sum(writer.acknowledged for writer in writers)
    with Deployment(data_dir) as deployment:
        objects = deployment.ctx.objects
        for name, allowed in expected.items():
            item = objects.head(BUCKET, name)
            now = None
            if item is not None:
                with objects.open(BUCKET, name) as stream:
                    content = hashlib.sha256(stream.read()).hexdigest()
                now = content, "&".join(f"{tag}={value}" for tag, value in item.tags.items())
            assert now in allowed, name
        # No leftovers of unfinished work: only files of blobs that objects use.
        with deployment.ctx.store.read() as db:
            live = {row[0] for row in db.execute("SELECT sha256 FROM s3_objects")}
            uploads = {row[0] for row in db.execute("SELECT id FROM s3_uploads WHERE finished IS NULL")}
        assert not list((data_dir / "incoming").iterdir())
        assert {path.name for path in (data_dir / "blobs").glob("*/*")} <= live
        assert {path.name for path in (data_dir / "multipart").iterdir()} <= uploads


def test_what_was_acknowledged_is_there_after_kills(tmp_path):
    kill_and_look(tmp_path, 3)


@pytest.mark.slow
def test_what_was_acknowledged_is_there_after_many_kills(tmp_path):
    kill_and_look(tmp_path, 50)


def test_a_completion_cut_at_any_point_is_finished_at_the_next_start(tmp_path, monkeypatch):
    """The process dies at each step of joining the parts; the object exists, or can be completed again."""
    from hca_local.store import BlobStore

    class Killed(BaseException):
        pass

    parts = [os.urandom(5 * MIB), os.urandom(1000)]
    body = b"".join(parts)

    def killed_before_place(self: Any, *_: Any) -> None:
        raise Killed

    place = BlobStore._place

    def killed_after_place(self: Any, *arguments: Any) -> None:
        place(self, *arguments)
        raise Killed

    for step, replacement in enumerate([killed_before_place, killed_after_place]):
        data_dir = tmp_path / str(step)
        deployment = Deployment(data_dir).start()
        uploads = _uploads(deployment)
        upload_id = uploads.create(BUCKET, "key", "a/b", {"tags": {"a": "b"}})
        upload = uploads.get(upload_id, BUCKET, "key")
        wanted = []
        for number, content in enumerate(parts, 1):
            from hca_local.s3.uploads.parts import PartWriter
            from hca_local.s3.uploads.records import Wanted

            with PartWriter(uploads, upload, number) as writer:
                writer.write(content)
                wanted.append(Wanted(number, writer.commit().etag))
        with monkeypatch.context() as patch:
            patch.setattr(BlobStore, "_place", replacement)
            with pytest.raises(Killed):
                uploads.complete(upload, wanted)
        deployment.stop()
        with Deployment(data_dir) as again:
            item = again.ctx.objects.head(BUCKET, "key")
            assert item is not None
            assert (item.tags, item.content_type, item.size) == ({"a": "b"}, "a/b", len(body))
            assert again.ctx.objects.open(BUCKET, "key").read() == body
            assert not list((data_dir / "multipart").iterdir())


def _uploads(deployment: Deployment) -> Any:
    from hca_local.s3.uploads.multipart import Uploads

    return Uploads(deployment.ctx.objects)


def test_the_state_file_of_a_dead_process_is_not_believed(tmp_path):
    (tmp_path / "deployment.json").write_text(json.dumps({"pid": os.getpid(), "api_url": "http://127.0.0.1:1"}))
    assert running(tmp_path) is None
