"""The recorded exchanges with the original Upload Service, sent to the embedded one: the same statuses and shapes.

The shape is the media type, the keys of JSON at each level (of arrays, those of the first element) and the types of the
values. Uploads, states set in the original's database, tags and listings are replayed in order. The
deployment runs queued work immediately; the replay waits for that before it continues.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from hca_local.server import Deployment
from hca_local.upload_service import api_key

EXCHANGES = Path(__file__).resolve().parents[4] / "shared" / "contracts" / "upload-exchanges.jsonl"

pytestmark = [
    pytest.mark.skipif(not EXCHANGES.exists(), reason="the recorded contracts are not beside this checkout"),
    pytest.mark.xdist_group("local-upload-replay"),
]

NOT_READY = "what is not known yet is null; the original's check of its own answers made it a 500"
DAMAGED = "content that is not what its crc32c says is FAILED; the original had no such state, and 500 for ever"
CLIENT = "a mistake of the caller is a 400 or 404; the original broke (500)"
QUOTED = "a name that is not there is tried without its %-escapes, since hca 7 sent it so; the original found nothing"
NAMES = "names with % and / are found where they are; the original took off one escape too many, or broke"
KEY = "results of validations are taken from those alone who have the key; the original let anyone forge them"
REUSED = "the UUID of a deleted area cannot be used again, which is said; the original said 201 and made nothing"
EMPTY = "an empty file is a file"
PAGE = "there is no page at the root"
VALIDATE = "a validation of no files is refused; the original kept it waiting for ever"

#: Intentional differences of the embedded service: line number → its status, and the reason.
DIFFERENT: dict[int, tuple[int, str]] = {
    **dict.fromkeys((11, 34, 36, 152, 153), (200, NOT_READY)),
    **dict.fromkeys((83, 230), (200, DAMAGED)),
    28: (201, EMPTY),
    **dict.fromkeys((68, 69), (400, CLIENT)),
    70: (400, VALIDATE),
    75: (403, PAGE),
    **dict.fromkeys((76, 77, 243, 245), (400, KEY)),
    **dict.fromkeys((134, 223, 259), (409, REUSED)),
    **dict.fromkeys((154, 161, 167, 168, 175, 188, 189), (200, QUOTED)),
    **dict.fromkeys((165, 166, 186), (200, NAMES)),
}
#: States that are only counted if they are not empty.
OPTIONAL = {"SCHEDULING_QUEUED", "SCHEDULED", "FAILED", "ABORTED"}
THEIR_KEY = "real-upload-api-key"


class Replay:
    """Replays the recording, and collects the differences."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.service: Any = deployment.ctx._upload_service  # type: ignore[attr-defined]
        self.bucket = deployment.settings.upload_bucket
        self.base = deployment.api_url + "/upload"
        self.key = api_key(deployment.ctx.store)
        self.session = requests.Session()
        self.identifiers: dict[str, str] = {}
        self.problems: list[str] = []
        self.compared = 0
        self.put: set[str] = set()
        self.first_area = ""
        # Areas are deleted when the recording reaches that point.
        self._empty = self.service.areas._empty
        self.service.areas._empty = lambda uuid: None

    def exchange(self, number: int, record: Mapping[str, Any]) -> None:
        asked, expected = record["request"], record["response"]
        headers = {name: self.key if value == THEIR_KEY else value for name, value in asked["headers"].items()}
        body = None if asked["body"] in (None, "b''") else self._mapped(str(asked["body"])).encode()
        response = self.session.request(
            asked["method"], self.base + self._mapped(asked["path"]), headers=headers, data=body, timeout=60
        )
        self.compared += 1
        if asked["method"] == "PUT" and response.status_code == 201:
            self.put.add(response.json()["url"].removeprefix(f"s3://{self.bucket}/"))
        label = f"{number} {record['label']}"
        self.problems += [f"{label}: {fault}" for fault in self._compare(number, expected, response)]
        if isinstance(expected["body"], dict) and "validation_id" in expected["body"] and response.ok:
            self.identifiers[expected["body"]["validation_id"]] = response.json()["validation_id"]
        self._settle()

    def _mapped(self, text: str) -> str:
        for theirs, ours in self.identifiers.items():
            text = text.replace(theirs, ours)
        return text

    def _compare(self, number: int, expected: Mapping[str, Any], response: requests.Response) -> Iterator[str]:
        status = DIFFERENT[number][0] if number in DIFFERENT else expected["status"]
        if response.status_code != status:
            yield f"status {response.status_code}, not {status}: {response.text[:200]}"
            return
        if number in DIFFERENT:
            return
        theirs, ours = (_media_type(each) for each in (expected["headers"], response.headers))
        if theirs != ours and expected["body"] != "":
            yield f"media type {ours}, not {theirs}"
        if isinstance(expected["body"], (dict, list)) and not str(response.url).endswith("/swagger.json"):
            yield from _shapes(expected["body"], response.json(), "body")
        elif expected["body"] == "" and response.content:
            yield f"a body: {response.text[:100]}"

    def _settle(self) -> None:
        """Wait for background work."""
        waiting = (
            "SELECT (SELECT count(*) FROM upload_files WHERE status IN ('SCHEDULED', 'CHECKSUMMING'))"
            " + (SELECT count(*) FROM upload_validations"
            " WHERE status IN ('SCHEDULING_QUEUED', 'SCHEDULED', 'VALIDATING')) AS n"
        )
        deadline = time.monotonic() + 30
        while True:
            with self.deployment.ctx.store.read() as db:
                if not db.execute(waiting).fetchone()["n"]:
                    return
            assert time.monotonic() < deadline, "it does not come to rest"
            time.sleep(0.01)

    def upload(self, record: Mapping[str, Any]) -> None:
        """The client's PUT, with the area's credentials; of its content only the size is known."""
        area, _, _ = record["key"].partition("/")
        self.first_area = self.first_area or area
        self.put.add(record["key"])
        self.service.areas.create(area)
        lent = self.service.areas.lend(area)
        client = boto3.client(
            "s3",
            endpoint_url=self.deployment.s3_url,
            region_name="us-east-1",
            aws_access_key_id=lent["AccessKeyId"],
            aws_secret_access_key=lent["SecretAccessKey"],
            aws_session_token=lent["SessionToken"],
        )
        body = b"x" * record["head"]["ContentLength"]
        claimed = record["metadata"].get("crc32c")
        metadata = dict(record["metadata"])
        if claimed and claimed != "deadbeef":
            metadata["crc32c"] = self.deployment.ctx.store.blobs.put_bytes(body).crc32c
        client.put_object(
            Bucket=self.bucket,
            Key=record["key"],
            Body=body,
            ContentType=record["content_type"],
            Metadata=metadata,
            ACL="bucket-owner-full-control",
        )
        found = self.deployment.ctx.objects.head(self.bucket, record["key"])
        assert found is not None and found.content_type == record["content_type"]

    def put_empty_file(self) -> None:
        blob = self.deployment.ctx.store.blobs.put_bytes(b"")
        self.deployment.ctx.objects.put(self.bucket, f"{self.first_area}/empty.bin", blob)

    def tags(self, number: int, record: Mapping[str, Any]) -> None:
        if not record["tags"]:
            return  # a queue that was not finished, or a wrong checksum
        found = self.deployment.ctx.objects.head(self.bucket, record["key"])
        theirs = {tag["Key"] for tag in record["tags"]}
        if found is not None and found.tags and set(found.tags) != theirs:
            self.problems.append(f"{number}: tags {sorted(found.tags)}, not {sorted(theirs)}")

    def listing(self, number: int, record: Mapping[str, Any]) -> None:
        ours = [item.key for item in self.deployment.ctx.objects.list(self.bucket, f"{record['area']}/")]
        # Some exchanges are missing in the recording, and so are their uploads.
        theirs = [key for key in record["keys"] if key in self.put]
        if ours != theirs:
            self.problems.append(f"{number}: the bucket holds {ours}, not {record['keys']}")

    def sql(self, number: int, record: Mapping[str, Any]) -> None:
        change = re.fullmatch(r"update upload_area set status='(\w+)' where uuid='(.*)'", record["query"])
        if change:
            self.service.areas.set_status(change[2], change[1])
            return
        question = re.fullmatch(r"select status from upload_area where uuid='(.*)'", record["query"])
        if question is None:
            return
        with self.deployment.ctx.store.read() as db:
            row = db.execute("SELECT status FROM upload_areas WHERE uuid = ?", (question[1],)).fetchone()
        ours = row["status"]
        if record["result"] == "DELETED" and ours != "DELETED":
            self._empty(question[1])
        elif {ours, record["result"]} not in ({ours}, {"DELETION_QUEUED", "DELETING"}):
            self.problems.append(f"{number}: the area is {ours}, not {record['result']}")


