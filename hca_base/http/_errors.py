"""Convert errors of services, gateways and networks to hca's exceptions."""

from __future__ import annotations

import json
import math
import re
import time
import unicodedata
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from hca_base.errors import ConfigError, HCAError, ServiceError, TimedOutError, UnreachableError, UsageError
from hca_base.http._answers._content import text_of
from hca_base.http._answers._reasons import reason_and_title
from hca_base.http._redact import redact
from hca_base.http._retry import parse_retry_after

if TYPE_CHECKING:
    import requests

#: Headers with a request ID: DSS, API Gateway, others.
REQUEST_ID_HEADERS = ("X-AWS-REQUEST-ID", "x-amzn-RequestId", "x-amz-request-id", "X-Request-Id", "X-Correlation-Id")

_TITLE_LIMIT = 300
_LINE_LIMIT = 4000
_BODY_LIMIT = 1 << 20


def one_line(text: object, limit: int = _TITLE_LIMIT) -> str:
    """Return the first line of a server's text, shortened and without control characters."""
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    if not lines:
        return ""
    # Control and format characters could manipulate the terminal.
    line = "".join(c for c in lines[0] if unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs"))
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def request_id_of(response: requests.Response) -> str | None:
    """Return the server's ID of the request, if any."""
    for name in REQUEST_ID_HEADERS:
        if response.headers.get(name):
            return one_line(response.headers[name], 100)
    return None


def error_from_response(response: requests.Response) -> ServiceError:
    """Convert a response with status 400 or above to an exception.

    The reason is extracted from the formats that services and web frameworks use, from XML, a web page or plain text.
    For unknown formats, the beginning of the body is shown. The body must have been read or be readable.
    """
    details = _details_of(response)
    reason, title = reason_and_title(details, response.status_code)
    phrase = _phrase(response)
    headline = one_line(redact(one_line(title, _LINE_LIMIT))) if title else ""
    reason = one_line(redact(one_line(reason, _LINE_LIMIT)), 100) if reason else None
    message = f"{response.status_code} {reason or phrase}"
    # Problem documents (RFC 9457) often have the phrase as their title, before the details.
    headline = headline.removeprefix(f"{reason or phrase}: ")
    # Pages of gateways repeat the status line.
    if headline and headline not in (reason or phrase, message):
        message += f": {headline}"
    return ServiceError(
        message,
        status=response.status_code,
        reason=reason or phrase,
        title=title or "",
        details=details,
        response=response,
        hint=_hint(response),
        request_id=request_id_of(response),
    )


def _phrase(response: requests.Response) -> str:
    if response.reason:
        return one_line(response.reason, 100)
    try:
        return HTTPStatus(response.status_code).phrase
    except ValueError:
        return "error"


def _details_of(response: requests.Response) -> Any:
    content = response.content[:_BODY_LIMIT] if response.content else b""
    text = text_of(content, response.headers.get("Content-Type"))
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _hint(response: requests.Response) -> str | None:
    status = response.status_code
    request = response.request
    sent = request is not None and any(
        name.lower() in ("authorization", "api-key", "x-api-key", "cookie") for name in (request.headers or {})
    )
    if status == 401:
        if sent:
            return "The credentials were not accepted; see 'hca auth status', then log in again: 'hca login SERVICE'."
        return "Log in with 'hca login SERVICE'; 'hca auth status' shows what is stored."
    if status == 403:
        if sent:
            return "This identity is not allowed to do that; 'hca auth status' shows which identity is used."
        return "Log in with 'hca login SERVICE', or check the URL: gateways also respond like this for unknown paths."
    wait = _wait_of(response)
    if wait is not None:
        return f"The service asks clients to wait {wait}; try again after that."
    if status == 429:
        return "The service limits the rate of requests; wait, then try again."
    if status in (502, 503, 504):
        return "The service may be busy or under maintenance; try again later."
    return None


def _wait_of(response: requests.Response) -> str | None:
    """Return how long the service asks to wait, as text; None if it does not say."""
    seconds = parse_retry_after(response.headers.get("Retry-After"))
    if seconds is None and response.status_code == 429:
        for name in ("RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset"):
            value = response.headers.get(name, "")
            if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", value):
                # Services use either seconds from now or seconds since 1970.
                seconds = float(value) - time.time() if float(value) > 10**8 else float(value)
                break
    if seconds is None or seconds <= 0:
        return None
    if seconds < 120:
        return f"{math.ceil(seconds)} seconds"
    return f"{math.ceil(seconds / 60)} minutes" if seconds < 7200 else f"{math.ceil(seconds / 3600)} hours"


def transport_error(error: Exception, url: str | None) -> HCAError:
    """Convert an exception of requests or urllib3; omit everything that may contain a secret."""
    import requests.exceptions as rex

    host = _host_of(url)
    reason = _reason_of(error)
    if isinstance(error, rex.InvalidProxyURL):
        return ConfigError("the proxy's URL is not usable", hint="see http.proxy, HTTP_PROXY and HTTPS_PROXY")
    if isinstance(error, rex.InvalidSchema) and "SOCKS" in str(error):
        return ConfigError("a SOCKS proxy requires the package PySocks", hint="pip install 'requests[socks]'")
    if isinstance(error, rex.InvalidJSONError):
        return UsageError(f"the body for {host} cannot be encoded as JSON")
    if isinstance(error, rex.InvalidHeader) and "Content-Length" in str(error):
        return UnreachableError(f"{host} sent an invalid HTTP response: it has two lengths")
    if isinstance(error, rex.InvalidURL | rex.MissingSchema | rex.InvalidSchema | rex.InvalidHeader):
        kind = "header" if isinstance(error, rex.InvalidHeader) else "URL"
        return UsageError(f"the request to {host} has a {kind} that cannot be sent")
    if isinstance(error, rex.ProxyError):
        return UnreachableError(
            f"cannot reach {host} through the proxy: {reason}", hint="see http.proxy, HTTP_PROXY and HTTPS_PROXY"
        )
    if isinstance(error, rex.SSLError):
        return UnreachableError(
            f"cannot establish a secure connection to {host}: {reason}",
            hint="name your own CA in http.ca_bundle or REQUESTS_CA_BUNDLE",
        )
    if isinstance(error, rex.ConnectTimeout):
        return TimedOutError(f"timed out connecting to {host}")
    if isinstance(error, rex.Timeout) or "ReadTimeout" in repr(error):
        return TimedOutError(f"timed out waiting for {host}", hint="increase http.timeout (seconds)")
    if isinstance(error, rex.ContentDecodingError):
        return UnreachableError(f"the response from {host} is damaged: {reason}")
    if is_connect_failure(error):
        return UnreachableError(f"cannot connect to {host}: {reason}")
    return UnreachableError(f"the connection to {host} broke: {reason}")


def is_connect_failure(error: BaseException) -> bool:
    """Return True if no connection was made, so the server cannot have seen the request."""
    names = {type(cause).__name__ for cause in _causes(error)}
    return bool(names & {"NewConnectionError", "NameResolutionError", "ConnectTimeout", "ConnectTimeoutError"})


def is_certificate_failure(error: BaseException) -> bool:
    """Return True if the server's certificate was rejected, so a retry cannot help."""
    return any(type(cause).__name__ == "SSLCertVerificationError" for cause in _causes(error))


def _causes(error: BaseException) -> list[BaseException]:
    """Yield the error and its causes, outermost first; urllib3 also keeps causes in ``reason`` and ``args``."""
    found: list[BaseException] = []
    waiting: list[BaseException] = [error]
    while waiting and len(found) < 20:
        current = waiting.pop(0)
        if any(current is one for one in found):
            continue
        found.append(current)
        inner = [getattr(current, "reason", None), *current.args, current.__cause__, current.__context__]
        waiting.extend(one for one in inner if isinstance(one, BaseException))
    return found


def _reason_of(error: BaseException) -> str:
    import ssl

    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return one_line(cause.verify_message or "its certificate is not trusted")
        if type(cause).__name__ == "NameResolutionError":
            return "the host name is not known"
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror and cause.errno is not None:
            return one_line(redact(str(cause.strerror)))
    innermost = causes[-1]
    text = one_line(redact(str(innermost)), 120)
    known = {
        "RemoteDisconnected": "the server closed it without a response",
        "IncompleteRead": "the server closed it before the end of the response",
        "LineTooLong": "the response has an oversized header",
    }
    for cause in causes:
        if type(cause).__name__ in known:
            return known[type(cause).__name__]
    return text or type(innermost).__name__


def _host_of(url: str | None) -> str:
    from urllib.parse import urlsplit

    try:
        return one_line(urlsplit(url or "").netloc.rpartition("@")[2], 260) or "the server"
    except ValueError:
        return "the server"
