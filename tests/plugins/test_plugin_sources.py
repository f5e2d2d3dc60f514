"""Summaries from sources: the fast text scan agrees with parsing, or defers to it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from hca_base.plugins import _records, _sources, registry

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
    "an example in the first text": (
        '"""Read this.\n\nclass Get(Command):\n    \'no\'\n"""\n\n\nclass Get (Command):\n    """Get it."""\n'
    ),
    "an example in other quotes": (
        "X = '''\nclass Get(Command):\n    \"\"\"No.\"\"\"\n'''\n\n\nclass Get (Command):\n    'Get it.'\n"
    ),
    "something behind": 'class Get(Command):\n    """Get it.\n\n    More.\n    """ "and so on."\n',
    "latin that could be utf-8": b'# coding: latin-1\n\n\nclass Get(Command):\n    """Get \xc3\xa9t."""\n',
    "a tab": 'class Get(Command):\n    """Get\tit."""\n',
    "carriage returns": 'class Get(Command):\r    """Get it."""\r\r    def f(self):\n        """No."""\n',
    "quotes within": 'class Get(Command):\n    """Get it.\n\n    As in "this" or ""that.\n    """\n',
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
    assert expected.startswith("Get")


def test_a_file_that_goes_before_another_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A namespace package in two places: the first may get the module later."""
    for place in ("first", "second"):
        (tmp_path / place / "spread_over_two").mkdir(parents=True)
        monkeypatch.syspath_prepend(tmp_path / place)
    monkeypatch.syspath_prepend(tmp_path / "first")
    path = tmp_path / "second" / "spread_over_two" / "get.py"
    path.write_text(CASES["one line"])
    summary, _, looked_at = _sources.describe("hca.commands", "spread_over_two.get:Get")
    assert summary == "Get it"
    assert looked_at == [str(tmp_path / "first" / "spread_over_two"), str(path)]


def test_all_commands_here_are_read_alike_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    def records() -> dict[str, str]:
        found = _records.installed(use_cache=False)
        return {f"{record.group} {record.name}": record.summary for one in found for record in one.records}

    quick = records()
    monkeypatch.setattr(_sources, "_quick_summary", lambda *_: None)
    assert quick == records()
    assert quick


def test_all_services_of_this_project_have_titles() -> None:
    for name, service in registry().services().items():
        assert registry().service_names(None)[name] == service.title != "", name
