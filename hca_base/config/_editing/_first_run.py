"""The user's configuration file as the first run makes it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hca_base.config import _paths


def ensure_user_config(schemas: Iterable[Mapping[str, Any]] = ()) -> Path | None:
    """Make the user's ``config.json`` (0600) if there is none.

    It holds the settings that a user may want to edit as comments, with what they mean: set values would hide what
    the site or a later version sets. A home that is missing, read-only or full is no error.

    :param schemas: the ``config_schema`` of services, whose settings are then mentioned too
    :return: the file if it was made now, otherwise None
    """
    path = _paths.user_config_file()
    if os.path.lexists(path):
        # Nearly every run ends here, so nothing is imported before.
        return None
    from hca_base.config._editing._atomic import write_atomic
    from hca_base.config._editing._edit import render
    from hca_base.config._editing._lock import FileLock
    from hca_base.errors import HCAError

    try:
        folder = path.parent
        if not _home_exists(folder):
            return None
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(path, timeout=5.0):
            if os.path.lexists(path):
                return None
            write_atomic(path, render(template(schemas)))
    except (OSError, HCAError):
        return None
    return path


def template(schemas: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The object that a new file holds: comments only."""
    from hca_base.config._schema import schema as whole_schema

    result: dict[str, Any] = {
        "//": 'Settings of hca. To change a setting, remove the "// " before its name and set its value. '
        "See: hca config show --origin, hca config validate."
    }
    for section, schema in whole_schema(schemas)["properties"].items():
        if "properties" in schema:
            shown = {
                f"// {name}": inner["description"]
                for name, inner in schema["properties"].items()
                if inner.get("x-edit") and "description" in inner
            }
            if shown:
                result[section] = shown
        elif schema.get("x-edit"):
            result[f"// {section}"] = schema["description"]
    return result


def _home_exists(folder: Path) -> bool:
    """Whether the folder is in a home that exists: one that does not is not ours to make."""
    if os.environ.get("XDG_CONFIG_HOME"):
        return True
    home = folder.parent.parent
    return home.is_dir() and os.access(home, os.W_OK | os.X_OK)
