"""Build the HTTP request for an operation and its arguments."""

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

#: Characters that are not escaped in a path template.
_PATH_CHARACTERS = "/{}?&=%:@!$'()*+,;~"


@dataclasses.dataclass
class Request:
    """A request for the HTTP session. Close it after the call: it may hold open files.

    :ivar url: with the query string
    :ivar params: the query string's names and values
    :ivar credential: the caller set a credential in a header
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
    """Build the request of a call.

    :param values: the arguments as :func:`hca_base.openapi._client._arguments.bind` gives them
    :param base_url: the service's URL, without a trailing slash
    :param content_type: media type of the body, instead of the operation's
    :raises UsageError: a value cannot be sent in its location
    """
    request = Request(operation.method, base_url, [], {})
    if operation.produces:
        request.headers["Accept"] = _accept(operation.produces)
    # The template is escaped too, except for characters that are valid in a URL.
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
            # Escape here, to distinguish separators of list items from characters in them.
            request.url += ("&" if "?" in request.url else "?") + query_string(query)
        if cookies:
            request.headers["Cookie"] = "; ".join(cookies)
        _add_body(request, operation, [(p, v) for p, v in values if p.location in ("body", "formData")], content_type)
    except UnicodeEncodeError:
        request.files.close()
        # Non-UTF-8 bytes of a command line become lone surrogates; so does "\\ud800" in JSON.
        raise UsageError("an argument is not valid Unicode text") from None
    except BaseException:
        request.files.close()
        raise
    return request


def replaced(headers: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """Return headers with some replaced. A multipart body keeps its boundary."""
    own = {name.lower() for name in others}
    boundary = re.search(r";\s*boundary=.*", headers.get("Content-Type", ""))
    found = {name: value for name, value in headers.items() if name.lower() not in own}
    for name, value in others.items():
        in_parts = name.lower() == "content-type" and value.startswith("multipart/") and "boundary" not in value
        found[name] = value + boundary[0] if in_parts and boundary else value
    return found


def _header_name(name: str) -> str:
    """Return a header's name, spelled as the body would set it, so that it is only sent once."""
    return {"content-type": "Content-Type", "accept": "Accept"}.get(name.lower(), name)


def _accept(produces: tuple[str, ...]) -> str:
    kinds = [each for each in produces if "\n" not in each and "\r" not in each and each.isascii()]
    json_first = sorted(kinds, key=lambda each: "json" not in each)
    return ", ".join([*json_first[:10], "*/*;q=0.5"])


_FORMS = {"multipart/form-data": "multipart", "application/x-www-form-urlencoded": "form"}


def _kind_of_body(operation: Operation, values: list[tuple[Parameter, Any]], content_type: str | None) -> str:
    """Return how to send a body: by its media type, as a form if it has a form member, or as the operation says."""
    stated = media_type(content_type)
    if stated in _FORMS:
        return _FORMS[stated]
    if operation.body == "json" and stated and not is_json(stated):
        return "raw"
    if operation.body == "json" and any(parameter.location == "formData" for parameter, _ in values):
        return "multipart" if "multipart/form-data" in operation.body_types else "form"
    return operation.body


def _as_members(values: list[tuple[Parameter, Any]]) -> list[tuple[Parameter, Any]]:
    """Return the values of a form; a whole body provides its members."""
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
        # Send a required body even if it is empty, because services expect one.
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
    """Return the body with the given members, which override those of a given whole body."""
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
    """Return the value that replaces another; the members of an :class:`Overlay` are merged into the object."""
    if not isinstance(value, Overlay):
        return value
    base = dict(below) if isinstance(below, Mapping) else {}
    return {**base, **{name: _laid_over(base.get(name), member) for name, member in value.items()}}


class Overlay(dict[str, Any]):
    """Members to change in an object, keeping its other members."""


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
                # The document does not specify a type, so the string is not parsed as JSON.
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
            # Pipes and virtual files have no reliable size. For an empty file, requests would use a chunked body, which
            # some services refuse.
            return file.read(), path.name
        except OSError as e:
            raise UsageError(f"{parameter.python_name}: {value}: {e.strerror or e}") from None
        except (ValueError, RuntimeError):  # a null character, or the home of an unknown user
            raise UsageError(f"{parameter.python_name}: file {printable(str(value))!r} does not exist") from None
    name = getattr(value, "name", None)
    name = Path(name).name if isinstance(name, str) else parameter.name
    if isinstance(value, io.TextIOBase):
        return value.read().encode(), name
    return value, name
