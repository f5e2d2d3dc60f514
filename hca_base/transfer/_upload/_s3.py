"""An S3 bucket to upload to: addresses, signatures, expiring credentials, and error codes.

Requests are signed here and sent over the engine's connections, which is several times faster for small objects than a
full client; botocore looks up credentials if none are given.
"""

from __future__ import annotations

import base64
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from hca_base._fork import reset_after_fork
from hca_base.errors import AuthError, HCAError, RefusedError, ServiceError, UsageError
from hca_base.transfer._upload._clock import ClockSkew
from hca_base.transfer._upload._documents import parse_error, tag_of
from hca_base.transfer._upload._signature import Signer

if TYPE_CHECKING:
    from hca_base.transfer._network._response import Response
    from hca_base.transfer._network._settings import LazyConnectionPool

UNSIGNED = "UNSIGNED-PAYLOAD"
#: S3 error codes for which new credentials may help.
_LAPSED = frozenset({"ExpiredToken", "ExpiredTokenException", "InvalidToken", "RequestExpired", "TokenRefreshRequired"})
#: S3 error codes worth a retry, besides statuses 429 and 5xx.
_PASSING = frozenset(
    {"RequestTimeout", "BadDigest", "IncompleteBody", "OperationAborted", "SlowDown"}
    | {"XAmzContentSHA256Mismatch", "InternalError", "ServiceUnavailable"}
)
_SAFE_KEY = "/~-._"
_REFRESH_BEFORE = 120.0


class S3Credentials(NamedTuple):
    """Keys, and when they expire (Unix time, None for never)."""

    access_key: str
    secret_key: str
    token: str | None = None
    expires: float | None = None

    def __repr__(self) -> str:
        return f"S3Credentials(access_key=…{self.access_key[-4:]!r}, expires={self.expires!r})"


class S3Error(ServiceError):
    """An error response of S3; :attr:`reason` is its code (for example ``NoSuchUpload``)."""

    @property
    def lapsed(self) -> bool:
        """True if new credentials may help."""
        return self.reason in _LAPSED

    @property
    def passing(self) -> bool:
        """True if a retry may help."""
        return self.status == 429 or (self.status >= 500 and self.status != 501) or self.reason in _PASSING


