"""Find the metadata directories of installed distributions, and ignore leftovers."""

# Plain strings instead of pathlib: this runs before every command, for hundreds of directories.
# ruff: noqa: PTH110, PTH113, PTH116, PTH208

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

_METADATA = (".dist-info", ".egg-info")


def normalized(name: str) -> str:
    """Normalize a distribution name according to :pep:`503`."""
    return name.lower().replace("_", "-").replace(".", "-")


def metadata_directories(paths: Iterable[str]) -> Iterator[tuple[str, str, int, int]]:
    """Yield metadata directories on the path: (directory, path entry, mtime in ns and size of entry_points.txt)."""
    done = set()
    for entry in paths:
        entry = entry or "."
        if entry in done:
            continue
        done.add(entry)
        try:
            with os.scandir(entry) as listing:
                names = sorted(e.name for e in listing if e.name.endswith(_METADATA) and e.name[0] not in "~-")
        except (OSError, ValueError):
            continue
        for name in names if len(names) == len({_distribution_of(name) for name in names}) else _best(entry, names):
            directory = f"{entry}/{name}"
            try:
                status = os.stat(f"{directory}/entry_points.txt")
            except (OSError, ValueError):
                yield directory, entry, 0, -1
            else:
                yield directory, entry, status.st_mtime_ns, status.st_size


def _distribution_of(name: str) -> str:
    """Return the normalized distribution name of a metadata directory."""
    return normalized(name.rpartition(".")[0].partition("-")[0])


def _best(entry: str, names: Sequence[str]) -> list[str]:
    """Return the complete directory with the highest version for each distribution.

    Interrupted installs and removals leave others behind. pip's leftovers start with ``~``.
    """
    best: dict[str, str] = {}
    for name in sorted(names, key=lambda each: (_is_complete(f"{entry}/{each}"), _version_key(each))):
        best[_distribution_of(name)] = name
    return sorted(best.values())


def _is_complete(directory: str) -> bool:
    return any(os.path.exists(f"{directory}/{file}") for file in ("METADATA", "PKG-INFO")) or os.path.isfile(directory)


def _version_key(name: str) -> tuple[list[int], bool, list[int]]:
    """Return a sort key for versions of metadata directories: by release, with pre-releases before it."""
    version = name.rpartition(".")[0].partition("-")[2]
    release, letter = version, ""
    for position, character in enumerate(version):
        if not (character.isdigit() or character == "."):
            release, letter = version[:position], version[position:]
            break
    numbers = [int(part) for part in release.split(".") if part.isdigit()]
    final = not letter or letter.lstrip(".-_").startswith(("post", "+"))
    more = [int(part) for part in "".join(c if c.isdigit() else " " for c in letter).split()]
    return numbers, final, more


def leftovers(paths: Sequence[str]) -> list[str]:
    """Return incomplete metadata directories, and several ones of the same distribution."""
    found = []
    for entry in dict.fromkeys(path or "." for path in paths):
        try:
            names = [name for name in os.listdir(entry) if name.endswith(_METADATA)]
        except (OSError, ValueError):
            continue
        usable = [name for name in names if name[0] not in "~-"]
        kept = {name for name in _best(entry, usable) if _is_complete(f"{entry}/{name}")}
        found += [f"{entry}/{name}" for name in sorted(names) if name not in kept]
    return found


def archives(paths: Iterable[str]) -> list[list[Any]]:
    """Return files on the import path (zip applications), with time and size."""
    found: list[list[Any]] = []
    for entry in paths:
        if entry.endswith((".zip", ".egg", ".whl", ".pyz", ".pex")):
            try:
                status = os.stat(entry)
            except (OSError, ValueError):
                continue
            found.append([entry, status.st_mtime_ns, status.st_size])
    return found
