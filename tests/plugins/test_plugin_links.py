"""Links between services, by DOI: one plugin offers them, another shows them, and neither imports the other."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from hca_base.config import load
from hca_base.errors import NotFoundError, UnreachableError
from hca_base.plugins import Link, link_sources, links, reset_registry
from hca_base.plugins._links import MAX_AGE

SOURCE = """
from pathlib import Path
from hca_base.errors import UnreachableError
from hca_base.plugins import Link

def people(config):
    calls = Path({calls!r})
    calls.write_text(calls.read_text() + "x" if calls.exists() else "x")
    if Path({down!r}).exists():
        raise UnreachableError("nobody answers")
    yield "https://doi.org/10.1234/ABC", Link("A paper", "https://people.example.org/1")
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed plugin with the source ``people``; returns the folder with its marker files."""
    for name in ("CONFIG", "STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    site = tmp_path / "site"
    info = site / "hca_people-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hca-people\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hca.links]\npeople = hca_people_links:people\n")
    text = SOURCE.format(calls=str(tmp_path / "calls"), down=str(tmp_path / "down"))
    (site / "hca_people_links.py").write_text(text)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "hca_people_links", raising=False)
    reset_registry()
    yield tmp_path
    reset_registry()


def calls(source: Path) -> int:
    return len((source / "calls").read_text())


def lists(source: Path) -> list[Path]:
    return list((source / "cache").rglob("people-*.json"))


def test_a_list_is_fetched_once_and_found_by_plain_doi(source: Path) -> None:
    assert "people" in link_sources()
    for _ in range(3):
        assert links("people", load())["10.1234/abc"] == Link("A paper", "https://people.example.org/1")
    assert calls(source) == 1


def test_an_old_list_is_fetched_again_and_kept_when_that_fails(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    links("people", load())
    old = time.time() - MAX_AGE - 3600
    os.utime(lists(source)[0], (old, old))
    (source / "down").touch()
    assert "10.1234/abc" in links("people", load())
    assert "the list of people is 7 days old and cannot be refreshed: nobody answers" in capsys.readouterr().err
    (source / "down").unlink()
    links("people", load())
    assert calls(source) == 3


def test_without_any_list_the_failure_is_an_error(source: Path) -> None:
    (source / "down").touch()
    with pytest.raises(UnreachableError):
        links("people", load())


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', "[" * 5000, json.dumps({"a": ["b"]})])
def test_a_damaged_list_is_fetched_again(source: Path, content: str) -> None:
    links("people", load())
    lists(source)[0].write_text(content)
    assert "10.1234/abc" in links("people", load())
    assert calls(source) == 2


def test_an_unknown_source_names_the_installed_ones(source: Path) -> None:
    with pytest.raises(NotFoundError, match="'nobody'") as caught:
        links("nobody", load())
    assert "people" in str(caught.value.hint)


def test_what_a_source_warns_of_is_one_line_with_its_name(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = source / "site" / "hca_people_links.py"
    module.write_text(
        module.read_text() + "    import warnings\n"
        "    for text in ('some are\\n away', 'some are away', 'others sleep'):\n"
        "        warnings.warn(text, stacklevel=1)\n"
    )
    assert "10.1234/abc" in links("people", load())
    told = "hca: warning: links of people: "
    assert capsys.readouterr().err == f"{told}some are away\n{told}others sleep\n"
    links("people", load())
    assert capsys.readouterr().err == ""
