"""Conditions under which an object may be made, replaced or deleted.

An operation names the condition headers that S3 documents for it. A request with another one is answered with 501: to
ignore it would change or delete what the client wanted to protect.
"""

from __future__ import annotations

from hca_local.s3.errors import S3Error
from hca_local.s3.objects.conditions import strong_match
from hca_local.s3.requests.call import Call


def check_write_conditions(call: Call) -> None:
    """Check If-None-Match and If-Match of a request that makes or replaces its object.

    :raises S3Error: a condition does not hold, or is not one that S3 takes for writing
    """
    none_match = call.header("if-none-match")
    if none_match not in (None, "*"):
        raise S3Error("NotImplemented", "If-None-Match only accepts *.", Header="If-None-Match")
    if none_match and call.objects.head(call.bucket, call.key):
        raise S3Error("PreconditionFailed", Condition="If-None-Match")
    if (wanted := call.header("if-match")) is not None:
        _check_match(call, call.key, wanted)


def check_delete_condition(call: Call, key: str, wanted: str | None) -> None:
    """Check the ETag under which an object may be deleted; None is no condition.

    :raises S3Error: it is not the object's, or there is no object
    """
    if wanted is not None:
        _check_match(call, key, wanted)


def _check_match(call: Call, key: str, wanted: str) -> None:
    if wanted.strip() != "*":
        # As on S3: who may not read the object may not find out its ETag by trying.
        call.authorize("s3:GetObject", call.bucket, key)
    if not strong_match(wanted, call.objects.require(call.bucket, key).etag):
        raise S3Error("PreconditionFailed", Condition="If-Match")
