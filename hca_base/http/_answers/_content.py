"""Media types and character encodings of responses."""

from __future__ import annotations

import codecs
import re

#: Media types other than text/… with textual content. Other XML and JSON types are recognized by their suffix.
_TEXTUAL = frozenset(
    {
        "application/json",
        "application/xml",
        "application/yaml",
        "application/x-yaml",
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/jsonlines",
        "application/x-jsonlines",
        "application/json-seq",
        "application/csv",
        "application/javascript",
        "application/graphql",
        "application/sql",
        "application/toml",
        "application/n-triples",
        "application/n-quads",
        "application/sparql-query",
        "application/x-www-form-urlencoded",
    }
)
#: Media types with one JSON value per line.
_LINES = frozenset(
    {
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/jsonlines",
        "application/x-jsonlines",
    }
)
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def media_type(content_type: str | None) -> str:
    """Return a Content-Type without parameters, in lower case; "" if it is missing."""
    return (content_type or "").partition(";")[0].strip().lower()


def is_json(kind: str) -> bool:
    """Return True if a media type is JSON with a single value."""
    return kind in ("application/json", "text/json") or kind.endswith("+json")


def is_json_lines(kind: str) -> bool:
    """Return True if a media type has one JSON value per line."""
    return kind in _LINES


def is_web_page(kind: str) -> bool:
    """Return True if a media type is a web page."""
    return kind in _PAGES


def is_textual(kind: str) -> bool:
    """Return True if content of a media type can be shown as text."""
    return kind.startswith("text/") or kind in _TEXTUAL or kind.endswith(("+json", "+xml", "+yaml"))


def charset_of(content_type: str | None, start: bytes = b"") -> str:
    """Return the encoding of a text: from its byte order mark, its Content-Type, or its XML declaration.

    Defaults to UTF-8 if none of them is present, or if the encoding is unknown.

    :param start: the beginning of the body
    """
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    stated = re.search(r"""charset\s*=\s*["']?([A-Za-z0-9_.:-]{1,40})""", content_type or "", re.IGNORECASE)
    declared = re.match(rb"""\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9_.:-]{1,40})["']""", start[:400])
    for name in (stated[1] if stated else None, declared[1].decode() if declared else None):
        # Codecs such as base64 and zip are not text encodings.
        if name is not None and _is_encoding(name):
            return name
    return "utf-8"


def text_of(content: bytes, content_type: str | None) -> str:
    """Decode bytes; invalid ones become replacement characters."""
    return content.decode(charset_of(content_type, content), "replace")


def _is_encoding(name: str) -> bool:
    try:
        return bool(getattr(codecs.lookup(name), "_is_text_encoding", True))
    except LookupError:
        return False
