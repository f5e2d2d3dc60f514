"""The OpenAPI document that the deployment serves and follows: that of ``hca-dss``, with the deployment's address."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hca_base.errors import DocumentError

BASE_PATH = "/v1"


def load() -> dict[str, Any]:
    """The document of the installed ``hca-dss``. Raises DocumentError if it is not there, or not Swagger 2.0."""
    from hca_base.plugins import registry

    service = registry().services().get("dss")
    bundled = service.bundled_bytes() if service is not None else None
    if bundled is None:
        raise DocumentError("the embedded DSS requires the hca-dss plugin", hint="install it: pip install hca-dss")
    document = json.loads(bundled)
    if document.get("swagger") != "2.0":
        raise DocumentError("the embedded DSS reads Swagger 2.0; the bundled document of hca-dss is something else")
    return document


class ServedDocument:
    """The document as sent to a client: its host is the host that the client used."""

    def __init__(self, document: dict[str, Any], auth_url: str) -> None:
        self._document = {**document, "basePath": BASE_PATH, "schemes": ["http"]}
        definitions = {
            name: {**scheme, "authorizationUrl": f"{auth_url}/authorize"} if "authorizationUrl" in scheme else scheme
            for name, scheme in document.get("securityDefinitions", {}).items()
        }
        if definitions:
            self._document["securityDefinitions"] = definitions
        self._rendered: dict[str, tuple[bytes, str]] = {}

    def for_host(self, host: str) -> tuple[bytes, str]:
        """The document's bytes and their entity tag, for a client that used ``host`` (with port)."""
        if host not in self._rendered:
            if len(self._rendered) > 16:
                self._rendered.clear()
            body = json.dumps({**self._document, "host": host}).encode()
            self._rendered[host] = body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        return self._rendered[host]
