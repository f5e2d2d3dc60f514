"""Request signatures: recomputed by botocore's signers, and compared in constant time.

Signatures are accepted in the Authorization header and in the query of a presigned URL; presigned URLs also
in the older version 2, boto3's default for presigning in us-east-1.
"""

from __future__ import annotations

import hmac
import re
import time
from calendar import timegm
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from botocore.auth import HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest, HTTPHeaders
from botocore.credentials import Credentials

from hca_local.s3.errors import S3Error
from hca_local.s3.requests.credentials import CredentialIssuer, Grant
from hca_local.s3.requests.request import Request

ALGORITHM = "AWS4-HMAC-SHA256"
#: Maximum clock skew between client and server in seconds, as on S3.
MAX_SKEW = 15 * 60
#: Longest lifetime of a presigned URL in seconds, as on S3.
MAX_EXPIRES = 7 * 24 * 3600

_AUTHORIZATION = re.compile(
    ALGORITHM + r" +Credential=([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([0-9a-f]{64}) *"
)


@dataclass(frozen=True)
class Verified:
    """A request with a valid signature.

    :ivar signing: the key material for chunk signatures, if the body has them
    :ivar payload: the body's sha256 or one of S3's constants for other signing modes; None for presigned URLs
    """

    grant: Grant
    signature: str
    payload: str | None
    signing: ChunkSigner | None = None


