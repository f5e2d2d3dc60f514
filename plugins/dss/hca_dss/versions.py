"""Versions of files, bundles and collections: timestamps such as ``2018-11-02T113344.698028Z``."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_VERSION = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9][0-5][0-9][0-6][0-9]\.[0-9]{6}Z")


def new_version() -> str:
    """A version for the current time."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H%M%S.%fZ")


def is_version(text: str) -> bool:
    """Whether a string has the format of a version (UTC, no colons, six decimals); the date itself is not checked."""
    return _VERSION.fullmatch(text) is not None
