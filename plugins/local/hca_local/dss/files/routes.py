"""Files: PUT imports one from its staging URL, HEAD describes it, GET redirects to its bytes."""

from __future__ import annotations

import json
import logging
import uuid as uuids
from typing import Any

from starlette.responses import Response

from hca_local.dss.call import Call, answer, come_back, redirect
from hca_local.dss.errors import DSSError, illegal_arguments, not_found
from hca_local.dss.files.staged import SourceURL, checksums, parse_source
from hca_local.dss.service import SCHEMES, Service, StoredFile, content_name, dump, read_file
from hca_local.dss.waits import ASYNC_COPY_THRESHOLD, CHECKED_OUT_AT_ONCE, Token

logger = logging.getLogger("hca_local.dss")

URL_LIFETIME = 3600
_FORMAT = "0.0.1"
_HEADERS = {
    "X-DSS-CREATOR-UID": "creator_uid",
    "X-DSS-CONTENT-TYPE": "content-type",
    "X-DSS-SIZE": "size",
    "X-DSS-CRC32C": "crc32c",
    "X-DSS-S3-ETAG": "s3-etag",
    "X-DSS-SHA1": "sha1",
    "X-DSS-SHA256": "sha256",
}


def put_file(service: Service, call: Call) -> Response:
    """201 for a new version, 200 for an identical one, 409 for other content under the same name, 202 for a copy."""
    call.require_group("hca")
    source = parse_source(call.body["source_url"])
    version = call.args["version"]
    staged = service.staging.head(source.bucket, source.key)
    if staged is None:
        raise illegal_arguments(f"Could not find {source.text}")
    sums = checksums(staged)
    document = {
        "format": _FORMAT,
        "content-type": staged.content_type,
        "crc32c": sums["crc32c"],
        "creator_uid": call.body["creator_uid"],
        "s3-etag": sums["s3_etag"],
        "sha1": sums["sha1"],
        "sha256": sums["sha256"],
        "size": staged.size,
    }
    stored = service.file(source.replica, call.uuid, version)
    if stored is not None:
        return _repeated(stored, document)
    if staged.size > ASYNC_COPY_THRESHOLD and service.copies_take_time and not _is_known(service, source, document):
        return _begin_copy(service, call.uuid, version, document, source)
    created = _store(service, call.uuid, version, document, source)
    return answer({"version": version}, 201 if created else 200)


def head_file(service: Service, call: Call) -> Response:
    """The file's metadata in headers; the original sent Content-Length 0, whatever the file's size."""
    return Response(status_code=200, headers=_metadata_headers(_found(service, call)), media_type="text/html")


def get_file(service: Service, call: Call) -> Response:
    """302 to the bytes; 301 to retry until they are in the download bucket."""
    file = _found(service, call)
    token = Token.read(call.args["token"])
    bucket, key = service.checkout_bucket(call.replica), file.content_key
    if service.objects.head(bucket, key) is None:
        if service.waits.active:
            following = service.waits.next_token(key, token, service.waits.seconds_to_copy(file.size))
            if following is not None:
                return come_back(call.url(token=following.text()), service.waits.retry_after)
        service.check_out(call.replica, file)
    if call.args["directurl"]:
        location = f"{SCHEMES[call.replica]}://{bucket}/{key}"
    else:
        disposition = call.args["content_disposition"]
        location = service.objects.presign_get(bucket, key, expires=URL_LIFETIME, content_disposition=disposition)
    return redirect(302, location, _metadata_headers(file))


def _found(service: Service, call: Call) -> StoredFile:
    # GET does not lowercase the uuid, although PUT does, as in the original.
    uuid, version = call.args["uuid"], call.args["version"]
    file = service.file(call.replica, uuid, version)
    if file is not None:
        return file
    with service.store.read() as db:
        failed = db.execute(
            "SELECT cause FROM dss_copies WHERE replica = ? AND uuid = ? AND state = 'FAILED'"
            " AND (? IS NULL OR version = ?)",
            (call.replica, uuid, version, version),
        ).fetchone()
    if failed is not None:
        raise DSSError(422, "unprocessable", f"The file could not be copied: {failed['cause']}")
    raise not_found("file")


def _metadata_headers(file: StoredFile) -> dict[str, str]:
    headers = {header: str(file.document[name]) for header, name in _HEADERS.items()}
    # A stored content type may contain characters that are not allowed in a header.
    headers["X-DSS-CONTENT-TYPE"] = "".join(c if 32 <= ord(c) < 127 else "?" for c in headers["X-DSS-CONTENT-TYPE"])
    return {**headers, "X-DSS-VERSION": file.version}


