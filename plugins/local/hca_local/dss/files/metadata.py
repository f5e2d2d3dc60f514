"""A bundle's JSON metadata for searches and subscriptions: one document built from its indexed files."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

logger = logging.getLogger("hca_local.dss")

#: Larger files are data, whatever their names, and would only bloat the index.
MAX_INDEXED = 32 * 1024 * 1024
#: Nesting levels reserved for the documents that contain the metadata.
_ROOM = 100
_NUMBER = re.compile(r"_\d+$")


def files_by_schema(files: list[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], bytes]) -> dict[str, list[Any]]:
    """The contents of the indexed files, in lists by entity type, in the bundle's order.

    ``project_0.json`` and ``project_1.json`` are both ``project_json``: the number is dropped, dots become ``_``.
    ``read`` returns the bytes of a manifest's entry. Files that are not JSON are skipped, as in the original.
    """
    found: dict[str, list[Any]] = {}
    parsed: dict[str, Any] = {}
    for entry in files:
        if not _is_indexed(entry):
            continue
        content = "{uuid} {version}".format_map(entry)
        if content not in parsed:
            try:
                parsed[content] = _plain(read(entry))
            except (ValueError, RecursionError) as error:
                logger.warning("file %s is to be indexed and is not JSON: %s", entry["name"], error)
                parsed[content] = None
        if parsed[content] is not None:
            found.setdefault(schema_name(entry["name"]), []).append(parsed[content])
    return found


def _plain(content: bytes) -> Any:
    """JSON that can be stored and returned: no NaN or infinity, which are not JSON, and no lone surrogates.

    :raises ValueError: the document is invalid
    :raises RecursionError: the document is nested too deeply
    """
    value = json.loads(content)
    # Other documents contain it, and it is serialized deeper in the call stack: keep some levels in reserve.
    deeper = value
    for _ in range(_ROOM):
        deeper = [deeper]
    json.dumps(deeper, ensure_ascii=False, allow_nan=False).encode()
    return value


def schema_name(name: str) -> str:
    """``cells/cell_suspension_0.json`` → ``cells/cell_suspension_json``."""
    stem, dot, extension = name.rpartition(".")
    if not dot:
        return name
    return f"{_NUMBER.sub('', stem)}_{extension}".replace(".", "_")


def _is_indexed(entry: Mapping[str, Any]) -> bool:
    media_type = entry["content-type"].partition(";")[0].strip().lower()
    is_json = media_type == "application/json" or entry["name"].lower().endswith(".json")
    return entry["indexed"] and is_json and entry["size"] <= MAX_INDEXED


def search_document(uuid: str, manifest: Mapping[str, Any], files: Mapping[str, Any]) -> dict[str, Any]:
    """The document that POST /search matches, and returns as ``metadata`` with raw output."""
    return {"files": files, "manifest": manifest, "shape_descriptor": "local", "state": "new", "uuid": uuid}


def buried_document(uuid: str, version: str, tombstone: Mapping[str, Any]) -> dict[str, Any]:
    """The document that POST /search matches for a deleted bundle version; ``admin_deleted`` marks it."""
    return {**tombstone, "uuid": uuid, "manifest": {"version": version}}


def creation_document(uuid: str, manifest: Mapping[str, Any], files: Mapping[str, Any]) -> dict[str, Any]:
    """The document of the event of a new bundle version."""
    info = {"uuid": uuid, "version": manifest["version"]}
    return {"bundle_info": info, "event_type": "CREATE", "files": files, "manifest": manifest}


def tombstone_document(uuid: str, version: str, tombstone: Mapping[str, Any]) -> dict[str, Any]:
    """The document of the event of a deleted bundle version, without the user who deleted it."""
    info = {"uuid": uuid, "version": version}
    return {"bundle_info": info, "event_type": "TOMBSTONE", "reason": tombstone["reason"]}
