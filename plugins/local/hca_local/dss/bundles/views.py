"""Reading bundles: one, page by page, with or without file URLs, and the list of all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from hca_local.dss import versions
from hca_local.dss.bundles.checkout import bundle_prefix, check_out_bundle, is_checked_out
from hca_local.dss.call import Call, come_back, page
from hca_local.dss.errors import DSSError, illegal_arguments, not_found
from hca_local.dss.service import SCHEMES, Service
from hca_local.dss.waits import Token

URL_LIFETIME = 3600
_KEY_PREFIX = "bundles/"


def get_bundle(service: Service, call: Call) -> Response:
    """The files of a version or of the latest; page links name the version, so that all pages show the same one."""
    direct, presigned = call.args["directurls"], call.args["presignedurls"]
    if direct and presigned:
        raise DSSError(400, "only_one_urltype", "only enable one of `directurls` or `presignedurls`")
    manifest = service.manifest(call.replica, call.uuid, call.args["version"])
    if manifest is None:
        raise not_found("bundle")
    start, length = call.args["start_at"] or 0, call.args["per_page"]
    if start < 0:
        raise illegal_arguments("start_at must not be negative")
    if direct or presigned:
        waiting = _wait(service, call, manifest)
        if waiting is not None:
            return waiting
    files = [_shown(entry) for entry in manifest["files"][start : start + length]]
    if direct or presigned:
        _add_urls(service, call, manifest, files, presigned=presigned)
    following = None
    if start + length < len(manifest["files"]):
        # The original had no token and wrote None into the link; clients rely on that.
        following = call.url(
            per_page=length, start_at=start + length, version=manifest["version"], token=call.args["token"] or "None"
        )
    bundle = {
        "uuid": call.args["uuid"],
        "version": manifest["version"],
        "files": files,
        "creator_uid": manifest["creator_uid"],
    }
    return page({"bundle": bundle}, "bundle.files", following)


def get_all_bundles(service: Service, call: Call) -> Response:
    """Every existing version of every bundle, in ascending order."""
    length = call.args["per_page"]
    prefix = (call.args["prefix"] or "").lower()
    after_uuid, after_version = _position(call.args["search_after"])
    with service.store.read() as db:
        rows = db.execute(
            "SELECT uuid, version FROM dss_living_bundles WHERE replica = ? AND (uuid, version) > (?, ?)"
            " AND uuid >= ? AND uuid < ? ORDER BY uuid, version LIMIT ?",
            (call.replica, after_uuid, after_version, prefix, prefix + "\U0010ffff", length),
        ).fetchall()
    bundles = [{"uuid": row["uuid"], "version": row["version"]} for row in rows]
    body: dict[str, Any] = {
        "object": "list",
        "dss_api": call.base,
        "event_timestamp": versions.now(),
        "search_prefix": _KEY_PREFIX + prefix,
        "per_page": length,
        "page_count": len(bundles),
        "has_more": len(bundles) == length,
        "bundles": bundles,
    }
    following = None
    if body["has_more"]:
        # A full page always links to another, which may be empty, as in the original.
        last = "{uuid}.{version}".format_map(bundles[-1])
        token = hashlib.md5(last.encode(), usedforsecurity=False).hexdigest()
        following = call.url(search_after=_KEY_PREFIX + last, token=token)
        body.update(search_after=_KEY_PREFIX + last, token=token, link=following)
    return page(body, "bundles", following)


def _position(search_after: str | None) -> tuple[str, str]:
    """The bundle to continue after, as given in the link: ``bundles/UUID.VERSION``."""
    if not search_after:
        return "", ""
    uuid, _, version = search_after.removeprefix(_KEY_PREFIX).partition(".")
    return uuid, version


def _shown(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A file as GET shows it: its etag's name has an underscore here, and a hyphen elsewhere."""
    return {name.replace("s3-etag", "s3_etag"): value for name, value in entry.items()}


def _wait(service: Service, call: Call, manifest: Mapping[str, Any]) -> Response | None:
    token = Token.read(call.args["token"])
    if is_checked_out(service, call.replica, call.uuid, manifest["version"]):
        return None
    if service.waits.active:
        size = sum(entry["size"] for entry in manifest["files"])
        key = f"{call.replica}/{call.uuid}.{manifest['version']}"
        following = service.waits.next_token(key, token, service.waits.seconds_to_check_out(size))
        if following is not None:
            return come_back(call.url(token=following.text()), service.waits.retry_after)
    check_out_bundle(service, call.replica, call.uuid, manifest)
    return None


def _add_urls(
    service: Service, call: Call, manifest: Mapping[str, Any], files: list[dict[str, Any]], *, presigned: bool
) -> None:
    bucket = service.checkout_bucket(call.replica)
    prefix = bundle_prefix(call.uuid, manifest["version"])
    for file in files:
        key = f"{prefix}/{file['name']}"
        if presigned:
            file["url"] = service.objects.presign_get(bucket, key, expires=URL_LIFETIME)
        else:
            file["url"] = f"{SCHEMES[call.replica]}://{bucket}/{key}"
