"""From an operation and its arguments to an HTTP request."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

from hca_base.config import expand_home
from hca_base.errors import UsageError
from hca_base.http import is_json, media_type
from hca_base.openapi._client._values import (
    check_path,
    cookie_pairs,
    header_value,
    json_text,
    pairs,
    path_value,
    query_pairs,
    query_string,
)
from hca_base.openapi._document._operation import Operation, Parameter
from hca_base.openapi._document._text import printable

#: What stands as it is in the template of a path.
_PATH_CHARACTERS = "/{}?&=%:@!$'()*+,;~"


@dataclasses.dataclass
class Request:
    """What goes to the HTTP session. Close it after the call: it may hold open files.

    :ivar url: with the query string
    :ivar params: the query string's names and values
    :ivar credential: the caller gave a credential in a header itself
    """

    method: str
    url: str
    params: list[tuple[str, str]]
    headers: dict[str, str]
    data: Any = None
    credential: bool = False
    files: contextlib.ExitStack = dataclasses.field(default_factory=contextlib.ExitStack)

    def __enter__(self) -> Request:
        return self

    def __exit__(self, *exception: object) -> None:
        self.files.close()


def build(
    operation: Operation, values: list[tuple[Parameter, Any]], base_url: str, content_type: str | None = None
) -> Request:
    """The request of a call.

    :param values: the arguments as :func:`hca_base.openapi._client._arguments.bind` gives them
    :param base_url: the service's URL, without a slash at its end
    :param content_type: of the body, in place of the operation's
    :raises UsageError: a value cannot be sent where it belongs
    """
    request = Request(operation.method, base_url, [], {})
    if operation.produces:
        request.headers["Accept"] = _accept(operation.produces)
    # What is in the template itself is quoted too, but for what a URL may have.
    path = quote(operation.path, safe=_PATH_CHARACTERS, errors="replace")
    template = path
    cookies: list[str] = []
    query: list[tuple[str, str]] = []
    try:
        for parameter, value in values:
            if parameter.location == "path":
                text = path_value(parameter, value)
                for form in ("{%s}", "{%s*}", "{+%s}"):
                    place = quote(form % parameter.name, safe=_PATH_CHARACTERS, errors="replace")
                    path = path.replace(place, text)
            elif parameter.location in ("query", "querystring"):
                query.extend(query_pairs(parameter, value))
            elif parameter.location == "header":
                request.headers[_header_name(parameter.name)] = header_value(parameter, value)
                request.credential = request.credential or parameter.credential
            elif parameter.location == "cookie":
                cookies.extend(cookie_pairs(parameter, value))
        check_path(template, path)
        request.params = [(unquote(name), unquote(text)) for name, text in query]
        request.url = base_url + path
        if query:
            # Escaped here: what is between the items of a list must differ from what is in them.
            request.url += ("&" if "?" in request.url else "?") + query_string(query)
        if cookies:
            request.headers["Cookie"] = "; ".join(cookies)
        _add_body(request, operation, [(p, v) for p, v in values if p.location in ("body", "formData")], content_type)
    except UnicodeEncodeError:
        request.files.close()
        # Bytes of a command line that are no UTF-8 come as half characters; so does "\\ud800" in JSON.
        raise UsageError("an argument is not valid Unicode text") from None
    except BaseException:
        request.files.close()
        raise
    return request


def replaced(headers: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """Headers with others in place of those of the same name. A form in parts keeps the boundary of its parts."""
    own = {name.lower() for name in others}
    boundary = re.search(r";\s*boundary=.*", headers.get("Content-Type", ""))
    found = {name: value for name, value in headers.items() if name.lower() not in own}
    for name, value in others.items():
        in_parts = name.lower() == "content-type" and value.startswith("multipart/") and "boundary" not in value
        found[name] = value + boundary[0] if in_parts and boundary else value
    return found


def _header_name(name: str) -> str:
    """Return a header's name; one that a body would set itself is spelled as there, so that it is sent once."""
    return {"content-type": "Content-Type", "accept": "Accept"}.get(name.lower(), name)


def _accept(produces: tuple[str, ...]) -> str:
    kinds = [each for each in produces if "\n" not in each and "\r" not in each and each.isascii()]
    json_first = sorted(kinds, key=lambda each: "json" not in each)
    return ", ".join([*json_first[:10], "*/*;q=0.5"])


_FORMS = {"multipart/form-data": "multipart", "application/x-www-form-urlencoded": "form"}


def _kind_of_body(operation: Operation, values: list[tuple[Parameter, Any]], content_type: str | None) -> str:
    """How a body is sent: as the media type wants it, as a form if it has a member of one, or as the operation does."""
    stated = media_type(content_type)
    if stated in _FORMS:
        return _FORMS[stated]
    if operation.body == "json" and stated and not is_json(stated):
        return "raw"
    if operation.body == "json" and any(parameter.location == "formData" for parameter, _ in values):
        return "multipart" if "multipart/form-data" in operation.body_types else "form"
    return operation.body