def _repeated(stored: StoredFile, document: dict[str, Any]) -> Response:
    if dump(stored.document) == dump(document):
        return answer({"version": stored.version}, 200)
    raise DSSError(
        409, "file_already_exists", f"file with UUID {stored.uuid} and version {stored.version} already exists"
    )


def _is_known(service: Service, source: SourceURL, document: dict[str, Any]) -> bool:
    """Whether the content is stored already, so that no copy is needed."""
    with service.store.read() as db:
        rows = db.execute(
            "SELECT uuid, version, document FROM dss_files WHERE replica = ? AND sha256 = ?",
            (source.replica, document["sha256"]),
        ).fetchall()
        return any(
            content_name(found.document) == content_name(document)
            for row in rows
            if (found := read_file(db, source.replica, row["uuid"], row["version"])) is not None
        )


def _store(service: Service, uuid: str, version: str, document: dict[str, Any], source: SourceURL) -> bool:
    """Import the bytes and create the file. False if an identical one was created meanwhile. Raises a DSSError."""
    blob = service.staging.fetch(source.bucket, source.key)
    if blob.s3_etag != document["s3-etag"] or blob.size != document["size"]:
        raise DSSError(
            422, "invalid_checksum", f"hca-dss-s3_etag is {document['s3-etag']}, but the content's is {blob.s3_etag}"
        )
    with service.store.write() as db:
        stored = read_file(db, source.replica, uuid, version)
        if stored is not None:
            _repeated(stored, document)
            return False
        db.execute(
            "INSERT INTO dss_files (replica, uuid, version, document, sha256) VALUES (?, ?, ?, ?, ?)",
            (source.replica, uuid, version, dump(document), blob.sha256),
        )
        db.execute(
            "DELETE FROM dss_copies WHERE replica = ? AND uuid = ? AND version = ?", (source.replica, uuid, version)
        )
        at_once = "json" in document["content-type"].partition(";")[0] and document["size"] <= CHECKED_OUT_AT_ONCE
        if at_once or not service.waits.active:
            service.check_out(source.replica, StoredFile(uuid, version, document, blob.sha256))
    return True


def _begin_copy(service: Service, uuid: str, version: str, document: dict[str, Any], source: SourceURL) -> Response:
    task = str(uuids.uuid4())
    with service.store.write() as db:
        running = db.execute(
            "SELECT task FROM dss_copies WHERE replica = ? AND uuid = ? AND version = ? AND document = ?"
            " AND state = 'RUNNING'",
            (source.replica, uuid, version, dump(document)),
        ).fetchone()
        if running is not None:
            return answer({"task_id": running["task"], "version": version}, 202)
        db.execute(
            "INSERT OR REPLACE INTO dss_copies (replica, uuid, version, document, task, bucket, key, state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 'RUNNING')",
            (source.replica, uuid, version, dump(document), task, source.bucket, source.key),
        )
    service.background.later(service.waits.seconds_to_copy(document["size"]), finish_copy, service, task)
    return answer({"task_id": task, "version": version}, 202)


def finish_copy(service: Service, task: str) -> None:
    """Run the copy announced by a 202; an error is stored for HEAD and GET to report."""

    with service.store.read() as db:
        row = db.execute("SELECT * FROM dss_copies WHERE task = ? AND state = 'RUNNING'", (task,)).fetchone()
    if row is None:
        return
    scheme = SCHEMES[row["replica"]]
    source = SourceURL(row["replica"], row["bucket"], row["key"], f"{scheme}://{row['bucket']}/{row['key']}")
    try:
        _store(service, row["uuid"], row["version"], json.loads(row["document"]), source)
    except Exception as error:  # noqa: BLE001 - any error goes to the client, not to this thread
        logger.warning("the copy of %s failed: %s", source.text, error)
        with service.store.write() as db:
            db.execute("UPDATE dss_copies SET state = 'FAILED', cause = ? WHERE task = ?", (str(error), task))


def resume(service: Service) -> None:
    """Resume the copies that a stopped deployment left unfinished."""
    with service.store.read() as db:
        tasks = [row["task"] for row in db.execute("SELECT task FROM dss_copies WHERE state = 'RUNNING'")]
    for task in tasks:
        service.background.submit(finish_copy, service, task)
