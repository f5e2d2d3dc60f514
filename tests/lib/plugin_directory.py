"""Installs plugins without pip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class PluginDirectory:
    """A directory with hand-made installed distributions, for PYTHONPATH."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def install(
        self,
        name: str,
        modules: Mapping[str, str],
        entry_points: Mapping[str, Mapping[str, str]],
        version: str = "1.0",
        summary: str = "A plugin of the tests",
    ) -> Path:
        """Install a distribution; return the path of its metadata directory.

        :param modules: relative path -> source
        :param entry_points: group -> name -> value
        """
        for relative, source in modules.items():
            target = self.path / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source, encoding="utf-8")
        info = self.path / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", f"Summary: {summary}", ""]
        (info / "METADATA").write_text("\n".join(lines), encoding="utf-8")
        text = ""
        for group, points in entry_points.items():
            text += f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items()) + "\n"
        (info / "entry_points.txt").write_text(text, encoding="utf-8")
        return info