def _media_type(headers: Mapping[str, str]) -> str:
    found = {name.lower(): value for name, value in headers.items()}
    return found.get("content-type", "").partition(";")[0].strip()


def _shapes(theirs: Any, ours: Any, where: str) -> Iterator[str]:
    if type(theirs) is not type(ours):
        yield f"{where} is {type(ours).__name__}, not {type(theirs).__name__}"
    elif isinstance(theirs, dict):
        if (theirs.keys() ^ ours.keys()) - OPTIONAL:
            yield f"{where}: keys {sorted(theirs.keys() ^ ours.keys())} are there in one and not in the other"
        for name in theirs.keys() & ours.keys():
            if name == "status" and theirs[name] != ours[name]:
                yield f"{where}.{name} is {ours[name]!r}, not {theirs[name]!r}"
            yield from _shapes(theirs[name], ours[name], f"{where}.{name}")
    elif isinstance(theirs, list) and theirs and ours:
        yield from _shapes(theirs[0], ours[0], f"{where}[0]")
    elif isinstance(theirs, list) and bool(theirs) != bool(ours):
        yield f"{where} has {len(ours)} elements, not {len(theirs)}"


def test_the_recorded_exchanges_have_the_same_statuses_and_shapes(tmp_path: Path) -> None:
    with Deployment(tmp_path, validators={"*": ["echo", "{}"]}) as deployment:
        replay = Replay(deployment)
        for number, line in enumerate(EXCHANGES.read_text(encoding="utf-8").splitlines()):
            record = json.loads(line)
            if record["kind"] == "http":
                replay.exchange(number, record)
            elif record["kind"] == "s3-upload":
                replay.upload(record)
            elif record["kind"] == "s3-tags":
                replay.tags(number, record)
            elif record["kind"] == "s3-list":
                replay.listing(number, record)
            elif record["kind"] == "client-error":
                # hca 7 could not upload an empty file; the recording uploaded it in another way.
                replay.put_empty_file()
            elif record["kind"] == "sql":
                replay.sql(number, record)
    assert replay.compared == 186, "every recorded exchange is sent"
    assert not replay.problems, "\n".join(replay.problems)
