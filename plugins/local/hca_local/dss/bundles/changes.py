"""Bundles: PUT creates a version, PATCH a version based on another, DELETE deletes one version or all."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from hca_local.dss import versions
from hca_local.dss.call import Call, answer
from hca_local.dss.errors import DSSError, not_found
from hca_local.dss.events import journal
from hca_local.dss.files import metadata
from hca_local.dss.service import Service, dump

_FORMAT = "0.0.1"
#: Seconds a bundle waits for files that are still being copied; the original waited for any file.
PATIENCE = 15.0
_POLL = 0.25


def put_bundle(service: Service, call: Call) -> Response:
    """201 for a new version, 200 for an identical one, 409 for a different one under the same name."""
    version = call.args["version"]
    entries = _looked_up(service, call.replica, call.body["files"])
    manifest = _manifest(version, call.body["creator_uid"], entries)
    created = _save(service, call.replica, call.uuid, manifest)
    return answer({"version": version, "manifest": manifest}, 201 if created else 200)


def patch_bundle(service: Service, call: Call) -> Response:
    """Always creates a version with the current time, even if nothing changes."""
    base = service.manifest(call.replica, call.uuid, call.args["version"])
    if base is None:
        raise DSSError(404, "not_found", f"Could not find bundle for UUID {call.uuid}")
    removed = {_name_of(entry) for entry in call.body.get("remove_files", [])}
    kept = [entry for entry in base["files"] if _name_of(entry) not in removed]
    added = _looked_up(service, call.replica, call.body.get("add_files", []))
    _check_names([*kept, *added])
    while True:
        version = versions.now()
        manifest = _manifest(version, base["creator_uid"], [*kept, *added])
        if service.manifest(call.replica, call.uuid, version) is None:
            _save(service, call.replica, call.uuid, manifest)
            return answer({"uuid": call.uuid, "version": version})


def delete_bundle(service: Service, call: Call) -> Response:
    """Delete one version, or the bundle permanently. Repeating with the same body is allowed, another is a conflict."""
    email = call.require_email()
    if email not in service.settings.admin_emails:
        raise DSSError(403, "Forbidden", "You can't delete bundles with these credentials!")
    version = call.args["version"]
    tombstone = {"email": email, "reason": call.body["reason"], "admin_deleted": True}
    if version is not None:
        tombstone["version"] = version
    with service.store.write() as db:
        _require_stored(db, call.replica, call.uuid, version)
        known = db.execute(
            "SELECT document FROM dss_tombstones WHERE replica = ? AND uuid = ? AND version = ?",
            (call.replica, call.uuid, version or ""),
        ).fetchone()
        if known is None:
            _bury(service, db, call.replica, call.uuid, version, tombstone)
        elif known["document"] != dump(tombstone):
            what = f"UUID {call.uuid}" + (f" and version {version}" if version else "")
            raise DSSError(409, "bundle_tombstone_already_exists", f"bundle tombstone with {what} already exists")
    return answer({})


def _bury(
    service: Service,
    db: sqlite3.Connection,
    replica: str,
    uuid: str,
    version: str | None,
    tombstone: Mapping[str, Any],
) -> None:
    where, arguments = "replica = ? AND uuid = ?", [replica, uuid]
    if version is not None:
        where, arguments = f"{where} AND version = ?", [*arguments, version]
    dying = [
        row["version"]
        for row in db.execute(f"SELECT version FROM dss_living_bundles WHERE {where} ORDER BY version", arguments)
    ]
    db.execute(
        "INSERT INTO dss_tombstones (replica, uuid, version, document) VALUES (?, ?, ?, ?)",
        (replica, uuid, version or "", dump(tombstone)),
    )
    for each in dying:
        # As in the original: the tombstone replaces the bundle in the index, and is searchable like any document.
        service.index.add(db, replica, uuid, each, metadata.buried_document(uuid, each, tombstone))
        journal.forget(service, db, replica, uuid, each)
        document = metadata.tombstone_document(uuid, each, tombstone)
        journal.record(service, db, replica, "TOMBSTONE", uuid, each, document)


def _require_stored(db: sqlite3.Connection, replica: str, uuid: str, version: str | None) -> None:
    where, arguments = "replica = ? AND uuid = ?", [replica, uuid]
    if version is not None:
        where, arguments = f"{where} AND version = ?", [*arguments, version]
    if db.execute(f"SELECT 1 FROM dss_bundles WHERE {where} LIMIT 1", arguments).fetchone() is None:
        raise not_found("bundle")


def _manifest(version: str, creator: int, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"format": _FORMAT, "version": version, "files": list(entries), "creator_uid": creator}


def _save(service: Service, replica: str, uuid: str, manifest: dict[str, Any]) -> bool:
    """Store a version, index it, record its event. False if it already exists. Raises a DSSError if it differs."""
    text = dump(manifest)
    version = manifest["version"]
    with service.store.read() as db:
        if _is_repeated(db, replica, uuid, version, text):
            return False
    # Reading the metadata files takes longest, and does not need the write lock.
    files = metadata.files_by_schema(manifest["files"], lambda entry: _content(service, replica, entry))
    searched = metadata.search_document(uuid, manifest, files)
    with service.store.write() as db:
        if _is_repeated(db, replica, uuid, version, text):
            return False
        db.execute(
            "INSERT INTO dss_bundles (replica, uuid, version, manifest) VALUES (?, ?, ?, ?)",
            (replica, uuid, version, text),
        )
        # A PUT under the name of a deleted bundle is stored but never shown, as in the original.
        if not _is_buried(db, replica, uuid):
            service.index.add(db, replica, uuid, version, searched)
            document = metadata.creation_document(uuid, manifest, files)
            journal.record(service, db, replica, "CREATE", uuid, version, document, searched)
    return True


def _is_repeated(db: sqlite3.Connection, replica: str, uuid: str, version: str, text: str) -> bool:
    """Whether this exact version exists. Raises a DSSError if a different one has its name."""
    known = db.execute(
        "SELECT manifest FROM dss_bundles WHERE replica = ? AND uuid = ? AND version = ?", (replica, uuid, version)
    ).fetchone()
    if known is not None and known["manifest"] != text:
        raise DSSError(409, "bundle_already_exists", f"bundle with UUID {uuid} and version {version} already exists")
    return known is not None


def _content(service: Service, replica: str, entry: Mapping[str, Any]) -> bytes:
    file = service.file(replica, entry["uuid"], entry["version"])
    return service.store.blobs.read(file.sha256) if file is not None else b""


def _is_buried(db: sqlite3.Connection, replica: str, uuid: str) -> bool:
    found = db.execute(
        "SELECT 1 FROM dss_tombstones WHERE replica = ? AND uuid = ? AND version = ''", (replica, uuid)
    ).fetchone()
    return found is not None


def _looked_up(service: Service, replica: str, asked: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The manifest's entries for the requested files. Raises a DSSError for a missing one."""
    _check_names(asked)
    deadline = time.monotonic() + PATIENCE
    while True:
        entries, missing = _entries(service, replica, asked)
        if missing is None:
            return entries
        # Only a copy in progress can still help; the original waited for 15 seconds in any case.
        if not _is_coming(service, replica, missing) or time.monotonic() > deadline:
            raise DSSError(400, "file_missing", "Could not find file {uuid}/{version}.".format_map(missing))
        time.sleep(_POLL)


