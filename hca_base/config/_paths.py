"""The folders and files of ``hca``, following the XDG base directory specification.

The environment is read at each call, never at import. Nothing is created, except a private temporary folder
if the user's home is missing or read-only.
"""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Mapping
from pathlib import Path

_NAME = "hca"


def config_dir(environ: Mapping[str, str] | None = None) -> Path:
    """The folder of the user's settings: ``$XDG_CONFIG_HOME/hca``, or ``~/.config/hca`` (as hca 7 had it)."""
    return _xdg("XDG_CONFIG_HOME", (".config",), environ)


def state_dir(environ: Mapping[str, str] | None = None) -> Path:
    """The folder of what is remembered between runs: ``$XDG_STATE_HOME/hca``, or ``~/.local/state/hca``."""
    return _writable(_xdg("XDG_STATE_HOME", (".local", "state"), environ), "state")


def cache_dir(environ: Mapping[str, str] | None = None) -> Path:
    """The folder of what can be had again: ``$XDG_CACHE_HOME/hca``, or ``~/.cache/hca``."""
    return _writable(_xdg("XDG_CACHE_HOME", (".cache",), environ), "cache")


def data_dir(environ: Mapping[str, str] | None = None) -> Path:
    """The folder of large, lasting data: ``$XDG_DATA_HOME/hca``, or ``~/.local/share/hca``."""
    return _writable(_xdg("XDG_DATA_HOME", (".local", "share"), environ), "data")


def user_config_file(environ: Mapping[str, str] | None = None) -> Path:
    """The user's own settings, ``config.json`` in :func:`config_dir`."""
    return config_dir(environ) / "config.json"


def site_config_file(environ: Mapping[str, str] | None = None) -> Path:
    """The settings of the whole machine: ``/etc/hca/config.json``, or the file named by ``HCA_SITE_CONFIG``."""
    environ = os.environ if environ is None else environ
    return Path(environ.get("HCA_SITE_CONFIG") or "/etc/hca/config.json")


def expand_home(path: str | os.PathLike[str]) -> Path:
    """A path with ``~`` and ``~NAME`` replaced by the home of that user; as it is, where there is no such user."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises RuntimeError for an unknown user


def _xdg(variable: str, under_home: tuple[str, ...], environ: Mapping[str, str] | None) -> Path:
    environ = os.environ if environ is None else environ
    value = environ.get(variable, "")
    # The specification requires ignoring relative paths in these variables.
    if value and Path(value).is_absolute():
        return Path(value) / _NAME
    return _home(environ).joinpath(*under_home) / _NAME


def _home(environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME", "") if os.name != "nt" else environ.get("USERPROFILE", "")
    if home and Path(home).is_absolute():
        return Path(home)
    try:
        return Path.home()
    except (RuntimeError, KeyError):  # a user id without an entry in the password file
        return _temporary()


def _writable(path: Path, purpose: str) -> Path:
    """Return ``path``, or a private temporary folder if ``path`` is not writable."""
    for folder in (path, *path.parents):
        try:
            # Do not follow links: a broken one cannot be replaced by a folder.
            mode = folder.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            break
        if stat.S_ISLNK(mode) and not folder.is_dir():
            break
        if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
            return path
        break
    return _temporary() / purpose


@functools.cache
def _temporary() -> Path:
    """Return a private temporary folder, skipping another user's folder of that name."""
    import tempfile

    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    base = Path(tempfile.gettempdir())
    path = base / f"{_NAME}-{user}"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError:
        return path
    if hasattr(os, "getuid") and (
        found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode) or stat.S_IMODE(found.st_mode) & 0o077
    ):
        # Another user owns it or can read it: do not store tokens there.
        return Path(tempfile.mkdtemp(prefix=f"{_NAME}-{user}-"))
    return path
