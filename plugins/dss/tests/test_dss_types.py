"""The types of results match the responses: type checkers know every member that the service sends."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hca_dss.client import DSSClient
from hca_dss.versions import new_version

from tests.lib.stub_types import StubTypes

STUB = Path(__file__).resolve().parents[1] / "hca_dss" / "operations.pyi"


@pytest.fixture
def dss(site: Any) -> DSSClient:
    return DSSClient(swagger_url=site.url, token=site.token)


def answers(dss: DSSClient, site: Any) -> Iterator[tuple[str, Any]]:
    """A response for each operation that has one."""
    bundle = site.put_bundle({"cell.json": b"{}", "reads": b"ACGT"})
    other = site.put_bundle({"cell.json": b"{}"})
    here: dict[str, Any] = {"uuid": bundle.uuid, "replica": "aws"}
    yield "get_bundle", dss.get_bundle(**here)
    yield "get_bundle", dss.get_bundle(**here, presignedurls=True)
    yield "get_bundle", dss.get_bundle(**here, directurls=True)
    yield "get_bundles_all", dss.get_bundles_all(replica="aws", per_page=10)
    file_uuid, version = bundle.files["reads"]
    entry = {"name": "reads", "uuid": file_uuid, "version": version, "indexed": False}
    yield (
        "put_bundle",
        dss.put_bundle(uuid=str(uuid.uuid4()), version=new_version(), replica="aws", creator_uid=1, files=[entry]),
    )
    yield "patch_bundle", dss.patch_bundle(uuid=other.uuid, replica="aws", version=other.version, add_files=[entry])
    for form in ("summary", "raw"):
        yield "post_search", dss.post_search(es_query={}, replica="aws", output_format=form, per_page=10)
    job = dss.post_bundles_checkout(**here, destination="dss-staging")
    yield "post_bundles_checkout", job
    yield "get_bundles_checkout", dss.get_bundles_checkout(replica="aws", checkout_job_id=job["checkout_job_id"])
    made = {"uuid": str(uuid.uuid4()), "version": new_version()}
    link = {"type": "bundle", "uuid": bundle.uuid, "version": bundle.version}
    collection = {"contents": [link], "description": "d", "details": {}, "name": "n"}
    yield "put_collection", dss.put_collection(replica="aws", **made, **collection)
    yield "get_collection", dss.get_collection(uuid=made["uuid"], replica="aws")
    yield "patch_collection", dss.patch_collection(replica="aws", **made, name="m")
    yield "get_collections", dss.get_collections()
    yield "get_events", dss.get_events(replica="aws")
    own = dss.put_subscription(replica="aws", callback_url="http://127.0.0.1:9/", jmespath_query="event_type=='CREATE'")
    yield "put_subscription", own
    yield "get_subscription", dss.get_subscription(uuid=own["uuid"], replica="aws")
    yield "get_subscriptions", dss.get_subscriptions(replica="aws")
    yield "delete_subscription", dss.delete_subscription(uuid=own["uuid"], replica="aws")
    yield "delete_collection", dss.delete_collection(uuid=made["uuid"], replica="aws")


def test_type_checkers_know_every_member_of_an_answer(dss: DSSClient, site: Any) -> None:
    types = StubTypes(STUB)
    seen, found = set(), []
    for name, answer in answers(dss, site):
        seen.add(name)
        found += types.unknown(types.results[name], answer, name)
    assert not set(found), "\n".join(sorted(set(found)))
    assert len(seen) == 17
