"""Conditions for creating, replacing or deleting an object.

Each operation lists the condition headers that S3 documents for it. Other conditions get a 501, because
ignoring them could change or delete what the client wanted to protect.
"""

from __future__ import annotations

from hca_local.s3.errors import S3Error
from hca_local.s3.objects.conditions import strong_match
from hca_local.s3.requests.call import Call


def check_write_conditions(call: Call) -> None:
    """Check If-None-Match and If-Match of a request that creates or replaces its object.

    :raises S3Error: a condition is not met, or S3 does not support it for writes
    """
    none_match = call.header("if-none-match")
    if none_match not in (None, "*"):
        raise S3Error("NotImplemented", "If-None-Match only accepts *.", Header="If-None-Match")
    if none_match and call.objects.head(call.bucket, call.key):
        raise S3Error("PreconditionFailed", Condition="If-None-Match")
    if (wanted := call.header("if-match")) is not None:
        _check_match(call, call.key, wanted)


def check_delete_condition(call: Call, key: str, wanted: str | None) -> None:
    """Check the ETag condition of a deletion; None means no condition.

    :raises S3Error: the ETag differs, or the object does not exist
    """
    if wanted is not None:
        _check_match(call, key, wanted)


def _check_match(call: Call, key: str, wanted: str) -> None:
    if wanted.strip() != "*":
        # As on S3: without read permission, a client must not find out the ETag by guessing.
        call.authorize("s3:GetObject", call.bucket, key)
    if not strong_match(wanted, call.objects.require(call.bucket, key).etag):
        raise S3Error("PreconditionFailed", Condition="If-Match")
