"""Report unsupported parts of a document as problems, so that nothing is dropped silently.

JSON Schema keywords that only restrict values are not reported, because the service checks them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from hca_base.openapi._document._operation import METHODS

_OF_PATH_ITEMS = frozenset(
    {*METHODS, "$ref", "summary", "description", "servers", "parameters", "additionalOperations"}
)
_DIALECTS = ("https://spec.openapis.org/oas/", "https://json-schema.org/draft/2020-12/")


def of_document(root: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (part, reason) for the whole document."""
    dialect = root.get("jsonSchemaDialect")
    if isinstance(dialect, str) and not dialect.startswith(_DIALECTS):
        yield "jsonSchemaDialect", f"{dialect!r} is not known; schemas are read as JSON Schema 2020-12"


def of_path_item(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (member, reason) for a path item."""
    for name in item:
        if name not in _OF_PATH_ITEMS and not str(name).startswith("x-"):
            yield str(name), f"{str(name)!r} is not known in a path; not used"


def of_body(content: Mapping[str, Any], content_type: str) -> Iterator[str]:
    """Yield reasons for a body.

    :param content_type: the media type that it is sent with
    """
    medium = content[content_type]
    medium = medium if isinstance(medium, dict) else {}
    for name in ("prefixEncoding", "itemEncoding"):
        if name in medium:
            yield f"{name} of {content_type} is not known; the body is sent as it is given"
    encoding = medium.get("encoding")
    for name, each in encoding.items() if isinstance(encoding, dict) else ():
        for key in ("headers", "encoding", "prefixEncoding", "itemEncoding"):
            if isinstance(each, dict) and each.get(key):
                yield f"{key} of the part {str(name)!r} of {content_type} are not sent"


def of_security(
    security: tuple[Mapping[str, tuple[str, ...]], ...],
    schemes: Mapping[str, Mapping[str, Any]],
    usable: Collection[str],
) -> Iterator[str]:
    """Yield reasons for required credentials, if the operation has no supported alternative.

    :param schemes: the security schemes of the document
    :param usable: the names of the supported schemes
    """
    if any(all(name in usable for name in alternative) for alternative in security):
        return
    for name in dict.fromkeys(name for alternative in security for name in alternative if name not in usable):
        scheme = schemes.get(name)
        if scheme is None:
            yield f"it asks for the security scheme {name!r}, which the document does not have"
        else:
            words = " ".join(str(scheme[key]) for key in ("type", "scheme") if key in scheme)[:80]
            yield f"the security scheme {name!r} ({words}) is not supported"
