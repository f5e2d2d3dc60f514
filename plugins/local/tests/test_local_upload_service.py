"""The embedded Upload Service over real HTTP: areas, credentials limited to one area, checksums, validation."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import pytest
import requests
from hca_local.server import Deployment
from hca_local.upload_service import api_key
from hca_local.upload_service.validators import BUILT_IN, run

VALIDATORS = {
    "echo": [sys.executable, "-c", "import os, sys; print(os.environ.get('X'), *map(os.path.basename, sys.argv[1:]))"],
    "slow": [sys.executable, "-c", "import time; time.sleep(30)"],
}


class Service:
    """A running deployment, and requests to its Upload Service."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.url = deployment.api_url + "/upload/v1"
        self.bucket = deployment.settings.upload_bucket
        self.key = {"Api-Key": api_key(deployment.ctx.store)}

    def ask(self, method: str, path: str, status: int, key: bool = False, **options: Any) -> requests.Response:
        headers = {**options.pop("headers", {}), **(self.key if key else {})}
        response = requests.request(method, self.url + path, headers=headers, timeout=30, **options)
        assert response.status_code == status, (method, path, response.status_code, response.text)
        return response

    def area(self) -> str:
        name = str(uuid.uuid4())
        assert self.ask("POST", f"/area/{name}", 201, key=True).json() == {"uri": f"s3://{self.bucket}/{name}/"}
        return name

    def s3(self, area: str) -> Any:
        lent = self.ask("POST", f"/area/{area}/credentials", 201).json()
        return boto3.client(
            "s3",
            endpoint_url=self.deployment.s3_url,
            region_name="us-east-1",
            aws_access_key_id=lent["AccessKeyId"],
            aws_secret_access_key=lent["SecretAccessKey"],
            aws_session_token=lent["SessionToken"],
        )

    def put(self, area: str, name: str, body: bytes, **options: Any) -> None:
        options.setdefault("ContentType", "text/plain; dcp-type=data")
        self.s3(area).put_object(Bucket=self.bucket, Key=f"{area}/{name}", Body=body, **options)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Deployment(tmp_path_factory.mktemp("upload"), validators=VALIDATORS) as deployment:
        yield Service(deployment)


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.02)


def status_of(service: Service, area: str, name: str, what: str) -> dict[str, Any]:
    answer: dict[str, Any] = service.ask("GET", f"/area/{area}/{name}/{what}", 200).json()
    return answer


