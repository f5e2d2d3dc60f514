"""Operations on objects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from hca_local.s3.answers import Answer, Content
from hca_local.s3.checksums import PREFIX, Promise
from hca_local.s3.errors import S3Error
from hca_local.s3.objects.buckets import xml_answer
from hca_local.s3.objects.conditions import check_preconditions, http_date, iso_date, parse_range
from hca_local.s3.objects.objects import S3Object
from hca_local.s3.objects.write_conditions import check_delete_condition, check_write_conditions
from hca_local.s3.requests.call import KEPT_HEADERS, Call
from hca_local.s3.xml import element, render
from hca_local.store import BlobWriter

DEFAULT_TYPE = "binary/octet-stream"
#: Query parameters of GET that override the object's own headers.
_OVERRIDES = {f"response-{name}": name for name in (*KEPT_HEADERS, "content-type")}


def put_object(call: Call, promise: Promise) -> BlobWriter:
    """Check what can be checked before the body is received."""
    call.objects.require_bucket(call.bucket)
    if call.header("content-length") is None and "transfer-encoding" not in call.request.headers:
        raise S3Error("MissingContentLength")
    check_write_conditions(call)
    call.metadata()
    call.header_tags()
    return call.objects.store.blobs.writer()


def commit_object(call: Call, sink: BlobWriter, promise: Promise) -> Answer:
    blob = sink.commit()
    headers = call.kept_headers()
    checksums = promise.headers()
    with call.objects.store.write():
        check_write_conditions(call)
        made = call.objects.put(
            call.bucket,
            call.key,
            blob,
            content_type=call.header("content-type") or DEFAULT_TYPE,
            metadata=call.metadata(),
            tags=call.header_tags(),
            headers=headers | checksums,
        )
    return Answer(200, {"ETag": f'"{made.etag}"', **checksums})


def get_object(call: Call) -> Answer:
    """GET and HEAD."""
    with call.objects.store.read():
        found = call.objects.require(call.bucket, call.key)
        check_preconditions(
            found.etag,
            found.modified,
            if_match=call.header("if-match"),
            if_none_match=call.header("if-none-match"),
            if_modified_since=call.header("if-modified-since"),
            if_unmodified_since=call.header("if-unmodified-since"),
        )
        wanted = _part_range(call, found) or parse_range(call.header("range"), found.size)
        headers = _headers(call, found, whole=wanted is None)
        start, stop = wanted or (0, found.size)
        if wanted is not None:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{found.size}"
        where = [] if call.request.method == "HEAD" else call.objects.store.blobs.locate(found.sha256, start, stop)
    return Answer(206 if wanted is not None else 200, headers, content=Content(where, start, stop))


def _part_range(call: Call, found: S3Object) -> tuple[int, int] | None:
    """The bytes of the part selected by ``partNumber``."""
    if "partNumber" not in call.request.query:
        return None
    number = call.request.number("partNumber", 1, 1, 10_000)
    if call.header("range") is not None:
        raise S3Error("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
    sizes = found.parts or (found.size,)
    if number > len(sizes):
        raise S3Error("InvalidPartNumber", PartNumberRequested=str(number), ActualPartCount=str(len(sizes)))
    return sum(sizes[: number - 1]), sum(sizes[:number])


def _headers(call: Call, found: S3Object, *, whole: bool) -> dict[str, str]:
    headers = {
        "Content-Type": found.content_type,
        "Last-Modified": http_date(found.modified),
        "ETag": f'"{found.etag}"',
        "Accept-Ranges": "bytes",
    }
    for name, value in found.headers.items():
        if name.startswith(PREFIX):
            # Only if requested, because clients then verify it; a part does not have the whole object's checksum.
            if whole and (call.header("x-amz-checksum-mode") or "").upper() == "ENABLED":
                headers[name] = value
                headers.setdefault(PREFIX + "type", "FULL_OBJECT")
        else:
            headers[_spelling(name)] = value
    headers |= {f"x-amz-meta-{name}": value for name, value in found.metadata.items()}
    if found.tags:
        headers["x-amz-tagging-count"] = str(len(found.tags))
    if found.parts and "partNumber" in call.request.query:
        headers["x-amz-mp-parts-count"] = str(len(found.parts))
    for parameter, name in _OVERRIDES.items():
        if parameter in call.request.query:
            headers[_spelling(name)] = call.request.query[parameter]
    return headers


def _spelling(name: str) -> str:
    return "-".join(word.capitalize() for word in name.split("-"))


def delete_object(call: Call) -> Answer:
    with call.objects.store.write():
        call.objects.require_bucket(call.bucket)
        check_delete_condition(call, call.key, call.header("if-match"))
        call.objects.delete(call.bucket, call.key)
    return Answer(204)


def copy_source(call: Call) -> S3Object:
    """The object named by x-amz-copy-source, checked against the copy's conditions.

    :raises S3Error: it does not exist, access is denied, or a condition is not met
    """
    header = call.header("x-amz-copy-source") or ""
    path, _, query = header.partition("?")
    if query and query != "versionId=null":
        raise S3Error("NotImplemented", "The embedded endpoint keeps no versions.", Header="x-amz-copy-source")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    if not bucket or not key:
        raise S3Error(
            "InvalidArgument",
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            ArgumentName="x-amz-copy-source",
            ArgumentValue=header,
        )
    call.authorize("s3:GetObject", bucket, key)
    found = call.objects.require(bucket, key)
    prefix = "x-amz-copy-source-"
    check_preconditions(
        found.etag,
        found.modified,
        if_match=call.header(prefix + "if-match"),
        if_none_match=call.header(prefix + "if-none-match"),
        if_modified_since=call.header(prefix + "if-modified-since"),
        if_unmodified_since=call.header(prefix + "if-unmodified-since"),
        reading=False,
    )
    return found


def copy_object(call: Call) -> Answer:
    with call.objects.store.write():
        check_write_conditions(call)
        source = copy_source(call)
        changes: dict[str, Any] = {}
        if _directive(call, "x-amz-metadata-directive"):
            kept = {name: value for name, value in source.headers.items() if name.startswith(PREFIX)}
            changes = {"metadata": call.metadata(), "headers": call.kept_headers() | kept}
            changes["content_type"] = call.header("content-type") or DEFAULT_TYPE
        elif (source.bucket, source.key) == (call.bucket, call.key):
            raise S3Error(
                "InvalidRequest",
                "This copy request is illegal because it is trying to copy an object to itself without changing the "
                "object's metadata, storage class, website redirect location or encryption attributes.",
            )
        if _directive(call, "x-amz-tagging-directive"):
            changes["tags"] = call.header_tags()
        copy = replace(source, **changes)
        blob = call.objects.store.blobs.require(source.sha256)
        made = call.objects.put(
            call.bucket,
            call.key,
            blob,
            content_type=copy.content_type,
            metadata=copy.metadata,
            tags=copy.tags,
            headers=copy.headers,
            # On S3 a copy is a single part, whatever its source was; its ETag is the MD5, if known.
            etag=blob.md5 or source.etag,
        )
    return xml_answer(
        render(
            element(
                "CopyObjectResult", element("ETag", f'"{made.etag}"'), element("LastModified", iso_date(made.modified))
            )
        )
    )


def _directive(call: Call, name: str) -> bool:
    """Whether to replace instead of copy."""
    word = (call.header(name) or "COPY").upper()
    if word not in ("COPY", "REPLACE"):
        raise S3Error("InvalidArgument", f"Unknown {name}", ArgumentName=name, ArgumentValue=word)
    return word == "REPLACE"
