"""Writes S3's XML responses, and parses its XML requests as untrusted input."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any
from xml.sax.saxutils import escape, quoteattr

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
#: Larger than the longest list of 10,000 parts or 1,000 keys, in bytes.
MAX_DOCUMENT = 8 * 1024 * 1024
_MAX_DEPTH = 10
# Characters that parsers would normalize, besides the three that every writer escapes.
_TEXT = {"\r": "&#13;"}
_ATTRIBUTE = {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
_STEP = 64 * 1024

# Characters not allowed in XML 1.0; to list such keys clients use encoding-type=url.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class MalformedDocument(ValueError):
    """The bytes are not an XML document that can be parsed safely."""


def element(name: str, *content: ET.Element | str | int | None) -> ET.Element:
    """An element with children, or with text."""
    made = ET.Element(name)
    for item in content:
        if isinstance(item, ET.Element):
            made.append(item)
        elif item is not None:
            made.text = (made.text or "") + _NOT_XML.sub("\ufffd", str(item))
    return made


def render(root: ET.Element, *, namespace: str | None = NAMESPACE) -> bytes:
    """The document as bytes in UTF-8."""
    if namespace:
        root.set("xmlns", namespace)
    pieces = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    _write(root, pieces)
    return "".join(pieces).encode("utf-8", "replace")


def _write(node: ET.Element, pieces: list[str]) -> None:
    """Write an element. ElementTree does not escape a carriage return, which parsers turn into a line feed."""
    attributes = "".join(f" {name}={quoteattr(value, _ATTRIBUTE)}" for name, value in node.items())
    if not len(node) and not node.text:
        pieces.append(f"<{node.tag}{attributes} />")
        return
    pieces += (f"<{node.tag}{attributes}>", escape(node.text or "", _TEXT))
    for child in node:
        _write(child, pieces)
    pieces.append(f"</{node.tag}>")


def parse(body: bytes, expected: str) -> ET.Element:
    """The root element, without namespaces.

    Document type declarations are refused: S3 requests need none, and entities can be bombs.

    :raises MalformedDocument: not XML, too large, or the root is not ``expected``
    """
    if len(body) > MAX_DOCUMENT:
        raise MalformedDocument("too large")
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body or b"\x00" in body:
        raise MalformedDocument("a document type declaration")
    parser: Any = ET.XMLPullParser(["start", "end"])
    depth = 0
    root: ET.Element | None = None
    try:
        for start in range(0, len(body) or 1, _STEP):
            parser.feed(body[start : start + _STEP])
            for event, node in parser.read_events():
                depth += 1 if event == "start" else -1
                if depth > _MAX_DEPTH:
                    raise MalformedDocument("too deep")
                if event == "start":
                    root = node if root is None else root
                    node.tag = node.tag.rpartition("}")[2]
        parser.close()
    except (ET.ParseError, ValueError, LookupError) as error:
        raise MalformedDocument(str(error)) from error
    if root is None or root.tag != expected:
        raise MalformedDocument(f"no {expected}")
    return root


def text(node: ET.Element, name: str, default: str | None = None) -> str:
    """The text of a child.

    :raises MalformedDocument: the child is missing and there is no default
    """
    child = node.find(name)
    if child is None:
        if default is None:
            raise MalformedDocument(f"no {name} in {node.tag}")
        return default
    return child.text or ""
