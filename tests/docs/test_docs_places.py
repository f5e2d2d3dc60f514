"""The files and functions named on the pages for newcomers exist."""

from __future__ import annotations

import ast
import re

import pytest

from tests.lib.house import ROOT

PAGES = ("CONTRIBUTING.rst", "docs/architecture.rst")
_PLACE = re.compile(r"``((?:hca_base|plugins)/[\w/.-]+\.py)(?:::([\w.]+))?``")


def places() -> list[tuple[str, str, str]]:
    found = []
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        found += [(page, file, name) for file, name in _PLACE.findall(text)]
    return found


@pytest.mark.parametrize(("page", "file", "name"), places())
def test_what_a_page_names_exists(page: str, file: str, name: str) -> None:
    body = ast.parse((ROOT / file).read_bytes()).body
    for part in name.split(".") if name else ():
        inner = {node.name: node for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
        assert part in inner, f"{page}: {file} has no {name}"
        body = inner[part].body


def test_ten_questions_have_answers() -> None:
    text = (ROOT / "CONTRIBUTING.rst").read_text(encoding="utf-8")
    section = text.partition("Where is it?")[2].partition("\nTests\n")[0]
    questions = re.split(r"^(?=\S.*\?$)", section, flags=re.MULTILINE)[1:]
    assert len(questions) == 10
    assert all(_PLACE.search(question) for question in questions)


def test_no_page_has_the_marks_of_a_merge() -> None:
    pages = [*ROOT.glob("*.rst"), *ROOT.glob("docs/*.rst"), *ROOT.glob("plugins/*/README.rst")]
    assert len(pages) > 20
    marked = [
        path.name for path in pages if re.search(r"^(<<<<<<<|>>>>>>>) ", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert marked == []
