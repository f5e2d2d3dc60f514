"""The URIs of upload areas, and the interfaces that the area's modules use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import SplitResult, urlsplit

from hca_base.errors import UsageError

if TYPE_CHECKING:
    from hca_base.transfer import S3Target

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
# As lenient as the service, which accepts any letters and digits, and further characters after them.
_AREA = re.compile(r"[A-Za-z0-9]{8}(-[A-Za-z0-9]{4}){3}-[A-Za-z0-9]{12}[A-Za-z0-9-]*\Z")


class UploadAreaURI:
    """``s3://BUCKET/UUID/``; the last word of the bucket's name is the deployment stage.

    :param uri: the URI; the final slash is optional
    :raises UsageError: not a valid URI of an area
    """

    def __init__(self, uri: str) -> None:
        parts = _split(str(uri))
        name = parts.path.strip("/")
        if parts.scheme != "s3" or not _BUCKET.match(parts.netloc) or not _AREA.match(name):
            raise UsageError(
                f"{str(uri)!r} is not the address of an upload area",
                hint="an address looks like s3://org-humancellatlas-upload-prod/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/",
            )
        self.bucket_name = parts.netloc
        self.area_uuid = name
        self.uri = f"s3://{self.bucket_name}/{self.area_uuid}/"

    def __str__(self) -> str:
        return self.uri

    def __repr__(self) -> str:
        return f"UploadAreaURI({self.uri!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UploadAreaURI) and other.uri == self.uri

    def __hash__(self) -> int:
        return hash(self.uri)

    @property
    def deployment_stage(self) -> str:
        """``prod``, ``staging``, ``local``, …"""
        return self.bucket_name.rpartition("-")[2]


def _split(uri: str) -> SplitResult:
    try:
        return urlsplit(uri)
    except ValueError:
        # For example, an unclosed bracket.
        return SplitResult("", "", "", "", "")


class Deployment(Protocol):
    """The interface of a deployment for an area and its parts; :class:`hca_upload.UploadService` implements it."""

    @property
    def settings(self) -> Any: ...

    @property
    def api_client(self) -> Any: ...


class Area(Protocol):
    """The interface of an area for listing, sending and waiting; :class:`hca_upload.UploadArea` implements it."""

    @property
    def uri(self) -> UploadAreaURI: ...

    @property
    def uuid(self) -> str: ...

    @property
    def upload_service(self) -> Deployment: ...

    def get_credentials(self) -> dict[str, str]: ...

    def target(self, accelerate: bool = False) -> S3Target: ...

    def list(self, detail: bool = False) -> Iterator[dict[str, Any]]: ...

    def checksum_word(self, filename: str) -> str: ...

    def validation_word(self, filename: str) -> str: ...
