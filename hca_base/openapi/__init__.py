"""OpenAPI documents, their operations, and clients that call them.

::

    from hca_base.openapi import Client, Document

    document = Document.load("petstore.yaml")
    for operation in document.operations:
        print(operation.command, operation.summary)

    client = Client(swagger_url="https://dss.example.org/v1/swagger.json")
    client.get_bundle(uuid="…", replica="aws")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy_exports

if TYPE_CHECKING:
    from ._arguments import NULL as NULL
    from ._arguments import bind as bind
    from ._arguments import coerce as coerce
    from ._cache import DocumentCache as DocumentCache
    from ._client import Client as Client
    from ._document import Document as Document
    from ._document import Problem as Problem
    from ._documentation import example as example
    from ._documentation import example_value as example_value
    from ._documentation import facts as facts
    from ._documentation import type_words as type_words
    from ._index import Index as Index
    from ._methods import Method as Method
    from ._methods import Streamed as Streamed
    from ._operation import Operation as Operation
    from ._operation import Parameter as Parameter
    from ._operation import Response as Response

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "Client": "._client",
        "Document": "._document",
        "DocumentCache": "._cache",
        "Index": "._index",
        "Method": "._methods",
        "NULL": "._arguments",
        "Operation": "._operation",
        "Parameter": "._operation",
        "Problem": "._document",
        "Response": "._operation",
        "Streamed": "._methods",
        "bind": "._arguments",
        "coerce": "._arguments",
        "example": "._documentation",
        "example_value": "._documentation",
        "facts": "._documentation",
        "type_words": "._documentation",
    },
)
