"""Extract the reason for an error from a body, for the formats of common frameworks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

#: Machine-readable codes, most specific first.
_CODES = ("code", "error_code", "errorcode", "errcode", "error", "__type", "errortype", "type", "status")
#: Members with human-readable texts, most specific first. In lower case, because they are compared that way.
_TITLES = (
    "title",
    "message",
    "error_description",
    "error_message",
    "errormessage",
    "msg",
    "errmsg",
    "error_msg",
    "faultstring",
    "usermessage",
    "description",
    "reason",
    "summary",
)
#: Members with details: texts, lists, or objects that map fields to problems.
_MORE = (
    "detail",
    "details",
    "errors",
    "violations",
    "causes",
    "cause",
    "invalid-params",
    "invalid_params",
    "fielderrors",
    "field_errors",
    "non_field_errors",
    "errormessages",
    "messages",
    "validation_errors",
    "validationerrors",
    "more_info",
)
#: Objects that contain the whole reason.
_WRAPPERS = ("error", "fault", "exception", "problem", "detail")
#: Members that name the invalid part of a request.
_FIELDS = ("field", "property", "propertypath", "param", "parameter", "pointer", "path", "attribute", "key")
#: Names under which frameworks list problems that are not about a field.
_NO_FIELD = ("", "non_field_errors", "base", "__all__", "_error", "detail", "errors", "error", "message", "messages")
#: A longer "code" is a sentence.
_LONGEST_CODE = 80
_MAX_MESSAGES = 10
_MAX_DEPTH = 6
_BODY_SHOWN = 300


def reason_and_title(details: Any, status: int) -> tuple[str | None, str | None]:
    """Return the machine-readable code and the human-readable text in the body of an error.

    Supports the members that web frameworks and API styles use. A JSON body without any is returned shortened.

    :param details: the parsed JSON, or the text of a body that is not JSON
    """
    if isinstance(details, str):
        return _of_text(details)
    if isinstance(details, Mapping):
        reason, title = _of_object(details, status)
        if title or (reason and not _says_more(details, reason)):
            return reason, title
        return reason, _fields(details) or _shortened(details)
    if isinstance(details, list) and details:
        return None, _joined(_messages(details)) or _shortened(details)
    return None, None


def _of_object(details: Mapping[str, Any], status: int, depth: int = 0) -> tuple[str | None, str | None]:
    members = {str(name).lower(): value for name, value in details.items()}
    # An exact, lower-case name comes before one that differs in case.
    members.update(details)
    inner_reason = inner_title = None
    for name in _WRAPPERS:
        inner = members.get(name)
        if isinstance(inner, Mapping) and depth < _MAX_DEPTH:
            inner_reason, inner_title = _of_object(inner, status, depth + 1)
            if inner_title or inner_reason:
                members.pop(name)
                break
    reason = _code(members, status)
    title = next((members[name] for name in _TITLES if _is_text(members.get(name))), None)
    if title is None:
        title = inner_title
    elif inner_title and inner_title != title:
        title = f"{_head(title)}: {inner_title}"
    if title is None and _is_text(members.get("error")) and members["error"] != reason:
        title = members["error"]
    if title is None and reason is not None and len(reason) > _LONGEST_CODE:
        reason, title = None, reason
    found = [text for name in ("message", *_MORE) if name in members for text in _messages(members[name], top=True)]
    if depth and "data" in members:
        # JSON-RPC: details of the error.
        found += _messages(members["data"], top=True)
    more = _joined([each for each in found if each not in (title, reason)])
    if more:
        # One member has the general text, another the details.
        title = f"{_head(title)}: {more}" if title and "\n" not in title else more
    return inner_reason or reason, title


def _code(members: Mapping[str, Any], status: int) -> str | None:
    for name in _CODES:
        value = members.get(name)
        if not _is_text(value) or (name in ("code", "status") and value == str(status)):
            continue
        # A type may be a URL, and a status "error" or "fail": neither is a reason.
        if name == "type" and ("title" in members or not re.fullmatch(r"[A-Za-z][\w.-]*", value)):
            continue
        if name == "status" and not re.fullmatch(r"[A-Z][A-Z0-9_]+", value):
            continue
        return str(value)
    for name in _CODES[:4]:
        value = members.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value not in (0, status):
            return str(value)
    return None


def _says_more(details: Mapping[str, Any], reason: str) -> bool:
    """Return True if a body without a human-readable text contains more than its code."""
    return any(
        value and value != reason and not isinstance(value, (bool, int, float))
        for name, value in details.items()
        if str(name).lower() not in ("status", "statuscode", "timestamp")
    )


def _messages(value: Any, *, top: bool = False, depth: int = 0) -> list[str]:
    """Return the problems that a value lists, each as one text.

    :param top: the value is a framework's list of problems, so an object maps fields to problems
    """
    if _is_text(value):
        return [value.strip()]
    if depth > _MAX_DEPTH:
        return []
    if isinstance(value, list):
        found: list[str] = []
        for each in value[:_MAX_MESSAGES]:
            found += _messages(each, depth=depth + 1)
        return found[:_MAX_MESSAGES]
    if isinstance(value, Mapping):
        problem = _problem(value)
        return [problem] if problem else list(_by_field(value, top, depth))[:_MAX_MESSAGES]
    return []


def _problem(value: Mapping[str, Any]) -> str | None:
    """Return the text of an object that describes one problem; None if it has no text."""
    members = {str(name).lower(): member for name, member in value.items()}
    text = next((members[name] for name in _TITLES if _is_text(members.get(name))), None)
    detail = members.get("detail")
    if _is_text(detail) and detail != text:
        text = f"{_head(text)}: {detail}" if text else detail
    place = _place(members)
    code = members.get("code")
    if place and (text or _is_text(code)):
        return f"{place}: {text or code}"
    if text is None:
        return None
    return f"{code}: {text}" if _is_text(code) and code != text else text


def _place(members: Mapping[str, Any]) -> str:
    """Return the location of a problem in the request: ``query n``, ``body sample.name``, ``/data/attributes/name``."""
    location = members.get("loc")
    if isinstance(location, list) and location:
        first, *rest = [str(each) for each in location[:10]]
        return f"{first} {'.'.join(rest)}" if rest else first
    source = members.get("source")
    if isinstance(source, Mapping):
        members = {**members, **source}
    for name in _FIELDS:
        value = members.get(name)
        if isinstance(value, list) and value and all(isinstance(each, (str, int)) for each in value):
            return ".".join(str(each) for each in value[:10])
        if _is_text(value) and value != "$":
            return str(value)
    return ""


def _by_field(value: Mapping[str, Any], top: bool, depth: int) -> Iterator[str]:
    """Return problems by field; nested fields have dotted names."""
    for name, member in list(value.items())[:_MAX_MESSAGES]:
        name = str(name)
        if isinstance(member, (str, int, float)) and not top:
            if name != "@type":
                yield f"{name}: {member}"
            continue
        for text in _messages(member, top=top, depth=depth + 1):
            if name.lower() in _NO_FIELD or (isinstance(member, list) and isinstance(member[0], Mapping)):
                yield text
            else:
                # A nested field: name.inner: text
                nested = isinstance(member, Mapping) and ": " in text
                yield f"{name}.{text}" if nested else f"{name}: {text}"


def _fields(details: Mapping[str, Any]) -> str | None:
    """Return problems by field if they are the whole body, as in Django REST framework."""
    if not details or not all(_is_problems(member) for member in details.values()):
        return None
    return _joined(list(_by_field(details, True, 0)))


def _is_problems(member: Any, depth: int = 0) -> bool:
    if isinstance(member, Mapping) and depth < _MAX_DEPTH:
        return bool(member) and all(_is_problems(each, depth + 1) for each in member.values())
    return isinstance(member, list) and all(isinstance(each, str) for each in member)


def _of_text(text: str) -> tuple[str | None, str | None]:
    start = text.lstrip()[:200].lower()
    if start.startswith(("<?xml", "<error")) and "<html" not in start:
        title = _between(text, "Message") or _between(text, "faultstring") or _stripped(text)
        return _between(text, "Code"), title
    if start.startswith("<"):
        title = _between(text, "title")
        if title is None or title.lower() == "error":
            # Express: the title is only "Error", and the page has the reason.
            title = _between(text, "pre") or _between(text, "h1") or title
        return None, title or "the response is a web page"
    return None, text if text.strip() else None


def _between(text: str, tag: str) -> str | None:
    found = re.search(rf"<{tag}(?:\s[^<>]{{0,500}})?>([^<]{{1,4000}})</{tag}>", text, re.IGNORECASE)
    return found[1].strip() or None if found else None


def _stripped(text: str) -> str | None:
    return " ".join(re.sub(r"<[^<>]{0,1000}>", " ", text[:20_000]).split())[:_BODY_SHOWN] or None


def _shortened(details: Any) -> str | None:
    if not details:
        return None
    try:
        return json.dumps(details, ensure_ascii=False)[:_BODY_SHOWN]
    except RecursionError:
        return None


def _joined(texts: list[str]) -> str | None:
    lines = [" ".join(text.split()) for text in texts]
    return "; ".join(dict.fromkeys(lines[:_MAX_MESSAGES])) or None


def _head(text: Any) -> str:
    """Return a text for use before a colon, without its final full stop."""
    return str(text).rstrip().removesuffix(".")


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value.strip())
