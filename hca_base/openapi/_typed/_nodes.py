"""The schemas of an operation's body and responses, as in the document."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from hca_base.openapi._document._arguments import preferred
from hca_base.openapi._document._build import Builder
from hca_base.openapi._document._document import Document
from hca_base.openapi._document._operation import Operation
from hca_base.openapi._document._schema import Unusable


@dataclasses.dataclass(frozen=True)
class Answer:
    """One successful response.

    :ivar content_type: media type; "" for a response without a body
    :ivar node: the schema of the body, as in the document
    """

    status: str
    content_type: str
    node: Any


class Nodes:
    """Finds the schemas of one document's operations."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.builder = Builder(document.root)
        self.resolver = self.builder.resolver

    def body(self, operation: Operation) -> Any:
        """Return the schema of the body for the media type that a call sends; None if there is none."""
        raw = self._raw(operation)
        if self.builder.swagger2:
            for each in [*raw.get("parameters", ()), *self._item(operation).get("parameters", ())]:
                node = self._resolved(each)
                if node.get("in") == "body":
                    return node.get("schema")
            return None
        content = self._resolved(raw.get("requestBody")).get("content")
        medium = content.get(operation.body_content_type) if isinstance(content, dict) else None
        if medium is None and isinstance(content, dict) and content:
            medium = content[preferred(content)]
        return medium.get("schema") if isinstance(medium, dict) else None

    def answers(self, operation: Operation) -> Iterator[Answer]:
        """Return the successful responses, without redirects.

        A third-party document may declare in ``x-answer``, beside the schema, what the service actually sends.
        """
        listed = self._raw(operation).get("responses")
        for status, node in listed.items() if isinstance(listed, dict) else ():
            if str(status)[:1] != "2":
                continue
            response = self._resolved(node)
            if self.builder.swagger2:
                kinds = operation.produces or ("application/json",)
                schema = response.get("x-answer", response.get("schema"))
                yield Answer(str(status), kinds[0] if schema is not None else "", schema)
                continue
            content = response.get("content")
            if not isinstance(content, dict) or not content:
                yield Answer(str(status), "", None)
                continue
            kind = preferred(content)
            medium = content[kind]
            schema = medium.get("x-answer", medium.get("schema")) if isinstance(medium, dict) else None
            yield Answer(str(status), str(kind), schema)

    def _item(self, operation: Operation) -> dict[str, Any]:
        paths = self._resolved(self.document.root.get("paths"))
        return self._resolved(paths.get(operation.path))

    def _raw(self, operation: Operation) -> dict[str, Any]:
        item = self._item(operation)
        more = item.get("additionalOperations")
        found = item.get(operation.method.lower())
        if found is None and isinstance(more, dict):
            found = next((each for name, each in more.items() if str(name).upper() == operation.method), None)
        return self._resolved(found)

    def _resolved(self, node: Any) -> dict[str, Any]:
        try:
            return self.resolver.resolve(node) if node is not None else {}
        except Unusable:
            return {}
