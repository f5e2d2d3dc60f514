"""Finds a request's operation by its method, its sub-resource, and whether it names a key."""

from __future__ import annotations

from hca_local.s3.errors import S3Error
from hca_local.s3.objects import acls, buckets, deletion, tags
from hca_local.s3.objects import operations as objects
from hca_local.s3.requests.call import COPY_CONDITIONS, WRITE_CONDITIONS, Operation
from hca_local.s3.requests.request import Request
from hca_local.s3.uploads import operations as multipart

#: Sub-resources of S3 with operations of their own. Unsupported ones must not fall through to the
#: plain operation: a PUT of tags would overwrite the object.
_SUBRESOURCES = frozenset(
    [
        "accelerate",
        "acl",
        "analytics",
        "attributes",
        "cors",
        "delete",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "legal-hold",
        "lifecycle",
        "location",
        "logging",
        "metadataConfiguration",
        "metadataTable",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "renameObject",
        "replication",
        "requestPayment",
        "restore",
        "retention",
        "select",
        "session",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versioning",
        "versions",
        "website",
    ]
)

#: S3 settings that this endpoint does not have; reading them returns the error for an unset setting.
_UNSETTABLE = frozenset([*buckets.NOTHING, "versioning"])

_SERVICE = {("GET", ""): Operation("ListBuckets", "s3:ListAllMyBuckets", "read", buckets.list_buckets)}

_BUCKET = {
    ("PUT", ""): Operation("CreateBucket", "s3:CreateBucket", "document", buckets.create_bucket),
    ("HEAD", ""): Operation("HeadBucket", "s3:ListBucket", "read", buckets.head_bucket),
    ("DELETE", ""): Operation("DeleteBucket", "s3:DeleteBucket", "write", buckets.delete_bucket),
    ("GET", ""): Operation("ListObjects", "s3:ListBucket", "read", buckets.list_objects),
    ("GET", "location"): Operation("GetBucketLocation", "s3:GetBucketLocation", "read", buckets.get_location),
    ("GET", "versioning"): Operation("GetBucketVersioning", "s3:GetBucketVersioning", "read", buckets.get_versioning),
    ("GET", "versions"): Operation("ListObjectVersions", "s3:ListBucketVersions", "read", buckets.list_versions),
    ("GET", "acl"): Operation("GetBucketAcl", "s3:GetBucketAcl", "read", acls.get_bucket_acl),
    ("PUT", "acl"): Operation("PutBucketAcl", "s3:PutBucketAcl", "document", acls.put_bucket_acl),
    **{
        ("GET", name): Operation(f"GetBucket {name}", "s3:GetBucketConfiguration", "read", buckets.get_nothing)
        for name in buckets.NOTHING
    },
    ("GET", "uploads"): Operation(
        "ListMultipartUploads", "s3:ListBucketMultipartUploads", "read", multipart.list_uploads
    ),
    ("POST", "delete"): Operation("DeleteObjects", "s3:DeleteObject", "document", deletion.delete_objects),
}

_OBJECT = {
    ("GET", ""): Operation("GetObject", "s3:GetObject", "read", objects.get_object),
    ("HEAD", ""): Operation("HeadObject", "s3:GetObject", "read", objects.get_object),
    ("PUT", ""): Operation(
        "PutObject",
        "s3:PutObject",
        "upload",
        objects.put_object,
        objects.commit_object,
        conditions=WRITE_CONDITIONS,
    ),
    ("DELETE", ""): Operation(
        "DeleteObject", "s3:DeleteObject", "write", objects.delete_object, conditions=frozenset(["if-match"])
    ),
    ("GET", "acl"): Operation("GetObjectAcl", "s3:GetObjectAcl", "read", acls.get_acl),
    ("PUT", "acl"): Operation("PutObjectAcl", "s3:PutObjectAcl", "document", acls.put_acl),
    ("GET", "tagging"): Operation("GetObjectTagging", "s3:GetObjectTagging", "read", tags.get_tags),
    ("PUT", "tagging"): Operation("PutObjectTagging", "s3:PutObjectTagging", "document", tags.put_tags),
    ("DELETE", "tagging"): Operation("DeleteObjectTagging", "s3:DeleteObjectTagging", "write", tags.delete_tags),
    ("POST", "uploads"): Operation("CreateMultipartUpload", "s3:PutObject", "document", multipart.create_upload),
    ("PUT", "uploadId"): Operation("UploadPart", "s3:PutObject", "upload", multipart.put_part, multipart.commit_part),
    ("POST", "uploadId"): Operation(
        "CompleteMultipartUpload",
        "s3:PutObject",
        "document",
        multipart.complete_upload,
        about_object=True,
        conditions=WRITE_CONDITIONS,
    ),
    ("DELETE", "uploadId"): Operation(
        "AbortMultipartUpload", "s3:AbortMultipartUpload", "write", multipart.abort_upload
    ),
    ("GET", "uploadId"): Operation("ListParts", "s3:ListMultipartUploadParts", "read", multipart.list_parts),
}

