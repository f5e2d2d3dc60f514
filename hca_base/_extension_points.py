"""Extensions that plugins add to an entry-point group, for packages below the plugin registry.

The registry (``hca_base.plugins``) is in a higher layer than the packages that use extensions, and registers itself
here when it is imported. Programs that only import a lower package use the environment's entry points instead.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

#: Group -> names of its extensions; set by the registry.
names_of: Callable[[str], Iterable[str]] | None = None
#: Group and name -> the loaded extension, or None; set by the registry.
load_one: Callable[[str, str], Any] | None = None


def names(group: str) -> list[str]:
    """Return the names of the extensions in a group."""
    if names_of is not None:
        return sorted(names_of(group))
    return sorted(entry.name for entry in _entry_points(group))


def load(group: str, name: str) -> Any:
    """Return a loaded extension; None if no plugin has it."""
    if load_one is not None:
        return load_one(group, name)
    return next((entry.load() for entry in _entry_points(group) if entry.name == name), None)


def _entry_points(group: str) -> list[Any]:
    from importlib.metadata import entry_points

    # HCA_PLUGINS restricts plugins to the distributions it names; see hca_base.plugins.registry.
    chosen = os.environ.get("HCA_PLUGINS")
    found = list(entry_points(group=group))
    if chosen is None:
        return found
    allowed = {_normalized(name) for name in chosen.split(",")}
    return [entry for entry in found if entry.dist is not None and _normalized(entry.dist.name) in allowed]


def _normalized(name: str) -> str:
    return name.strip().lower().replace("_", "-").replace(".", "-")
