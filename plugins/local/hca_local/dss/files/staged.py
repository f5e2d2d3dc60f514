"""The source object of PUT file: its location, and the checksums that its uploader attached."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hca_local.dss.errors import DSSError, illegal_arguments

if TYPE_CHECKING:
    from hca_local.s3.objects.objects import S3Object

#: The replica is not a parameter: it follows from the staging location.
_REPLICAS = {"s3": "aws", "gs": "gcp"}
_URL = re.compile(r"(?P<scheme>[a-z0-9]+)://(?P<bucket>[^/]+)/(?P<key>.+)", re.DOTALL)

# Part counts run from 2 to 10,000: a single part has no suffix.
_FORMATS = {
    "s3_etag": re.compile(r"[0-9a-z]{32}(-([2-9]|[1-9][0-9]{1,3}|10000))?"),
    "sha1": re.compile(r"[0-9a-f]{40}"),
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "crc32c": re.compile(r"[0-9a-f]{8}"),
}


@dataclass(frozen=True)
class SourceURL:
    """A parsed ``source_url``."""

    replica: str
    bucket: str
    key: str
    text: str


def parse_source(text: str) -> SourceURL:
    """Parse a ``source_url``. Raises a DSSError."""
    scheme = text.partition("://")[0]
    if scheme not in _REPLICAS:
        raise DSSError(400, "unknown_source_schema", f"source_url schema {scheme} not supported")
    match = _URL.fullmatch(text)
    if match is None:
        raise illegal_arguments(f"source_url {text} names no object: {scheme}://BUCKET/KEY is expected")
    return SourceURL(_REPLICAS[scheme], match["bucket"], match["key"], text)


def checksums(staged: S3Object) -> dict[str, str]:
    """The four checksums of a staged object, in lower case: from its tags or its user metadata. Raises a DSSError."""
    found = {}
    for name, pattern in _FORMATS.items():
        label = f"hca-dss-{name}"
        value = staged.tags.get(label) or staged.metadata.get(label)
        if value is None:
            raise DSSError(422, "missing_checksum", f"missing {label}")
        found[name] = value.lower()
        if not pattern.fullmatch(found[name]):
            raise DSSError(422, "invalid_checksum", f"malformed checksum {label}")
    return found
