"""Operations on multipart uploads."""

from __future__ import annotations

import re
from typing import Any

from hca_local.s3.answers import Answer
from hca_local.s3.checksums import MAX_UPLOAD, NO_CHECKSUMS, PREFIX, SIZES, Promise, decoded, require_computable
from hca_local.s3.errors import S3Error
from hca_local.s3.objects.buckets import owner_element, xml_answer
from hca_local.s3.objects.conditions import iso_date
from hca_local.s3.objects.operations import DEFAULT_TYPE, copy_source
from hca_local.s3.objects.write_conditions import check_write_conditions
from hca_local.s3.requests.call import Call
from hca_local.s3.uploads.multipart import asked
from hca_local.s3.uploads.parts import PartWriter
from hca_local.s3.uploads.records import MAX_PARTS, Promised, Upload, Wanted
from hca_local.s3.xml import MalformedDocument, element, parse, render, text

_MAX_LISTED = 1000
#: Types of checksums of a whole object: over all its bytes, or over its parts' checksums.
_KINDS = {
    "crc32": ("COMPOSITE", "FULL_OBJECT"),
    "crc32c": ("COMPOSITE", "FULL_OBJECT"),
    "sha1": ("COMPOSITE",),
    "sha256": ("COMPOSITE",),
    "crc64nvme": ("FULL_OBJECT",),
}
_DEFAULT_KIND = {name: kinds[0] for name, kinds in _KINDS.items()}
_COPY_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})")


def create_upload(call: Call) -> Answer:
    call.objects.require_bucket(call.bucket)
    extra: dict[str, Any] = {"metadata": call.metadata(), "tags": call.header_tags(), "headers": call.kept_headers()}
    headers = {"Content-Type": "application/xml"}
    algorithm = (call.header("x-amz-checksum-algorithm") or "").lower()
    if algorithm:
        kind = (call.header("x-amz-checksum-type") or _DEFAULT_KIND.get(algorithm, "")).upper()
        if kind not in _KINDS.get(algorithm, ()):
            raise S3Error("InvalidRequest", "The checksum's algorithm, or its type, is not one that uploads can have.")
        require_computable(algorithm)
        extra["checksum"] = [algorithm, kind]
        headers |= {"x-amz-checksum-algorithm": algorithm.upper(), "x-amz-checksum-type": kind}
    upload_id = call.uploads.create(call.bucket, call.key, call.header("content-type") or DEFAULT_TYPE, extra)
    body = element(
        "InitiateMultipartUploadResult",
        element("Bucket", call.bucket),
        element("Key", call.key),
        element("UploadId", upload_id),
    )
    return Answer(200, headers, render(body))


def _upload(call: Call, *, finished: bool = False) -> Upload:
    return call.uploads.get(call.request.query["uploadId"], call.bucket, call.key, finished=finished)


def _part_number(call: Call) -> int:
    if "partNumber" not in call.request.query:
        raise S3Error("InvalidArgument", "This operation does not accept a query without partNumber")
    return call.request.number("partNumber", 1, 1, MAX_PARTS)


def put_part(call: Call, promise: Promise) -> PartWriter:
    """Check what can be checked before the body is received."""
    number = _part_number(call)
    return PartWriter(call.uploads, _upload(call), number, promise.needs)


def commit_part(call: Call, sink: PartWriter, promise: Promise) -> Answer:
    checksums = {name.removeprefix(PREFIX): value for name, value in promise.headers().items()}
    part = sink.commit(checksums)
    return Answer(200, {"ETag": f'"{part.etag}"', **promise.headers()})


def copy_part(call: Call) -> Answer:
    """A part copied from a range of an existing object."""
    number = _part_number(call)
    source = copy_source(call)
    start, stop = 0, source.size
    header = call.header("x-amz-copy-source-range")
    if header is not None:
        match = _COPY_RANGE.fullmatch(header.strip())
        if match is None or int(match[2]) < int(match[1]):
            raise S3Error(
                "InvalidArgument",
                "The x-amz-copy-source-range value must be of the form bytes=first-last",
                ArgumentName="x-amz-copy-source-range",
                ArgumentValue=header,
            )
        start, stop = int(match[1]), int(match[2]) + 1
        if stop > source.size:
            raise S3Error("InvalidRange", f"Range specified is not valid for source object of size: {source.size}")
    if stop - start > MAX_UPLOAD:
        raise S3Error("EntityTooLarge", MaxSizeAllowed=str(MAX_UPLOAD))
    with PartWriter(call.uploads, _upload(call), number) as writer:
        for chunk in call.objects.store.blobs.chunks(source.sha256, start, stop):
            writer.write(chunk)
        part = writer.commit()
    etag, modified = element("ETag", f'"{part.etag}"'), element("LastModified", iso_date(part.modified))
    return xml_answer(render(element("CopyPartResult", etag, modified)))


def complete_upload(call: Call) -> Answer:
    upload = _upload(call, finished=True)
    wanted, promised = _wanted(call), _promised(call)
    if upload.finished is not None and upload.completing is not None:
        # The first response was lost: as on S3, a repeated request gets it again.
        if upload.completing.get("asked", asked(wanted, promised)) != asked(wanted, promised):
            raise S3Error("NoSuchUpload", UploadId=upload.id)
        etag, checksums = upload.completing["etag"], upload.completing["checksums"]
    else:
        made = call.uploads.complete(upload, wanted, promised, lambda: check_write_conditions(call))
        etag, checksums = made.etag, {name: made.headers[name] for name in made.headers if name.startswith(PREFIX)}
    extra = [
        element("ChecksumType" if name == PREFIX + "type" else f"Checksum{name.removeprefix(PREFIX).upper()}", value)
        for name, value in checksums.items()
    ]
    return xml_answer(
        render(
            element(
                "CompleteMultipartUploadResult",
                element("Location", f"http://{call.header('host') or ''}{call.request.canonical_path}"),
                element("Bucket", call.bucket),
                element("Key", call.key),
                element("ETag", f'"{etag}"'),
                *extra,
            )
        )
    )


