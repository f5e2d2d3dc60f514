"""The recorded exchanges with the original DSS, sent to the embedded one: the same statuses and shapes.

As the contract defines it, the shape is: status, media type, the keys of JSON at each level (of arrays, their first
element), and the values of ``code`` and ``status`` in errors; in addition, the set of the service's
headers. Identifiers chosen by the original server are mapped to those of this one.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import re
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from hca_local.dss import service_of
from hca_local.server import Deployment

SHARED = Path(__file__).resolve().parents[4] / "shared" / "contracts"
EXCHANGES = SHARED / "dss-exchanges.jsonl"

pytestmark = [
    pytest.mark.skipif(not EXCHANGES.exists(), reason="the recorded contracts are not beside this checkout"),
    pytest.mark.xdist_group("local-dss-replay"),
]

#: Intentional differences of the embedded DSS: sequence number → its status, and the reason.
DIFFERENT = {
    56: (400, "a source_url without a key is the client's mistake; the original broke (500), and asked to try again"),
    57: (400, "a source object that is not there is the client's mistake; trying again, as a 500 asks, is in vain"),
    58: (400, "so is a bucket that is not there"),
    194: (400, "a query that is none is named, not an accident of the stand-in for Elasticsearch"),
    312: (400, "a malformed date is the client's mistake, and the document has the code bad_request for it"),
}
#: Bodies that the recording only describes.
CONTENTS = {
    "88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589": b"abcd",
    "34aea5b7c81fc1945fc53acc65ede435ca59a74e84c09ec4f1c7ebc8854ab4cf": b'{"n": "a.json", "describedBy": "x/a"}',
    "cffeee974a29aeceaed1a18886cfbdc587a68cd02550c662e82ac45b63b934c4": b'{"n": "b.json", "describedBy": "x/a"}',
}
#: Seconds after which a recorded 301 was followed.
FOLLOWED_AFTER = 1.2
#: Parts of 64 MiB, as in the DSS's checksum of large files.
PARTS = TransferConfig(multipart_threshold=64 << 20, multipart_chunksize=64 << 20)
_OWN_HEADERS = re.compile(r"x-dss-.*|x-openapi-.*|x-aws-request-id|link|location|retry-after", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT\d{6}\.\d{6}Z")


class Clock:
    """The time of the simulated waits; it only advances when told to."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class Receiver:
    """A subscriber that records its notifications."""

    def __init__(self) -> None:
        received: list[tuple[str, str, dict[str, str], bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def _keep(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_PUT = do_POST = _keep

            def log_message(self, *args: Any) -> None:
                pass

        self.received = received
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def find(self, method: str, path: str, event_type: str, version: str) -> tuple[dict[str, str], bytes] | None:
        """The delivery of one event to one subscription."""
        wanted = f'"bundle_version": "{version}"'.encode(), f'"event_type": "{event_type}"'.encode()
        for got_method, got_path, headers, body in list(self.received):
            if (got_method, got_path) == (method, path) and all(piece in body for piece in wanted):
                return headers, body
        return None


class Replay:
    """Sends recorded requests, maps identifiers, compares responses."""

    def __init__(self, deployment: Deployment, clock: Clock, receiver: Receiver) -> None:
        self.deployment = deployment
        self.clock = clock
        self.receiver = receiver
        root = deployment.ctx.credentials.root()
        self.s3 = boto3.client(
            "s3",
            endpoint_url=deployment.s3_url,
            aws_access_key_id=root.access_key,
            aws_secret_access_key=root.secret_key,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}),
        )
        self.identifiers: dict[str, str] = {}
        self.presigned: dict[tuple[str, frozenset[tuple[str, str]]], str] = {}
        self.session = requests.Session()
        self.compared = 0
        self.problems: list[str] = []

    def stage(self, record: Mapping[str, Any]) -> None:
        content = _content(record)
        if content is None:
            return
        extra = {"ContentType": record["content_type"], "Tagging": urllib.parse.urlencode(record["tags"])}
        self.s3.upload_fileobj(io.BytesIO(content), record["bucket"], record["key"], ExtraArgs=extra, Config=PARTS)

    def exchange(self, record: Mapping[str, Any]) -> None:
        asked, expected = record["request"], record["response"]
        response = self.send(asked)
        if record["label"].startswith(("GET checkout status, poll", "GET status of the failed")):
            response = self._settled(asked, expected, response)
        if record["label"].startswith("HEAD the asynchronously copied file"):
            response = self._until(asked, response, lambda answer: answer.status_code == 200)
        self.compared += 1
        faults = list(self._compare(record["seq"], asked, expected, response))
        self.problems += [f"{record['seq']} {record['label']}: {fault}" for fault in faults]
        self._learn(expected, response)

    def send(self, asked: Mapping[str, Any]) -> requests.Response:
        query = [(name, value) for name, value in asked["query"]]
        headers = {name: self._token(value) for name, value in asked["headers"].items()}
        headers = {n: v for n, v in headers.items() if n in {"Content-Type", "Authorization", "Range"}}
        target = self.presigned.get((asked["path"], frozenset(query)))
        if target is not None:
            return self.session.request(asked["method"], target, headers=headers, allow_redirects=False, timeout=60)
        if any(name == "token" and value.startswith("{") for name, value in query):
            self.clock.now += FOLLOWED_AFTER
        body = self._body(asked)
        url = self.deployment.api_url + self._mapped(asked["path"])
        parameters = [(name, self._mapped(value)) for name, value in query]
        return self.session.request(
            asked["method"], url, params=parameters, data=body, headers=headers, allow_redirects=False, timeout=60
        )

    def _body(self, asked: Mapping[str, Any]) -> bytes | None:
        if "body_json" in asked:
            # Recorded subscribers do not get notifications: one of ours replaces them, or none.
            text = json.dumps(asked["body_json"]).replace("http://127.0.0.1:8709", self.receiver.url)
            return self._mapped(re.sub(r"https?://example\.org", "http://127.0.0.1:9", text)).encode()
        return asked["body"].encode() if "body" in asked else None

    def _token(self, value: str) -> str:
        match = re.fullmatch(r"Bearer \{jwt:(\w+)\}", value)
        if match is None:
            return value
        return "Bearer " + ("not-a-token" if match[1] == "gibberish" else self.deployment.token(match[1]))

    def _mapped(self, text: str) -> str:
        if text in self.identifiers:
            return self.identifiers[text]
        return _IDENTIFIER.sub(lambda match: self.identifiers.get(match[0], match[0]), text)

    def _settled(
        self, asked: Mapping[str, Any], expected: Mapping[str, Any], response: requests.Response
    ) -> requests.Response:
        """The number of RUNNING responses depends on timing: wait for the recorded final state only."""
        if expected["body_json"]["status"] == "RUNNING":
            return response
        return self._until(asked, response, lambda answer: answer.json().get("status") != "RUNNING")

    def _until(self, asked: Mapping[str, Any], response: requests.Response, done: Any) -> requests.Response:
        deadline = time.monotonic() + 60
        while not done(response) and time.monotonic() < deadline:
            time.sleep(0.1)
            response = self.send(asked)
        return response

    def _compare(
        self, seq: int, asked: Mapping[str, Any], expected: Mapping[str, Any], response: requests.Response
    ) -> Iterator[str]:
        status = DIFFERENT[seq][0] if seq in DIFFERENT else expected["status"]
        if response.status_code != status:
            yield f"status {response.status_code}, not {status}: {response.text[:300]}"
            return
        recorded = {name.lower(): value for name, value in expected["headers"]}
        if _media_type(recorded.get("content-type", "")) != _media_type(response.headers.get("content-type", "")):
            yield f"media type {response.headers.get('content-type')}, not {recorded.get('content-type')}"
        if seq in DIFFERENT:
            return
        theirs = {name for name in recorded if _OWN_HEADERS.fullmatch(name)}
        ours = {name.lower() for name in response.headers if _OWN_HEADERS.fullmatch(name)}
        if not asked["path"].startswith("/org-humancellatlas") and theirs != ours:
            yield f"headers {sorted(theirs ^ ours)} are there in one and not in the other"
        if recorded.get("x-openapi-pagination") != response.headers.get("x-openapi-pagination"):
            yield "X-OpenAPI-Pagination differs"
        if isinstance(expected.get("body_json"), (dict, list)):
            yield from _shapes(expected["body_json"], response.json(), "body")
        digest = hashlib.sha256(response.content).hexdigest()
        if asked["path"].startswith("/org-humancellatlas") and expected.get("body_sha256", digest) != digest:
            yield "other bytes"
        if "body_base64" in expected and base64.b64decode(expected["body_base64"]) != response.content:
            yield "other bytes of a range"

    def _learn(self, expected: Mapping[str, Any], response: requests.Response) -> None:
        """Record what the server chose: versions, job ids, tokens, URLs."""
        if isinstance(expected.get("body_json"), (dict, list)) and "json" in response.headers.get("content-type", ""):
            self._pair(expected["body_json"], response.json())
        recorded = {name.lower(): value for name, value in expected["headers"]}
        for name in ("location", "link"):
            if name in recorded and name in response.headers:
                self._pair_urls(_url(recorded[name]), _url(response.headers[name]))

    def _pair(self, theirs: Any, ours: Any) -> None:
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for name in theirs.keys() & ours.keys():
                self._pair(theirs[name], ours[name])
        elif isinstance(theirs, list) and isinstance(ours, list):
            # Lists of equal length have the same order, so they are paired.
            if len(theirs) == len(ours):
                for one, other in zip(theirs, ours, strict=True):
                    self._pair(one, other)
        elif isinstance(theirs, str) and isinstance(ours, str):
            if theirs.startswith("http"):
                self._pair_urls(theirs, ours)
            elif _IDENTIFIER.fullmatch(theirs) and _IDENTIFIER.fullmatch(ours) and theirs != ours:
                self.identifiers.setdefault(theirs, ours)

    def _pair_urls(self, theirs: str, ours: str) -> None:
        recorded, own = urllib.parse.urlsplit(theirs), urllib.parse.urlsplit(ours)
        query = urllib.parse.parse_qsl(recorded.query, keep_blank_values=True)
        if recorded.path.startswith("/org-humancellatlas"):
            self.presigned[recorded.path, frozenset(query)] = ours
            return
        answers = dict(urllib.parse.parse_qsl(own.query, keep_blank_values=True))
        for name, value in query:
            if name == "token" and name in answers and value != "None":
                self.identifiers[value] = answers[name]


def _notified(replay: Replay, record: Mapping[str, Any]) -> Iterator[str]:
    """Compare one recorded webhook delivery with ours, which may not have arrived yet."""
    event = re.search(r'"event_type": "(\w+)"', record["body"])
    version = re.search(r'"bundle_version": "(.*?)"', record["body"])
    assert event and version
    deadline = time.monotonic() + 30
    while not (found := replay.receiver.find(record["method"], record["path"], event[1], version[1])):
        if time.monotonic() > deadline:
            yield "was not delivered"
            return
        time.sleep(0.05)
    headers, body = found
    recorded = {name.lower(): value for name, value in record["headers"]}
    if _media_type(headers["content-type"]) != _media_type(recorded["content-type"]):
        yield f"media type {headers['content-type']}"
    if {"date", "digest", "authorization"} & recorded.keys() != {"date", "digest", "authorization"} & headers.keys():
        yield "is signed in one and not in the other"
    if "authorization" in recorded:
        same = re.compile(r'signature=".*?"')
        if same.sub("", recorded["authorization"]) != same.sub("", headers["authorization"]):
            yield f"Authorization: {headers['authorization']}"
    if "json" in recorded["content-type"]:
        yield from _shapes(json.loads(record["body"]), json.loads(body), "body")
    elif re.findall(r'name="(.*?)"', record["body"]) != re.findall(r'name="(.*?)"', body.decode()):
        yield "other form fields"


def _url(header: str) -> str:
    match = re.match(r"<(.*?)>", header)
    return match[1] if match else header


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip()


def _shapes(theirs: Any, ours: Any, where: str) -> Iterator[str]:
    if type(theirs) is not type(ours):
        yield f"{where} is {type(ours).__name__}, not {type(theirs).__name__}"
    elif isinstance(theirs, dict):
        if theirs.keys() != ours.keys():
            yield f"{where}: keys {sorted(theirs.keys() ^ ours.keys())} are there in one and not in the other"
        for name in theirs.keys() & ours.keys():
            if name in {"code", "status"} and theirs[name] != ours[name]:
                yield f"{where}.{name} is {ours[name]!r}, not {theirs[name]!r}"
            yield from _shapes(theirs[name], ours[name], f"{where}.{name}")
    elif isinstance(theirs, list) and theirs and ours:
        yield from _shapes(theirs[0], ours[0], f"{where}[0]")
    elif isinstance(theirs, list) and bool(theirs) != bool(ours):
        yield f"{where} has {len(ours)} elements, not {len(theirs)}"


def _content(record: Mapping[str, Any]) -> bytes | None:
    if "content_base64" in record:
        return base64.b64decode(record["content_base64"])
    rule, size = record["content_rule"], record["size"]
    if rule.startswith("r = random.Random"):
        generator = random.Random(20200521)
        return bytes(generator.getrandbits(8) for _ in range(size))
    if rule.startswith("b'"):
        pattern = rule[2:18].encode()
        return pattern * (size // len(pattern))
    return CONTENTS.get(dict(record["tags"])["hca-dss-sha256"].lower())


def test_the_recorded_exchanges_have_the_same_statuses_and_shapes(tmp_path: Path) -> None:
    receiver = Receiver()
    with Deployment(tmp_path, simulate_waits=True) as deployment:
        clock = Clock()
        service_of(deployment.ctx).waits.clock = clock
        replay = Replay(deployment, clock, receiver)
        for line in EXCHANGES.read_text().splitlines():
            record = json.loads(line)
            if record["kind"] == "staging":
                replay.stage(record)
            elif record["kind"] == "http":
                replay.exchange(record)
            elif record["kind"] == "webhook":
                where = f"webhook {record['method']} {record['path']}"
                replay.problems += [f"{where}: {fault}" for fault in _notified(replay, record)]
    receiver.server.shutdown()
    assert replay.compared == 262, "every recorded exchange is sent"
    assert not replay.problems, "\n".join(replay.problems)
