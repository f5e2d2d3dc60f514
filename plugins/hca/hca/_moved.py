"""Telling developers, and nobody else, that there is a better name."""

from __future__ import annotations

import warnings


def moved(name: str, better: str) -> None:
    """Warn that a module of hca 7 has a successor. Called at its import, so once in a process.

    The warning is that of the module and not of the script that imports it: Python shows those of scripts to their
    users, who can do nothing about it.
    """
    warnings.warn(f"{name} is a name of hca 7; {better}", DeprecationWarning, stacklevel=2)
