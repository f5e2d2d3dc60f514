"""Create profiles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hca_base.config._editing._edit import edit_file
from hca_base.config._sources._profiles import DEFAULT, profile_path
from hca_base.errors import ConfigError, RefusedError


def create_profile(name: str, settings: Mapping[str, Any] | None = None, *, replace: bool = False) -> Path:
    """Create a profile with mode 0600.

    :param replace: replace an existing profile
    :raises RefusedError: the profile exists
    :raises ConfigError: the name is not valid, or the file cannot be written
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
