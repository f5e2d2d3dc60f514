"""Write a bill of materials of our distributions in this environment, as CycloneDX 1.5 JSON.

Usage: ``python .ci/sbom.py FILE [WHEEL…]``. Wheels given are listed with their sha256, as what is released.
"""

from __future__ import annotations

import hashlib
import importlib.metadata as metadata
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OURS = ("hca-base", "hca-dss", "hca-upload", "hca-azul", "hca-local", "hca")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required(name: str) -> Iterator[str]:
    """The names of what a distribution requires here, extras included where they are installed."""
    for line in metadata.requires(name) or ():
        found = normal(re.split(r"[^\w.-]", line, maxsplit=1)[0])
        try:
            metadata.version(found)
        except metadata.PackageNotFoundError:
            continue
        yield found


def reached() -> dict[str, list[str]]:
    """Every distribution that ours lead to, with what it requires."""
    graph: dict[str, list[str]] = {}
    waiting = [name for name in OURS if _is_here(name)]
    while waiting:
        name = waiting.pop()
        if name not in graph:
            # Extras of others are not ours: an installed package named by one does no harm in the list.
            graph[name] = sorted(set(required(name)))
            waiting += graph[name]
    return graph


def _is_here(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def component(name: str) -> dict[str, Any]:
    about = metadata.metadata(name)
    version = about["Version"]
    licence = about.get("License-Expression")
    named = [c.rpartition(" :: ")[2] for c in about.get_all("Classifier") or () if c.startswith("License ::")]
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"pkg:pypi/{name}@{version}",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name}@{version}",
    }
    if licence:
        found["licenses"] = [{"expression": licence}]
    elif named or about.get("License"):
        names = named or [about["License"].splitlines()[0][:80]]
        found["licenses"] = [{"license": {"name": each}} for each in names]
    return found


def bill(wheels: list[Path]) -> dict[str, Any]:
    graph = reached()
    components = {name: component(name) for name in sorted(graph)}
    released = [
        {
            "type": "file",
            "name": path.name,
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}],
        }
        for path in sorted(wheels)
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "hca", "version": metadata.version("hca-base")}},
        "components": [*components.values(), *released],
        "dependencies": [
            {"ref": components[name]["bom-ref"], "dependsOn": [components[each]["bom-ref"] for each in graph[name]]}
            for name in sorted(graph)
        ],
    }


def main() -> None:
    target, *wheels = map(Path, sys.argv[1:])
    target.write_text(json.dumps(bill(wheels), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
