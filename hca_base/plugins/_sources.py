"""Read an entry point's summary from its source without importing it.

Help shows summaries of all commands. Importing all plugins for that would be slow, and one broken plugin would break
the help. The source is only parsed when the set of plugins changes.
"""

# Plain strings instead of pathlib: this runs before every command, for hundreds of directories.
# ruff: noqa: PTH113, PTH118, PTH119, PTH123, PTH202

from __future__ import annotations

import functools
import os
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ast
    from importlib.machinery import ModuleSpec

_MAX_HOPS = 5
_MAX_SOURCE = 2_000_000  # bytes; larger modules are not parsed at start-up


def describe(group: str, value: str) -> tuple[str, int | None, list[str]]:
    """Return details of ``module:attribute`` from its source.

    :return: (summary, plugin API version of a service or None, source files that were read)
    """
    files: list[str] = []
    try:
        module, _, attribute = value.partition(":")
        quick = _quick_summary(module.strip(), attribute.strip(), files)
        if quick is not None:
            return quick, None, files
        node = _find(module.strip(), attribute.strip(), files, _MAX_HOPS)
        if node is None:
            return "", None, files
        summary, api = _about(node)
    except Exception:  # noqa: BLE001 - a source that cannot be read has no summary; loading it will say why
        return "", None, files
    return summary, (api if group == "hca.services" else None), files


def source_file(module: str, looked_at: list[str] | None = None) -> str | None:
    """Return the path of a module's source without importing its parents; None if there is none.

    If the file is missing, its directory is added to the list of checked files, because it changes when the file
    appears.
    """
    top, *rest = module.split(".")
    if top in sys.builtin_module_names:
        return None
    spec = package_spec(top)
    if spec is None:
        return None
    if not rest:
        return spec.origin if spec.origin and spec.origin.endswith(".py") else None
    for location in spec.submodule_search_locations or ():
        base = os.path.join(location, *rest)
        for candidate in (f"{base}.py", os.path.join(base, "__init__.py")):
            if os.path.isfile(candidate):
                return candidate
        if looked_at is not None:
            looked_at.append(location)
    return None


@functools.cache
def package_spec(name: str) -> ModuleSpec | None:
    """Find a package or top-level module; cached per scan, because all commands of a plugin share one."""
    import importlib.util

    return importlib.util.find_spec(name)


def _quick_summary(module: str, attribute: str, files: list[str]) -> str | None:
    """Return the summary of a class from its text, which is ten times faster than parsing all modules.

    Only for simple sources: ASCII without escapes, a single ``class`` of that name outside of multi-line strings, and
    a docstring in triple double quotes at the end of a line. Otherwise None, and the list is unchanged.
    """
    looked_at: list[str] = []
    path = source_file(module, looked_at)
    if path is None or os.path.getsize(path) > _MAX_SOURCE:
        return None
    with open(path, "rb") as file:
        source = file.read().replace(b"\r\n", b"\n")
    begins = list(re.finditer(rb"^class " + re.escape(attribute.encode()) + rb"[(:]", source, re.MULTILINE))
    if len(begins) != 1 or source.count(b'"""', 0, begins[0].start()) % 2:
        return None
    if b"'''" in source or b"\r" in source or _CODING.match(source):
        # A class in other quotes may be an example; leave other line endings and encodings to Python's parser.
        return None
    found = _DOCSTRING.match(source, begins[0].start())
    if found is None or not found["line"].strip():
        return None
    files += [*looked_at, path]
    return found["line"].decode("ascii").strip().rstrip(".")


_CODING = re.compile(rb"[^\n]*\n?#.*coding[:=]")
_DOCSTRING = re.compile(
    rb"""class [^\n\#]* : \n[ ]+
    \"\"\" (?P<line> [\x20\x21\x23-\x5b\x5d-\x7e]* )
    (?: \n (?: [^"\\\x00-\x09\x0b-\x1f] | "(?!"") )* )?
    \"\"\" \n""",
    re.VERBOSE,
)


def _find(module: str, attribute: str, files: list[str], hops: int) -> ast.AST | None:
    import ast

    path = source_file(module, files)
    if path is None or hops == 0 or os.path.getsize(path) > _MAX_SOURCE:
        return None
    files.append(path)
    with open(path, "rb") as file:
        tree = ast.parse(file.read())
    package = module if os.path.basename(path) == "__init__.py" else module.rpartition(".")[0]
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == attribute:
            return node
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == attribute for t in node.targets):
            return node.value
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == attribute:
            return node.value
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == attribute:
                    return _find(_absolute(node, package), alias.name, files, hops - 1)
        lazily = _lazy_export(node, attribute)
        if lazily is not None:
            return _find(package + lazily if lazily.startswith(".") else lazily, attribute, files, hops - 1)
    return None


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - node.level + 1])
    return f"{base}.{node.module}" if node.module else base


def _lazy_export(node: ast.stmt, attribute: str) -> str | None:
    """Return the module in ``lazy_exports(__name__, {attribute: module})``."""
    import ast

    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call) or len(node.value.args) != 2:
        return None
    function, table = node.value.func, node.value.args[1]
    if not (isinstance(function, ast.Name) and function.id == "lazy_exports" and isinstance(table, ast.Dict)):
        return None
    for key, value in zip(table.keys, table.values, strict=True):
        if isinstance(key, ast.Constant) and key.value == attribute and isinstance(value, ast.Constant):
            return str(value.value).rstrip(":")
    return None


def _about(node: Any) -> tuple[str, int | None]:
    import ast

    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        lines = (ast.get_docstring(node) or "").strip().splitlines()
        return (lines[0].strip().rstrip(".") if lines else ""), None
    title, api = "", None
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            if isinstance(keyword.value, ast.Constant):
                if keyword.arg == "title" and isinstance(keyword.value.value, str):
                    title = keyword.value.value.strip().split("\n")[0]
                elif keyword.arg == "plugin_api" and isinstance(keyword.value.value, int):
                    api = keyword.value.value
    return title, api
