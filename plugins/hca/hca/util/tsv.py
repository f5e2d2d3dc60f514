"""Tab-separated tables."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import Any


def DictReader(f: Iterable[str]) -> csv.DictReader[str]:
    """The rows of a table as mappings, by the header's names."""
    return csv.DictReader(f, dialect=csv.excel_tab)


def DictWriter(f: Any, fieldnames: Sequence[str]) -> csv.DictWriter[str]:
    """Writes rows to an open file."""
    return csv.DictWriter(f, fieldnames, dialect=csv.excel_tab)
