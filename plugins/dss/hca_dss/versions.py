"""Versions of files, bundles and collections: times such as ``2018-11-02T113344.698028Z``."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_VERSION = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9][0-5][0-9][0-6][0-9]\.[0-9]{6}Z")


def new_version() -> str:
    """A version for something made now."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H%M%S.%fZ")


def is_version(text: str) -> bool:
    """True for a text of the form of a version (UTC, no colons, six decimals); the calendar is not consulted."""
    return _VERSION.fullmatch(text) is not None
