"""Manifests that were not ready when hca stopped waiting: where to poll for them."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

#: The service keeps manifests for seven days; older URLs are not worth trying.
MAX_AGE = 7 * 86400


class Pending:
    """The poll URL of one manifest; kept between runs, in a file of its own (0600).

    :param identity: everything that identifies this manifest
    """

    def __init__(self, *identity: Any) -> None:
        from hca_base.config import paths

        told = json.dumps(identity, sort_keys=True)
        name = hashlib.sha256(told.encode()).hexdigest()[:32]
        self.path: Path = paths.state_dir() / "azul" / "manifests" / f"{name}.json"

    def read(self) -> str | None:
        """The URL, if it may still be valid."""
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
            location, since = data["location"], data["since"]
        except (OSError, RecursionError, ValueError, KeyError, TypeError):
            return None
        if not isinstance(location, str) or not isinstance(since, int | float) or time.time() - since > MAX_AGE:
            return None
        return location

    def write(self, location: str) -> None:
        """Save a URL; losing it costs only a request, so write errors are ignored."""
        from hca_base.config import write_atomic

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomic(self.path, json.dumps({"location": location, "since": time.time()}), mode=0o600)
        except OSError:
            return

    def forget(self) -> None:
        """The manifest is ready, or failed."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError:
            return
