"""The product's modules and their imports, for the tests of layers and the tools."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Import(NamedTuple):
    """One import: ``module`` and the names taken from it; ``late`` within a function, ``typing`` for types only."""

    module: str
    names: tuple[str, ...]
    late: bool
    typing: bool


@functools.cache
def modules() -> dict[str, Path]:
    """All modules of the core and the plugins by dotted name, except tests."""
    found = {}
    tops = [ROOT / "hca_base", *(path.parent for path in (ROOT / "plugins").glob("*/hca*/__init__.py"))]
    for top in tops:
        for path in sorted(top.rglob("*.py")):
            parts = path.relative_to(top.parent).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@functools.cache
def imports_of(path: Path) -> tuple[Import, ...]:
    """Every import in a file, including those in functions and for type checking."""
    return tuple(_imports(ast.parse(path.read_bytes()), late=False, typing=False))


def _imports(node: ast.AST, *, late: bool, typing: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, (), late, typing) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            # Ruff forbids relative imports (TID252).
            yield Import(child.module or "", tuple(alias.name for alias in child.names), late, typing)
        is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        is_typing = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
        yield from _imports(child, late=late or is_function, typing=typing or is_typing)


def edges() -> dict[str, set[str]]:
    """Module -> our modules that it imports in any way."""
    known = modules()
    graph: dict[str, set[str]] = {}
    for name, path in known.items():
        found: set[str] = set()
        for each in imports_of(path):
            if each.names:
                found.update(f"{each.module}.{n}" if f"{each.module}.{n}" in known else each.module for n in each.names)
            else:
                found.add(each.module)
        graph[name] = (found & known.keys()) - {name}
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The import cycles (strongly connected components of more than one module)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], order[other])
        if lowest[name] == order[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return found
