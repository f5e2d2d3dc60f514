"""The API key for those who run submissions."""

from __future__ import annotations

import secrets
from typing import Any

_SETTING = "upload.api_key"


def api_key(store: Any) -> str:
    """The deployment's API key for the Upload Service; created at the first use of a data directory."""
    kept = store.get_setting(_SETTING)
    if kept is None:
        kept = secrets.token_urlsafe(30)
        store.set_setting(_SETTING, kept)
    return str(kept)
