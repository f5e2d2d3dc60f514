"""The S3 endpoint's errors: S3's codes and statuses, as XML."""

from __future__ import annotations

from hca_local.s3.xml import element, render

#: Code -> (HTTP status, message), from the S3 API reference's list of error responses.
_ERRORS = {
    "AccessControlListNotSupported": (400, "The bucket does not allow ACLs"),
    "AccessDenied": (403, "Access Denied"),
    "AuthorizationHeaderMalformed": (400, "The authorization header is malformed."),
    "AuthorizationQueryParametersError": (400, "The authorization query parameters are malformed."),
    "BadDigest": (400, "The checksum you specified did not match what was received."),
    "BucketAlreadyOwnedByYou": (409, "The bucket exists already, and it is yours."),
    "BucketNotEmpty": (409, "The bucket is not empty."),
    "EntityTooLarge": (400, "The upload is larger than one request may be."),
    "EntityTooSmall": (400, "A part other than the last is smaller than 5 MiB."),
    "ExpiredToken": (400, "The provided token has expired."),
    "IncompleteBody": (400, "The body has fewer bytes than its length says."),
    "InsufficientStorage": (507, "The disk of the embedded deployment is full."),
    "InternalError": (500, "The deployment failed; its log says why."),
    "InvalidAccessKeyId": (403, "The access key is not known here."),
    "InvalidArgument": (400, "Invalid argument"),
    "InvalidBucketAclWithObjectOwnership": (400, "Bucket cannot have ACLs set with ObjectOwnership's setting"),
    "InvalidBucketName": (400, "The bucket's name is not valid."),
    "InvalidDigest": (400, "The Content-MD5 or checksum is not valid."),
    "InvalidPart": (400, "A part was not found, or its ETag differs."),
    "InvalidPartNumber": (416, "The requested partnumber is not satisfiable"),
    "InvalidPartOrder": (400, "The parts are not in ascending order."),
    "InvalidRange": (416, "The requested range cannot be satisfied."),
    "InvalidRequest": (400, "Invalid request"),
    "InvalidTag": (400, "A tag is not valid."),
    "InvalidToken": (400, "The provided token is not valid."),
    "InvalidURI": (400, "The URI cannot be understood."),
    "KeyTooLongError": (400, "The key is longer than 1024 bytes."),
    "MalformedXML": (400, "The XML is not well-formed, or not what was expected."),
    "MetadataTooLarge": (400, "The metadata is larger than 2 KiB."),
    "MethodNotAllowed": (405, "The method is not allowed on this resource."),
    "MissingContentLength": (411, "The length of the body must be given."),
    "NoSuchBucketPolicy": (404, "The bucket policy does not exist."),
    "NoSuchCORSConfiguration": (404, "The CORS configuration does not exist."),
    "NoSuchLifecycleConfiguration": (404, "The lifecycle configuration does not exist."),
    "NoSuchTagSet": (404, "The TagSet does not exist."),
    "NoSuchWebsiteConfiguration": (404, "The bucket has no website configuration."),
    "NoSuchBucket": (404, "The bucket does not exist."),
    "NoSuchKey": (404, "The key does not exist."),
    "NoSuchUpload": (404, "The upload does not exist: it was completed or aborted, or never was."),
    "NotImplemented": (501, "This is beyond the embedded endpoint."),
    "NotModified": (304, "Not Modified"),
    "OperationAborted": (409, "Another operation on this resource is under way."),
    "PreconditionFailed": (412, "A precondition does not hold."),
    "RequestTimeTooSkewed": (403, "The request's time and the server's differ by too much."),
    "SignatureDoesNotMatch": (403, "The signature that was calculated here differs from the one provided."),
    "XAmzContentSHA256Mismatch": (400, "The x-amz-content-sha256 header is not the checksum of what was received."),
}


class S3Error(Exception):
    """An error response.

    :param code: an S3 error code
    :param message: instead of the code's usual message
    :param details: further elements of the response, such as ``Key``
    """

    def __init__(
        self, code: str, message: str | None = None, *, headers: dict[str, str] | None = None, **details: str
    ) -> None:
        self.code = code
        self.status, usual = _ERRORS[code]
        self.message = message or usual
        self.headers = headers or {}
        self.details = details
        super().__init__(f"{code}: {self.message}")

    def body(self, resource: str, request_id: str) -> bytes:
        """The XML document of the response."""
        members = {"Code": self.code, "Message": self.message, **self.details}
        members |= {"Resource": resource, "RequestId": request_id, "HostId": "hca-local"}
        return render(element("Error", *(element(name, value) for name, value in members.items())), namespace=None)
