"""Unusual environments: locales, umasks, terminals and homes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lib import Runner

DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "Zoo of Iı", "version": "1"},
    "servers": [{"url": "http://127.0.0.1:9"}],
    "paths": {
        "/ANIMALS/{ID}": {
            "get": {
                "summary": "Get an animal — çok güzel",
                "parameters": [{"name": "ID", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "responses": {"200": {"description": ""}},
            }
        }
    },
}
WORDS = [
    ["--version"],
    ["--help"],
    ["config", "show"],
    ["config", "set", "output.format", "table"],
    ["service", "add", "zoo", "zoo.json"],
    ["zoo", "--help"],
    ["zoo", "get-ANIMALS", "--help"],
    ["service", "list", "-f", "json"],
    ["plugin", "list"],
    ["cache", "list"],
    ["profile", "list"],
    ["auth", "status"],
]
#: Strict: a warning that Python shows of our own modules is an error here.
STRICT = {"PYTHONWARNINGS": "error::DeprecationWarning:hca_base,error::ResourceWarning,error::EncodingWarning"}


def walk(hca: Runner, env: dict[str, str], words: list[list[str]] = WORDS, **kwargs: Any) -> None:
    """Run typical commands; none may fail, or print Python warnings."""
    (hca.cwd / "zoo.json").write_text(json.dumps(DOCUMENT), encoding="utf-8")
    for each in words:
        done = hca(*each, env=env, text=False, **kwargs)
        told = done.stderr.decode("utf-8", "replace")
        assert done.returncode == 0, (each, told)
        assert "Traceback" not in told and "Warning" not in told, (each, told)


SHORT = [WORDS[index] for index in (1, 4, 6)]


@pytest.mark.parametrize("locale", ["C", "POSIX", "tr_TR.UTF-8"])
def test_locales(hca: Runner, locale: str) -> None:
    """tr_TR has other rules for I and i; if it is not installed, Python falls back to C."""
    walk(hca, {"LC_ALL": locale, "LANG": locale, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, SHORT)


@pytest.mark.hardening
@pytest.mark.parametrize("locale", ["C", "POSIX", "tr_TR.UTF-8", "C.UTF-8"])
@pytest.mark.parametrize("columns", ["1", "20", "80", "100000", "-5", "many"])
def test_locales_and_widths(hca: Runner, locale: str, columns: str) -> None:
    walk(hca, {"LC_ALL": locale, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "COLUMNS": columns, **STRICT})


def test_a_terminal_of_20_columns(hca: Runner) -> None:
    walk(hca, {"COLUMNS": "20"}, SHORT)


def test_development_mode_finds_nothing(hca: Runner) -> None:
    """-X dev: unclosed files, wrong encodings, and more."""
    walk(hca, {"PYTHONDEVMODE": "1", **STRICT}, [*SHORT, ["config", "show"], ["service", "list"]])


@pytest.mark.hardening
def test_development_mode_finds_nothing_anywhere(hca: Runner) -> None:
    walk(hca, {"PYTHONDEVMODE": "1", "PYTHONWARNDEFAULTENCODING": "1", "PYTHONWARNINGS": STRICT["PYTHONWARNINGS"]})


@pytest.mark.parametrize("mask", [0o077, 0o000])
def test_whatever_the_umask_is_nobody_else_reads_ours(hca: Runner, mask: int) -> None:
    code = f"import os, sys; os.umask({mask}); from hca_base.shell import main; sys.exit(main(sys.argv[1:]))"
    for words in (["config", "set", "log_level", "INFO"], ["auth", "set-key", "dss", "-"]):
        subprocess.run(
            [sys.executable, "-c", code, *words],
            env=hca.env,
            cwd=hca.cwd,
            input=b"canary\n",
            capture_output=True,
            check=False,
        )
    found = [path for path in hca.home.rglob("*") if path.is_file() and hca.cwd not in path.parents]
    assert any(path.name == "config.json" for path in found)
    for path in found:
        if path.name == "config.json" or b"canary" in path.read_bytes():
            assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("home", ["missing", "a file", "none"])
def test_a_home_that_is_none(hca: Runner, tmp_path: Path, home: str) -> None:
    place = tmp_path / "nowhere" / "deep"
    if home == "a file":
        place.parent.mkdir()
        place.write_text("not a folder")
    env = {"HOME": str(place), "USERPROFILE": str(place)}
    if home == "none":
        env = {"HOME": ""}
    for words in (["--help"], ["config", "show"], ["plugin", "list"]):
        # Starting every plugin in a process takes time, and the first covers all.
        hca(*words, env={**env, "HCA_PLUGINS": "hca-dss"})
    if home == "missing":
        # It is created, for hca's own folders only.
        files = [path.relative_to(place) for path in place.rglob("*") if path.is_file()]
        assert all(file.parts[0] in (".cache", ".config", ".local") and "hca" in file.parts for file in files), files


def test_without_a_controlling_terminal(hca: Runner) -> None:
    """setsid: without /dev/tty, commands that need to ask fail immediately instead of waiting."""
    done = subprocess.run(
        [sys.executable, "-m", "hca_base", "auth", "set-key", "dss"],
        env=hca.env,
        cwd=hca.cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,
        check=False,
    )
    assert done.returncode in (1, 2, 3), done
    assert "Traceback" not in done.stderr and "hca: error:" in done.stderr


def test_output_to_a_terminal_that_goes_away(hca: Runner) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hca_base", "config", "schema"],
        env=hca.env,
        cwd=hca.cwd,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    os.close(ours)
    assert process.stderr is not None
    told = process.stderr.read().decode()
    assert process.wait(30) in (1, 129, 141), told
    assert "Traceback" not in told
    process.stderr.close()
