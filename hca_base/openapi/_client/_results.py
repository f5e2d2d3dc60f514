"""What a method returns for an answer."""

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
    """The parsed JSON of an answer; the answer itself for HEAD; otherwise text or bytes, or None where there are none.

    Text is what the operation declares as such and the service sends as such. A redirect that was not followed, since
    it leads to something that is not HTTP, is an object with its ``location``.

    :param digits: numbers that Python would write otherwise keep the digits of the answer
    :raises hca_base.errors.ServiceError: the answer says that it is JSON, and is not; or it is a web page where the
        document declares something else
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
    # An empty file is no bytes; an answer that states no type and has no body is nothing.
    if not content and (response.status_code in (204, 205) or not kind):
        return None
    if declares_text(produces, kind):
        return text_of(content, response.headers.get("Content-Type"))
    return content


def is_json_by_another_name(produces: tuple[str, ...], kind: str, start: bytes) -> bool:
    """Whether an answer is the JSON that the document declares, though its media type does not say so.

    :param start: the beginning of the body
    """
    from hca_base.http import is_json, media_type

    if kind not in _LOOSE or not produces or not all(is_json(media_type(each)) for each in produces):
        return False
    return start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def declares_text(produces: tuple[str, ...], kind: str) -> bool:
    """Whether an answer of a media type is one of the texts that the document declares.

    A service that declares nothing may hand out files, whose type is that of the file: those are bytes.
    """
    from hca_base.http import is_textual, media_type

    declared = {media_type(each) for each in produces}
    return is_textual(kind) and (kind in declared or (kind.startswith("text/") and "text/*" in declared))


def json_lines(response: requests.Response, *, digits: bool = False) -> Iterator[Any]:
    """The values of a streamed answer of one JSON value a line, as they arrive.

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
    """An answer whose body the caller reads; the request is sent on entering.

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

            # Thousands of requests for the status alone would otherwise make a connection each.
            leave_body(response)
        else:
            response.close()