class ChunkSigner:
    """Signs the chunks of a body; each signature includes the previous one, starting with the request's."""

    def __init__(self, signer: S3SigV4Auth, request: AWSRequest, seed: str) -> None:
        self._signer = signer
        self._request = request
        self._previous = seed

    def check(self, signature: str, digest: str, *, trailer: bool = False) -> None:
        """Check the signature of the next chunk, or of the trailing headers.

        :param digest: sha256 of the chunk's bytes, in hexadecimal
        :raises S3Error: the signature does not match
        """
        kind = "TRAILER" if trailer else "PAYLOAD"
        lines = [
            f"{ALGORITHM}-{kind}",
            self._request.context["timestamp"],
            self._signer.credential_scope(self._request),
            self._previous,
        ]
        if not trailer:
            lines.append("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        lines.append(digest)
        expected = self._signer.signature("\n".join(lines), self._request)
        if not _same(expected, signature):
            raise S3Error("SignatureDoesNotMatch", "The signature of a chunk does not match.")
        self._previous = expected


class _HeaderSigner(S3SigV4Auth):
    """botocore's signer, limited to the headers that the client signed."""

    def __init__(self, credentials: Credentials, region: str, names: Sequence[str]) -> None:
        super().__init__(credentials, "s3", region)
        self._names = names

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        return _select(request, self._names)


class _QuerySigner(S3SigV4QueryAuth):
    """The same for presigned URLs."""

    def __init__(self, credentials: Credentials, region: str, names: Sequence[str]) -> None:
        super().__init__(credentials, "s3", region)
        self._names = names

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        return _select(request, self._names)


class _Version2Signer(HmacV1QueryAuth):
    """The version 2 signer, with a given expiry time."""

    def __init__(self, credentials: Credentials, expires: str) -> None:
        super().__init__(credentials)
        self._end = expires

    def _get_date(self) -> str:
        return self._end


def _select(request: AWSRequest, names: Sequence[str]) -> HTTPHeaders:
    chosen = HTTPHeaders()
    for name in names:
        for value in request.headers.get_all(name) or [""]:
            chosen[name] = value
    return chosen


def verify(request: Request, issuer: CredentialIssuer, now: float | None = None) -> Verified:
    """Authenticate a request.

    :raises S3Error: no credentials, an unknown or expired key, a wrong or expired signature
    """
    now = time.time() if now is None else now
    authorization = request.header("authorization")
    if authorization is not None and authorization.startswith(ALGORITHM):
        return _verify_header(request, authorization, issuer, now)
    if "X-Amz-Signature" in request.query or "X-Amz-Algorithm" in request.query:
        return _verify_query(request, issuer, now)
    if "Signature" in request.query and "AWSAccessKeyId" in request.query:
        return _verify_version_2(request, issuer, now)
    if authorization is not None:
        raise S3Error("InvalidRequest", f"The authorization mechanism is not supported; use {ALGORITHM}.")
    raise S3Error("AccessDenied")


def _verify_header(request: Request, authorization: str, issuer: CredentialIssuer, now: float) -> Verified:
    match = _AUTHORIZATION.fullmatch(authorization)
    if match is None:
        raise S3Error("AuthorizationHeaderMalformed")
    credential, names, signature = match[1], match[2].split(";"), match[3]
    access_key, date, region = _scope(credential, "AuthorizationHeaderMalformed")
    timestamp = request.header("x-amz-date") or ""
    sent = _time_of(timestamp, date)
    if sent is None:
        raise S3Error("AccessDenied", "AWS authentication requires a valid x-amz-date header.")
    if abs(now - sent) > MAX_SKEW:
        raise S3Error("RequestTimeTooSkewed", RequestTime=timestamp, ServerTime=_iso(now))
    payload = request.header("x-amz-content-sha256")
    if payload is None:
        raise S3Error("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    if "host" not in names:
        raise S3Error("AccessDenied", "The host header must be signed.")
    # Everything S3 acts on must be signed: otherwise a proxy could turn a request into a different one.
    for name in request.headers:
        if name.startswith("x-amz-") and name not in names and name != "x-amz-content-sha256":
            raise S3Error("AccessDenied", "There were headers present in the request which were not signed")
    grant = _grant(access_key, request.header("x-amz-security-token"), issuer, now)
    signer = _HeaderSigner(_credentials(grant), region, names)
    signed = _aws_request(request, timestamp, skip=())
    expected = signer.signature(signer.string_to_sign(signed, signer.canonical_request(signed)), signed)
    if not _same(expected, signature):
        raise S3Error("SignatureDoesNotMatch", AWSAccessKeyId=access_key)
    return Verified(grant, signature, payload, ChunkSigner(signer, signed, signature))


def _verify_query(request: Request, issuer: CredentialIssuer, now: float) -> Verified:
    problem = "AuthorizationQueryParametersError"
    wanted = ("Algorithm", "Credential", "Signature", "Date", "SignedHeaders", "Expires")
    values = [request.query.get(f"X-Amz-{name}", "") for name in wanted]
    if not all(values):
        raise S3Error(problem, "Query-string authentication version 4 requires " + ", ".join(wanted) + ".")
    algorithm, credential, signature, timestamp, names, expires = values
    if algorithm != ALGORITHM:
        raise S3Error(problem, f"X-Amz-Algorithm only supports {ALGORITHM}.")
    access_key, date, region = _scope(credential, problem)
    sent = _time_of(timestamp, date)
    if sent is None:
        raise S3Error(problem, "X-Amz-Date must be in the format yyyyMMddTHHmmssZ, on the credential's day.")
    if not expires.isascii() or not expires.isdigit() or not 1 <= int(expires[:9]) <= MAX_EXPIRES:
        raise S3Error(problem, f"X-Amz-Expires must be a number of seconds from 1 to {MAX_EXPIRES}.")
    grant = _grant(access_key, request.query.get("X-Amz-Security-Token"), issuer, now)
    signer = _QuerySigner(_credentials(grant), region, names.split(";"))
    signed = _aws_request(request, timestamp, skip=("X-Amz-Signature",))
    # A presigned URL's body is unsigned, unless the request has this header and the header is signed.
    payload = request.header("x-amz-content-sha256") if "x-amz-content-sha256" in names.split(";") else None
    if payload is None:
        del signed.headers["x-amz-content-sha256"]
    expected = signer.signature(signer.string_to_sign(signed, signer.canonical_request(signed)), signed)
    if not _same(expected, signature):
        raise S3Error("SignatureDoesNotMatch", AWSAccessKeyId=access_key)
    if sent - now > MAX_SKEW:
        raise S3Error("AccessDenied", "Request is not yet valid", ServerTime=_iso(now))
    if now > sent + int(expires):
        raise S3Error("AccessDenied", "Request has expired", Expires=_iso(sent + int(expires)), ServerTime=_iso(now))
    return Verified(grant, signature, payload)


def _verify_version_2(request: Request, issuer: CredentialIssuer, now: float) -> Verified:
    access_key, expires = request.query["AWSAccessKeyId"], request.query.get("Expires", "")
    if not expires.isascii() or not expires.isdigit():
        raise S3Error("AccessDenied", "Query-string authentication requires the Expires parameter.")
    grant = _grant(access_key, request.query.get("x-amz-security-token"), issuer, now)
    signer = _Version2Signer(_credentials(grant), expires)
    signed = _aws_request(request, "", skip=())
    for name, value in request.query.items():
        # Presigning moved these headers into the query; headers about the body, such as its type, are sent as usual.
        if name.startswith("x-amz-"):
            del signed.headers[name]
            signed.headers[name] = value
    split = _Split(request.canonical_resource, request.canonical_query(()))
    text = signer.canonical_string(request.method, split, signed.headers)
    if not _same(signer.sign_string(text), request.query["Signature"]):
        raise S3Error("SignatureDoesNotMatch", AWSAccessKeyId=access_key)
    if now > int(expires[:12]):
        raise S3Error("AccessDenied", "Request has expired", Expires=_iso(int(expires[:12])), ServerTime=_iso(now))
    return Verified(grant, request.query["Signature"], None)


@dataclass(frozen=True)
class _Split:
    """The part of a split URL that the version 2 signer reads."""

    path: str
    query: str


def presign(
    endpoint: str,
    grant: Grant,
    bucket: str,
    key: str,
    expires: int,
    query: Mapping[str, str],
    region: str,
    method: str = "GET",
) -> str:
    """A presigned URL for an object.

    :param expires: lifetime in seconds
    :param query: parameters of the request besides those of the signature
    """
    url = f"{endpoint}/{bucket}/{quote(key, safe='/~')}"
    if query:
        url += "?" + urlencode(query, quote_via=quote, safe="-_.~")
    request = AWSRequest(method, url)
    S3SigV4QueryAuth(_credentials(grant), "s3", region, expires=expires).add_auth(request)
    return request.url


def _same(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def _credentials(grant: Grant) -> Credentials:
    return Credentials(grant.access_key, grant.secret_key, grant.token)


def _aws_request(request: Request, timestamp: str, skip: Sequence[str]) -> AWSRequest:
    """The request in the form that botocore's signers expect."""
    url = f"http://{request.header('host') or ''}{request.canonical_path}"
    query = request.canonical_query(skip)
    made = AWSRequest(request.method, url + ("?" + query if query else ""))
    for name, values in request.headers.items():
        for value in values:
            made.headers[name] = value
    made.context["timestamp"] = timestamp
    return made


def _scope(credential: str, problem: str) -> tuple[str, str, str]:
    """Access key, date and region of a credential scope. Any region is accepted: users configure their own."""
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or parts[3] != "s3" or parts[4] != "aws4_request" or not parts[0] or not parts[2]:
        raise S3Error(problem, "The credential must be KEY/DATE/REGION/s3/aws4_request.")
    return parts[0], parts[1], parts[2]


def _grant(access_key: str, token: str | None, issuer: CredentialIssuer, now: float) -> Grant:
    grant = issuer.find(access_key)
    if grant is None:
        raise S3Error("InvalidAccessKeyId", AWSAccessKeyId=access_key)
    if grant.token is None:
        if token:
            raise S3Error("InvalidToken")
        return grant
    if token is None or not _same(token, grant.token):
        raise S3Error("InvalidToken")
    if grant.expires is not None and now >= grant.expires:
        raise S3Error("ExpiredToken")
    return grant


def _time_of(timestamp: str, date: str) -> float | None:
    """POSIX time of ``yyyyMMddTHHmmssZ``, or None if it is malformed or not on the day ``date``."""
    try:
        parsed = time.strptime(timestamp, "%Y%m%dT%H%M%SZ")
    except ValueError:
        return None
    return float(timegm(parsed)) if timestamp[:8] == date else None


def _iso(when: float) -> str:
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))
    except (OverflowError, OSError, ValueError):
        return str(when)
