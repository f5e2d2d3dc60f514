"""Commands run through few of our files and functions."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lib import Runner

TOOL = Path(__file__).parents[3] / "docs" / "tools" / "way.py"


def way(hca: Runner, *args: str) -> tuple[int, int]:
    """Files and functions executed in the second run of a command; the first one fills the caches."""
    for number in range(2):
        # Each uses its own directory: present files are not downloaded again.
        folder = hca.cwd / f"run-{number}"
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, TOOL, *args], env=hca.env, cwd=folder, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
    found = re.search(r"^way: (\d+) files, (\d+) functions$", done.stderr, re.MULTILINE)
    assert found is not None
    return int(found[1]), int(found[2])


#: Command -> files, functions. Only ever lower these: the targets are 28 and 180, 40 and 220, 65 and 400.
LIMITS = {"config show": (39, 192), "get-bundle": (73, 371), "download": (99, 526)}


def test_config_show(hca: Runner) -> None:
    check("config show", way(hca, "config", "show"))


def test_get_bundle(fake_hca: Runner, fake: Any) -> None:
    seeded = fake.put_bundle({"a.txt": b"a"})
    uuid = ["--uuid", seeded.uuid, "--replica", "aws"]
    check("get-bundle", way(fake_hca, "dss", "get-bundle", *uuid))


def test_a_small_download(fake_hca: Runner, fake: Any) -> None:
    seeded = fake.put_bundle({"a.txt": b"a" * 1000})
    check("download", way(fake_hca, "dss", "download", "--bundle-uuid", seeded.uuid, "--replica", "aws"))


def check(name: str, measured: tuple[int, int]) -> None:
    files, functions = LIMITS[name]
    assert measured[0] <= files, f"{name} runs through {measured[0]} files"
    assert measured[1] <= functions, f"{name} runs through {measured[1]} functions"


def test_the_tool_counts(hca: Runner) -> None:
    done = subprocess.run(
        [sys.executable, TOOL, "--list", "--version"], env=hca.env, capture_output=True, text=True, timeout=60
    )
    assert "hca_base/shell/_dispatch/_main.py: run" in done.stderr
    with pytest.raises(AssertionError):
        check("config show", (400, 1))
