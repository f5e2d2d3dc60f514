"""This project's plugins, from a list in the core, without network requests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class AvailablePlugin:
    """A plugin of this project that is not installed.

    :ivar source: what to install it from
    :ivar command: the install command; empty if the source is not on this machine
    """

    name: str
    summary: str
    source: str
    command: str


def available_plugins() -> list[AvailablePlugin]:
    """List the plugins of this project that are not installed."""
    entries: list[dict[str, Any]] = json.loads(Path(__file__).with_name("available.json").read_bytes())
    missing = {entry["folder"] for entry in entries if not _is_installed(entry["name"])}
    root = checkout()
    found = []
    for entry in entries:
        if entry["folder"] not in missing:
            continue
        needed = [folder for folder in entry["requires"] if folder in missing]
        paths = [root / "plugins" / folder for folder in (*needed, entry["folder"])] if root is not None else []
        here = bool(paths) and all(path.is_dir() for path in paths)
        command = "hca plugin install " + " ".join(map(str, paths)) if here else ""
        source = str(paths[-1]) if here else f"plugins/{entry['folder']} in a clone of the repository, or a wheelhouse"
        found.append(AvailablePlugin(entry["name"], entry["summary"], source, command))
    return found


def _is_installed(name: str) -> bool:
    from importlib import metadata

    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def checkout() -> Path | None:
    """Return the clone of the repository that the core was installed from, if it is still there."""
    from importlib import metadata

    # In editable mode the core is imported from the clone.
    places = [Path(__file__).resolve().parents[2]]
    try:
        text = metadata.distribution("hca-base").read_text("direct_url.json")
        url = urlsplit(json.loads(text or "{}").get("url", ""))
        if url.scheme == "file":
            places.append(Path(unquote(url.path)))
    except (metadata.PackageNotFoundError, ValueError, AttributeError):
        pass
    return next((place for place in places if (place / "plugins").is_dir() and (place / "setup.cfg").is_file()), None)
