"""Making a profile."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hca_base.config._editing._edit import edit_file
from hca_base.config._sources._profiles import DEFAULT, profile_path
from hca_base.errors import ConfigError, RefusedError


def create_profile(name: str, settings: Mapping[str, Any] | None = None, *, replace: bool = False) -> Path:
    """Make a profile, 0600.

    :param replace: take the place of a profile of that name
    :raises RefusedError: there is one of that name
    :raises ConfigError: the name cannot be used, or the file cannot be written
    """
    if name == DEFAULT:
        raise ConfigError(f"{DEFAULT!r} stands for no profile; choose another name")
    path = profile_path(name)
    if path.exists() and not replace:
        raise _exists(name, path)
    with edit_file(path, keep=True) as data:
        if data and not replace:  # another process was faster
            raise _exists(name, path)
        data.clear()
        data.update(settings or {})
    return path


def _exists(name: str, path: Path) -> RefusedError:
    return RefusedError(
        f"profile {name} already exists: {path}", hint=f"to change it: hca config set --profile {name} KEY VALUE"
    )