def _as_members(values: list[tuple[Parameter, Any]]) -> list[tuple[Parameter, Any]]:
    """The values of a form: a whole body is its members."""
    whole = next((value for parameter, value in values if parameter.whole), None)
    found = [(parameter, value) for parameter, value in values if not parameter.whole]
    if isinstance(whole, Mapping):
        names = {parameter.name for parameter, _ in found}
        for name, value in whole.items():
            if name not in names:
                kind = "application/json" if isinstance(value, Mapping) else None
                member = Parameter(str(name), str(name), "", "formData", type="any", style="multi", content_type=kind)
                found.append((member, value))
    return found


def _add_body(
    request: Request, operation: Operation, values: list[tuple[Parameter, Any]], stated: str | None = None
) -> None:
    kind = _kind_of_body(operation, values, stated)
    content_type = stated or operation.body_content_type
    if kind in _FORMS.values():
        values = _as_members(values)
    if kind == "json":
        # A required body is sent even if it is empty: services that take one want to see it.
        if not values and not operation.body_required:
            return
        request.data = json_text(_json_body(values)).encode()
        request.headers.setdefault("Content-Type", content_type or "application/json")
    elif kind == "raw" and values:
        bodies = [(parameter, value) for parameter, value in values if parameter.whole]
        if len(bodies) < len(values):
            raise UsageError(f"a body of type {content_type} cannot be given by members: pass the whole body")
        parameter, value = bodies[0]
        request.data = value.encode() if isinstance(value, str) else _opened(request, parameter, value)[0]
        request.headers.setdefault("Content-Type", content_type or "application/octet-stream")
    elif kind == "form" and values:
        found = [pair for parameter, value in values for pair in pairs(parameter, value)]
        request.data = urlencode(found).encode()
        request.headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    elif kind == "multipart" and values:
        _add_multipart(request, values)
    elif kind == "whole" and values:
        parameter, value = values[0]
        as_text = content_type is not None and not is_json(media_type(content_type))
        if parameter.type == "file" or (as_text and not isinstance(value, str)):
            request.data = _opened(request, parameter, value)[0]
        elif as_text:
            request.data = value.encode()
        else:
            request.data = json_text(value).encode()
        request.headers.setdefault("Content-Type", content_type or "application/json")


def _json_body(values: list[tuple[Parameter, Any]]) -> Any:
    """The body of given members, laid over a whole body where one is given."""
    body: Any = {}
    for parameter, value in values:
        if parameter.whole:
            body = value
    members = [(parameter, value) for parameter, value in values if not parameter.whole]
    if members and not isinstance(body, Mapping):
        raise UsageError("members can be combined with a whole body only if it is a JSON object")
    for parameter, value in members:
        body = {**body, parameter.name: _laid_over(body.get(parameter.name), value)}
    return body


def _laid_over(below: Any, value: Any) -> Any:
    """A value in place of another; of an :class:`Overlay`, the members replace those of the object below."""
    if not isinstance(value, Overlay):
        return value
    base = dict(below) if isinstance(below, Mapping) else {}
    return {**base, **{name: _laid_over(base.get(name), member) for name, member in value.items()}}


class Overlay(dict[str, Any]):
    """Members of an object that leave its other members as they are."""


def _add_multipart(request: Request, values: list[tuple[Parameter, Any]]) -> None:
    from hca_base.openapi._client._multipart import MultipartBody, Part

    parts: list[Part] = []
    for parameter, value in values:
        if parameter.type == "file" or (parameter.type == "array" and parameter.items == "file"):
            for each in value if isinstance(value, list) else [value]:
                content, filename = _opened(request, parameter, each)
                kind = parameter.content_type or "application/octet-stream"
                parts.append(Part(parameter.name, content, filename, kind))
        else:
            stated = parameter.content_type
            if stated is not None and "json" in stated and isinstance(value, str):
                # The document leaves the type open: a text is not JSON.
                stated = "text/plain"
            for name, text in pairs(parameter, value):
                parts.append(Part(name, text.encode(), None, stated))
    body = MultipartBody(parts)
    request.data = body
    request.headers["Content-Type"] = body.content_type


def _opened(request: Request, parameter: Parameter, value: Any) -> tuple[Any, str]:
    """The content of a file argument (bytes, or a file open for reading) and a name for it."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value), parameter.name
    if isinstance(value, (str, os.PathLike)):
        try:
            path = expand_home(value)
            file: Any = request.files.enter_context(path.open("rb"))
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_size:
                return file, path.name
            # Pipes, and files that the system makes up, have no size that could be relied on. Of a file that is really
            # empty, requests would send the nothing in chunks, which some services refuse.
            return file.read(), path.name
        except OSError as e:
            raise UsageError(f"{parameter.python_name}: {value}: {e.strerror or e}") from None
        except (ValueError, RuntimeError):  # a null character; the home of a user that there is not
            raise UsageError(f"{parameter.python_name}: file {printable(str(value))!r} does not exist") from None
    name = getattr(value, "name", None)
    name = Path(name).name if isinstance(name, str) else parameter.name
    if isinstance(value, io.TextIOBase):
        return value.read().encode(), name
    return value, name
