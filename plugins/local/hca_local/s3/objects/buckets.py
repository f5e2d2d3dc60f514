"""Operations on buckets, and lists of their contents."""

from __future__ import annotations

import base64
import binascii
from xml.etree.ElementTree import Element

from hca_local.s3.answers import Answer
from hca_local.s3.errors import S3Error
from hca_local.s3.objects.conditions import iso_date
from hca_local.s3.objects.objects import S3Object
from hca_local.s3.requests.call import Call
from hca_local.s3.xml import element, parse, render

#: The single owner of everything in the embedded endpoint.
OWNER = ("hca-local", "hca-local")
MAX_KEYS = 1000
#: Bucket settings that are never set, with S3's error code for that.
NOTHING = {
    "cors": "NoSuchCORSConfiguration",
    "lifecycle": "NoSuchLifecycleConfiguration",
    "policy": "NoSuchBucketPolicy",
    "tagging": "NoSuchTagSet",
    "website": "NoSuchWebsiteConfiguration",
}


def xml_answer(body: bytes) -> Answer:
    return Answer(200, {"Content-Type": "application/xml"}, body)


def owner_element(name: str = "Owner") -> Element:
    return element(name, element("ID", OWNER[0]), element("DisplayName", OWNER[1]))


def list_buckets(call: Call) -> Answer:
    prefix = call.request.query.get("prefix", "")
    token = call.request.query.get("continuation-token")
    after = _unpack(token) if token else ""
    limit = call.request.number("max-buckets", 10_000, 1, 10_000)
    found = [(name, made) for name, made in call.objects.buckets() if name > after and name.startswith(prefix)]
    buckets = [
        element("Bucket", element("Name", name), element("CreationDate", iso_date(made)))
        for name, made in found[:limit]
    ]
    members = [owner_element(), element("Buckets", *buckets)]
    if prefix:
        members.append(element("Prefix", prefix))
    if len(found) > limit:
        members.append(element("ContinuationToken", _pack(found[limit - 1][0])))
    return xml_answer(render(element("ListAllMyBucketsResult", *members)))


def create_bucket(call: Call) -> Answer:
    if call.body.strip():
        parse(call.body, "CreateBucketConfiguration")
    # As in us-east-1, creating one's own bucket again returns 200.
    call.objects.create_bucket(call.bucket)
    return Answer(200, {"Location": f"/{call.bucket}"})


def head_bucket(call: Call) -> Answer:
    call.objects.require_bucket(call.bucket)
    return Answer(200, {"x-amz-bucket-region": "us-east-1", "Content-Type": "application/xml"})


def delete_bucket(call: Call) -> Answer:
    call.uploads.delete_bucket(call.bucket)
    return Answer(204)


def get_location(call: Call) -> Answer:
    call.objects.require_bucket(call.bucket)
    return xml_answer(render(element("LocationConstraint")))


def get_versioning(call: Call) -> Answer:
    call.objects.require_bucket(call.bucket)
    return xml_answer(render(element("VersioningConfiguration")))


def get_nothing(call: Call) -> Answer:
    """Settings that a bucket can have on S3, and never has here."""
    call.objects.require_bucket(call.bucket)
    (name,) = (name for name in NOTHING if name in call.request.query)
    raise S3Error(NOTHING[name], BucketName=call.bucket)


def list_objects(call: Call) -> Answer:
    """Version 2 of the list if requested, otherwise version 1."""
    call.objects.require_bucket(call.bucket)
    query = call.request.query
    prefix, delimiter, encoding = query.get("prefix", ""), query.get("delimiter", ""), call.encoding()
    limit = min(call.request.number("max-keys", MAX_KEYS, 0, 2**31 - 1), MAX_KEYS)
    second = query.get("list-type") == "2"
    if second:
        token = query.get("continuation-token")
        after = _unpack(token) if token is not None else query.get("start-after", "")
    else:
        after = query.get("marker", "")
    found, more = call.objects.list_level(call.bucket, prefix, delimiter, after, limit) if limit else ([], False)
    last = ""
    if found:
        last = found[-1].key if isinstance(found[-1], S3Object) else found[-1]
    # In version 1 clients do not decode it.
    members = [element("Name", call.bucket), element("Prefix", call.encode(prefix) if second else prefix)]
    members += [element("MaxKeys", limit), element("IsTruncated", "true" if more else "false")]
    if delimiter:
        members.append(element("Delimiter", call.encode(delimiter)))
    if encoding:
        members.append(element("EncodingType", encoding))
    if second:
        members.append(element("KeyCount", len(found)))
        if "continuation-token" in query:
            members.append(element("ContinuationToken", query["continuation-token"]))
        if "start-after" in query:
            members.append(element("StartAfter", call.encode(query["start-after"])))
        if more:
            members.append(element("NextContinuationToken", _pack(last)))
    else:
        members.append(element("Marker", call.encode(after)))
        if more:
            members.append(element("NextMarker", call.encode(last)))
    with_owner = not second or query.get("fetch-owner") == "true"
    for item in found:
        if isinstance(item, S3Object):
            contents = element("Contents", *_contents(call, item))
            if with_owner:
                contents.append(owner_element())
            members.append(contents)
        else:
            members.append(element("CommonPrefixes", element("Prefix", call.encode(item))))
    return xml_answer(render(element("ListBucketResult", *members)))


def list_versions(call: Call) -> Answer:
    """Every object has one version, named null, as in a bucket that was never versioned."""
    call.objects.require_bucket(call.bucket)
    query = call.request.query
    prefix, delimiter, encoding = query.get("prefix", ""), query.get("delimiter", ""), call.encoding()
    limit = min(call.request.number("max-keys", MAX_KEYS, 0, 2**31 - 1), MAX_KEYS)
    after = query.get("key-marker", "")
    found, more = call.objects.list_level(call.bucket, prefix, delimiter, after, limit) if limit else ([], False)
    members = [element("Name", call.bucket), element("Prefix", call.encode(prefix))]
    members += [element("KeyMarker", call.encode(after)), element("MaxKeys", limit)]
    members.append(element("IsTruncated", "true" if more else "false"))
    if delimiter:
        members.append(element("Delimiter", call.encode(delimiter)))
    if encoding:
        members.append(element("EncodingType", encoding))
    if more:
        last = found[-1].key if isinstance(found[-1], S3Object) else found[-1]
        members += [element("NextKeyMarker", call.encode(last)), element("NextVersionIdMarker", "null")]
    for item in found:
        if isinstance(item, S3Object):
            version = (element("VersionId", "null"), element("IsLatest", "true"))
            members.append(element("Version", *_contents(call, item), *version, owner_element()))
        else:
            members.append(element("CommonPrefixes", element("Prefix", call.encode(item))))
    return xml_answer(render(element("ListVersionsResult", *members)))


def _contents(call: Call, item: S3Object) -> list[Element]:
    return [
        element("Key", call.encode(item.key)),
        element("LastModified", iso_date(item.modified)),
        element("ETag", f'"{item.etag}"'),
        element("Size", item.size),
        element("StorageClass", "STANDARD"),
    ]


def _pack(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def _unpack(token: str) -> str:
    try:
        return base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect") from None
