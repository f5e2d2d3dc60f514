"""The notebook of the documentation runs in a real kernel, and shows tables and progress."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.test_docs_snippets import Shell, deployment

pytest.importorskip("nbclient", reason="nbclient is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")

__all__ = ["deployment"]

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "notebooks" / "tour.ipynb"

pytestmark = [
    pytest.mark.xdist_group("docs"),
    pytest.mark.skipif(sys.platform == "win32", reason="only on POSIX: the pages show commands for a POSIX shell"),
]


@pytest.fixture
def executed(deployment: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The notebook after running all cells."""
    import nbformat
    from nbclient import NotebookClient

    for name in list(os.environ):
        if name.startswith(("HCA_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", deployment.env["HOME"])
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    return notebook


def html_of(notebook: Any) -> dict[str, list[str]]:
    """The HTML output of each cell, by cell ID."""
    return {
        cell.id: [output.data["text/html"] for output in cell.outputs if "text/html" in output.get("data", {})]
        for cell in notebook.cells
        if cell.cell_type == "code"
    }


def test_the_notebook_runs_and_shows_tables_and_progress(executed: Any, tmp_path: Path) -> None:
    shown = html_of(executed)
    assert "<table" in shown["code-2"][0] and "content-type" in shown["code-2"][0]
    assert "<table" in shown["code-3"][0]
    progress, report = shown["code-5"]
    assert "files" in progress and "<progress" not in report and "downloaded" in report and "<table" in report
    assert next((tmp_path / "data").glob("*.*/*.fastq.gz")).stat().st_size > 0


def test_no_output_is_kept_in_the_notebook() -> None:
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_a_browser_shows_the_tables(executed: Any, tmp_path: Path) -> None:
    exporting = pytest.importorskip("nbconvert", reason="nbconvert is not installed")
    page, _ = exporting.HTMLExporter().from_notebook_node(executed)
    (tmp_path / "tour.html").write_text(page)
    picture = tmp_path / "tour.png"
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1000,2600", f"--screenshot={picture}"]
    subprocess.run([*command, f"file://{tmp_path / 'tour.html'}"], check=True, capture_output=True, timeout=120)
    dump = [*command[:-1], "--dump-dom", f"file://{tmp_path / 'tour.html'}"]
    shown = subprocess.run(dump, check=True, capture_output=True, text=True, timeout=120).stdout
    assert shown.count('class="dataframe"') >= 3 and "</progress>" in shown
    assert picture.stat().st_size > 10_000
