"""A request together with the operation that handles it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote

from hca_local.s3.errors import S3Error
from hca_local.s3.objects.objects import ObjectStore
from hca_local.s3.requests.request import Request
from hca_local.s3.requests.signing import Verified
from hca_local.s3.uploads.multipart import Uploads

#: Headers of a PUT that GET returns.
KEPT_HEADERS = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")
#: Condition headers.
CONDITIONS = frozenset(
    [
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
        "x-amz-copy-source-if-match",
        "x-amz-copy-source-if-none-match",
        "x-amz-copy-source-if-modified-since",
        "x-amz-copy-source-if-unmodified-since",
        "x-amz-if-match-initiated-time",
        "x-amz-if-match-last-modified-time",
        "x-amz-if-match-size",
        "x-amz-write-offset-bytes",
    ]
)
WRITE_CONDITIONS = frozenset(["if-match", "if-none-match"])
COPY_CONDITIONS = frozenset(name for name in CONDITIONS if name.startswith("x-amz-copy-source-"))
_META = "x-amz-meta-"
_TAG = re.compile(r"[\w\s+\-=._:/@]*")


@dataclass(frozen=True)
class Operation:
    """A supported operation.

    :ivar action: its name in policies
    :ivar kind: ``read`` responds directly, ``write`` in a thread, ``document`` reads an XML body first, ``upload``
        streams its body into the return value of ``handler`` and then calls ``commit``
    :ivar about_object: its x-amz-checksum headers are of the object, not of the XML document in the body
    :ivar conditions: the condition headers that a modifying operation supports
    """

    name: str
    action: str
    kind: str
    handler: Callable[..., Any]
    commit: Callable[..., Any] | None = None
    about_object: bool = False
    conditions: frozenset[str] = frozenset()

    def refuse_unknown_conditions(self, request: Request) -> None:
        """:raises S3Error: the request has a condition that this operation does not support"""
        if self.kind == "read":
            return
        for name in sorted(CONDITIONS & request.headers.keys() - self.conditions):
            raise S3Error("NotImplemented", f"The condition {name} is not supported for {self.name}.", Header=name)


@dataclass
class Call:
    """A verified request, with the components that its operation uses."""

    objects: ObjectStore
    uploads: Uploads
    request: Request
    verified: Verified
    body: bytes = b""

    @property
    def bucket(self) -> str:
        return self.request.bucket

    @property
    def key(self) -> str:
        return self.request.key

    def authorize(self, action: str, bucket: str | None = None, key: str | None = None) -> None:
        """:raises S3Error: the requester lacks the permission (for this call's resource, unless another is named)"""
        if bucket is None:
            bucket, key = self.bucket, self.key or None
        if not self.verified.grant.allows(action, bucket, key, self.request.query.get("prefix", "")):
            raise S3Error("AccessDenied")

    def header(self, name: str) -> str | None:
        return self.request.header(name)

    def metadata(self) -> dict[str, str]:
        """User metadata.

        :raises S3Error: it exceeds S3's limit
        """
        found = {
            name.removeprefix(_META): ",".join(values)
            for name, values in self.request.headers.items()
            if name.startswith(_META)
        }
        if sum(len(name.encode()) + len(value.encode()) for name, value in found.items()) > 2048:
            raise S3Error("MetadataTooLarge", MaxSizeAllowed="2048")
        return found

    def kept_headers(self) -> dict[str, str]:
        """Headers to store with the object."""
        kept = {name: value for name in KEPT_HEADERS if (value := self.header(name)) is not None}
        if "content-encoding" in kept:
            # aws-chunked is the framing of this request, not the object's encoding.
            codings = [coding.strip() for coding in kept["content-encoding"].split(",")]
            kept["content-encoding"] = ", ".join(coding for coding in codings if coding and coding != "aws-chunked")
            if not kept["content-encoding"]:
                del kept["content-encoding"]
        return kept

    def header_tags(self) -> dict[str, str]:
        """Tags of the header x-amz-tagging; setting tags requires a permission of its own.

        :raises S3Error: they are invalid, or not permitted
        """
        header = self.header("x-amz-tagging")
        if not header:
            return {}
        self.authorize("s3:PutObjectTagging")
        try:
            pairs = parse_qsl(header, keep_blank_values=True, max_num_fields=50)
        except ValueError:
            raise S3Error(
                "InvalidArgument",
                "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
                "parameters without tag name duplicates.",
                ArgumentName="x-amz-tagging",
            ) from None
        return check_tags(pairs)

    def encode(self, text: str) -> str:
        """A key as written in lists: URL-encoded if the client asked for it."""
        return quote(text, safe="/-_.~*") if self.request.query.get("encoding-type") == "url" else text

    def encoding(self) -> str | None:
        """The list's EncodingType.

        :raises S3Error: a value other than "url"
        """
        asked = self.request.query.get("encoding-type")
        if asked not in (None, "", "url"):
            raise S3Error(
                "InvalidArgument",
                "Invalid Encoding Method specified in Request",
                ArgumentName="encoding-type",
                ArgumentValue=asked or "",
            )
        return asked or None


def check_tags(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Tags by name.

    :raises S3Error: too many, too long, duplicate keys, or invalid characters
    """
    tags = dict(pairs)
    if len(tags) < len(pairs):
        raise S3Error("InvalidTag", "Cannot provide multiple Tags with the same key")
    if len(tags) > 10:
        raise S3Error("InvalidTag", "Object tags cannot be greater than 10")
    for name, value in tags.items():
        if not 1 <= len(name) <= 128 or not _TAG.fullmatch(name):
            raise S3Error("InvalidTag", "The TagKey you have provided is invalid", TagKey=name)
        if len(value) > 256 or not _TAG.fullmatch(value):
            raise S3Error("InvalidTag", "The TagValue you have provided is invalid", TagKey=name, TagValue=value)
    return tags
