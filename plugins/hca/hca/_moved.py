"""Deprecation warnings, shown to developers only."""

from __future__ import annotations

import warnings


def moved(name: str, better: str) -> None:
    """Warn that a module of hca 7 has a successor. Called at its import, so once per process.

    The warning is attributed to the module, not to the importing script: Python shows warnings about scripts to their
    users, who cannot act on them.
    """
    warnings.warn(f"{name} is a name of hca 7; {better}", DeprecationWarning, stacklevel=2)