def _entries(
    service: Service, replica: str, asked: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], Mapping[str, Any] | None]:
    entries = []
    with service.store.read() as db:
        for wanted in asked:
            row = db.execute(
                "SELECT document FROM dss_files WHERE replica = ? AND uuid = ? AND version = ?",
                (replica, wanted["uuid"], wanted["version"]),
            ).fetchone()
            if row is None:
                return [], wanted
            document = json.loads(row["document"])
            del document["format"], document["creator_uid"]
            names = {name: wanted[name] for name in ("name", "uuid", "version", "indexed")}
            entries.append(dict(sorted({**document, **names}.items())))
    return entries, None


def _is_coming(service: Service, replica: str, wanted: Mapping[str, Any]) -> bool:
    with service.store.read() as db:
        row = db.execute(
            "SELECT 1 FROM dss_copies WHERE replica = ? AND uuid = ? AND version = ? AND state = 'RUNNING'",
            (replica, wanted["uuid"], wanted["version"]),
        ).fetchone()
    return row is not None


def _check_names(entries: Sequence[Mapping[str, Any]]) -> None:
    seen = set()
    for entry in entries:
        name = entry["name"]
        if name in seen:
            raise DSSError(
                400,
                "duplicate_filename",
                f"Duplicate file name detected: {name}. Every file of a bundle needs a name of its own; "
                "this is the first that does not have one.",
            )
        seen.add(name)


def _name_of(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    return entry["name"], entry["uuid"], entry["version"]
