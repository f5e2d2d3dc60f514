"""The types in a plugin's stub, to compare with responses."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class StubTypes:
    """The TypedDicts of a stub, and the results of its methods.

    :ivar members: type by member, for each TypedDict
    :ivar results: type by method
    """

    def __init__(self, path: Path) -> None:
        self.members: dict[str, dict[str, ast.expr]] = {}
        self.results: dict[str, ast.expr] = {}
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Operations"):
                self._methods(node)
            elif isinstance(node, ast.ClassDef):
                own = [each for each in node.body if isinstance(each, ast.AnnAssign)]
                self.members[node.name] = {ast.unparse(each.target): each.annotation for each in own}
                if isinstance(node.bases[0], ast.Subscript) and isinstance(node.bases[0].slice, ast.Tuple):
                    self.results[node.name] = node.bases[0].slice.elts[1]
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and len(node.value.args) == 2:
                fields = node.value.args[1]
                assert isinstance(fields, ast.Dict)
                pairs = [(key, value) for key, value in zip(fields.keys, fields.values, strict=True) if key is not None]
                self.members[ast.unparse(node.targets[0])] = {ast.literal_eval(key): value for key, value in pairs}

    def _methods(self, client: ast.ClassDef) -> None:
        for node in client.body:
            if isinstance(node, ast.FunctionDef) and node.returns is not None:
                self.results[node.name] = node.returns
            elif isinstance(node, ast.AnnAssign):
                # An alias of several operations has no type of its own.
                self.results[ast.unparse(node.target)] = self.results.get(ast.unparse(node.annotation), node.annotation)

    def unknown(self, type_: ast.expr, value: Any, where: str) -> Iterator[str]:
        """The members of a value that are not in its type."""
        if isinstance(type_, ast.Subscript):
            name = ast.unparse(type_.value)
            if name == "Required":
                yield from self.unknown(type_.slice, value, where)
            elif name in ("list", "_Records"):
                for each in value:
                    yield from self.unknown(type_.slice, each, where)
            return
        members = self.members.get(ast.unparse(type_))
        if members is None:
            return
        for name, inner in value.items():
            if name not in members:
                yield f"{where}.{name}"
            else:
                yield from self.unknown(members[name], inner, f"{where}.{name}")
