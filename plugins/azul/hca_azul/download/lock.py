"""The lock file of a download directory: which catalog its files came from, and what was asked for."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

NAME = "hca-azul.lock.json"


def read_lock(root: Path) -> dict[str, Any]:
    """What an earlier download into this directory left; empty where there was none."""
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
    """Note what is downloaded; no address that lapses and no token is in it.

    :raises OSError: the disk refuses
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
