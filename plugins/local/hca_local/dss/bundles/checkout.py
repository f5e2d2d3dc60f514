"""Checkouts: copies of a bundle's files under their own names to a bucket, ours or another, asynchronously."""

from __future__ import annotations

import logging
import uuid as uuids
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from hca_local.dss.call import Call, answer
from hca_local.dss.errors import illegal_arguments, not_found
from hca_local.dss.service import SCHEMES, Service, read_file

logger = logging.getLogger("hca_local.dss")


def post_checkout(service: Service, call: Call) -> Response:
    """Start a checkout and return the id for its status."""
    manifest = service.manifest(call.replica, call.uuid, call.args["version"])
    if manifest is None:
        raise not_found("bundle")
    bucket = call.body.get("destination", service.checkout_bucket(call.replica))
    if not bucket or "/" in bucket:
        raise illegal_arguments("Destination bucket invalid!")
    job = str(uuids.uuid4())
    with service.store.write() as db:
        db.execute(
            "INSERT INTO dss_checkouts (job, replica, uuid, version, bucket, state) VALUES (?, ?, ?, ?, ?, 'RUNNING')",
            (job, call.replica, call.uuid, manifest["version"], bucket),
        )
    size = sum(entry["size"] for entry in manifest["files"])
    service.background.later(service.waits.seconds_to_check_out(size), finish, service, job)
    return answer({"checkout_job_id": job})


def get_checkout(service: Service, call: Call) -> Response:
    """The status of a checkout."""
    with service.store.read() as db:
        row = db.execute(
            "SELECT state, result FROM dss_checkouts WHERE job = ? AND replica = ?",
            (call.args["checkout_job_id"].lower(), call.replica),
        ).fetchone()
    if row is None:
        raise not_found("checkout")
    told = {"SUCCEEDED": "location", "FAILED": "cause"}
    body = {"status": row["state"]}
    if row["state"] in told:
        body[told[row["state"]]] = row["result"]
    return answer(body)


def finish(service: Service, job: str) -> None:
    """Run a checkout; an error is stored as its cause."""
    with service.store.read() as db:
        row = db.execute("SELECT * FROM dss_checkouts WHERE job = ? AND state = 'RUNNING'", (job,)).fetchone()
    if row is None:
        return
    try:
        state, result = "SUCCEEDED", _place(service, row)
    except Exception as error:  # noqa: BLE001 - the one who asked is to hear of it, not this thread
        state, result = "FAILED", f"{error} (FAILED)"
    with service.store.write() as db:
        db.execute("UPDATE dss_checkouts SET state = ?, result = ? WHERE job = ?", (state, result, job))


def resume(service: Service) -> None:
    """Resume the checkouts that a stopped deployment left unfinished."""
    with service.store.read() as db:
        jobs = [row["job"] for row in db.execute("SELECT job FROM dss_checkouts WHERE state = 'RUNNING'")]
    for job in jobs:
        service.background.submit(finish, service, job)


def bundle_prefix(uuid: str, version: str) -> str:
    """The prefix of a bundle version's files in a bucket."""
    return f"bundles/{uuid}.{version}"


def is_checked_out(service: Service, replica: str, uuid: str, version: str) -> bool:
    """Whether the files are in our own checkout bucket."""
    with service.store.read() as db:
        row = db.execute(
            "SELECT 1 FROM dss_checked_out WHERE replica = ? AND uuid = ? AND version = ?", (replica, uuid, version)
        ).fetchone()
    return row is not None


def check_out_bundle(service: Service, replica: str, uuid: str, manifest: Mapping[str, Any]) -> None:
    """Link all files of a bundle version into our own checkout bucket, without copying bytes."""
    version = manifest["version"]
    with service.store.write() as db:
        for entry in manifest["files"]:
            file = read_file(db, replica, entry["uuid"], entry["version"])
            if file is None:
                raise RuntimeError(f"file {entry['uuid']} of bundle {uuid} is lost")
            key = f"{bundle_prefix(uuid, version)}/{entry['name']}"
            service.place(service.checkout_bucket(replica), key, file)
        db.execute(
            "INSERT OR IGNORE INTO dss_checked_out (replica, uuid, version) VALUES (?, ?, ?)", (replica, uuid, version)
        )


def _place(service: Service, row: Mapping[str, Any]) -> str:
    replica, uuid, version, bucket = row["replica"], row["uuid"], row["version"], row["bucket"]
    manifest = service.manifest(replica, uuid, version)
    if manifest is None:
        raise LookupError(f"Bundle {uuid}.{version} doesn't exist")
    prefix = bundle_prefix(uuid, version)
    if bucket == service.checkout_bucket(replica):
        check_out_bundle(service, replica, uuid, manifest)
    else:
        if not service.staging.bucket_exists(bucket):
            raise LookupError(f"Bucket {bucket} doesn't exist")
        for entry in manifest["files"]:
            file = service.file(replica, entry["uuid"], entry["version"])
            blob = service.store.blobs.get(file.sha256) if file is not None else None
            if file is None or blob is None:
                raise LookupError(f"File {entry['uuid']} is lost")
            service.staging.write(bucket, f"{prefix}/{entry['name']}", blob, file.document["content-type"])
    return f"{SCHEMES[replica]}://{bucket}/{prefix}"
