"""Collections: named lists of files, bundles, collections and metadata fragments, each with an owner."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from hca_local.dss import versions
from hca_local.dss.call import Call, answer, page
from hca_local.dss.errors import DSSError, forbidden, illegal_arguments
from hca_local.dss.service import Service, dump, read_file

_MEMBERS = ("name", "description", "details", "contents")
_INDEX = re.compile(r"0|[1-9][0-9]*")


def list_collections(service: Service, call: Call) -> Response:
    """The caller's collections, all versions, in both replicas, without those that PATCH created."""
    owner = _owner(call)
    start, length = call.args["start_at"] or 0, call.args["per_page"]
    if start < 0:
        raise illegal_arguments("start_at must not be negative")
    with service.store.read() as db:
        rows = db.execute(
            "SELECT DISTINCT uuid, version FROM dss_collections AS c WHERE owner = ? AND listed AND NOT EXISTS ("
            " SELECT 1 FROM dss_collection_tombstones AS t WHERE t.replica = c.replica AND t.uuid = c.uuid)"
            " ORDER BY uuid DESC, version DESC",
            (owner,),
        ).fetchall()
    shown = [{"uuid": row["uuid"], "version": row["version"]} for row in rows[start : start + length]]
    following = call.url(per_page=length, start_at=start + length) if start + length < len(rows) else None
    return page({"collections": shown}, "collections", following)


def put_collection(service: Service, call: Call) -> Response:
    """Always 201; repeating a uuid and version replaces the stored collection, if the caller owns it."""
    owner = _owner(call)
    uuid, version = call.uuid, call.args["version"]
    document = {name: call.body[name] for name in _MEMBERS}
    document["contents"] = _distinct(document["contents"])
    with service.store.write() as db:
        theirs = db.execute(
            "SELECT 1 FROM dss_collections WHERE replica = ? AND uuid = ? AND owner != ?", (call.replica, uuid, owner)
        ).fetchone()
        if theirs is not None:
            raise forbidden()
        _check_items(service, db, call.replica, document["contents"])
        _save(db, call.replica, uuid, version, owner, document, listed=True)
    return answer({"uuid": uuid, "version": version}, 201)


def get_collection(service: Service, call: Call) -> Response:
    """A version or the latest, with its owner."""
    owner = _owner(call)
    with service.store.read() as db:
        document = _owned(db, call.replica, call.uuid, call.args["version"], owner)
    return answer({**document, "owner": owner})


def patch_collection(service: Service, call: Call) -> Response:
    """Create a new version from an existing one; the server sets its version to the current time."""
    owner = _owner(call)
    uuid = call.uuid
    with service.store.write() as db:
        document = _owned(db, call.replica, uuid, call.args["version"], owner)
        added = _distinct(call.body.get("add_contents", []))
        _check_items(service, db, call.replica, added)
        document.update({name: call.body[name] for name in ("name", "description", "details") if name in call.body})
        removed = {_identity(item) for item in call.body.get("remove_contents", [])}
        kept = [item for item in document["contents"] if _identity(item) not in removed]
        document["contents"] = _distinct([*kept, *added])
        last = db.execute(
            "SELECT max(version) AS version FROM dss_collections WHERE replica = ? AND uuid = ? AND NOT listed",
            (call.replica, uuid),
        ).fetchone()["version"]
        version = versions.now(after=last)
        _save(db, call.replica, uuid, version, owner, document, listed=False)
    return answer({"uuid": uuid, "version": version})


def delete_collection(service: Service, call: Call) -> Response:
    """Delete all versions permanently: later PUTs under the uuid are never shown."""
    owner = _owner(call)
    with service.store.write() as db:
        _owned(db, call.replica, call.uuid, None, owner)
        db.execute(
            "INSERT INTO dss_collection_tombstones (replica, uuid, owner, time) VALUES (?, ?, ?, ?)",
            (call.replica, call.uuid, owner, versions.now()),
        )
    return answer({})