def test_the_life_of_an_area(service: Service) -> None:
    area = service.area()
    service.ask("HEAD", f"/area/{area}", 200)
    assert service.ask("POST", f"/area/{area}", 201, key=True).ok
    counts = service.ask("GET", f"/area/{area}/checksums", 200).json()
    assert counts == {"TOTAL_NUM_FILES": 0, "CHECKSUMMING": 0, "CHECKSUMMED": 0, "CHECKSUMMING_UNSCHEDULED": 0}
    service.put(area, "a b#ü.txt", b"hello")
    quoted = "a%20b%23%C3%BC.txt"
    assert status_of(service, area, quoted, "checksum") == {"checksum_status": "UNSCHEDULED", "checksums": None}
    assert service.ask("GET", f"/area/{area}/checksums", 200).json()["CHECKSUMMING_UNSCHEDULED"] == 1
    service.ask("POST", f"/area/{area}/{quoted}", 202)
    until(lambda: status_of(service, area, quoted, "checksum")["checksum_status"] == "CHECKSUMMED")
    info = service.ask("GET", f"/area/{area}/{quoted}", 200).json()
    assert info["name"] == "a b#ü.txt"
    assert info["size"] == 5
    assert info["url"] == f"s3://{service.bucket}/{area}/a b#ü.txt"
    assert info["content_type"] == "text/plain; dcp-type=data"
    assert info["checksums"] == {
        "crc32c": "9a71bb4c",
        "s3_etag": "5d41402abc4b2a76b9719d911017c592",
        "sha1": "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d",
        "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    }
    listed = service.ask("PUT", f"/area/{area}/files_info", 200, json=["a b#ü.txt", quoted]).json()
    assert [found["size"] for found in listed] == [5, 5]
    service.ask("DELETE", f"/area/{area}", 202, key=True)
    until(lambda: requests.head(f"{service.url}/area/{area}", timeout=9).status_code == 404)
    assert service.deployment.ctx.objects.list(service.bucket, f"{area}/") == []
    # The original returned 201 and the URI of an area that did not exist.
    service.ask("POST", f"/area/{area}", 409, key=True)


def test_credentials_reach_their_own_area_only(service: Service) -> None:
    mine, other = service.area(), service.area()
    service.put(other, "secret.txt", b"secret")
    s3 = service.s3(mine)
    s3.put_object(Bucket=service.bucket, Key=f"{mine}/f", Body=b"x")
    s3.list_objects_v2(Bucket=service.bucket, Prefix=f"{mine}/")
    attempts: list[Callable[[], Any]] = [
        lambda: s3.put_object(Bucket=service.bucket, Key=f"{other}/f", Body=b"x"),
        lambda: s3.get_object(Bucket=service.bucket, Key=f"{other}/secret.txt"),
        lambda: s3.get_object(Bucket=service.bucket, Key=f"{mine}/f"),
        lambda: s3.head_object(Bucket=service.bucket, Key=f"{mine}/f"),
        lambda: s3.delete_object(Bucket=service.bucket, Key=f"{mine}/f"),
        lambda: s3.list_objects_v2(Bucket=service.bucket),
        lambda: s3.list_objects_v2(Bucket=service.bucket, Prefix=f"{other}/"),
        lambda: s3.copy_object(
            Bucket=service.bucket, Key=f"{mine}/g", CopySource={"Bucket": service.bucket, "Key": f"{other}/secret.txt"}
        ),
    ]
    for attempt in attempts:
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            attempt()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_credentials_end_when_the_area_is_locked(service: Service) -> None:
    area = service.area()
    s3 = service.s3(area)
    service.deployment.ctx._upload_service.areas.set_status(area, "LOCKED")  # type: ignore[attr-defined]
    with pytest.raises(botocore.exceptions.ClientError):
        s3.put_object(Bucket=service.bucket, Key=f"{area}/f", Body=b"x")
    refusal = service.ask("POST", f"/area/{area}/credentials", 409).json()
    assert refusal["title"] == "Upload Area is Not Writable"
    service.ask("HEAD", f"/area/{area}", 200)


def test_a_file_that_is_not_what_its_crc32c_says(service: Service) -> None:
    area = service.area()
    service.put(area, "bad.txt", b"hello", Metadata={"crc32c": "deadbeef"})
    service.ask("POST", f"/area/{area}/bad.txt", 202)
    until(lambda: status_of(service, area, "bad.txt", "checksum")["checksum_status"] == "FAILED")
    assert service.ask("GET", f"/area/{area}/bad.txt", 200).json()["checksums"] is None
    assert service.ask("GET", f"/area/{area}/checksums", 200).json()["FAILED"] == 1


def test_new_content_is_a_file_nobody_told_of(service: Service) -> None:
    area = service.area()
    for body in (b"one", b"two"):
        service.put(area, "f.txt", body)
        assert status_of(service, area, "f.txt", "checksum")["checksum_status"] == "UNSCHEDULED"
        service.ask("POST", f"/area/{area}/f.txt", 202)
        until(lambda: status_of(service, area, "f.txt", "checksum")["checksum_status"] == "CHECKSUMMED")
    counts = service.ask("GET", f"/area/{area}/checksums", 200).json()
    assert (counts["TOTAL_NUM_FILES"], counts["CHECKSUMMED"], counts["CHECKSUMMING_UNSCHEDULED"]) == (1, 1, 0)


def test_storing_through_the_api(service: Service) -> None:
    area = service.area()
    kind = {"Content-Type": 'application/json; dcp-type="metadata/sample"'}
    made = service.ask("PUT", f"/area/{area}/s.json", 201, key=True, data=b'{"a": 1}', headers=kind).json()
    assert made["checksums"]["crc32c"]
    assert made["content_type"] == kind["Content-Type"]
    assert service.ask("PUT", f"/area/{area}/empty.json", 201, key=True, data=b"", headers=kind).json()["size"] == 0
    service.ask("PUT", f"/area/{area}/s.json", 400, key=True, data=b"{}", headers={"Content-Type": "application/json"})
    service.ask("PUT", f"/area/{area}/s.txt", 415, key=True, data=b"x", headers={"Content-Type": "text/plain"})
    service.ask("PUT", f"/area/{area}/s.json", 400, data=b"{}", headers=kind)


def test_validation(service: Service) -> None:
    area = service.area()
    for name in ("r1.txt", "r 2.txt"):
        service.put(area, name, b"x")
    assert status_of(service, area, "r1.txt", "validate")["validation_status"] == "UNSCHEDULED"
    body = {"validator_image": "echo", "files": ["r 2.txt", "r1.txt"], "environment": {"X": "y", "LD_PRELOAD": "/evil"}}
    service.ask("PUT", f"/area/{area}/validate", 200, key=True, json=body)
    until(lambda: status_of(service, area, "r1.txt", "validate")["validation_status"] == "VALIDATED")
    assert status_of(service, area, "r1.txt", "validate")["validation_results"] == "y r 2.txt r1.txt\n"
    assert service.ask("GET", f"/area/{area}/validations", 200).json()["VALIDATED"] == 2
    unknown = {"validator_image": "org/none:1"}
    service.ask("PUT", f"/area/{area}/r1.txt/validate", 200, key=True, json=unknown)
    until(lambda: status_of(service, area, "r1.txt", "validate")["validation_status"] == "FAILED")
    assert "no command is configured" in status_of(service, area, "r1.txt", "validate")["validation_results"]


def test_the_validator_that_is_built_in(service: Service) -> None:
    area = service.area()
    service.put(area, "good.fastq", b"@r\nACGT\n+\nIIII\n")
    service.put(area, "bad.fastq", b"@r\nACGT\n+\nIII\n")
    for name, expected in (("good.fastq", "VALIDATED"), ("bad.fastq", "FAILED")):
        service.ask("PUT", f"/area/{area}/{name}/validate", 200, key=True, json={"validator_image": BUILT_IN})
        until(
            lambda name=name, expected=expected: (
                status_of(service, area, name, "validate")["validation_status"] == expected
            )
        )
    assert "record 1" in status_of(service, area, "bad.fastq", "validate")["validation_results"]


def test_limits_of_a_validator(tmp_path: Path) -> None:
    began = time.monotonic()
    outcome = run(VALIDATORS["slow"], [], {}, time_limit=0.3)
    assert not outcome.ok
    assert "stopped after 0.3 seconds" in outcome.output
    assert time.monotonic() - began < 20
    outcome = run([sys.executable, "-c", "while True: print('x' * 1000)"], [], {}, output_limit=10_000)
    assert not outcome.ok
    assert len(outcome.output) < 11_000
    assert not run(["/nowhere/at-all"], [], {}).ok


@pytest.mark.parametrize(
    ("method", "path", "status", "key", "options"),
    [
        ("POST", "/area/not-a-uuid", 400, True, {}),
        ("POST", "/area/{area}", 401, False, {"headers": {"Api-Key": "wrong"}}),
        ("POST", "/area/{area}", 400, False, {}),
        ("DELETE", "/area/{unknown}", 404, True, {}),
        ("GET", "/area/{area}", 405, False, {}),
        ("GET", "/nothing", 403, False, {}),
        ("GET", "/area/{area}/a/b/c", 403, False, {}),
        ("GET", "/area/{area}/nope.txt", 404, False, {}),
        ("GET", "/area/{unknown}/checksums", 404, False, {}),
        ("PUT", "/area/{area}/files_info", 400, False, {"data": b"{", "headers": {"Content-Type": "application/json"}}),
        ("PUT", "/area/{area}/files_info", 400, False, {"json": {"a": 1}}),
        ("PUT", "/area/{area}/files_info", 400, False, {"json": ["\ud800"]}),
        ("PUT", "/area/{area}/validate", 400, True, {"json": {"validator_image": "\udfff", "files": ["x"]}}),
        ("PUT", "/area/{area}/files_info", 404, False, {"json": ["nope"]}),
        ("PUT", "/area/{area}/validate", 400, True, {"json": {"files": ["x"]}}),
        ("PUT", "/area/{area}/validate", 400, True, {"json": {"validator_image": "echo", "files": []}}),
        ("PUT", "/area/{area}/validate", 404, True, {"json": {"validator_image": "echo", "files": ["nope"]}}),
        ("POST", "/area/{area}/update_validation/x", 400, False, {"json": {"status": "VALIDATED", "payload": {}}}),
        ("POST", "/area/{area}/update_validation/x", 404, True, {"json": {"status": "VALIDATED", "payload": {}}}),
    ],
)  # fmt: skip
def test_refusals(service: Service, method: str, path: str, status: int, key: bool, options: dict[str, Any]) -> None:
    place = path.format(area=service.area(), unknown=uuid.uuid4())
    service.ask(method, place, status, key=key, **options)


def test_it_goes_on_after_a_restart_and_can_be_as_slow_as_the_original(tmp_path: Path) -> None:
    with Deployment(tmp_path, simulate_waits=60) as deployment:
        slow = Service(deployment)
        area, doomed = slow.area(), slow.area()
        slow.put(area, "f.txt", b"x")
        slow.put(doomed, "f.txt", b"x")
        slow.ask("POST", f"/area/{area}/f.txt", 202)
        slow.ask("PUT", f"/area/{area}/f.txt/validate", 200, key=True, json={"validator_image": BUILT_IN})
        # As in the original: a server error until there is a result.
        slow.ask("GET", f"/area/{area}/f.txt/checksum", 500)
        slow.ask("GET", f"/area/{area}/f.txt/validate", 500)
        deployment.ctx._upload_service.areas.set_status(doomed, "DELETING")  # type: ignore[attr-defined]
    with Deployment(tmp_path) as deployment:
        quick = Service(deployment)
        assert quick.key == slow.key
        until(lambda: status_of(quick, area, "f.txt", "checksum")["checksum_status"] == "CHECKSUMMED")
        until(lambda: status_of(quick, area, "f.txt", "validate")["validation_status"] == "VALIDATED")
        until(lambda: requests.head(f"{quick.url}/area/{doomed}", timeout=9).status_code == 404)
