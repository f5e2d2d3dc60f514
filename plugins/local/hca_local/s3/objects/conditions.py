"""Ranges and preconditions of a request for an object."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from hca_local.s3.errors import S3Error

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The requested bytes as (first, end), end exclusive; None for all.

    As on S3, an unsupported range (another unit, several ranges) is ignored, and no range of an empty object
    can be satisfied.

    :raises S3Error: the range starts after the end of the object
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        length = int(match[2])
        if not length or not size:
            raise _unsatisfiable(header or "", size)
        return max(0, size - length), size
    first = int(match[1])
    last = int(match[2]) if match[2] else size - 1
    if match[2] and last < first:
        return None
    if first >= size:
        raise _unsatisfiable(header or "", size)
    return first, min(last + 1, size)


def _unsatisfiable(header: str, size: int) -> S3Error:
    return S3Error(
        "InvalidRange",
        headers={"Content-Range": f"bytes */{size}"},
        RangeRequested=header,
        ActualObjectSize=str(size),
    )


def check_preconditions(
    etag: str,
    modified: float,
    *,
    if_match: str | None,
    if_none_match: str | None,
    if_modified_since: str | None,
    if_unmodified_since: str | None,
    reading: bool = True,
) -> None:
    """Check the conditions of a request against an object; an ETag condition takes precedence over the date.

    :param reading: respond with "not modified"; for a copy it is a failed precondition
    :raises S3Error: a condition is not met
    """
    if if_match is not None:
        if not _matches(if_match, etag):
            raise S3Error("PreconditionFailed", Condition="If-Match")
    elif (limit := _time(if_unmodified_since)) is not None and int(modified) > limit:
        raise S3Error("PreconditionFailed", Condition="If-Unmodified-Since")
    unchanged = False
    if if_none_match is not None:
        unchanged = _matches(if_none_match, etag)
    elif (limit := _time(if_modified_since)) is not None:
        unchanged = int(modified) <= limit
    if unchanged:
        if reading:
            raise S3Error("NotModified", headers={"ETag": f'"{etag}"'})
        raise S3Error("PreconditionFailed", Condition="If-None-Match")


def _matches(header: str, etag: str) -> bool:
    return strong_match(header.replace("W/", ""), etag)


def strong_match(header: str, etag: str) -> bool:
    """Whether a list of ETags contains this one, byte for byte, or is ``*``."""
    return any(item == "*" or item.strip('"') == etag for item in map(str.strip, header.split(",")))


def _time(header: str | None) -> float | None:
    if header is None:
        return None
    try:
        parsed = parsedate_to_datetime(header)
    except (TypeError, ValueError):
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def http_date(when: float) -> str:
    """A time in the format of HTTP headers."""
    return datetime.fromtimestamp(when, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


def iso_date(when: float) -> str:
    """A time in the format of S3's XML."""
    moment = datetime.fromtimestamp(when, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