class S3Target:
    """A bucket, with the credentials to access it.

    :param bucket: name; items may name another
    :param endpoint_url: the store's URL, with buckets in the path; None for the default of the AWS tools:
        AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL from the environment, else AWS
    :param region: None to look up the bucket's region at AWS; us-east-1 for other stores
    :param credentials: keys; or a function that returns new ones (called again shortly before they expire); None to
        use botocore's (environment, shared files, the machine's role)
    :param accelerate: use S3 Transfer Acceleration (AWS only)
    """

    def __init__(
        self,
        bucket: str,
        *,
        endpoint_url: str | None = None,
        region: str | None = None,
        credentials: S3Credentials | Callable[[], S3Credentials] | None = None,
        accelerate: bool = False,
    ) -> None:
        self.bucket = bucket
        endpoint_url = endpoint_url or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        self.endpoint_url = endpoint_url.rstrip("/") if endpoint_url else None
        if self.endpoint_url and urlsplit(self.endpoint_url).scheme not in ("http", "https"):
            raise UsageError(f"the S3 endpoint {self.endpoint_url!r} is not an http or https URL")
        self.accelerate = accelerate and not self.endpoint_url
        self._region = region
        self._regions: dict[str, str] = {}
        self._given = credentials
        self._lock = threading.Lock()
        self._current: Any = None
        self._expires: float | None = None
        self._skew = ClockSkew()
        self._signer = Signer()
        reset_after_fork(self)

    def __reduce__(self) -> tuple[Any, ...]:
        # Never pickle keys; the other process looks up its machine's keys again.
        given = self._given is not None
        return _unpickled, (self.bucket, self.endpoint_url, self._region, self.accelerate, given)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()

    # Addresses

    def region(self, bucket: str) -> str:
        """Return the region to sign for."""
        return self._regions.get(bucket) or self._region or "us-east-1"

    def url(self, bucket: str, key: str) -> str:
        """Return the URL of an object."""
        path = quote(key, safe=_SAFE_KEY)
        if self.endpoint_url:
            return f"{self.endpoint_url}/{bucket}/{path}"
        if "." in bucket:
            return f"https://s3.{self.region(bucket)}.amazonaws.com/{bucket}/{path}"
        host = "s3-accelerate" if self.accelerate else f"s3.{self.region(bucket)}"
        return f"https://{bucket}.{host}.amazonaws.com/{path}"

    # Credentials

    @property
    def renewable(self) -> bool:
        """True if credentials can be renewed."""
        return callable(self._given)

    def refresh(self) -> None:
        """Discard the current credentials after a refusal."""
        with self._lock:
            if self.renewable or self._given is None:
                self._current = None

    def _keys(self) -> tuple[str, str, str | None]:
        """Return access key, secret key and token, renewed if the current ones expire soon."""
        with self._lock:
            lapses = self._expires is not None and self._expires - _REFRESH_BEFORE < time.time()
            if self._current is None or lapses:
                given = self._given
                if given is None:
                    self._current = _found_credentials()
                else:
                    # Plain tuples of keys are allowed too, so only check that it unpacks.
                    keys = S3Credentials(*(given() if callable(given) else given))
                    self._expires = keys.expires if callable(given) else None
                    self._current = keys
            current = self._current
        if isinstance(current, S3Credentials):
            return current[:3]
        from botocore.exceptions import BotoCoreError

        try:
            # botocore fetches or renews a role's credentials at this call.
            frozen = current.get_frozen_credentials()
        except BotoCoreError as error:
            raise _no_credentials(error) from error
        return frozen.access_key, frozen.secret_key, frozen.token

    # Requests

    def sign(
        self, method: str, url: str, headers: Mapping[str, str], bucket: str, payload: str = UNSIGNED
    ) -> dict[str, str]:
        """Return ``headers`` with those that authorize the request.

        :param payload: sha256 of the body in hex, or :data:`UNSIGNED`
        :raises AuthError: no credentials were found, or fetching them failed
        :raises HCAError: botocore is not installed
        """
        now = time.time() + self._skew.seconds
        return self._signer.sign(method, url, headers, self.region(bucket), self._keys(), payload, now)

    def request(
        self,
        connections: LazyConnectionPool,
        method: str,
        bucket: str,
        key: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterable[Any] | None = None,
        payload: str = UNSIGNED,
        length: int | None = None,
    ) -> Response:
        """Send one signed request; return the response if it is a success.

        :raises S3Error: the store refused
        :raises UnreachableError: it cannot be reached
        """
        url = self.url(bucket, key)
        if query is not None:
            url += "?" + urlencode(query, quote_via=quote)
        plain = dict(headers or {})
        skew = self._skew.seconds
        signed = self.sign(method, url, plain, bucket, payload)
        if length is not None:
            signed["Content-Length"] = str(length)
        response = connections.request(method, url, signed, body)
        if response.status < 300:
            return response
        raise self._error(method, bucket, key, response, skew)

    def _error(self, method: str, bucket: str, key: str, response: Response, skew: float) -> S3Error:
        """Read an error response, and return its exception.

        :param skew: seconds that were added to this machine's time when the request was signed
        """
        text = b"" if method == "HEAD" else response.read(64 * 1024)
        response.release()
        date = response.header("Date")
        return self.error_of(bucket, key, response.status, text, response.header("x-amz-bucket-region"), date, skew)

    def error_of(
        self, bucket: str, key: str, status: int, body: bytes, region: str = "", date: str = "", skew: float = 0.0
    ) -> S3Error:
        """Convert an error response to an exception; remember the bucket's actual region and the store's clock.

        :param date: the header ``Date``
        :param skew: seconds that were added to this machine's time when the request was signed
        """
        code, message = parse_error(body)
        region = region or (
            tag_of(body, "Region") if code in ("AuthorizationHeaderMalformed", "PermanentRedirect") else ""
        )
        passing = False
        if region and region != self.region(bucket) and self._region is None:
            self._regions[bucket] = region
            passing = True
        if code == "RequestTimeTooSkewed" or (status == 403 and not body and self._skew.is_far(date, skew)):
            code, passing = "RequestTimeTooSkewed", self._skew.correct(tag_of(body, "ServerTime"), date, skew)
            message = self._skew.in_words()
        shown = f"s3://{bucket}/{key}"
        error = S3Error(
            f"the store refused {shown}: {code or status}" + (f" ({message})" if message else ""),
            status=503 if passing else status,
            reason="SlowDown" if passing else (code or None),
        )
        if not passing and status < 500:
            error.exit_code = ServiceError("", status=status).exit_code
        if code == "RequestTimeTooSkewed":
            error.hint = "Correct the clock of this machine."
        return error


def _unpickled(bucket: str, endpoint_url: str | None, region: str | None, accelerate: bool, given: bool) -> S3Target:
    keys = _keys_not_pickled if given else None
    return S3Target(bucket, endpoint_url=endpoint_url, region=region, credentials=keys, accelerate=accelerate)


def _keys_not_pickled() -> S3Credentials:
    raise AuthError(
        "the credentials of an S3Target are not pickled with it",
        hint="Create an S3Target with its credentials in each process.",
    )


def _found_credentials() -> Any:
    try:
        import botocore.session
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise HCAError(
            "to find S3 credentials, botocore is needed, which is not installed", hint="pip install 'hca-base[s3]'"
        ) from error
    try:
        found = botocore.session.Session().get_credentials()
    except BotoCoreError as error:
        raise _no_credentials(error) from error
    if found is None:
        raise AuthError(
            "no S3 credentials were found",
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run: aws configure",
        )
    return found


def _no_credentials(error: Exception) -> AuthError:
    """Convert botocore's errors about settings that it cannot use, such as a missing profile or a refused role."""
    return AuthError(
        f"the S3 credentials cannot be used: {' '.join(str(error).split())}",
        hint="check AWS_PROFILE and the other AWS_ variables, and ~/.aws",
    )


def clean_etag(value: str) -> str:
    """Return an ETag without quotes."""
    return value.strip().strip('"').lower()


def md5_base64(data: bytes) -> str:
    """Return the value of ``Content-MD5``."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode("ascii")


def base64_of_hex(digest: str) -> str:
    """Return a hex digest in base64."""
    return base64.b64encode(bytes.fromhex(digest)).decode("ascii")


def refuse_name(key: str) -> None:
    """Check an S3 key: at most 1,024 bytes of UTF-8, and not empty.

    :raises RefusedError: the key is not valid
    """
    if not key or len(key.encode("utf-8", "surrogatepass")) > 1024:
        raise RefusedError(f"{key[:60]!r} is not a valid object name: S3 accepts 1 to 1,024 bytes")
