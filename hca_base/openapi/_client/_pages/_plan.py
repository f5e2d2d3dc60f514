"""Detect how an operation is paginated: from its parameters and responses, or the user's settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from hca_base.errors import ConfigError
from hca_base.openapi._client._pages._places import normal
from hca_base.openapi._document._operation import Operation, Parameter

#: Parameters for a next-page value from a response.
_TOKENS = (
    "pagetoken",
    "nextpagetoken",
    "nexttoken",
    "cursor",
    "nextcursor",
    "pagecursor",
    "pageafter",
    "continuationtoken",
    "continuation",
    "paginationtoken",
    "startingtoken",
    "nextmarker",
    "marker",
    "cursormark",
    "startcursor",
    "startkey",
    "exclusivestartkey",
    "scrollid",
    "resumptiontoken",
    "searchafter",
    "nextkey",
    "after",
    "token",
)
#: Members of responses with such a value.
TOKEN_MEMBERS = frozenset(
    {"pagetoken", "paginationtoken", "continuationtoken", "continuation", "endcursor", "cursor", "after", "scrollid"}
    | {"lastevaluatedkey", "marker", "searchafter", "resumptiontoken", "startkey", "cursormark"}
    | {"next", "nextpage", "nextpagetoken", "nexttoken", "nextcursor", "nextmarker", "nextkey", "nextpagekey", "nextid"}
    | {"nextoffset", "nextstart", "nextstartat", "nextstartindex", "nextindex", "nextpageid", "nextcontinuationtoken"}
    | {"nextcontinuation", "nextpagecursor", "nextpagenumber", "nextrecord", "nextsearchafter", "nextbatch"}
    | {"nextanchor", "nextscrollid", "nextstartkey", "nextcursormark", "nextpageoffset"}
)
_LAST_IDS = ("startingafter", "afterid", "lastid", "sinceid", "startafter", "startafterid", "minid")
_PAGES = ("page", "pagenumber", "pagenum", "pageno", "pageindex", "currentpage", "p")
_OFFSETS = ("offset", "skip", "startindex", "startat", "pageoffset", "startoffset", "firstresult", "resultoffset")
#: Offsets only if the operation also has a row count; otherwise they may be coordinates or dates.
_STARTS = ("start", "from")
LIMITS = (
    "limit",
    "pagesize",
    "perpage",
    "size",
    "rows",
    "maxresults",
    "pagelimit",
    "itemsperpage",
    "resultsperpage",
    "count",
    "top",
    "first",
    "n",
    "max",
    "maxitems",
    "batchsize",
    "retmax",
)
_ENDS = frozenset({"end", "stop", "to"})
#: Members that mark a response as paginated in documents.
_MARKERS = frozenset({"next", "pagination", "hasmore", "nextpage", "nexturl", "odatanextlink"})
_NEXT = frozenset({"next", "links", "link", "nextpageurl", "nexturl", "nextlink", "odatanextlink"})
#: Members of paginated response objects.
_ABOUT_PAGES = frozenset({"pagination", "paging", "pageinfo", "meta", "cursors"})

WORDS = {
    "link": "by link",
    "token": "by token",
    "last-id": "by the ID of the last item",
    "offset": "by offset",
    "page": "by page number",
    "range": "by range",
    "set": "as configured",
}


@dataclasses.dataclass(frozen=True)
class Plan:
    """How to request the next page.

    :ivar kind: ``link``, ``token``, ``last-id``, ``offset``, ``page``, ``range``; ``set``: from the user's settings
    :ivar parameter: the parameter that the next page's value goes to; None for a link
    :ivar items: path of the items in a response; None: detected
    :ivar next: path of the next page's value in a response, for ``set``
    :ivar strict: only follow links
    """

    kind: str
    parameter: Parameter | None = None
    items: tuple[str, ...] | None = None
    next: tuple[str, ...] | None = None
    strict: bool = False

    def __str__(self) -> str:
        return WORDS[self.kind] + (f" ({self.parameter.option})" if self.parameter is not None else "")


def paging_of(operation: Operation, service: str | None, config: Any) -> Plan | None:
    """Return how an operation is paginated: from ``services.NAME.paging.OPERATION``, or else the document.

    :param service: the service's name
    :raises ConfigError: the setting names a parameter that the operation does not have
    """
    settings = config.get(("services", service, "paging")) if service and config is not None else None
    setting = None
    if isinstance(settings, Mapping):
        keys = (operation.command, operation.name, operation.operation_id, operation.path_name)
        setting = next((settings[key] for key in keys if key in settings), None)
    return plan_of(operation, setting)


def plan_of(operation: Operation, setting: Any = None) -> Plan | None:
    """Return how an operation is paginated; None if it is not.

    :param setting: ``services.NAME.paging.OPERATION``: an object, or false to disable pagination
    :raises ConfigError: the setting names a parameter that the operation does not have
    """
    if setting is False:
        return None
    if isinstance(setting, Mapping):
        return _of_setting(operation, setting)
    answers = [each for each in operation.responses if each.success]
    members = {normal(name) for each in answers for name in each.members}
    ranged = range_of(operation)
    if ranged is not None:
        return Plan("range", ranged)
    if any(each.status == "206" for each in answers):
        return Plan("link", strict=True)
    token = parameter_of(operation, _TOKENS)
    if token is not None and (members & TOKEN_MEMBERS or members & _ABOUT_PAGES):
        return Plan("token", token)
    if operation.paginated and not members & _MARKERS:
        return Plan("link")  # the response declares a Link header
    if members & _NEXT:
        return Plan("link")
    lists = any(each.type in ("array", "object", None) for each in answers)
    if not lists or not (operation.safe or members):
        return None
    last = parameter_of(operation, _LAST_IDS)
    if last is not None and "hasmore" in members:
        return Plan("last-id", last)
    offset = offset_of(operation)
    if offset is not None:
        return Plan("offset", offset)
    page = page_of(operation)
    if page is not None:
        return Plan("page", page)
    # Without a response schema, the parameter is sufficient.
    if token is not None and normal(token.name) not in ("token", "after", "marker"):
        return Plan("token", token)
    return Plan("link") if operation.paginated else None


def _of_setting(operation: Operation, setting: Mapping[str, Any]) -> Plan:
    parameter = None
    name = setting.get("parameter")
    if name is not None:
        parameter = operation.parameter(str(name)) or operation.parameter(str(name).replace("-", "_"))
        if parameter is None:
            raise ConfigError(f"paging of {operation.command}: unknown parameter {name!r}")
    items, next_ = (_path(setting.get(key)) for key in ("items", "next"))
    if parameter is not None and next_ is None:
        kind = "offset" if normal(parameter.name) in (*_OFFSETS, *_STARTS) else "page"
        return Plan(kind, parameter, items)
    return Plan("set", parameter, items, next_) if next_ is not None else Plan("link", None, items)


def _path(value: Any) -> tuple[str, ...] | None:
    return tuple(part for part in str(value).split(".") if part) if value is not None else None


def parameter_of(operation: Operation, names: tuple[str, ...]) -> Parameter | None:
    """Return the parameter with one of the names, in order of preference."""
    by_name = {
        normal(each.name): each for each in operation.parameters if each.location in ("query", "body", "formData")
    }
    return next((by_name[name] for name in names if name in by_name), None)


def page_of(operation: Operation) -> Parameter | None:
    """Return the parameter for the page number."""
    found = parameter_of(operation, _PAGES)
    return found if found is not None and found.type in ("integer", "number") else None


def offset_of(operation: Operation) -> Parameter | None:
    """Return the parameter for the number of items to skip."""
    found = parameter_of(operation, _OFFSETS)
    if found is None and limit_of(operation) is not None and parameter_of(operation, tuple(_ENDS)) is None:
        found = parameter_of(operation, _STARTS)
    return found if found is not None and found.type in ("integer", "number") else None


def range_of(operation: Operation) -> Parameter | None:
    """Return the ``Range`` header of an operation that returns a list (for a file, it selects bytes)."""
    listed = any(each.type in ("array", "object") for each in operation.responses if each.success)
    for each in operation.parameters if listed and operation.method == "GET" else ():
        if each.location == "header" and each.name.lower() == "range":
            return each
    return None


def limit_of(operation: Operation) -> Parameter | None:
    """Return the parameter for the number of items on a page."""
    return parameter_of(operation, LIMITS)


def token_parameter(operation: Operation, member: str, value: object) -> Parameter | None:
    """Return the parameter for the value of a response's member (normalized name); None if there is none."""
    bare = member.removeprefix("next").removeprefix("end") or "next"
    names: tuple[str, ...] = (member, bare, f"page{bare}") if bare != member or member in TOKEN_MEMBERS else ()
    if member in TOKEN_MEMBERS and isinstance(value, int):
        # A page number or an item offset.
        item = any(word in member for word in ("offset", "start", "index", "record"))
        names += (*_OFFSETS, *_STARTS) if item else _PAGES
    elif member in TOKEN_MEMBERS:
        names += _TOKENS
    return parameter_of(operation, names)


def may_page(operation: Operation) -> bool:
    """Return True if a response may be a list with more pages, even if the document does not say so."""
    answers = [each for each in operation.responses if each.success]
    unknown = not answers or any(each.type is None or (each.type == "object" and not each.members) for each in answers)
    return operation.method == "GET" and (unknown or any(each.type == "array" for each in answers))
