"""Convert responses to the results of methods."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from hca_base.errors import ServiceError

if TYPE_CHECKING:
    import requests

    from hca_base.openapi._document._operation import Operation


#: Media types under which some servers send the JSON that their document declares.
_LOOSE = ("", "text/plain", "application/octet-stream", "binary/octet-stream")

_LONGEST_LINE = 64 << 20


def result_of(response: requests.Response, operation: Operation | None = None, *, digits: bool = False) -> Any:
    """Return parsed JSON; the response itself for HEAD; otherwise text or bytes, or None if there are none.

    The result is text if both the operation and the response say so. A redirect to a non-HTTP URL, which is not
    followed, is an object with its ``location``.

    :param digits: keep the response's digits of numbers that Python would write differently
    :raises hca_base.errors.ServiceError: the response is declared as JSON but is not; or it is a web page although
        the document declares something else
    """
    from hca_base.http import is_json, json_of, media_type, text_of, unexpected_page

    if response.request.method == "HEAD":
        return response
    if response.is_redirect:
        return {"location": response.headers["Location"]}
    produces = operation.produces if operation is not None else ()
    error = unexpected_page(response, produces)
    if error is not None:
        raise error
    kind = media_type(response.headers.get("Content-Type"))
    content = response.content
    if is_json(kind) or is_json_by_another_name(produces, kind, content):
        return json_of(response, digits=digits) if content.strip() else None
    # An empty file is empty bytes; a response without a media type and a body is None.
    if not content and (response.status_code in (204, 205) or not kind):
        return None
    if declares_text(produces, kind):
        return text_of(content, response.headers.get("Content-Type"))
    return content


def is_json_by_another_name(produces: tuple[str, ...], kind: str, start: bytes) -> bool:
    """Return True if a response is the JSON that the document declares, despite another media type.

    :param start: the beginning of the body
    """
    from hca_base.http import is_json, media_type

    if kind not in _LOOSE or not produces or not all(is_json(media_type(each)) for each in produces):
        return False
    return start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def declares_text(produces: tuple[str, ...], kind: str) -> bool:
    """Return True if a response's media type is one of the text types that the document declares.

    A service that declares no types may serve files with their own types, which are returned as bytes.
    """
    from hca_base.http import is_textual, media_type

    declared = {media_type(each) for each in produces}
    return is_textual(kind) and (kind in declared or (kind.startswith("text/") and "text/*" in declared))


def json_lines(response: requests.Response, *, digits: bool = False) -> Iterator[Any]:
    """Yield the values of a streamed response with one JSON value per line, as they arrive.

    :param digits: as for :func:`result_of`
    :raises hca_base.errors.ServiceError: a line is not JSON
    """
    from hca_base.http import iter_body, parse_json

    rest = b""
    for chunk in iter_body(response, eager=True):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise ServiceError("a line of the response is too long", status=response.status_code, response=response)
        yield from (parse_json(line, response, digits=digits) for line in lines if line.strip())
    if rest.strip():
        yield parse_json(rest, response, digits=digits)


class Streamed:
    """A response whose body the caller reads; entering the context sends the request.

    ::

        with client.get_file.stream(uuid=uuid, replica="aws") as response:
            for chunk in response.iter_content(2**20):
                ...
    """

    def __init__(self, send: Callable[[], requests.Response]) -> None:
        self._send = send
        self._response: requests.Response | None = None

    def __enter__(self) -> requests.Response:
        self._response = self._send()
        return self._response

    def __exit__(self, kind: object, *exception: object) -> None:
        response, self._response = self._response, None
        if response is None:
            return
        if kind is None:
            from hca_base.http import leave_body

            # Otherwise each request that only needs the status would open a new connection.
            leave_body(response)
        else:
            response.close()
