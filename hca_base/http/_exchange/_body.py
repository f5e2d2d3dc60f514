"""Read responses within size and time limits, and parse JSON safely."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from hca_base.errors import HCAError, ServiceError, TimedOutError, UnreachableError
from hca_base.http._answers._content import charset_of, is_web_page, media_type
from hca_base.output import read_shown

if TYPE_CHECKING:
    import requests

    from hca_base.http._settings import HttpSettings

CHUNK = 1 << 16
#: Bytes and seconds spent on reading an unused response to keep its connection, which is cheaper than a new one.
DISCARD_BODY = 1 << 16
DISCARD_TIME = 2.0


def read_bounded(
    response: requests.Response, limit: int, *, deadline: float | None = None, tolerant: bool = False
) -> None:
    """Read the body into the response (``.content`` works afterwards) and release the connection.

    :param limit: maximum bytes after decompression
    :param deadline: in terms of ``time.monotonic()``; limits slow servers
    :param tolerant: keep the received part of a body that is too large, damaged or truncated
    :raises UnreachableError: the body is larger than ``limit``
    :raises TimedOutError: the deadline passed
    :raises requests.RequestException: the connection broke
    """
    announced = response.headers.get("Content-Length", "")
    import requests

    # Ignore implausibly long numbers, for which int() raises an error.
    known = announced if announced.isascii() and announced.isdigit() else "0"
    too_large = response.request.method != "HEAD" and (len(known) > 20 or int(known) > limit)
    if too_large and not tolerant:
        response.close()
        raise _too_large(response, limit)
    # Not a list of pieces, because a chunk may be a single byte.
    body = bytearray()
    try:
        for chunk in response.iter_content(CHUNK):
            body += chunk
            if len(body) > limit:
                response.close()
                if not tolerant:
                    raise _too_large(response, limit)
                del body[limit:]
                break
            if deadline is not None and time.monotonic() > deadline:
                response.close()
                raise TimedOutError(f"{_host(response)} did not finish its response in time")
    except requests.RequestException:
        if not tolerant or (deadline is not None and time.monotonic() > deadline):
            raise
        response.close()
    # requests has no public way to set a body that was read in pieces.
    response._content = bytes(body)
    response._content_consumed = True  # type: ignore[attr-defined]


def read_whole(response: requests.Response, settings: HttpSettings) -> bytes:
    """Return the whole body of a streamed response, within the limits for other responses.

    :raises UnreachableError: it is larger than ``http.max_body``, or the connection broke
    :raises TimedOutError: the response takes longer than ``http.answer_timeout``
    """
    import requests

    from hca_base.http._errors import transport_error
    from hca_base.http._exchange._bounded import bound_body

    bound_body(response, settings.answer_timeout)
    try:
        read_bounded(response, settings.max_body, deadline=time.monotonic() + settings.answer_timeout)
    except requests.RequestException as error:
        raise transport_error(error, response.url) from None
    return response.content


def iter_body(response: requests.Response, chunk_size: int = 1 << 20, *, eager: bool = False) -> Iterator[bytes]:
    """The chunks of a streamed answer, decompressed.

    :param eager: give what has arrived without waiting for a whole chunk: for text that a person reads
    :raises UnreachableError: the connection broke off before the end
    :raises TimedOutError: the server fell silent
    """
    import requests
    import urllib3.exceptions

    from hca_base.http._errors import transport_error

    read = getattr(response.raw, "read1", None) if eager else None
    try:
        if read is None:
            yield from response.iter_content(chunk_size)
        else:
            while chunk := read(CHUNK, decode_content=True):
                yield chunk
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise transport_error(error, response.url) from None


def json_of(response: requests.Response, *, digits: bool = False) -> Any:
    """The answer's JSON.

    :param digits: as for :func:`parse_json`
    :raises ServiceError: it is not JSON (a web page, a cut-off text), or nested beyond reason
    """
    return parse_json(response.content, response, digits=digits)


def parse_json(content: bytes, response: requests.Response, *, digits: bool = False) -> Any:
    """Parse an answer's bytes; see :func:`json_of`.

    :param digits: numbers are to be shown: those that Python would write otherwise keep their digits
    """
    try:
        text = _decoded(content, response.headers.get("Content-Type"))
        return read_shown(text) if digits else json.loads(text)
    except RecursionError:
        raise _not_json(response, "its JSON is nested too deeply") from None
    except UnicodeDecodeError:
        raise _not_json(response, "its response is not text") from None
    except ValueError:
        pass
    if not content.strip():
        raise _not_json(response, "its response is empty where JSON was expected")
    if is_web_page(media_type(response.headers.get("Content-Type"))) or content.lstrip()[:1] == b"<":
        raise _not_json(response, "it responded with a web page where JSON was expected")
    raise _not_json(response, "its response is not JSON")


def _decoded(content: bytes, content_type: str | None) -> str:
    try:
        return content.decode("utf-8-sig")  # json.loads rejects a byte order mark
    except UnicodeDecodeError:
        # JSON is UTF-8; old servers declare another encoding, and some declare one but still send UTF-8.
        encoding = charset_of(content_type)
        if encoding == "utf-8":
            raise
        return content.decode(encoding)


def unexpected_page(response: requests.Response, produces: Iterable[str]) -> ServiceError | None:
    """Return the error for a web page if the document declares only other media types; else None.

    Login pages and pages of gateways may have status 200.
    """
    declared = [media_type(each) for each in produces]
    if not declared or any(is_web_page(each) or "*" in each for each in declared):
        return None
    if not is_web_page(media_type(response.headers.get("Content-Type"))):
        return None
    from hca_base.http._redact import redact_url

    where = redact_url(response.url)
    return ServiceError(
        f"{where} responded with a web page where {declared[0]} was expected",
        status=response.status_code,
        reason="unexpected_answer",
        response=response,
        hint="check the URL of the service, and log in if it requires a login: 'hca auth status'",
    )


def _not_json(response: requests.Response, problem: str) -> ServiceError:
    return ServiceError(
        f"{_host(response)} is not the expected service: {problem}",
        status=response.status_code,
        reason="unexpected_answer",
        details=None,
        response=response,
        hint="check the URL of the service in the configuration (hca config show --origin)",
    )


def _too_large(response: requests.Response, limit: int) -> UnreachableError:
    return UnreachableError(
        f"{_host(response)} sent a response of more than {limit} bytes",
        hint="increase http.max_body (bytes)",
    )


def _host(response: requests.Response) -> str:
    from urllib.parse import urlsplit

    try:
        return urlsplit(response.url).netloc.rpartition("@")[2] or "the server"
    except ValueError:
        return "the server"


def discard_body(response: requests.Response) -> None:
    """Read the rest of an unused response to keep its connection; close the connection if it is long."""
    from requests import RequestException

    from hca_base.http._exchange._bounded import bound_body

    try:
        if not getattr(response, "_content_consumed", False):
            bound_body(response, DISCARD_TIME)
            read_bounded(response, DISCARD_BODY, deadline=time.monotonic() + DISCARD_TIME)
    except (RequestException, HCAError):
        pass
    response.close()


def leave_body(response: requests.Response) -> None:
    """Close a response; if its rest is known to be short, read it and keep the connection."""
    announced = response.headers.get("Content-Length", "")
    if announced.isascii() and announced.isdigit() and len(announced) < 10 and int(announced) <= DISCARD_BODY:
        discard_body(response)
    else:
        response.close()
