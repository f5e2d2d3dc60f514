"""Human-readable columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def for_people(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows for a table, with human-readable byte counts and large numbers."""
    from hca_base.output import format_bytes

    found = []
    for row in rows:
        shown = dict(row)
        for name, value in row.items():
            if isinstance(value, int) and not isinstance(value, bool):
                shown[name] = format_bytes(value) if name in ("bytes", "size") else f"{value:,}"
            elif isinstance(value, str) and len(value) > 60 and name not in ("url", "id"):
                shown[name] = value[:57] + "…"
        found.append(shown)
    return found
