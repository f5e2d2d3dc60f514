"""The client: one method for each operation of the document, and what is written by hand."""

from __future__ import annotations

from typing import Any

from hca_base.openapi import Client

from .service import SERVICE


class ExampleClient(Client):
    """Greetings.

    ``dir()`` shows a method for each operation; ``help()`` explains each.
    """

    default_service = SERVICE

    def overview(self) -> dict[str, Any]:
        """What the service is and how many operations it has, from its document alone."""
        return {"title": self.document.title, "url": self.base_url, "operations": len(self.document.operations)}
