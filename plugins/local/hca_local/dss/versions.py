"""Versions: ``YYYY-MM-DDTHHMMSS.ffffffZ``, in exactly that format, so that the greatest string is the latest."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from hca_local.dss.errors import DSSError

FORMAT = "%Y-%m-%dT%H%M%S.%fZ"
_EXACT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{6}\.[0-9]{6}Z")
_NO_DATE = "version should be an RFC3339 compliant timestamp"
_OTHER_SPELLING = "version should be a DSS_VERSION with the format 'YYYY-MM-DDTHHmmSS.zzzzzzZ'"


def now(after: str | None = None) -> str:
    """The current time as a version; a microsecond after ``after`` if it would not be later."""
    moment = datetime.now(UTC)
    if after is not None and is_version(after):
        floor = datetime.strptime(after, FORMAT).replace(tzinfo=UTC)
        if moment <= floor:
            moment = floor + timedelta(microseconds=1)
    return moment.strftime(FORMAT)


def is_version(text: str) -> bool:
    """Whether ``text`` is a version in canonical format."""
    if not _EXACT.fullmatch(text):
        return False
    try:
        datetime.strptime(text, FORMAT)
    except ValueError:
        return False
    return True


def check(text: str) -> None:
    """Raises a DSSError with one of two messages: not a time, or a time in another format."""
    if is_version(text):
        return
    raise DSSError(400, "illegal_version", _OTHER_SPELLING if _is_time(text) else _NO_DATE)


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
