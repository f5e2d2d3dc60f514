"""OpenAPI documents, their operations, and clients that call them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy_exports

if TYPE_CHECKING:
    from ._document import Document as Document
    from ._document import Problem as Problem
    from ._operation import Operation as Operation
    from ._operation import Parameter as Parameter
    from ._operation import Response as Response

_EXPORTS = {
    "Document": "._document",
    "Operation": "._operation",
    "Parameter": "._operation",
    "Problem": "._document",
    "Response": "._operation",
}
__getattr__, __dir__, __all__ = lazy_exports(__name__, _EXPORTS)
