"""The author's guide names everything of the core that plugins written with it use."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("plugin", ["drs", "cellxgene"])
def test_what_a_plugin_uses_is_described(plugin: str) -> None:
    pages = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("plugins.rst", "api.rst"))
    missing = set()
    for path in (ROOT / "plugins" / plugin / f"hca_{plugin}").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hca_base."):
                # The page documents all members of this module.
                if node.module == "hca_base.errors":
                    continue
                missing |= {f"{node.module}.{a.name}" for a in node.names if not re.search(rf"\b{a.name}\b", pages)}
    assert missing == set()
