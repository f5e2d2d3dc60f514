"""The Python API, as used by scripts written for hca 7."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hca_upload import (
    UploadApiException,
    UploadArea,
    UploadAreaURI,
    UploadConfig,
    UploadException,
    UploadService,
)

from hca_base.errors import HCAError, UsageError
from tests.lib import Runner

URI = "s3://org-humancellatlas-upload-prod/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/"


@pytest.fixture
def home(hca: Runner, monkeypatch: pytest.MonkeyPatch) -> Any:
    """This process uses the home of the user of ``hca``."""
    for name, value in hca.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(hca.cwd)
    return hca


@pytest.fixture
def service(home: Any, site: Any) -> UploadService:
    return UploadService(deployment_stage="local", api_token=site.key)


@pytest.fixture
def made(service: UploadService) -> Iterator[UploadArea]:
    yield service.create_area(str(uuid.uuid4()))


def test_the_address_of_an_area() -> None:
    uri = UploadAreaURI(uri=URI)
    assert str(uri) == uri.uri == URI
    assert uri.bucket_name == "org-humancellatlas-upload-prod"
    assert uri.deployment_stage == "prod"
    assert uri.area_uuid == "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
    assert UploadAreaURI(URI.rstrip("/")) == uri
    for wrong in ("", "s3://bucket/", "http://x/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/", URI + "file", "s3://b/../"):
        with pytest.raises(UsageError):
            UploadAreaURI(wrong)


def test_exceptions_are_those_that_scripts_catch() -> None:
    assert issubclass(UploadException, RuntimeError) and issubclass(UploadException, HCAError)
    assert issubclass(UploadApiException, RuntimeError)
    with pytest.raises(UploadException, match="You must provide an UploadAreaURI"):
        UploadArea(uri=URI, upload_service=None)  # type: ignore[arg-type]


def test_the_life_of_an_area(service: UploadService, made: UploadArea, site: Any, home: Any) -> None:
    assert made.exists() is True
    assert made.deployment_stage == "local"
    assert str(made) == f"UploadArea {made.uri}"
    credentials = made.get_credentials()
    assert set(credentials) == {"aws_access_key_id", "aws_secret_access_key", "aws_session_token", "expiry_time"}
    stored = made.store_file(
        filename="s.json", file_content='{"a": "é"}', content_type='application/json; dcp-type="metadata/sample"'
    )
    assert stored["size"] == 11
    paths = [str(home.write("a b.txt", b"a")), str(home.write("c.txt", b"c"))]
    assert [outcome.state for outcome in made.upload_files(paths, 2, dcp_type="data")] == ["uploaded", "uploaded"]
    assert sorted(file["name"] for file in made.list()) == ["a b.txt", "c.txt", "s.json"]
    made.wait(timeout=30)
    detail = {file["name"]: file for file in made.list(detail=True)}
    assert detail["a b.txt"]["checksums"]["crc32c"] == made.checksum_status("a b.txt")["checksums"]["crc32c"]
    assert made.checksum_statuses()["CHECKSUMMED"] == 3
    assert made.validation_status(filename="c.txt")["validation_status"] == "UNSCHEDULED"
    answer = made.validate_files(file_list=["a b.txt", "c.txt"], validator_image="hca-local/check", environment={})
    assert set(answer) == {"validation_id"}
    assert set(made.wait(["a b.txt", "c.txt"], validated=True, timeout=30).values()) == {"VALIDATED"}
    assert made.validation_statuses()["VALIDATED"] == 2
    assert made.delete() is True
    site.until(lambda: not made.exists())
    with pytest.raises(UploadApiException, match="404") as refused:
        made.checksum_statuses()
    assert (refused.value.status, refused.value.title) == (404, "Upload Area Not Found")
    assert service.upload_area(made.uri).uuid == made.uuid


def test_progress_is_told_as_hca_7_told_it(made: UploadArea, home: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(home.write("a.txt", b"a"))
    made.upload_files([path], report_progress=True, use_transfer_acceleration=False, target_filename="b.txt")
    assert capsys.readouterr().out.splitlines() == [
        "",
        f"Starting upload of 1 files to upload area {made.uuid}",
        f"Upload complete of {path} to upload area {made.uri}",
        f"Completed upload of 1 files to upload area {made.uuid}",
        "",
    ]
    made.upload_files([path])
    assert capsys.readouterr().out == ""


def test_failures_are_raised_and_named(made: UploadArea, home: Any, site: Any) -> None:
    site.set_status(made.uuid, "LOCKED")
    path = str(home.write("a.txt", b"a"))
    with pytest.raises(UploadApiException, match="409"):
        made.get_credentials()
    with pytest.raises(UploadApiException, match="is LOCKED"):
        made.upload_files([path])
    with pytest.raises(UploadException, match=r"1 of 1 files were not uploaded: .*a\.txt: .*is LOCKED"):
        made.upload_files([path], sync=False)
    with pytest.raises(UploadException, match="nope does not exist"):
        made.upload_files(["nope"])


def test_what_needs_the_key(home: Any, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HCA_UPLOAD_API_KEY")
    with pytest.raises(HCAError, match="credentials"):
        UploadService("local").create_area(str(uuid.uuid4()))
    with pytest.raises(UploadApiException, match="401"):
        UploadService("local", "wrong").create_area(str(uuid.uuid4()))
    with pytest.raises(UploadApiException, match="400"):
        UploadService("local", site.key).create_area("not-a-uuid")


def test_the_configuration(home: Any) -> None:
    config = UploadConfig()
    assert UploadService.config().areas == config.areas == []
    assert config.current_area is None
    assert config.bucket_name_template == "org-humancellatlas-upload-{deployment_stage}"
    assert config.production_api_url == "https://upload.data.humancellatlas.org/v1"
    assert config.preprod_api_url_template.endswith("/upload/v1")
    one = UploadAreaURI(URI)
    other = UploadAreaURI(URI.replace("aaaaaaaa", "aabbbbbb"))
    config.add_area(one)
    assert config.unique_prefix(one.area_uuid) == "a"
    config.add_area(other)
    config.select_area(one.area_uuid)
    config.save()
    again = UploadConfig()
    assert set(again.areas) == {one.area_uuid, other.area_uuid}
    assert again.current_area == one.area_uuid
    assert again.area_uri(other.area_uuid) == other
    assert again.unique_prefix(one.area_uuid) == "aaa"
    assert again.area_uuid_from_partial_uuid("aab") == other.area_uuid
    with pytest.raises(UploadException, match=r'"aa" matches more than one area, please provide more characters\.'):
        again.area_uuid_from_partial_uuid("aa")
    with pytest.raises(UploadException, match=r'Sorry I don\'t recognize area "\.\*"'):
        again.area_uuid_from_partial_uuid(".*")
    again.forget_area(one.area_uuid)
    assert UploadConfig().current_area is None
    assert UploadConfig().areas == [other.area_uuid]
    with pytest.raises(UploadException, match="I don't know about area"):
        again.area_uri(one.area_uuid)


def test_importing_the_service_imports_nothing_heavy(home: Any) -> None:
    import subprocess
    import sys

    code = (
        "import sys, hca_upload.service\n"
        "print([m for m in ('requests', 'boto3', 'botocore', 'jsonschema', 'yaml', 'hca_base.openapi._client._client') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, cwd=Path.cwd()
    )
    assert done.stdout.strip() == "[]"
