"""A result that cannot be written is a failure, and an upload still prints its bundle's UUID."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The home of a user with a running deployment."""
    home = tmp_path_factory.mktemp("home")
    (home / "bundle").mkdir()
    (home / "bundle" / "a.json").write_text("{}")
    assert shell(home, "$HCA local start --port 0").returncode == 0
    assert shell(home, "$HCA dss upload --src-dir bundle --replica aws").returncode == 0
    yield home
    assert shell(home, "$HCA local stop").returncode == 0


def shell(home: Path, command: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HCA_", "XDG_", "AWS_"))}
    environment = {**kept, "HOME": str(home), "HCA": f"{sys.executable} -m hca_base"}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert "Traceback" not in done.stderr
    return done


CLOSED = "hca: error: cannot write the result: Bad file descriptor\n"


@pytest.mark.parametrize(
    "command",
    [
        "dss get-bundles-all --replica aws",
        "dss get-bundles-all --replica aws -f jsonl",
        "local status",
        "config show",
        "service list",
    ],
)
def test_a_result_for_a_closed_stdout_is_not_exit_0(home, command):
    done = shell(home, f"$HCA {command} >&-")
    assert (done.returncode, done.stderr) == (1, CLOSED)


def test_version_and_help_for_a_closed_stdout_are_not_exit_0(home):
    for words in ("--version", "--help", "help dss", "dss get-bundle --help"):
        done = shell(home, f"$HCA {words} >&-")
        assert done.returncode == 1, words
        assert done.stderr == "hca: error: the output cannot be written: Bad file descriptor\n"


@pytest.mark.parametrize("quiet", ["", "--quiet "])
@pytest.mark.parametrize(("closed", "code"), [(">&-", 1), ("| true", 141), (">/dev/full", 1)])
def test_an_upload_names_its_bundle_on_stderr_where_stdout_is_lost(home, quiet, closed, code):
    done = shell(home, f"$HCA {quiet}dss upload --src-dir bundle --replica aws {closed}")
    assert done.returncode == code
    named = re.search(rf"^uploaded bundle ({UUID})\.(\S+)$", done.stderr, re.MULTILINE)
    assert named is not None, done.stderr
    found = shell(home, f"$HCA dss get-bundle --uuid {named[1]} --version {named[3]} --replica aws --query bundle.uuid")
    assert found.stdout == f'"{named[1]}"\n'
