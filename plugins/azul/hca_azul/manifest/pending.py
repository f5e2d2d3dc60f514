"""Manifests that the service was still making when we left: where to ask for them again."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

#: The service keeps what it makes for seven days; older places are not worth asking.
MAX_AGE = 7 * 86400


class Pending:
    """The place where one manifest is to be asked for; kept between runs, in a file of its own (0600).

    :param identity: everything that makes this manifest this one
    """

    def __init__(self, *identity: Any) -> None:
        from hca_base.config import paths

        told = json.dumps(identity, sort_keys=True)
        name = hashlib.sha256(told.encode()).hexdigest()[:32]
        self.path: Path = paths.state_dir() / "azul" / "manifests" / f"{name}.json"

    def read(self) -> str | None:
        """The place, if there is one that may still be good."""
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
            location, since = data["location"], data["since"]
        except (OSError, RecursionError, ValueError, KeyError, TypeError):
            return None
        if not isinstance(location, str) or not isinstance(since, int | float) or time.time() - since > MAX_AGE:
            return None
        return location

    def write(self, location: str) -> None:
        """Keep a place; losing it costs only a request, so a disk that refuses is no error."""
        from hca_base.config import write_atomic

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomic(self.path, json.dumps({"location": location, "since": time.time()}), mode=0o600)
        except OSError:
            return

    def forget(self) -> None:
        """The manifest is there, or will not come."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError:
            return
