"""DeleteObjects: many objects in one request, each under its own condition."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from hca_local.s3.answers import Answer
from hca_local.s3.errors import S3Error
from hca_local.s3.objects.buckets import xml_answer
from hca_local.s3.objects.write_conditions import check_delete_condition
from hca_local.s3.requests.call import Call
from hca_local.s3.xml import MalformedDocument, element, parse, render, text

_MAX_KEYS = 1000
_MEMBERS = frozenset(["Key", "VersionId", "ETag", "LastModifiedTime", "Size"])
#: Conditions that S3 supports for directory buckets only.
_DIRECTORY_CONDITIONS = ("LastModifiedTime", "Size")


@dataclass(frozen=True)
class _Target:
    """An object to delete, with the client's conditions."""

    key: str
    version: str
    etag: str | None
    unsupported: str | None

    @classmethod
    def read(cls, node: Element) -> _Target:
        unknown = [child.tag for child in node if child.tag not in _MEMBERS]
        if unknown:
            raise MalformedDocument(f"an unknown {unknown[0]}")
        conditions = [name for name in _DIRECTORY_CONDITIONS if node.find(name) is not None]
        etag = text(node, "ETag") if node.find("ETag") is not None else None
        return cls(text(node, "Key"), text(node, "VersionId", ""), etag, conditions[0] if conditions else None)


def delete_objects(call: Call) -> Answer:
    root = parse(call.body, "Delete")
    targets = [_Target.read(node) for node in root.findall("Object")]
    if not 1 <= len(targets) <= _MAX_KEYS or not all(target.key for target in targets):
        raise MalformedDocument(f"from 1 to {_MAX_KEYS} keys")
    quiet = text(root, "Quiet", "false").strip() == "true"
    call.objects.require_bucket(call.bucket)
    results = []
    with call.objects.store.write():
        for target in targets:
            try:
                _delete(call, target)
            except S3Error as error:
                results.append(_result("Error", target, Code=error.code, Message=error.message))
            else:
                if not quiet:
                    results.append(_result("Deleted", target))
    return xml_answer(render(element("DeleteResult", *results)))


def _delete(call: Call, target: _Target) -> None:
    call.authorize("s3:DeleteObject", call.bucket, target.key)
    if target.version not in ("", "null"):
        raise S3Error("NotImplemented", "The embedded endpoint keeps no versions.")
    if target.unsupported is not None:
        raise S3Error("NotImplemented", f"The condition {target.unsupported} is for directory buckets.")
    check_delete_condition(call, target.key, target.etag)
    call.objects.delete(call.bucket, target.key)


def _result(name: str, target: _Target, **members: str) -> Element:
    version = [element("VersionId", target.version)] if target.version else []
    return element(name, element("Key", target.key), *version, *(element(tag, value) for tag, value in members.items()))
