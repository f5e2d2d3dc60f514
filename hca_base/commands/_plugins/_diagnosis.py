"""The checks of ``hca plugin doctor``. They never raise exceptions."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base import __version__
from hca_base.commands._table import COMMANDS
from hca_base.errors import HCAError
from hca_base.plugins import PLUGIN_API, check_plugins, leftovers, registry

if TYPE_CHECKING:
    from hca_base.commands._bases._context import Context

#: Severities, lowest first.
LEVELS = ("ok", "warning", "error")

#: Obsolete distributions, with the first version that is not obsolete.
_OLD = {"hca": 9, "hca-cli": None}


@dataclass(frozen=True)
class Finding:
    """A result of a check.

    :ivar level: one of :data:`LEVELS`
    :ivar subject: the checked object
    :ivar hint: what to do
    """

    level: str
    subject: str
    message: str
    hint: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def diagnose(context: Context, *, timeout: float, network: bool = False) -> list[Finding]:
    """Return all findings, in the order of the checks.

    :param timeout: seconds for each plugin
    :param network: also send requests to the services
    """
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("environment", _environment),
        ("old versions", _old_versions),
        ("plugins", lambda: _plugins(timeout)),
        ("names", lambda: _names(context)),
        ("documents", lambda: _documents(context)),
        ("requirements", _requirements),
        ("settings", lambda: _settings(context)),
        ("folders", _folders),
        ("logins", lambda: _logins(context)),
    ]
    if network:
        checks.append(("network", lambda: _network(context)))
    found = []
    for subject, check in checks:
        try:
            found += list(check())
        except Exception as error:  # noqa: BLE001 - a broken installation may break its own diagnosis
            found.append(Finding("error", subject, f"this could not be checked: {type(error).__name__}: {error}"))
    return found


def _environment() -> Iterator[Finding]:
    import shutil

    where = Path(__file__).parents[1]
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("ok", "hca-base", f"{__version__} at {where}, Python {version} at {sys.executable}")
    if not os.access(_installed_in(), os.W_OK):
        hint = "to install your own plugins:  pip install --user, uv tool install --with, or PYTHONPATH"
        yield Finding("ok", "installation", f"{_installed_in()} is shared: you cannot write to it", hint)
    if os.environ.get("HCA_PLUGINS") is not None:
        chosen = os.environ["HCA_PLUGINS"] or "none"
        yield Finding("warning", "HCA_PLUGINS", f"it restricts the plugins to: {chosen}", "unset HCA_PLUGINS")
    script = shutil.which("hca")
    scripts = Path(sys.executable).parent
    if script is None:
        yield Finding("warning", "command", "'hca' is not on the PATH", f"add {scripts} to PATH")
    elif Path(script).parent.resolve() != scripts.resolve():
        yield Finding(
            "warning", "command", f"'hca' on the PATH is {script}, which is another installation", f"{scripts}/hca"
        )
    for name in ("hca", "hca_base"):
        here = Path.cwd() / name / "__init__.py"
        if here.exists() and not where.samefile(here.parent) and not _is_installed_here(here):
            yield Finding(
                "warning", "folder", f"{here.parent} hides the package {name} from Python started here", "go elsewhere"
            )


def _installed_in() -> Path:
    """Return the folder that the core is installed in, or, in editable mode, that its metadata is in."""
    import importlib.metadata

    try:
        return Path(str(importlib.metadata.distribution("hca-base").locate_file("")))
    except importlib.metadata.PackageNotFoundError:
        return Path(__file__).parents[2]


def _is_installed_here(init: Path) -> bool:
    """Return True if a package in the working directory is the installed one (in editable mode)."""
    import importlib.util

    spec = importlib.util.find_spec(init.parent.name)
    inside = str(Path.cwd()) in sys.path or "" in sys.path
    return spec is not None and spec.origin == str(init) and not inside


def _old_versions() -> Iterator[Finding]:
    import importlib.metadata

    seen: dict[str, list[str]] = {}
    for distribution in importlib.metadata.distributions():
        name = str(distribution.metadata["Name"] or "").lower().replace("_", "-")
        seen.setdefault(name, []).append(distribution.version)
        if name in _OLD:
            limit = _OLD[name]
            major = distribution.version.partition(".")[0]
            if limit is None or (major.isdigit() and int(major) < limit):
                hint = "pip install -U hca" if name == "hca" else f"pip uninstall {name}"
                yield Finding(
                    "error",
                    name,
                    f"version {distribution.version} belongs to the old hca and conflicts with this one",
                    hint,
                )
    for name, versions in seen.items():
        if name.startswith("hca") and len(set(versions)) > 1:
            yield Finding(
                "error",
                name,
                f"several versions are installed: {', '.join(sorted(set(versions)))}",
                f"pip install --force-reinstall {name}",
            )
    for directory in leftovers(sys.path):
        yield Finding("warning", "metadata", f"{directory} is left over from another version", f"remove {directory}")
    yield from _leftovers(set(seen))


def _leftovers(installed: set[str]) -> Iterator[Finding]:
    """Report packages of old hca versions that no distribution owns."""
    import importlib.util

    if "hca" in installed:
        yield from _mixture()
        return
    spec = importlib.util.find_spec("hca")
    for location in (spec.submodule_search_locations or ()) if spec is not None else ():
        folder = Path(location)
        if folder.is_dir() and "site-packages" in folder.parts:
            yield Finding("warning", "hca", f"{folder} is left over from an old version of hca", f"remove {folder}")


#: Files of hca 7 that no later version has.
_FILES_OF_7 = ("default_config.json", "util/_docs.py", "dss/upload_to_cloud.py", "upload/lib/s3_agent.py")


def _mixture() -> Iterator[Finding]:
    """Report files of old hca versions in the new package, and files lost when the old version was removed."""
    import importlib.metadata

    distribution = importlib.metadata.distribution("hca")
    if int(distribution.version.partition(".")[0] or 0) < (_OLD["hca"] or 0):
        return
    again = "pip install --force-reinstall --no-deps hca"
    folder = Path(str(distribution.locate_file("hca")))
    old = [name for name in _FILES_OF_7 if (folder / name).exists()]
    if old:
        yield Finding(
            "warning", "hca", f"{folder} holds files of an old hca, such as {old[0]}", f"remove {folder / old[0]}"
        )
    files = [path for path in distribution.files or () if path.suffix == ".py"]
    gone = [str(path) for path in files if not Path(str(path.locate())).exists()]
    if gone:
        yield Finding("error", "hca", f"{len(gone)} of its files are gone, such as {gone[0]}", again)


def _plugins(timeout: float) -> Iterator[Finding]:
    problems = check_plugins(timeout)
    for distribution in registry().distributions():
        wrong = problems.get(distribution.name, [])
        for problem in wrong:
            name = problem["name"] and f"{problem['group'].removeprefix('hca.')} {problem['name']}: "
            yield Finding(
                "error",
                f"plugin {distribution.name} {distribution.version}",
                f"{name}{problem['reason']}",
                f"upgrade it, report it to its author, or run: hca plugin uninstall {distribution.name}",
            )
        if not wrong:
            count = len(distribution.records)
            text = f"its {count} entry points can be used" if count != 1 else "its entry point can be used"
            place = Path(distribution.location).parent
            # On a cluster, hca may be installed globally, with plugins in the user's directory.
            where = "" if place == _installed_in() else f"; it is in {place}"
            yield Finding("ok", f"plugin {distribution.name} {distribution.version}", text + where)
    if not registry().distributions():
        yield Finding("warning", "plugins", "none is installed", "hca plugin install hca-dss")
    else:
        yield Finding("ok", "plugin API", f"this hca has version {PLUGIN_API}")


def _names(context: Context) -> Iterator[Finding]:
    for conflict in registry().conflicts():
        yield Finding("warning", "names", str(conflict))
    for name in registry().records("hca.services"):
        hidden = registry().hidden_service(name, context.config)
        if hidden is not None:
            told = f"service {name!r} of {hidden.distribution} is hidden by the service that you added"
            yield Finding("warning", "names", told, f"hca service rename {name} NEW")
    for name, record in registry().commands().items():
        if name in COMMANDS:
            yield Finding(
                "warning", "names", f"command '{name}' of {record.distribution} is hidden by that of hca itself"
            )


def _documents(context: Context) -> Iterator[Finding]:
    from hca_base.openapi import DocumentCache

    config = context.config
    cache = DocumentCache(config)
    for name in registry().service_names(config):
        subject = f"service {name}"
        try:
            service = context.service(name)
            index = DocumentCache(config).get(service)
        except HCAError as error:
            yield Finding("error", subject, str(error), error.hint or f"hca service refresh {name}")
            continue
        age = cache.age(index)
        when = "bundled with its plugin" if index.head.get("bundled") else f"{age / 86400:.0f} days old"
        if index.head.get("file"):
            when = "read from a file"
        lost = sum(problem.lost for problem in index.problems)
        if lost:
            yield Finding(
                "warning",
                subject,
                f"{len(index)} operations, {lost} more cannot be used",
                f"hca service list --problems {name}",
            )
        else:
            yield Finding("ok", subject, f"{len(index)} operations; its document is {when}")


def _requirements() -> Iterator[Finding]:
    """Report ``pip check``'s results for hca's distributions and their dependencies."""
    import importlib.util

    if importlib.util.find_spec("pip") is None:
        return
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "check"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    ours = {"hca-base", *(each.name.lower() for each in registry().distributions())}
    count = 0
    for line in done.stdout.splitlines():
        if line.partition(" ")[0].lower() in ours:
            count += 1
            yield Finding("error", "requirements", line.rstrip("."), "pip install what is missing")
    if done.returncode in (0, 1) and not count:
        yield Finding("ok", "requirements", "all are installed")


def _settings(context: Context) -> Iterator[Finding]:
    from hca_base import config
    from hca_base.commands._settings._values import command_names

    loaded = config.load(profile=context.options.profile, tolerant=True)
    problems = config.validate(loaded, registry().config_schemas(), commands=command_names(loaded))
    for problem in problems:
        yield Finding(problem.severity, "settings", str(problem), "hca config edit")
    if not problems:
        profile = f", profile {loaded.profile}" if loaded.profile else ""
        yield Finding("ok", "settings", f"{config.paths.user_config_file()}{profile}")


def _folders() -> Iterator[Finding]:
    from hca_base.config import paths, supports_locks

    for name in ("config", "state", "cache"):
        folder: Path = getattr(paths, f"{name}_dir")()
        nearest = folder
        while not nearest.exists() and nearest != nearest.parent:
            nearest = nearest.parent
        if not os.access(nearest, os.W_OK):
            yield Finding("warning", "folders", f"{folder} cannot be written", "check its owner and mode, and HOME")
        elif folder.exists() and not supports_locks(folder):
            yield Finding(
                "warning",
                "folders",
                f"the file system of {folder} does not support locks; hca uses lock files instead",
                "if hca changes settings on two machines at the same time, one may wait for a minute",
            )


def _logins(context: Context) -> Iterator[Finding]:
    from hca_base.auth import open_store

    try:
        store = open_store(context.config)
        yield Finding("ok", "logins", f"kept in {store.where}")
    except HCAError as error:
        yield Finding("error", "logins", str(error), error.hint)


def _network(context: Context) -> Iterator[Finding]:
    from hca_base.http import Session
    from hca_base.openapi import DocumentCache

    config = context.config
    for name in registry().service_names(config):
        try:
            service = context.service(name)
            url = service.document_url(config)
            with Session(config) as session:
                DocumentCache(config).refresh(service, session)
        except HCAError as error:
            yield Finding("error", f"service {name}", f"{error}", error.hint)
        else:
            yield Finding("ok", f"service {name}", f"reached at {url}")
