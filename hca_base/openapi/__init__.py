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

from hca_base._lazy import lazy_exports

if TYPE_CHECKING:
    from hca_base.openapi._cached._cache import DocumentCache as DocumentCache
    from hca_base.openapi._cached._index import Index as Index
    from hca_base.openapi._client._arguments import NULL as NULL
    from hca_base.openapi._client._arguments import Null as Null
    from hca_base.openapi._client._arguments import bind as bind
    from hca_base.openapi._client._arguments import coerce as coerce
    from hca_base.openapi._client._calls import BaseClient as BaseClient
    from hca_base.openapi._client._client import Client as Client
    from hca_base.openapi._client._documentation import example as example
    from hca_base.openapi._client._documentation import example_value as example_value
    from hca_base.openapi._client._documentation import facts as facts
    from hca_base.openapi._client._documentation import type_words as type_words
    from hca_base.openapi._client._methods import Method as Method
    from hca_base.openapi._client._pages._plan import Plan as Plan
    from hca_base.openapi._client._pages._plan import limit_of as limit_of
    from hca_base.openapi._client._pages._plan import may_page as may_page
    from hca_base.openapi._client._pages._plan import paging_of as paging_of
    from hca_base.openapi._client._pages._walk import Page as Page
    from hca_base.openapi._client._pages._walk import joined as joined
    from hca_base.openapi._client._request import Overlay as Overlay
    from hca_base.openapi._client._results import Streamed as Streamed
    from hca_base.openapi._client._results import is_json_by_another_name as is_json_by_another_name
    from hca_base.openapi._client._results import json_lines as json_lines
    from hca_base.openapi._document._alias import Alias as Alias
    from hca_base.openapi._document._document import Document as Document
    from hca_base.openapi._document._document import Problem as Problem
    from hca_base.openapi._document._operation import Operation as Operation
    from hca_base.openapi._document._operation import Parameter as Parameter
    from hca_base.openapi._document._operation import Response as Response
    from hca_base.openapi._typed._stubs import stub as stub

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "Alias": "._document._alias",
        "BaseClient": "._client._calls",
        "Client": "._client._client",
        "Document": "._document._document",
        "DocumentCache": "._cached._cache",
        "Index": "._cached._index",
        "Method": "._client._methods",
        "NULL": "._client._arguments",
        "Null": "._client._arguments",
        "Operation": "._document._operation",
        "Parameter": "._document._operation",
        "Problem": "._document._document",
        "Response": "._document._operation",
        "Streamed": "._client._results",
        "bind": "._client._arguments",
        "coerce": "._client._arguments",
        "example": "._client._documentation",
        "example_value": "._client._documentation",
        "facts": "._client._documentation",
        "is_json_by_another_name": "._client._results",
        "json_lines": "._client._results",
        "Overlay": "._client._request",
        "Page": "._client._pages._walk",
        "Plan": "._client._pages._plan",
        "joined": "._client._pages._walk",
        "limit_of": "._client._pages._plan",
        "may_page": "._client._pages._plan",
        "paging_of": "._client._pages._plan",
        "stub": "._typed._stubs",
        "type_words": "._client._documentation",
    },
)
