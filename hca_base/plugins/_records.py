"""Find the entry points of plugins without imports, and cache them.

``importlib.metadata`` is avoided because importing it takes longer than the whole scan. The result is cached in a file
together with the state of its sources (the import path, and time in nanoseconds and size of every ``entry_points.txt``
on it), so that the next start detects installs and uninstalls automatically.
"""

# Plain strings instead of pathlib: this runs before every command, over a hundred directories.
# ruff: noqa: PTH103, PTH108, PTH109, PTH116, PTH118, PTH119, PTH120, PTH123

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hca_base.plugins import _sources
from hca_base.plugins._metadata import archives, metadata_directories, normalized

#: The entry-point groups of the plugin contract.
GROUPS = (
    "hca.services",
    "hca.clients",
    "hca.commands",
    "hca.credentials",
    "hca.executors",
    "hca.links",
    "hca.settings",
)

#: Hooks of cliff: a group for each command, ``hca.commands.dss_download``.
_HOOKS = "hca.commands."

_FORMAT = 4
#: Maximum number of files per folder; an environment has many files for declarations.
_KEEP_CACHES = {"plugins": 32, "declared": 256}


class EntryPointRecord:
    """One entry point of a plugin.

    :ivar group: one of :data:`GROUPS`
    :ivar name: its name there (``dss_download``)
    :ivar value: ``module:attribute``
    :ivar distribution: name of its distribution
    :ivar version: that distribution's version
    :ivar summary: one-line description, read from the source without importing it; may be empty
    :ivar plugin_api: the plugin API version that the source declares as a literal, or None
    """

    __slots__ = ("distribution", "group", "name", "plugin_api", "summary", "value", "version")

    def __init__(
        self,
        group: str,
        name: str,
        value: str,
        distribution: str,
        version: str,
        summary: str = "",
        plugin_api: int | None = None,
    ) -> None:
        self.group = group
        self.name = name
        self.value = value
        self.distribution = distribution
        self.version = version
        self.summary = summary
        self.plugin_api = plugin_api

    @property
    def command(self) -> str:
        """The command of a record in ``hca.commands``: ``dss download``."""
        return self.name.replace("_", " ")

    @property
    def module(self) -> str:
        """The module to import."""
        return self.value.partition(":")[0].strip()

    def __repr__(self) -> str:
        return f"<{self.group} {self.name} = {self.value} ({self.distribution} {self.version})>"


class PluginDistribution:
    """An installed distribution that has entry points in :data:`GROUPS`.

    :ivar name: its name, as in its metadata
    :ivar version: its version
    :ivar summary: one line about it
    :ivar location: its ``.dist-info`` or ``.egg-info`` directory
    :ivar records: its entry points
    """

    __slots__ = ("location", "name", "records", "summary", "version")

    def __init__(
        self, name: str, version: str, summary: str, location: str, records: Sequence[EntryPointRecord]
    ) -> None:
        self.name = name
        self.version = version
        self.summary = summary
        self.location = location
        self.records = tuple(records)

    def __repr__(self) -> str:
        return f"<{self.name} {self.version} at {self.location}>"