_COPY = Operation(
    "CopyObject", "s3:PutObject", "write", objects.copy_object, conditions=WRITE_CONDITIONS | COPY_CONDITIONS
)
_COPY_PART = Operation("UploadPartCopy", "s3:PutObject", "write", multipart.copy_part, conditions=COPY_CONDITIONS)

#: Unsupported headers that would change how an object is stored or who may replace it. Values that only
#: state the default behaviour are listed as allowed.
_UNSUPPORTED_HEADERS = {
    "x-amz-bucket-object-lock-enabled": frozenset(["false", "False"]),
    "x-amz-object-lock-mode": frozenset[str](),
    "x-amz-object-lock-legal-hold": frozenset(["OFF"]),
    "x-amz-object-lock-retain-until-date": frozenset[str](),
    "x-amz-website-redirect-location": frozenset[str](),
}
_MAKE_OBJECTS = frozenset(["PutObject", "CopyObject", "CreateMultipartUpload"])
#: Nothing is encrypted at rest, neither with the client's keys nor with ours, and no response claims it.
_ENCRYPTION = ("x-amz-server-side-encryption", "x-amz-copy-source-server-side-encryption")


def refuse_unserved(request: Request) -> None:
    """Reject unsigned requests that are not for this endpoint.

    :raises S3Error: the request is a browser's: a form or a CORS preflight
    """
    if request.method == "OPTIONS":
        raise S3Error("NotImplemented", "CORS is beyond the embedded endpoint.", Header="OPTIONS")
    form = (request.header("content-type") or "").partition(";")[0].strip().lower() == "multipart/form-data"
    if request.method == "POST" and form and not request.key:
        raise S3Error("NotImplemented", "Uploads by forms are beyond the embedded endpoint.", Header="POST")


def _refuse_headers(operation: Operation, request: Request) -> None:
    operation.refuse_unknown_conditions(request)
    for name in ("x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"):
        if request.header(name) not in (None, buckets.OWNER[0]):
            raise S3Error("AccessDenied", "The bucket belongs to another owner than the one expected.")
    for name in request.headers:
        if name.startswith(_ENCRYPTION):
            raise S3Error("NotImplemented", "Encryption is beyond the embedded endpoint.", Header=name)
    if operation.kind == "read":
        return
    if operation.name == "CreateBucket":
        acls.refuse_bucket_acl(request)
    elif operation.name in _MAKE_OBJECTS:
        acls.refuse_acl(request)
    for name, harmless in _UNSUPPORTED_HEADERS.items():
        value = request.header(name)
        if value is not None and value not in harmless:
            raise S3Error("NotImplemented", f"The header {name} is beyond the embedded endpoint.", Header=name)


def route(request: Request) -> Operation:
    """The operation of a request.

    :raises S3Error: unknown, or not supported by this endpoint
    """
    named = [name for name in request.query if name in _SUBRESOURCES]
    if len(named) > 1:
        raise S3Error("InvalidArgument", f"Conflicting query parameters: {', '.join(named)}")
    subresource = named[0] if named else ""
    if not request.bucket:
        table = _SERVICE
    elif not request.key:
        table = _BUCKET
    else:
        table = _OBJECT
    operation = table.get((request.method, subresource))
    if operation is None:
        known = any(name == subresource for _, name in table)
        if subresource and known and (table is _OBJECT or subresource not in _UNSETTABLE):
            raise S3Error("MethodNotAllowed", Method=request.method, ResourceType=subresource.upper())
        if subresource:
            raise S3Error("NotImplemented", f"{subresource} is beyond the embedded endpoint.", Header=subresource)
        raise S3Error("MethodNotAllowed", Method=request.method)
    if request.query.get("versionId") not in (None, "", "null"):
        raise S3Error("NotImplemented", "The embedded endpoint keeps no versions.", Header="versionId")
    if request.method == "PUT" and request.header("x-amz-copy-source") is not None:
        operation = {"PutObject": _COPY, "UploadPart": _COPY_PART}.get(operation.name, operation)
    _refuse_headers(operation, request)
    return operation
