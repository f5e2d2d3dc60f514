"""The two commands in README.rst, and the pictures."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.rst").read_text(encoding="utf-8")
IMAGES = ROOT / "docs" / "images"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="only on POSIX: the line is one for a POSIX shell")


def line_after(mark: str) -> str:
    """The first line of the block after a comment: what a reader copies."""
    found = re.search(rf"^\.\. {mark}\n\n\.\. code-block:: bash\n\n    (\S.*)\n\n", README, re.MULTILINE)
    assert found, f"README.rst has no '.. {mark}' with one line behind it"
    return found[1]


@POSIX
def test_ci_runs_the_test_line(tmp_path: Path) -> None:
    shown = tmp_path / "bash"
    shown.write_text('#!/bin/sh\nprintf "%s\\n" "$2"\n')
    shown.chmod(0o755)
    # Its last step starts a shell with the line; here it is only printed.
    env = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    bash = shutil.which("bash") or "/bin/bash"
    done = subprocess.run([bash, ROOT / ".ci" / "run"], env=env, text=True, capture_output=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == line_after("test-command")


def test_the_lines_need_python_alone() -> None:
    for mark in ("test-command", "demo-command"):
        assert line_after(mark).startswith("python3 -m venv .venv && .venv/bin/pip install ")
        assert re.findall(r"-r (\S+)", line_after(mark))
        assert all((ROOT / name).is_file() for name in re.findall(r"-r (\S+)", line_after(mark)))


def test_links_of_readme_lead_somewhere() -> None:
    targets = re.findall(r"<([^>\s]+)>`_", README) + re.findall(r"\.\. image:: (\S+)", README)
    assert targets
    for target in targets:
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_promises_name_tests_that_are_there() -> None:
    page = (ROOT / "docs" / "promises.rst").read_text(encoding="utf-8")
    named = [name for name in re.findall(r"``([\w/.-]+)(?:::\w+)?``", page) if "tests" in name.split("/")]
    assert len(named) >= 10
    for name in named:
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("name", ["recording.svg", "rooms.svg", "prompt.svg", "prompt-completion.svg"])
def test_pictures_stand_alone(name: str) -> None:
    """Well-formed, with alternative text, and without external resources."""
    text = (IMAGES / name).read_text(encoding="utf-8")
    picture = ElementTree.fromstring(text)
    assert picture.get("role") == "img"
    assert picture.get("aria-label")
    assert "href" not in text and "url(" not in text


def test_picture_of_the_rooms_is_as_the_rule_is(tmp_path: Path) -> None:
    made = tmp_path / "rooms.svg"
    subprocess.run([sys.executable, ROOT / "docs" / "make_rooms.py", "--output", made], timeout=60, check=True)
    assert made.read_text(encoding="utf-8") == (IMAGES / "rooms.svg").read_text(encoding="utf-8")


@POSIX
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_recording_shows_what_happens(tmp_path: Path) -> None:
    made = tmp_path / "recording.svg"
    subprocess.run([sys.executable, ROOT / "docs" / "make_recording.py", "--output", made], timeout=240, check=True)
    assert _shape(made) == _shape(IMAGES / "recording.svg")


@POSIX
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_pictures_of_the_prompt_show_what_it_looks_like(tmp_path: Path) -> None:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    subprocess.run([sys.executable, ROOT / "docs" / "make_prompt.py", "--output", tmp_path], timeout=240, check=True)
    for name in ("prompt.svg", "prompt-completion.svg"):
        assert _prompt(tmp_path / name) == _prompt(IMAGES / name)


def _prompt(picture: Path) -> list[str]:
    """Its lines without versions and installed services."""
    lines = [re.sub(r"^(hca|services:) [\d\w].*", r"\1 …", text) for text in _shape(picture)]
    return [line for line in lines if line]


def _shape(picture: Path) -> list[str]:
    """Its lines without varying parts: identifiers, times and rates."""
    texts = [element.text or "" for element in ElementTree.parse(picture).iter() if element.tag.endswith("text")]
    return [
        re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[\d.]+ (s|[kMG]?B/s)|\d{4}-\d\d-\d\dT\d+\.\d+Z", "…", text) for text in texts
    ]


@POSIX
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_demo_line_on_a_fresh_machine(tmp_path: Path) -> None:
    """Only Python: a copy of the repository without built or ignored files, and an empty home."""
    clone, home = tmp_path / "clone", tmp_path / "home"
    home.mkdir()
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    kept = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    for name in filter(None, kept.stdout.split("\0")):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    names = ("PATH", "LANG", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "TMPDIR")
    env = {name: value for name, value in os.environ.items() if name in names or name.startswith("PIP_")}
    env["HOME"] = str(home)
    try:
        done = _bash(line_after("demo-command"), clone, env)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
        assert "all identical" in done.stdout
        assert _bash(".venv/bin/hca dss get-bundles-all --replica aws", clone, env).returncode == 0
    finally:
        _bash(".venv/bin/hca local stop", clone, env)


def _bash(line: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=env, capture_output=True, text=True, timeout=1000, check=False
    )
