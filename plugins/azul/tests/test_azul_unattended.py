"""An unattended download of a large project, with dropped connections, bursts of 429, expiring URLs, and kills."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import time
from typing import Any

import pytest
from hca_azul.testing import Atlas, EmbeddedAzul, Faults, File, Project

from tests.lib import Runner


def large_project(files: int, seed: int) -> Atlas:
    """A project with this number of files: most of them small, a few of several MB, a third of them in the mirror."""
    chance = random.Random(seed)
    made = []
    for number in range(files):
        size = chance.randrange(2_000_000, 9_000_000) if number % 300 == 7 else chance.randrange(0, 6000)
        made.append(File(f"S{number:05}_R1.fastq.gz", size, sample=number % 40, mirrored=number % 3 == 0))
    return Atlas([Project("Large", "A large project", samples=40, files=made)])


def download(hca: Runner) -> subprocess.Popen[bytes]:
    arguments = hca.command("azul", "download", "Large", "--download-dir", "data", "--report", "r.json")
    # A file, not a pipe: nothing reads it during the run.
    with (hca.home / "stderr").open("ab") as stream:
        return subprocess.Popen(arguments, env=hca.env, cwd=hca.cwd, stderr=stream)


def run(hca: Runner, azul: EmbeddedAzul, kills: int, seed: int, timeout: float) -> int:
    """Download, killing it at random moments; return the number of killed runs."""
    chance = random.Random(seed)
    killed = 0
    deadline = time.monotonic() + timeout
    store = hca.cwd / "data" / ".hca" / "v2" / "files_2_4"
    while True:
        before = azul.count("storage")
        process = download(hca)
        if killed < kills:
            # Not before the first download: a kill during startup tests nothing.
            wanted = before + chance.randrange(20, 200)
            while process.poll() is None and azul.count("storage") < wanted and time.monotonic() < deadline:
                time.sleep(0.02)
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
                process.wait()
                assert store.is_dir()
                continue
        try:
            status = process.wait(max(1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        assert status == 0, (hca.home / "stderr").read_text()[-3000:]
        return killed


def check(hca: Runner, azul: EmbeddedAzul) -> None:
    """Every file is complete, and there are no others."""
    folder = hca.cwd / "data" / "Large"
    project = azul.atlas.projects[0]
    assert {path.name for path in folder.iterdir()} == {file.name for file in project.files}
    for file in project.files:
        assert hashlib.sha256((folder / file.name).read_bytes()).hexdigest() == file.true_sha256, file.name
    left = [
        path for path in (hca.cwd / "data" / ".hca" / "v2").rglob("*") if "partial" in path.parts and path.is_file()
    ]
    assert left == []
    rows = json.loads((hca.cwd / "r.json").read_text())["rows"]
    assert len(rows) == len(project.files) and {row["outcome"] for row in rows} <= {"downloaded", "present", "linked"}
    assert azul.signature not in (hca.home / "stderr").read_text()


def faults(seed: int, **more: Any) -> Faults:
    """One connection in a hundred is dropped, requests are refused in bursts, URLs are valid for 15 seconds."""
    return Faults(seed=seed, drop=0.01, api_drop=0.01, burst_every=250, burst_length=12, url_life=15.0, **more)


@pytest.mark.xdist_group("azul-unattended")
def test_a_few_hundred_files_killed_and_resumed(hca: Runner) -> None:
    with EmbeddedAzul(large_project(450, 1), faults(1, retry_after=1)) as azul:
        hca.configure(azul.settings)
        killed = run(hca, azul, kills=2, seed=1, timeout=120)
        assert killed >= 1
        check(hca, azul)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_three_thousand_files_killed_and_resumed(hca: Runner, seed: int) -> None:
    with EmbeddedAzul(large_project(3000, seed), faults(seed, retry_after=1)) as azul:
        hca.configure(azul.settings)
        assert run(hca, azul, kills=8, seed=seed, timeout=1200) >= 5
        check(hca, azul)


@pytest.mark.slow
def test_three_thousand_files_without_a_break(hca: Runner) -> None:
    with EmbeddedAzul(large_project(3000, 9), faults(9, retry_after=1, file_waits=1)) as azul:
        hca.configure(azul.settings)
        assert run(hca, azul, kills=0, seed=9, timeout=1200) == 0
        check(hca, azul)


@pytest.mark.slow
def test_large_files_over_addresses_that_live_for_fifteen_seconds(hca: Runner) -> None:
    """Each file takes longer than its URL is valid; after a dropped connection, a new one is needed."""
    files = [File(f"S{number}.bam", 48_000_000, format="bam") for number in range(3)]
    atlas = Atlas([Project("Large", "Large files", files=files)])
    # 64 KiB every 100 ms on each connection: a slow line.
    with EmbeddedAzul(atlas, Faults(seed=4, drop=0.5, url_life=15.0, chunk_pause=0.1)) as azul:
        hca.configure(azul.settings)
        run(hca, azul, kills=0, seed=4, timeout=900)
        check(hca, azul)
        assert azul.count("service", "GET", "/repository/files/") > len(files), "addresses were renewed"


def test_fail_fast_stops_at_a_file_that_no_source_has(hca: Runner, azul: EmbeddedAzul) -> None:
    words = ("azul", "download", "BrainCells", "--sources", "mirror", "--report", "r.json")
    done = hca(*words, "--fail-fast", "--download-dir", "d", check=4)
    assert "cannot be downloaded: none of mirror offers it" in done.error
    assert json.loads((hca.cwd / "r.json").read_text())["counts"]["unavailable"] == 1
    assert json.loads((hca.cwd / "r.json").read_text())["files"] < 8
    done = hca(*words, "--fail-fast", "--skip-unavailable", "--download-dir", "e")
    assert json.loads((hca.cwd / "r.json").read_text())["counts"] == {"downloaded": 1, "unavailable": 7}


def test_a_file_in_the_way_of_the_directory(hca: Runner, azul: EmbeddedAzul) -> None:
    hca.write("file", b"mine")
    for place in ("file", "file/below"):
        done = hca("azul", "download", "BrainCells", "--download-dir", place, check=2)
        assert done.error == "file is not a directory"
    assert (hca.cwd / "file").read_bytes() == b"mine"
