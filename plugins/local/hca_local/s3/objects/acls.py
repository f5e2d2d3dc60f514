"""Access control lists with S3's default since April 2023: disabled.

The bucket's owner owns everything. ACLs can be read, and show that; any other ACL is rejected with
400, as with S3's object ownership "bucket owner enforced".
"""

from __future__ import annotations

from hca_local.s3.answers import Answer
from hca_local.s3.errors import S3Error
from hca_local.s3.objects.buckets import OWNER, owner_element, xml_answer
from hca_local.s3.requests.call import Call
from hca_local.s3.requests.request import Request
from hca_local.s3.xml import element, parse, render, text

_CANNED = "bucket-owner-full-control"
_GRANT = "x-amz-grant-"


def get_bucket_acl(call: Call) -> Answer:
    call.objects.require_bucket(call.bucket)
    return xml_answer(_owner_policy())


def put_bucket_acl(call: Call) -> Answer:
    call.objects.require_bucket(call.bucket)
    _refuse_policy(call)
    return Answer(200)


def get_acl(call: Call) -> Answer:
    call.objects.require(call.bucket, call.key)
    return xml_answer(_owner_policy())


def put_acl(call: Call) -> Answer:
    call.objects.require(call.bucket, call.key)
    _refuse_policy(call)
    return Answer(200)


def refuse_acl(request: Request) -> None:
    """:raises S3Error: a request that creates an object asks for an ACL other than the owner's alone"""
    if request.header("x-amz-acl") not in (None, _CANNED) or _grants_to_others(request):
        raise S3Error("AccessControlListNotSupported")


def refuse_bucket_acl(request: Request) -> None:
    """:raises S3Error: a new bucket asks for ACLs, or for one other than the owner's alone"""
    if request.header("x-amz-object-ownership") not in (None, "BucketOwnerEnforced"):
        raise S3Error("NotImplemented", "ACLs are beyond the embedded endpoint.", Header="x-amz-object-ownership")
    if request.header("x-amz-acl") not in (None, "private", _CANNED) or _grants_to_others(request):
        raise S3Error("InvalidBucketAclWithObjectOwnership")


def _grants_to_others(request: Request) -> bool:
    given = {name: ",".join(values) for name, values in request.headers.items() if name.startswith(_GRANT)}
    return any(
        name != "x-amz-grant-full-control" or value.replace('"', "").replace(" ", "") != f"id={OWNER[0]}"
        for name, value in given.items()
    )


def _refuse_policy(call: Call) -> None:
    """:raises S3Error: a request sets an ACL other than the owner's alone"""
    refuse_acl(call.request)
    if not call.body.strip():
        return
    grants = list(parse(call.body, "AccessControlPolicy").iter("Grant"))
    if not grants:
        raise S3Error("AccessControlListNotSupported")
    for grant in grants:
        grantee = grant.find("Grantee")
        if text(grant, "Permission", "") != "FULL_CONTROL" or grantee is None or text(grantee, "ID", "") != OWNER[0]:
            raise S3Error("AccessControlListNotSupported")


def _owner_policy() -> bytes:
    """The access control list of every bucket and object."""
    grantee = owner_element("Grantee")
    grantee.set("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
    grantee.set("xsi:type", "CanonicalUser")
    grants = element("AccessControlList", element("Grant", grantee, element("Permission", "FULL_CONTROL")))
    return render(element("AccessControlPolicy", owner_element(), grants))
