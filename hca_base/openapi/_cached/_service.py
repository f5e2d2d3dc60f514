"""What the cache of documents asks of a service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class ServiceLike(Protocol):
    """What is asked of a service; :class:`hca_base.plugins.Service` has it."""

    @property
    def name(self) -> str: ...

    @property
    def config_defaults(self) -> Mapping[str, Any]: ...

    @property
    def document_url_key(self) -> str: ...

    @property
    def bundled_document(self) -> tuple[str, str] | None: ...

    def naming_of(self, config: Any) -> str: ...

    def document_url(self, config: Any) -> str: ...

    def bundled_bytes(self) -> bytes | None: ...
