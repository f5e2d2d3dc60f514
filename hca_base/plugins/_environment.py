"""Installing and removing distributions in the environment that this process runs in."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from hca_base.errors import PluginError, RefusedError, UsageError


def installer(action: str, names: Sequence[str]) -> list[str]:
    """The command that installs or removes distributions here.

    :param action: ``install`` or ``uninstall``
    :param names: for what is said when it cannot be done
    :raises hca_base.errors.RefusedError: the environment belongs to another program; the hint says what to do
    :raises hca_base.errors.PluginError: there is neither pip nor uv
    """
    owner = _owner(action, names)
    if owner is not None:
        raise owner
    if _has_pip():
        return [sys.executable, "-m", "pip", action, "--disable-pip-version-check"]
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "pip", action, "--python", sys.executable]
    raise PluginError(
        f"neither pip nor uv is available to {action} {' '.join(names)}",
        hint=f"{sys.executable} -m ensurepip, or install uv",
    )


def run_installer(command: Sequence[str]) -> None:
    """Run an installer; its output goes to stderr.

    :raises hca_base.errors.PluginError: it failed
    """
    try:
        done = subprocess.run(command, stdout=sys.stderr, check=False)
    except OSError as error:
        raise PluginError(f"{command[0]} cannot be run: {error.strerror or error}") from None
    if done.returncode:
        raise PluginError(f"{_shown(command)} failed with exit code {done.returncode}", hint="see its messages above")


def checked_names(names: Sequence[str], *, paths: bool) -> list[str]:
    """Names that are none of the installer's own options.

    :param paths: directories, files and URLs are names too
    :raises hca_base.errors.UsageError: one is
    """
    for name in names:
        plain = name.replace("-", "").replace("_", "").replace(".", "")
        if not name or name.startswith("-") or any(c.isspace() and c != " " for c in name):
            raise UsageError(f"{name!r} is not the name of a distribution")
        if not paths and not (plain.isascii() and plain.isalnum()):
            raise UsageError(f"{name!r} is not the name of a distribution")
    return list(names)


def _owner(action: str, names: Sequence[str]) -> RefusedError | None:
    """The error for an environment that another program manages, or None."""
    prefix, shown = Path(sys.prefix), " ".join(names)
    if (prefix / "pipx_metadata.json").exists():
        verb = "inject" if action == "install" else "uninject"
        return RefusedError(
            f"this hca was installed by pipx, which manages {prefix}", hint=f"pipx {verb} {prefix.name} {shown}"
        )
    if (prefix / "uv-receipt.toml").exists():
        return RefusedError(
            f"this hca was installed by 'uv tool', which manages {prefix}",
            hint=f"uv tool install {prefix.name} --with {shown}"
            if action == "install"
            else f"uv tool install {prefix.name} with the --with options of the plugins to keep",
        )
    if sys.prefix == sys.base_prefix:
        marker = Path(sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED"
        if marker.exists():
            return RefusedError(
                f"the Python at {sys.prefix} is managed by the operating system",
                hint="install hca into an environment of its own: python3 -m venv ~/hca && ~/hca/bin/pip install hca",
            )
    return None


def _has_pip() -> bool:
    import importlib.util

    return importlib.util.find_spec("pip") is not None


def _shown(command: Sequence[str]) -> str:
    words = [Path(command[0]).name, *command[1:]]
    return " ".join(words)


def users_of(name: str) -> list[str]:
    """Installed distributions that require ``name``."""
    import importlib.metadata
    import re

    wanted = re.sub(r"[-_.]+", "-", name).lower()
    found = set()
    for distribution in importlib.metadata.distributions():
        for requirement in distribution.requires or ():
            match = re.match(r"[A-Za-z0-9._-]+", requirement)
            needs = match is not None and re.sub(r"[-_.]+", "-", match.group()).lower() == wanted
            if needs and "extra ==" not in requirement:
                found.add(str(distribution.metadata["Name"]))
    return sorted(found)
