"""Operations on the tags of objects."""

from __future__ import annotations

from hca_local.s3.answers import Answer
from hca_local.s3.objects.buckets import xml_answer
from hca_local.s3.requests.call import Call, check_tags
from hca_local.s3.xml import MalformedDocument, element, parse, render, text


def get_tags(call: Call) -> Answer:
    found = call.objects.require(call.bucket, call.key)
    tags = [element("Tag", element("Key", name), element("Value", value)) for name, value in sorted(found.tags.items())]
    return xml_answer(render(element("Tagging", element("TagSet", *tags))))


def put_tags(call: Call) -> Answer:
    found = parse(call.body, "Tagging").find("TagSet")
    if found is None:
        raise MalformedDocument("no TagSet")
    pairs = [(text(node, "Key"), text(node, "Value")) for node in found.findall("Tag")]
    call.objects.set_tags(call.bucket, call.key, check_tags(pairs))
    return Answer(200)


def delete_tags(call: Call) -> Answer:
    call.objects.set_tags(call.bucket, call.key, {})
    return Answer(204)
