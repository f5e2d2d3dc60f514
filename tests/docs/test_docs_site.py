"""The site: its checker detects each kind of fault in a page, and the sources have no fault visible in text."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def checker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_site", DOCS / "tools" / "check_site.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGE = "<!doctype html><html><head><meta name=viewport content='width=device-width'></head><body>{}</body></html>"
FAULTS = {
    "clean": ("<pre style='overflow-x:auto'>" + "x" * 5000 + "</pre><a href='wide.html#here'>a</a>", ""),
    "wide": ("<p id=here style='width:2000px'>x</p>", "pixels wide"),
    "box": ("<div class='system-message'>Unknown directive</div>", "error box: Unknown directive"),
    "furo": (
        "<style>.contents::before {content: 'ERROR: Adding a table of contents'}</style><nav class=contents></nav>",
        'error box: "ERROR',
    ),
    "broken": ("<img src='nothing.png' alt='it'>", "broken image"),
    "silent": ("<img src='dot.svg'>", "image without text"),
    "dead": ("<a href='nowhere.html'>a</a>", "dead link nowhere.html"),
    "anchor": ("<a href='wide.html#there'>a</a>", "dead link wide.html#there"),
}


@pytest.mark.slow
@pytest.mark.timeout(700)
def test_the_checker_of_the_site_finds_each_fault_in_a_browser(tmp_path: Path) -> None:
    check = checker()
    chromium = check.find_chromium()
    if chromium is None:
        pytest.skip("Chromium is not at hand")
    for name, (body, _) in FAULTS.items():
        (tmp_path / f"{name}.html").write_text(PAGE.format(body))
    (tmp_path / "dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    found = check.problems(tmp_path, chromium)
    for name, (_, fault) in FAULTS.items():
        of_page = [line for line in found if line.startswith(f"{name}.html")]
        assert all(fault in line for line in of_page) if fault else of_page == [], of_page
        assert bool(of_page) == bool(fault), (name, found)


def test_the_checker_of_the_site_knows_words_that_the_search_lacks(tmp_path: Path) -> None:
    check = checker()
    terms = ",".join(f"{word}:[1]" for word in check.WORDS if word != "token")
    (tmp_path / "searchindex.js").write_text(f'Search.setIndex({{"terms":{{{terms}}}}})')
    assert check.missing_words(tmp_path) == ["token"]


def test_the_checker_of_the_site_finds_what_the_api_page_leaves_untyped(tmp_path: Path) -> None:
    typed = """<dl class="py function">
<dt class="sig sig-object py" id="hca.get"><span>get</span>(<em class="sig-param"><span class="n">name</span>
<span class="p">:</span> <span class="n">str</span></em>, <em class="sig-param"><span class="o">*</span></em>)
<span class="sig-return">→ int</span></dt></dl>"""
    (tmp_path / "api.html").write_text(typed)
    assert checker().untyped(tmp_path) == []
    (tmp_path / "api.html").write_text(typed.replace('<span class="p">:</span>', "").replace("sig-return", ""))
    (argument, result) = checker().untyped(tmp_path)
    assert argument.startswith("hca.get: no type of name") and result == "hca.get: no type of its result"


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.rst")), ids=lambda path: path.name)
def test_no_page_has_a_table_of_contents_that_the_theme_shows_as_an_error(page: Path) -> None:
    assert ".. contents::" not in page.read_text(encoding="utf-8")


def test_every_image_has_a_text_and_every_page_is_in_the_menu() -> None:
    pages = {path.stem: path.read_text(encoding="utf-8") for path in DOCS.glob("*.rst")}
    for name, text in pages.items():
        for image in re.finditer(r"^\.\. (?:image|figure):: .*\n((?:   .*\n)*)", text, re.MULTILINE):
            assert re.search(r"   :alt: \S", image[1]), (name, image[0])
    listed = set(re.findall(r"^   ([a-z0-9-]+)$", pages["index"], re.MULTILINE))
    assert set(pages) - {"index"} <= listed


@pytest.mark.parametrize("name", ["logo.svg", "favicon.svg"])
def test_the_logo_stands_alone(name: str) -> None:
    text = (DOCS / "images" / name).read_text(encoding="utf-8")
    assert ElementTree.fromstring(text).get("aria-label") == "hca"
    assert "href" not in text and "url(" not in text


def test_the_gallery_has_ten_tasks_with_output() -> None:
    text = (DOCS / "gallery.rst").read_text(encoding="utf-8")
    tasks = re.split(r"^\d+\. ", text, flags=re.MULTILINE)[1:]
    assert len(tasks) == 10
    for task in tasks:
        lines = [line for line in task.splitlines() if line.startswith("   ")]
        assert any(line.startswith("   $ hca ") for line in lines)
        assert any(not line.startswith("   $ ") for line in lines), task
