"""XML documents of S3: builders for requests, and parsers for responses."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from urllib.parse import quote, urlencode


def parse_error(body: bytes) -> tuple[str, str]:
    """Return the code and the message of an error document; empty strings if it has none."""
    return tag_of(body, "Code"), " ".join(tag_of(body, "Message").split())[:300]


def tag_of(body: bytes, name: str) -> str:
    """Return the text of the first element with that name; entities are not resolved or expanded."""
    match = re.search(rb"<%s>([^<]{0,2000})</%s>" % (name.encode(), name.encode()), body)
    if match is None:
        return ""
    return html.unescape(match[1].decode("utf-8", "replace"))


def tagging_header(tags: Mapping[str, str]) -> str:
    """Return the value of ``x-amz-tagging``."""
    return urlencode(tags, quote_via=quote, safe="~-._")


def tagging_document(tags: Mapping[str, str]) -> bytes:
    """Return the body of PutObjectTagging."""
    root = ElementTree.Element("Tagging", xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
    tag_set = ElementTree.SubElement(root, "TagSet")
    for key, value in tags.items():
        tag = ElementTree.SubElement(tag_set, "Tag")
        ElementTree.SubElement(tag, "Key").text = key
        ElementTree.SubElement(tag, "Value").text = value
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def completion_document(etags: Mapping[int, str]) -> bytes:
    """Return the body of CompleteMultipartUpload, from part numbers and ETags."""
    root = ElementTree.Element("CompleteMultipartUpload", xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
    for number in sorted(etags):
        part = ElementTree.SubElement(root, "Part")
        ElementTree.SubElement(part, "PartNumber").text = str(number)
        ElementTree.SubElement(part, "ETag").text = f'"{etags[number]}"'
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
