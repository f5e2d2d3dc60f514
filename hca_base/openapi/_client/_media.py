"""Keyword arguments that select the media types of a call's body and response."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hca_base.errors import UsageError
from hca_base.openapi._document._alias import Alias
from hca_base.openapi._document._operation import Operation
from hca_base.openapi._document._text import printable

#: Keyword arguments of every method, and their headers. A service's parameter of that name takes precedence.
HEADERS = {"hca_accept": "Accept", "hca_content_type": "Content-Type"}
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


def offered(operation: Operation | Alias) -> dict[str, tuple[str, ...]]:
    """Return the media types to choose from, by keyword argument, if there are several."""
    if isinstance(operation, Alias):
        return {}
    types = {"hca_accept": operation.produces, "hca_content_type": operation.body_types}
    return {
        name: listed for name, listed in types.items() if len(set(listed)) > 1 and operation.parameter(name) is None
    }


def chosen(
    operation: Operation, arguments: Mapping[str, Any], headers: Mapping[str, str] | None
) -> tuple[Mapping[str, Any], Mapping[str, str] | None]:
    """Return the arguments without those that choose a media type, and the headers with them.

    A string for the whole body is sent unchanged if its media type is neither JSON nor a form.

    :raises UsageError: a value is not a media type
    """
    from hca_base.http import is_json, media_type

    found = {
        header: arguments[name]
        for name, header in HEADERS.items()
        if name in arguments and operation.parameter(name) is None
    }
    if not found:
        return arguments, headers
    rest = {name: value for name, value in arguments.items() if name not in HEADERS or operation.parameter(name)}
    kept = dict(headers or {})
    for header, value in found.items():
        if value is None:
            continue
        if not isinstance(value, str) or not re.fullmatch(r"[!-~]+/[ -~]+", value.strip()):
            raise UsageError(f"{header} must be a media type, TYPE/SUBTYPE, not {printable(repr(value))}")
        kept = {name: each for name, each in kept.items() if name.lower() != header.lower()}
        kept[header] = value.strip()
    kind = media_type(kept.get("Content-Type"))
    if kind and operation.body == "json" and not is_json(kind) and kind not in _FORMS:
        whole = next((each.python_name for each in operation.parameters if each.whole), "")
        if isinstance(rest.get(whole), str):
            rest[whole] = rest[whole].encode()
    return rest, kept
