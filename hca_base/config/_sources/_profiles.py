"""Profiles: named files of settings, one of which may be active."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from hca_base.config import _paths
from hca_base.config._editing._atomic import write_atomic
from hca_base.config._sources._source import read_file
from hca_base.errors import ConfigError

#: A key in profiles written by a running deployment (a comment, like all keys that start with ``//``).
MANAGED_BY = "// managed by"

DEFAULT = "default"
"""The name that stands for no profile."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Names that Windows reserves for devices, with any suffix.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def check_profile_name(name: str) -> str:
    """Return a profile's name after checking it.

    :raises ConfigError: it is not valid
    """
    if not _NAME.fullmatch(name) or _DEVICE.fullmatch(name):
        raise ConfigError(
            f"not a profile name: {name!r}",
            hint="use letters, digits, '-', '_' and '.', and begin with a letter or digit",
        )
    return name


def profile_path(name: str, environ: Mapping[str, str] | None = None) -> Path:
    """Return the file of a profile, which may not exist."""
    return _paths.config_dir(environ) / "profiles" / f"{check_profile_name(name)}.json"


def list_profiles(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the names of existing profiles, sorted."""
    folder = _paths.config_dir(environ) / "profiles"
    try:
        names = [path.stem for path in folder.iterdir() if path.suffix == ".json" and _NAME.fullmatch(path.stem)]
    except OSError:
        return []
    return sorted(names)


def active_profile(environ: Mapping[str, str] | None = None) -> str | None:
    """Return the active profile: ``HCA_PROFILE``, or the one selected with :func:`use_profile`; None for none.

    :raises ConfigError: the name is not valid
    """
    environ = os.environ if environ is None else environ
    name = environ.get("HCA_PROFILE", "")
    if not name:
        try:
            name = _choice_file(environ).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
    if not name or name == DEFAULT:
        return None
    return check_profile_name(name)


def use_profile(name: str | None) -> None:
    """Select the active profile; None or ``default`` for none.

    :raises ConfigError: the profile does not exist, or the selection cannot be stored
    """
    path = _choice_file(os.environ)
    try:
        if name is None or name == DEFAULT:
            path.unlink(missing_ok=True)
            return
        if not profile_path(name).exists():
            raise missing_profile(name, "create it: hca profile create NAME")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomic(path, name + "\n")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}") from None


def manager_of(name: str) -> str | None:
    """Return the command that removes a profile written by a deployment; None for the user's own profiles.

    The deployment's program stores the command under :data:`MANAGED_BY`.
    """
    try:
        found = read_file(profile_path(name)).get(MANAGED_BY)
    except (OSError, ConfigError):
        return None
    return found if isinstance(found, str) and found else None


def delete_profile(name: str) -> None:
    """Remove a profile; if it was active, no profile is active afterwards.

    :raises ConfigError: the profile does not exist, or it cannot be removed
    """
    path = profile_path(name)
    choice = _choice_file(os.environ)
    try:
        chosen = choice.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        chosen = ""
    try:
        if chosen == name:
            choice.unlink(missing_ok=True)
        path.unlink()
    except FileNotFoundError:
        raise missing_profile(name, "see hca profile list") from None
    except OSError as error:
        raise ConfigError(f"cannot remove {path}: {error.strerror or error}") from None


def missing_profile(name: str, hint: str, environ: Mapping[str, str] | None = None) -> ConfigError:
    """Return the error for a missing profile, with a similar name if there is one."""
    import difflib

    near = difflib.get_close_matches(name, list_profiles(environ), 1)
    if near:
        hint = f"did you mean {near[0]}? ({hint})"
    return ConfigError(f"unknown profile {name} ({profile_path(name, environ)})", hint=hint)


def _choice_file(environ: Mapping[str, str]) -> Path:
    return _paths.state_dir(environ) / "profile"
