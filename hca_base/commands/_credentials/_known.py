"""Details of a service's credentials that need no network requests."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from hca_base.errors import HCAError

if TYPE_CHECKING:
    from hca_base.plugins import Service


def known_of(service: Service, config: Any) -> dict[str, Any]:
    """Return a service's URL and credentials from the cached document, without network requests."""
    from hca_base.openapi import DocumentCache

    try:
        cache = DocumentCache(config)
        index = cache.get(service)
        base_url = service.base_url(config) or cache.base_url(index, service)
        return {"base_url": base_url, "security_schemes": index.security_schemes}
    except HCAError:
        return {}


def utc_time(seconds: float) -> str:
    """Return a time as text; ``never`` if it is out of range."""
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return "never"
