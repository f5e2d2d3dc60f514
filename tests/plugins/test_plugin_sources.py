"""Summaries read from sources: the quick reading of the text says what parsing says, or leaves it to that."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from hca_base.plugins import _records, _sources

ROOT = Path(__file__).resolve().parents[2]

CASES = {
    "plain": 'class Get(Command):\n    """Get it.\n\n    More.\n    """\n',
    "one line": 'class Get(Command):\n    """Get it."""\n',
    "no bases": 'class Get:\n    """Get it."""\n',
    "dos": 'import os\r\n\r\n\r\nclass Get(Command):\r\n    """Get it."""\r\n',
    "another that begins so": 'class GetAll(Command):\n    """All."""\n\n\nclass Get(Command):\n    """Get it."""\n',
    "a head of several lines": 'class Get(\n    Command,\n):\n    """Get it."""\n',
    "a comment": 'class Get(Command):  # noqa:\n    """Get it."""\n',
    "a blank first line": 'class Get(Command):\n    """\n    Get it.\n    """\n',
    "escapes": 'class Get(Command):\n    """Get \\u0069t."""\n',
    "a raw text": 'class Get(Command):\n    r"""Get it."""\n',
    "other quotes": "class Get(Command):\n    'Get it.'\n",
    "an inner class": 'class Other:\n    class Get:\n        """No."""\n\n\nclass Get(Command):\n    """Get it."""\n',
    "in a text": 'TEXT = """\nclass Get(Command):\n    \'no\'\n"""\n\n\nclass Get(Command):\n    """Get it."""\n',
    "latin": b'# coding: latin-1\n\n\nclass Get(Command):\n    """Get \xe9t."""\n',
    "two texts": 'class Get(Command):\n    """Get """ "it."\n',
}


@pytest.mark.parametrize("name", CASES)
def test_a_source_is_read_as_python_reads_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = CASES[name]
    module = f"summary_of_{name.replace(' ', '_')}"
    path = tmp_path / f"{module}.py"
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    monkeypatch.syspath_prepend(tmp_path)
    expected = next(
        (ast.get_docstring(node) or "").strip().splitlines()[0].rstrip(".")
        for node in ast.parse(path.read_bytes()).body
        if isinstance(node, ast.ClassDef) and node.name == "Get"
    )
    assert _sources.describe("hca.commands", f"{module}:Get") == (expected, None, [str(path)])
    assert expected in ("Get it", "Get ét")


def test_all_commands_here_are_read_alike_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    def records() -> dict[str, str]:
        found = _records.installed(use_cache=False)
        return {f"{record.group} {record.name}": record.summary for one in found for record in one.records}

    quick = records()
    monkeypatch.setattr(_sources, "_quick_summary", lambda *_: None)
    assert quick == records()
    assert len(quick) > 30
