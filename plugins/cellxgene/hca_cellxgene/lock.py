"""The lock file of a download directory: the version of each dataset whose files are there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hca_cellxgene.assets import Asset

NAME = "hca-cellxgene.lock.json"
_VERSION = 1


def read_lock(root: Path) -> dict[str, list[Asset]]:
    """Return the files pinned by an earlier download, by dataset; empty if there are none.

    :raises ConfigError: the file is not a lock file of this plugin
    """
    from hca_base.errors import ConfigError

    path = root / NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from None
    try:
        data = json.loads(text)
        if data["version"] != _VERSION:
            raise ValueError
        pinned: dict[str, list[Asset]] = {}
        for record in data["files"]:
            asset = Asset.from_record(record)
            pinned.setdefault(asset.dataset_id, []).append(asset)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        raise ConfigError(
            f"{path} is not a lock file of hca cellxgene", hint="move it away, or restore it from your version control"
        ) from None
    return pinned


def write_lock(root: Path, service: str, pinned: Mapping[str, Iterable[Asset]]) -> None:
    """Write the lock file: one record per file, in a stable order, without expiring URLs.

    :raises OSError: writing failed
    """
    from hca_base.config import write_atomic

    root.mkdir(parents=True, exist_ok=True)
    files: list[dict[str, Any]] = sorted(
        (asset.record() for assets in pinned.values() for asset in assets),
        key=lambda record: (record["dataset_id"], record["filetype"]),
    )
    data = {"version": _VERSION, "service": service, "files": files}
    write_atomic(root / NAME, json.dumps(data, indent=2, ensure_ascii=False) + "\n", mode=0o644)
