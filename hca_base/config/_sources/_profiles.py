"""Profiles: named files of settings, and the choice of one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from hca_base.config import _paths
from hca_base.config._editing._atomic import write_atomic
from hca_base.config._sources._source import read_file
from hca_base.errors import ConfigError

#: A key of the file of a profile that a running deployment wrote (a comment, as all that begin with ``//``).
MANAGED_BY = "// managed by"

DEFAULT = "default"
"""The name that stands for no profile."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# File names that Windows gives to devices, whatever their suffix.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def check_profile_name(name: str) -> str:
    """``name``, if a profile may be called so.

    :raises ConfigError: it may not
    """
    if not _NAME.fullmatch(name) or _DEVICE.fullmatch(name):
        raise ConfigError(
            f"not a profile name: {name!r}",
            hint="use letters, digits, '-', '_' and '.', and begin with a letter or digit",
        )
    return name


def profile_path(name: str, environ: Mapping[str, str] | None = None) -> Path:
    """The file of a profile; it need not exist."""
    return _paths.config_dir(environ) / "profiles" / f"{check_profile_name(name)}.json"


def list_profiles(environ: Mapping[str, str] | None = None) -> list[str]:
    """The names of the profiles that exist, sorted."""
    folder = _paths.config_dir(environ) / "profiles"
    try:
        names = [path.stem for path in folder.iterdir() if path.suffix == ".json" and _NAME.fullmatch(path.stem)]
    except OSError:
        return []
    return sorted(names)


def active_profile(environ: Mapping[str, str] | None = None) -> str | None:
    """The profile in use: ``HCA_PROFILE``, or the one that :func:`use_profile` chose; None for none.

    :raises ConfigError: the name is not one that a profile can have
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
    """Remember a profile as the active one; None or ``default`` for none.

    :raises ConfigError: there is no such profile, or the choice cannot be stored
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
    """Return the command that removes a profile, which its deployment wrote; None for a profile of the user's own.

    The deployment's program keeps that command as text under :data:`MANAGED_BY`.
    """
    try:
        found = read_file(profile_path(name)).get(MANAGED_BY)
    except (OSError, ConfigError):
        return None
    return found if isinstance(found, str) and found else None


def delete_profile(name: str) -> None:
    """Remove a profile; if it was the chosen one, none is chosen afterwards.

    :raises ConfigError: there is no such profile, or it cannot be removed
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
    """The error for a profile that does not exist, with the nearest name that does."""
    import difflib

    near = difflib.get_close_matches(name, list_profiles(environ), 1)
    if near:
        hint = f"did you mean {near[0]}? ({hint})"
    return ConfigError(f"unknown profile {name} ({profile_path(name, environ)})", hint=hint)


def _choice_file(environ: Mapping[str, str]) -> Path:
    return _paths.state_dir(environ) / "profile"
