"""The types of results match the responses: type checkers know every member that the service sends."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hca_upload import UploadClient

from tests.lib import Runner
from tests.lib.stub_types import StubTypes

STUB = Path(__file__).resolve().parents[1] / "hca_upload" / "operations.pyi"


@pytest.fixture
def upload(site: Any, hca: Runner, monkeypatch: pytest.MonkeyPatch) -> UploadClient:
    for name, value in hca.env.items():
        monkeypatch.setenv(name, value)
    return UploadClient()


def answers(upload: UploadClient, site: Any) -> Iterator[tuple[str, Any]]:
    """A response for each operation that has one."""
    area = str(uuid.uuid4())
    yield "post_area_by_upload_area_uuid", upload.post_area_by_upload_area_uuid(upload_area_uuid=area)
    yield "get_area_checksums", upload.get_area_checksums(upload_area_uuid=area)
    yield "get_area_validations", upload.get_area_validations(upload_area_uuid=area)
    content = site.deployment.ctx.store.blobs.put_bytes(b"x")
    site.deployment.ctx.objects.put(site.bucket, f"{area}/a.txt", content, content_type="text/plain")
    yield "post_area_by_filename", upload.post_area_by_filename(upload_area_uuid=area, filename="a.txt")
    site.until(lambda: site.checksum_states(area) == {"a.txt": "CHECKSUMMED"})
    yield "get_area", upload.get_area(upload_area_uuid=area, filename="a.txt")
    yield "put_area_files_info", upload.put_area_files_info(upload_area_uuid=area, body=["a.txt"])
    yield "get_area_checksum", upload.get_area_checksum(upload_area_uuid=area, filename="a.txt")
    yield (
        "put_area_validate_by_filename",
        upload.put_area_validate_by_filename(upload_area_uuid=area, filename="a.txt", validator_image="validator"),
    )
    yield "get_area_validate", upload.get_area_validate(upload_area_uuid=area, filename="a.txt")


def test_type_checkers_know_every_member_of_an_answer(upload: UploadClient, site: Any) -> None:
    types = StubTypes(STUB)
    seen, found = set(), []
    for name, answer in answers(upload, site):
        seen.add(name)
        found += types.unknown(types.results[name], answer, name)
    assert not set(found), "\n".join(sorted(set(found)))
    assert len(seen) == 9