def _wanted(call: Call) -> list[Wanted]:
    """The parts of the object as the client describes them."""
    wanted = []
    for node in parse(call.body, "CompleteMultipartUpload").findall("Part"):
        number = text(node, "PartNumber").strip()
        if not number.isascii() or not number.isdigit() or not 1 <= int(number[:6]) <= MAX_PARTS:
            raise MalformedDocument("a PartNumber that is not a number")
        given: dict[str, str] = {}
        for child in node:
            algorithm = child.tag.removeprefix("Checksum").lower()
            if child.tag.startswith("Checksum") and (value := (child.text or "").strip()):
                _require_known(algorithm, child.tag)
                if given.setdefault(algorithm, value) != value:
                    raise MalformedDocument(f"two of {child.tag}")
        wanted.append(Wanted(int(number), text(node, "ETag"), given))
    return wanted


def _promised(call: Call) -> Promised:
    """The object as the client describes it."""
    checksums = {}
    for header in call.request.headers:
        algorithm = header.removeprefix(PREFIX)
        if header.startswith(PREFIX) and algorithm not in NO_CHECKSUMS:
            _require_known(algorithm, header)
            checksums[algorithm] = (call.header(header) or "").strip()
            decoded(checksums[algorithm].partition("-")[0], SIZES[algorithm], header)
    return Promised(checksums, _expected_size(call), (call.header("x-amz-checksum-type") or "").upper() or None)


def _require_known(algorithm: str, name: str) -> None:
    if algorithm not in SIZES:
        raise S3Error("NotImplemented", f"The checksum {algorithm.upper()} is not supported.", Header=name)
    require_computable(algorithm)


def _expected_size(call: Call) -> int | None:
    """The size of the object as the client expects it."""
    value = call.header("x-amz-mp-object-size")
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 15:
        raise S3Error("InvalidArgument", "x-amz-mp-object-size must be a number", ArgumentValue=value[:100])
    return int(value)


def abort_upload(call: Call) -> Answer:
    call.uploads.abort(_upload(call))
    return Answer(204)


def list_parts(call: Call) -> Answer:
    upload = _upload(call)
    after = call.request.number("part-number-marker", 0, 0, 2**31 - 1)
    limit = min(call.request.number("max-parts", _MAX_LISTED, 0, 2**31 - 1), _MAX_LISTED)
    parts = call.uploads.parts(upload.id, after, limit + 1)
    more, parts = len(parts) > limit, parts[:limit]
    members = [
        element("Bucket", call.bucket),
        element("Key", call.encode(call.key)),
        element("UploadId", upload.id),
        element("PartNumberMarker", after),
        element("NextPartNumberMarker", parts[-1].number if parts else 0),
        element("MaxParts", limit),
        element("IsTruncated", "true" if more else "false"),
        owner_element("Initiator"),
        owner_element(),
        element("StorageClass", "STANDARD"),
    ]
    members += [
        element(
            "Part",
            element("PartNumber", part.number),
            element("LastModified", iso_date(part.modified)),
            element("ETag", f'"{part.etag}"'),
            element("Size", part.size),
            *(element(f"Checksum{name.upper()}", value) for name, value in part.checksums.items()),
        )
        for part in parts
    ]
    return xml_answer(render(element("ListPartsResult", *members)))


def list_uploads(call: Call) -> Answer:
    call.objects.require_bucket(call.bucket)
    query = call.request.query
    prefix, delimiter, encoding = query.get("prefix", ""), query.get("delimiter", ""), call.encoding()
    if delimiter:
        raise S3Error("NotImplemented", "Uploads are not listed by delimiter.", Header="delimiter")
    key_marker, id_marker = query.get("key-marker", ""), query.get("upload-id-marker", "")
    limit = min(call.request.number("max-uploads", _MAX_LISTED, 1, 2**31 - 1), _MAX_LISTED)
    uploads, more = call.uploads.under_way(call.bucket, prefix, key_marker, id_marker, limit)
    members = [
        element("Bucket", call.bucket),
        element("KeyMarker", call.encode(key_marker)),
        element("UploadIdMarker", id_marker),
        element("Prefix", call.encode(prefix)),
        element("MaxUploads", limit),
        element("IsTruncated", "true" if more else "false"),
    ]
    if encoding:
        members.append(element("EncodingType", encoding))
    if more:
        members.append(element("NextKeyMarker", call.encode(uploads[-1].key)))
        members.append(element("NextUploadIdMarker", uploads[-1].id))
    members += [
        element(
            "Upload",
            element("UploadId", upload.id),
            element("Key", call.encode(upload.key)),
            owner_element("Initiator"),
            owner_element(),
            element("StorageClass", "STANDARD"),
            element("Initiated", iso_date(upload.started)),
        )
        for upload in uploads
    ]
    return xml_answer(render(element("ListMultipartUploadsResult", *members)))