def _owner(call: Call) -> str:
    call.require_group("hca")
    return call.require_email()


def _save(
    db: sqlite3.Connection,
    replica: str,
    uuid: str,
    version: str,
    owner: str,
    document: Mapping[str, Any],
    *,
    listed: bool,
) -> None:
    db.execute(
        "INSERT OR REPLACE INTO dss_collections (replica, uuid, version, owner, listed, document)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (replica, uuid, version, owner, int(listed), dump(document)),
    )


def _living(db: sqlite3.Connection, replica: str, uuid: str, version: str | None) -> sqlite3.Row | None:
    where, arguments = "replica = ? AND uuid = ?", [replica, uuid]
    if version is not None:
        where, arguments = f"{where} AND version = ?", [*arguments, version]
    row: sqlite3.Row | None = db.execute(
        f"SELECT owner, document FROM dss_collections AS c WHERE {where} AND NOT EXISTS ("
        " SELECT 1 FROM dss_collection_tombstones AS t WHERE t.replica = c.replica AND t.uuid = c.uuid)"
        " ORDER BY version DESC LIMIT 1",
        arguments,
    ).fetchone()
    return row


def _owned(db: sqlite3.Connection, replica: str, uuid: str, version: str | None, owner: str) -> dict[str, Any]:
    """An existing collection of ``owner``. Raises a DSSError if it does not exist or has another owner."""
    row = _living(db, replica, uuid, version)
    if row is None:
        raise DSSError(404, "not_found", f"Could not find collection for UUID {uuid}")
    if row["owner"] != owner:
        raise forbidden("Collection access denied")
    document: dict[str, Any] = json.loads(row["document"])
    return document


def _identity(item: Mapping[str, Any]) -> str:
    return json.dumps(item, sort_keys=True)


def _distinct(items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Each item once, at its first position."""
    return list({_identity(item): item for item in items}.values())


def _check_items(service: Service, db: sqlite3.Connection, replica: str, items: Sequence[Mapping[str, Any]]) -> None:
    """Raises a DSSError for an item that does not exist."""
    for item in items:
        kind, uuid, version = item["type"], item["uuid"], item["version"]
        if kind == "file":
            found = read_file(db, replica, uuid, version) is not None
        elif kind == "bundle":
            found = service.manifest(replica, uuid.lower(), version) is not None
        elif kind == "collection":
            found = _living(db, replica, uuid.lower(), version) is not None
        else:
            _check_fragment(service, db, replica, item)
            continue
        if not found:
            raise _bad_link(f"Could not find {kind} for UUID {uuid}")


def _check_fragment(service: Service, db: sqlite3.Connection, replica: str, item: Mapping[str, Any]) -> None:
    # The document calls the member "path"; the original read "fragment". Both are accepted.
    pointer = item.get("fragment", item.get("path"))
    if not isinstance(pointer, str):
        raise _bad_link(
            f'Error while parsing the link "{item}": the "fragment" field is required in collection elements '
            "other than files, bundles, and collections"
        )
    file = read_file(db, replica, item["uuid"], item["version"])
    if file is None:
        raise _bad_link(f"Could not find file for UUID {item['uuid']}")
    try:
        _resolve(json.loads(service.store.blobs.read(file.sha256)), pointer)
    except (ValueError, LookupError, RecursionError) as error:
        raise _bad_link(f'Error while parsing the link "{item}": {error}') from None


def _resolve(document: Any, pointer: str) -> None:
    """Resolve a JSON pointer (RFC 6901). Raises LookupError if it does not resolve."""
    if pointer and not pointer.startswith("/"):
        raise LookupError(f"{pointer!r} is not a JSON pointer")
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and name in document:
            document = document[name]
        elif isinstance(document, list) and _INDEX.fullmatch(name) and int(name) < len(document):
            document = document[int(name)]
        else:
            raise LookupError(f"member {name!r} is not there")


def _bad_link(title: str) -> DSSError:
    return DSSError(422, "invalid_link", title)
