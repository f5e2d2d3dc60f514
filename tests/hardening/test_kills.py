"""A crash at each step that changes the disk: nothing is lost, and the next run continues."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

#: Stride between steps in the short run.
STRIDES = {"files": 19, "documents": 13}
SCENARIOS = ["settings", "profiles", "tokens", "old login", "start file", "documents", "files"]
#: Minimum number of kills for a scenario, if it has so many steps.
LEAST = 3


def kill(scenario: str, home: Path, stride: int) -> int:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killing.py")), scenario, str(home), str(stride)],
        capture_output=True,
        text=True,
        timeout=900,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return int(done.stdout)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_kill_at_some_steps_loses_nothing(tmp_path: Path, scenario: str) -> None:
    assert kill(scenario, tmp_path / "home", STRIDES.get(scenario, 7)) >= 1


@pytest.mark.hardening
@pytest.mark.timeout(1000)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_kill_at_each_step_loses_nothing(tmp_path: Path, scenario: str) -> None:
    assert kill(scenario, tmp_path / "home", 1) >= LEAST
