"""The user's configuration file, created by the first run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hca_base.config import _paths


def ensure_user_config(schemas: Iterable[Mapping[str, Any]] = ()) -> Path | None:
    """Create the user's ``config.json`` (0600) if there is none.

    It describes common settings in comments; actual values would override those of the site or later versions. A
    home directory that is missing, read-only or full is not an error.

    :param schemas: the ``config_schema`` of services, to include their settings
    :return: the file if it was created now, otherwise None
    """
    path = _paths.user_config_file()
    if os.path.lexists(path):
        # Nearly every run returns here, so imports come later.
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
    """Return the contents of a new file: only comments."""
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
    """Return True if the folder is in an existing home directory; hca does not create home directories."""
    if os.environ.get("XDG_CONFIG_HOME"):
        return True
    home = folder.parent.parent
    return home.is_dir() and os.access(home, os.W_OK | os.X_OK)
