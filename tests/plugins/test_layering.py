"""Imports go down only, and plugins use public names only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: From the bottom up; a package imports those on lower levels, never its own level's neighbours or higher ones.
LEVELS = [
    {"errors", "_fork", "_lazy"},
    {"config", "output"},
    {"http", "auth"},
    {"openapi", "transfer"},
    {"plugins"},
    {"commands"},
    {"shell"},
]
#: Neighbours that may be used: logins and refreshes go over HTTP; files of results are written as settings are.
ALLOWED = {("auth", "http"), ("output", "config")}
CORE = sorted(
    path
    for path in (ROOT / "hca_base").rglob("*.py")
    if len(path.relative_to(ROOT / "hca_base").parts) > 1 or path.stem == "errors"
)
PLUGINS = sorted(path for path in (ROOT / "plugins").glob("*/hca*/**/*.py") if "build" not in path.parts)


def level_of(package: str) -> int:
    for level, packages in enumerate(LEVELS):
        if package in packages:
            return level
    raise AssertionError(f"hca_base.{package} is on no level")


def imports_of(path: Path, package: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Absolute module and names of each import, those within functions and for type checking included."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, []
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield ".".join([*base, *([node.module] if node.module else [])]), [alias.name for alias in node.names]


def package_of(path: Path, top: Path) -> list[str]:
    return list(path.relative_to(top).with_suffix("").parts[:-1])


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_imports_downwards(path: Path) -> None:
    package = package_of(path, ROOT)
    own = package[1] if len(package) > 1 else path.stem
    for module, names in imports_of(path, package):
        if module == "hca_base":
            targets = [name for name in names if (ROOT / "hca_base" / name).exists() or name == "errors"]
        elif module.startswith("hca_base."):
            targets = [module.split(".")[1]]
        else:
            assert not module.startswith("hca_") and module.partition(".")[0] != "hca", (
                f"{path}: the core imports {module}"
            )
            continue
        for target in targets:
            if target == own:
                continue
            down = level_of(target) < level_of(own)
            assert down or (own, target) in ALLOWED, f"{path}: hca_base.{own} imports hca_base.{target}"


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(ROOT)))
def test_plugins_use_public_names(path: Path) -> None:
    top = next(parent for parent in path.parents if parent.parent.parent == ROOT / "plugins").parent
    for module, names in imports_of(path, package_of(path, top)):
        if module.partition(".")[0] != "hca_base":
            continue
        assert len(module.split(".")) <= 2, f"{path}: {module} is not public"
        for name in [*module.split("."), *names]:
            assert not name.startswith("_") or name == "__version__", f"{path}: {module} {name} is not public"