def entry_points_of(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield hca's entry points in an ``entry_points.txt``: (group, name, value)."""
    group = ""
    for line in text.splitlines():
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[" and line[-1] == "]":
            group = line[1:-1].strip()
        elif (group in GROUPS or group.startswith(_HOOKS)) and "=" in line:
            name, _, value = line.partition("=")
            # Ignore extras in brackets after the value, which are obsolete.
            yield group, name.strip(), value.partition("[")[0].strip()


def _headers(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            break
        key, colon, value = line.partition(":")
        if colon and key in ("Name", "Version", "Summary"):
            found.setdefault(key, value.strip())
    return found


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def scan(paths: Sequence[str], directories: Iterable[tuple[str, str, int, int]]) -> tuple[list[Any], dict[str, Any]]:
    """Read all entry points again.

    :return: plain data for :func:`_revive`, and the source files of summaries (with time and size)
    """
    found: list[Any] = []
    watched: dict[str, Any] = {}
    seen: set[str] = set()
    _sources.package_spec.cache_clear()

    def add(entry_points: str, headers: dict[str, str], location: str) -> None:
        records = []
        for group, name, value in entry_points_of(entry_points):
            summary, api, files = _sources.describe(group, value)
            for file in files:
                watched[file] = stamp_of(file)
            records.append([group, name, value, summary, api])
        if records and headers.get("Name"):
            found.append([headers["Name"], headers.get("Version", "?"), headers.get("Summary", ""), location, records])

    for directory, _entry, _mtime, size in directories:
        stem = directory.rpartition("/")[2].rpartition(".")[0]
        name = normalized(stem.partition("-")[0])
        if name in seen:
            continue
        seen.add(name)
        if size < 0:
            continue
        text = _read(f"{directory}/entry_points.txt")
        if "hca." not in text:
            continue
        for file in ("METADATA", "PKG-INFO"):
            path = f"{directory}/{file}"
            if metadata := _read(path):
                watched[path] = stamp_of(path)
                add(text, _headers(metadata), directory)
                break
    for archive, _mtime, _size in archives(paths):
        import importlib.metadata

        for distribution in importlib.metadata.distributions(path=[archive]):
            text = distribution.read_text("entry_points.txt") or ""
            if "hca." in text and normalized(distribution.name) not in seen:
                seen.add(normalized(distribution.name))
                add(text, {"Name": distribution.name, "Version": distribution.version}, archive)
    return found, watched


def stamp_of(path: str) -> list[int]:
    """Return time and size of a file, which change with its content; equal for all unreadable files."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return [0, -1]
    return [status.st_mtime_ns, status.st_size]


def _revive(data: list[Any]) -> list[PluginDistribution]:
    return [
        PluginDistribution(
            name,
            version,
            summary,
            location,
            [EntryPointRecord(group, n, value, name, version, text, api) for group, n, value, text, api in records],
        )
        for name, version, summary, location, records in data
    ]


def cache_file(kind: str, *made_of: str) -> str | None:
    """Return the path of a cache file of this Python; None if there is no place for caches.

    :param kind: its folder
    :param made_of: identifies it among files of that kind
    """
    import zlib

    from hca_base.config import paths as folders

    try:
        key = "\0".join([sys.executable or "", sys.version, *made_of]).encode("utf-8", "surrogateescape")
        return os.path.join(folders.cache_dir(), kind, f"{zlib.crc32(key):08x}.json")
    except (ImportError, OSError, ValueError, RuntimeError):
        return None


def installed(paths: Sequence[str] | None = None, *, use_cache: bool = True) -> list[PluginDistribution]:
    """Return the plugins on the import path, from the cache if nothing has changed.

    Without a usable cache this is only slower.
    """
    # The working directory may change during a session; '' on the path is the current one.
    chosen = [entry or os.getcwd() for entry in (sys.path if paths is None else paths) if isinstance(entry, str)]
    directories = list(metadata_directories(chosen))
    # With `python -m` the working directory is on the path; ignore it if nothing is installed in it, to share the file.
    here = _working_directory()
    places = [entry for entry in chosen if entry != here or any(entry == each for _, each, _, _ in directories)]
    key = [sys.version, places, [[d, m, s] for d, _e, m, s in directories], archives(chosen)]
    file = cache_file("plugins", *places) if use_cache else None
    if file is not None:
        data = _read_cache(file, key)
        if data is not None:
            return data
    found, watched = scan(chosen, directories)
    if file is not None:
        keep_in(file, {"format": _FORMAT, "key": key, "watched": watched, "distributions": found})
    return _revive(found)


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""


def _read_cache(file: str, key: list[Any]) -> list[PluginDistribution] | None:
    import json

    try:
        with open(file, encoding="utf-8") as stream:
            data = json.load(stream)
        if data["format"] != _FORMAT or data["key"] != key:
            return None
        if any(stamp_of(path) != stamp for path, stamp in data["watched"].items()):
            return None
        return _revive(data["distributions"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def keep_in(file: str, data: dict[str, Any]) -> None:
    """Write a cache file, if that is possible."""
    import json

    from hca_base.config import write_atomic

    try:
        folder = os.path.dirname(file)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        from pathlib import Path

        write_atomic(Path(file), json.dumps(data), mode=0o600)
        _forget_old(folder)
    except Exception:  # noqa: BLE001 - whatever a cache directory can do wrong, the command must run
        return


def _forget_old(folder: str) -> None:
    """Only keep the newest files, because temporary environments leave old ones behind."""
    with os.scandir(folder) as listing:
        files = sorted((e.stat().st_mtime_ns, e.path) for e in listing if e.name.endswith(".json"))
    for _mtime, path in files[: -_KEEP_CACHES[os.path.basename(folder)]]:
        os.unlink(path)
