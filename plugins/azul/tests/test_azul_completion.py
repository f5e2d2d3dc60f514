"""Completion of fields and of their values."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hca_azul.testing import EmbeddedAzul

from tests.lib import Runner


def words(hca: Runner, *typed: str) -> set[str]:
    done = hca("__complete", "--", "azul", *typed)
    return {line.split("\t")[0] for line in done.stdout.splitlines()}


def test_names_of_fields(hca: Runner, azul: EmbeddedAzul) -> None:
    assert {"organ=", "organ-part=", "organPart="} <= words(hca, "projects", "--filter", "org")
    assert words(hca, "projects", "--sort", "spec") >= {"species", "specimenOrgan"}
    assert words(hca, "facets", "gen") == {"genusSpecies"}
    assert azul.requests == [], "no server is asked"


def test_values_that_were_seen(hca: Runner, azul: EmbeddedAzul) -> None:
    assert words(hca, "files", "--filter", "organ=") == set()
    hca("azul", "projects")
    azul.requests.clear()
    assert words(hca, "files", "--filter", "organ=b") == {"organ=brain", "organ=blood"}
    assert words(hca, "files", "--filter", "organ=brain,h") == {"organ=brain,heart"}
    assert words(hca, "download", "--filter", "library=S") == {"library=Smart-seq2"}
    assert words(hca, "files", "--filter", "paired=") == {"paired=true", "paired=false"}
    assert words(hca, "files", "--filter", "nothing=") == set()
    assert azul.requests == []


def test_in_bash_which_breaks_words_at_equals_signs(hca: Runner) -> None:
    hca("azul", "projects")
    script = hca("completion", "bash").stdout
    hca.env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{hca.env['PATH']}"
    listed = ["hca", "azul", "files", "--filter", "organ", "=", "b"]
    program = f"{script}\nCOMP_WORDS=({' '.join(listed)})\nCOMP_CWORD=6\n_hca_complete\necho ${{COMPREPLY[@]}}"
    done = subprocess.run(
        ["bash", "-c", program], env=hca.env, cwd=hca.cwd, capture_output=True, text=True, timeout=60, check=True
    )
    assert {word.rpartition("=")[2] for word in done.stdout.split()} == {"brain", "blood"}


def test_a_cache_that_is_broken_or_closed(hca: Runner) -> None:
    hca("azul", "projects")
    [path] = (hca.home / ".cache" / "hca" / "azul").glob("values-*.json")
    path.write_text("{")
    assert words(hca, "files", "--filter", "organ=b") == set()
    hca("azul", "projects")
    assert "organ=brain" in words(hca, "files", "--filter", "organ=b")
