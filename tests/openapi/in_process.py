"""Runs commands in this process, and lists the documents to test them with."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OWN = sorted((HERE / "documents").glob("*.*"))
BUNDLED = sorted((ROOT / "plugins").glob("*/hca_*/document.json"))
_VERSION = re.compile(rb"""^[\s{]*["']?(swagger|openapi)["']?\s*:\s*["']?(2\.0|3\.)""", re.MULTILINE)


def outside() -> list[Path]:
    """The documents in the folder HCA_TEST_DOCUMENTS, if set; without the files that they reference."""
    folder = os.environ.get("HCA_TEST_DOCUMENTS")
    if not folder:
        return []
    files = (path for path in sorted(Path(folder).rglob("*.*")) if path.suffix in (".json", ".yaml", ".yml"))
    return [path for path in files if path.is_file() and _VERSION.search(path.read_bytes()[:5000])]


def run(words: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    """Run ``hca`` in this process; return exit code, stdout, stderr."""
    from hca_base.shell._dispatch._main import run

    out, err = io.StringIO(), io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        code = run(words)
    return code, out.getvalue(), err.getvalue()


def configured(home: Path, document: Path, url: str, naming: str) -> None:
    """Write the settings of a service ``x`` with this document and URL."""
    folder = home / ".config" / "hca"
    folder.mkdir(parents=True, exist_ok=True)
    section = {"url": str(document), "base_url": url, "naming": naming}
    (folder / "config.json").write_text(json.dumps({"services": {"x": section}}))
    (folder / "config.json").chmod(0o600)
