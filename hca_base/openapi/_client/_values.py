"""Serialize values for paths, query strings, headers, cookies and forms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from hca_base.errors import UsageError
from hca_base.openapi._document._operation import Parameter
from hca_base.output import Digits, WholeDigits, write_json

SEPARATORS = {"csv": ",", "ssv": " ", "tsv": "\t", "pipes": "|"}
#: Characters that are not escaped in a query string if the document allows reserved characters: all except those that
#: would end the value or the query.
_RESERVED = ":/?@!$'()*,;[]"
#: Characters that are not escaped in a cookie (:rfc:`6265` section 4.1.1), except the percent sign.
_COOKIE = "!#$&'()*+-./:<=>?@[]^_`{|}~"


def text_of(value: Any) -> str:
    """Return one value as text: a number as it was typed, an object or array as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Digits, WholeDigits)):
        return value.text
    if isinstance(value, (Mapping, list, tuple)):
        return json_text(value)
    return str(value)


def json_text(value: Any) -> str:
    """Return a value as JSON.

    :raises UsageError: it cannot be encoded
    """
    try:
        text = write_json(value)
        text.encode()
        return text
    except (TypeError, ValueError, RecursionError) as e:
        raise UsageError(f"the arguments cannot be encoded as JSON: {e}") from None


def path_value(parameter: Parameter, value: Any) -> str:
    """Return a value as it is written in a path.

    :raises UsageError: it would change the path
    """
    style, safe = parameter.style, "/" if parameter.multi_segment else ""
    items = value if isinstance(value, list) else [value]
    texts = [quote(text_of(each), safe=safe) for each in items]
    if isinstance(value, Mapping) and style != "json":
        pair = "=" if parameter.explode else ","
        texts = [f"{quote(str(k), safe='')}{pair}{quote(text_of(v), safe='')}" for k, v in value.items()]
    if not "".join(texts):
        raise UsageError(f"{parameter.python_name} must not be {text_of(value)!r}")
    if style == "label":
        return "." + ("." if parameter.explode else ",").join(texts)
    if style == "matrix":
        name = quote(parameter.name, safe="")
        if parameter.explode and not isinstance(value, Mapping):
            return "".join(f";{name}={text}" for text in texts)
        return ";" + ";".join(texts) if parameter.explode else f";{name}={','.join(texts)}"
    text = quote(SEPARATORS.get(style, ","), safe=",").join(texts)
    # An empty value, "." and ".." would change the path.
    if any(segment in ("", ".", "..") for segment in (text.split("/") if parameter.multi_segment else [text])):
        raise UsageError(f"{parameter.python_name} must not be {text_of(value)!r}")
    return text


def check_path(template: str, path: str) -> None:
    """Check that the combined values of several parameters do not form a segment that changes the path.

    :raises UsageError: they do
    """
    for before, after in zip(template.split("/"), path.split("/"), strict=False):
        if after in (".", "..") and before != after:
            raise UsageError(f"the path parameters must not turn {before!r} into {after!r}")


def header_value(parameter: Parameter, value: Any) -> str:
    """Return a value as it is written in a header.

    :raises UsageError: it is not valid in a header
    """
    if isinstance(value, Mapping) and parameter.style != "json":
        pair = "=" if parameter.explode else ","
        text = ",".join(f"{k}{pair}{text_of(v)}" for k, v in value.items())
    elif isinstance(value, list) and parameter.style != "json":
        text = SEPARATORS.get(parameter.style, ",").join(text_of(each) for each in value)
    else:
        text = _content(parameter, value)
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
        raise UsageError(
            f"{parameter.python_name} is sent in a header, which cannot contain line breaks or control characters"
        )
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        raise UsageError(
            f"{parameter.python_name} is sent in a header, which can contain Latin-1 characters only"
        ) from None
    return text


def cookie_pairs(parameter: Parameter, value: Any) -> list[str]:
    """Return a value as ``name=value`` pairs of the header Cookie."""
    return [f"{name}={quote(text, safe=_COOKIE)}" for name, text in pairs(parameter, value)]


def query_pairs(parameter: Parameter, value: Any) -> list[tuple[str, str]]:
    """Return a value as pairs of a query string, each name and value escaped.

    The delimiters of a joined list are not escaped, to distinguish them from commas in an item.
    """
    safe = _RESERVED if parameter.allow_reserved else ""
    if parameter.location == "querystring":
        return _whole_query(value)
    if isinstance(value, list) and parameter.style in SEPARATORS:
        delimiter = quote(SEPARATORS[parameter.style], safe=",")
        item_safe = safe.replace(",", "")
        return [
            (quote(parameter.name, safe="$"), delimiter.join(quote(text_of(each), safe=item_safe) for each in value))
        ]
    if isinstance(value, Mapping) and parameter.style in SEPARATORS and not parameter.content_type:
        members = [quote(text_of(part), safe=safe.replace(",", "")) for pair in value.items() for part in pair]
        return [(quote(parameter.name, safe="$"), ",".join(members))]
    return [(quote(name, safe="[]$"), quote(text, safe=safe)) for name, text in pairs(parameter, value)]


def _whole_query(value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, Mapping):
        return [("", quote(text_of(value), safe=_RESERVED + "&=+"))]
    found = []
    for name, member in value.items():
        for each in member if isinstance(member, list) else [member]:
            found.append((quote(str(name), safe="[]$"), quote(text_of(each), safe="")))
    return found


def query_string(escaped: list[tuple[str, str]]) -> str:
    """Return escaped pairs as a query string; a pair without a name is a complete query."""
    return "&".join(f"{name}={value}" if name else value for name, value in escaped)


def pairs(parameter: Parameter, value: Any) -> list[tuple[str, str]]:
    """Return a value as unescaped pairs of a query string or form."""
    name, style = parameter.name, parameter.style
    if style == "json" or (isinstance(value, Mapping) and parameter.content_type):
        return [(name, _content(parameter, value))]
    if isinstance(value, Mapping):
        if style == "deepObject":
            return list(_deep(name, value))
        if style == "multi":
            return [(str(key), text_of(member)) for key, member in value.items()]
        return [(name, ",".join(f"{key},{text_of(member)}" for key, member in value.items()))]
    if isinstance(value, list):
        if style == "deepObject":
            return list(_deep(name, value))
        if style == "multi":
            return [(name, text_of(each)) for each in value]
        return [(name, SEPARATORS.get(style, ",").join(text_of(each) for each in value))]
    return [(name, text_of(value))]


def _content(parameter: Parameter, value: Any) -> str:
    """Return the value of a parameter that has a media type of its own."""
    if parameter.style != "json" or (isinstance(value, str) and "json" not in (parameter.content_type or "json")):
        return text_of(value)
    return json_text(value)


def _deep(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the pairs ``name[key]=member``.

    The specification only covers one level. Services that support the style (Stripe, Rails, Strapi) accept
    ``name[key][key]``, ``name[]`` for plain items of a list and ``name[0][key]`` for its objects.
    """
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from _deep(f"{name}[{key}]", member)
    elif isinstance(value, list):
        for place, each in enumerate(value):
            nested = isinstance(each, (Mapping, list))
            yield from _deep(f"{name}[{place}]" if nested else f"{name}[]", each)
    else:
        yield name, text_of(value)
