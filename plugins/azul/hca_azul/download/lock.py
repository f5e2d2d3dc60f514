"""The lock file of a download directory: the catalog of its files, and the selection."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

NAME = "hca-azul.lock.json"


def read_lock(root: Path) -> dict[str, Any]:
    """The lock file of an earlier download into this directory; empty if there was none."""
    try:
        data = json.loads((root / NAME).read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def locked_catalog(root: Path, service: str) -> str | None:
    """The catalog of an earlier download from the same service."""
    lock = read_lock(root)
    catalog = lock.get("catalog")
    return catalog if lock.get("service") == service and isinstance(catalog, str) else None


def write_lock(root: Path, service: str, catalog: str, selection: dict[str, Any], files: int, size: int) -> None:
    """Record the download, without expiring URLs or tokens.

    :raises OSError: writing failed
    """
    from hca_base.config import write_atomic

    root.mkdir(parents=True, exist_ok=True)
    data = {
        "service": service,
        "catalog": catalog,
        "selection": selection,
        "files": files,
        "bytes": size,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    write_atomic(root / NAME, json.dumps(data, indent=2, ensure_ascii=False) + "\n", mode=0o644)
