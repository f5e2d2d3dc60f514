"""Every command line and every piece of Python in the documentation is run, against an embedded deployment.

Where a page shows output, each line of it must be printed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.snippets import Snippet, snippets
from tests.lib import forks

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for pattern in ("README.rst", "CONTRIBUTING.rst", "docs/**/*.rst", "plugins/*/README.rst", "examples/*/README.rst")
    for path in ROOT.glob(pattern)
    if "_build" not in path.parts
)
#: The bundle used on the pages.
BUNDLE_UUID = "11111111-2222-4333-8444-555555555555"
SECONDS = 120
WRITE_DEMO = """
from pathlib import Path
from hca_local.demo.sample import write_bundle
write_bundle(Path(r"{}"))
"""

pytestmark = [
    pytest.mark.xdist_group("docs"),
    pytest.mark.skipif(sys.platform == "win32", reason="only on POSIX: the pages show commands for a POSIX shell"),
]


class Shell:
    """A home, a working directory and a deployment in which a page's commands run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.work.mkdir(parents=True)
        bin_dir = Path(sys.executable).parent
        foreign = ("HCA_", "XDG_", "AWS_", "PYTHON")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        self.env = {
            **kept,
            "HOME": str(folder / "home"),
            "PATH": f"{bin_dir}{os.pathsep}{os.environ['PATH']}",
            "PAGER": "cat",
            "COLUMNS": "100",
            "PYTHONPATH": "",
            "PYTHONWARNINGS": "default",
        }
        (folder / "home").mkdir()
        if forks.possible(self.env):
            # Pages run hca some 200 times, so the common modules are imported once.
            (folder / "bin").mkdir()
            forks.program(folder / "bin")
            self.env["PATH"] = f"{folder / 'bin'}{os.pathsep}{self.env['PATH']}"

    def run(self, script: str, kind: str = "console") -> subprocess.CompletedProcess[str]:
        if kind == "python":
            command = [sys.executable, "-c", script]
        else:
            command = ["bash", "-c", "set -e -o pipefail\n" + script]
        return subprocess.run(
            command,
            cwd=self.work,
            env=self.env,
            text=True,
            capture_output=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A deployment started like a user's, with one bundle in it."""
    shell = Shell(tmp_path_factory.mktemp("docs"))
    started = shell.run("hca local start --port 0")
    assert started.returncode == 0, started.stderr
    demo = shell.folder / "demo"
    try:
        made = shell.run(WRITE_DEMO.format(demo), "python")
        assert made.returncode == 0, made.stderr
        sent = shell.run(f"hca dss upload --src-dir {demo} --replica aws --bundle-uuid {BUNDLE_UUID}")
        assert sent.returncode == 0, sent.stderr
        bundle = json.loads(sent.stdout)
        shell.env.update(
            BUNDLE_UUID=BUNDLE_UUID,
            BUNDLE_VERSION=bundle["version"],
            FILE_UUID=next(file["uuid"] for file in bundle["files"] if file["name"] == "project_0.json"),
            FILE_VERSION=bundle["files"][0]["version"],
        )
        yield shell
    finally:
        shell.run("hca local stop")


@pytest.fixture
def page_shell(deployment: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """The deployment with a working directory for the page: a bundle's files, reads, and a sample."""
    work = tmp_path / "work"
    work.mkdir()
    shutil.copytree(deployment.folder / "demo", work / "my-bundle")
    shutil.copy(next((deployment.folder / "demo").glob("*R1.fastq.gz")), work / "reads_R1.fastq.gz")
    (work / "sample.json").write_text('{"sample": 1}\n')
    monkeypatch.setattr(deployment, "work", work)
    # Packages installed by a page are for that page only, and built from this checkout.
    installed = {"PIP_TARGET": str(tmp_path / "site"), "PYTHONPATH": str(tmp_path / "site"), "PIP_NO_DEPS": "1"}
    if importlib.util.find_spec("setuptools"):
        installed["PIP_NO_BUILD_ISOLATION"] = "0"
    monkeypatch.setattr(deployment, "env", {**deployment.env, **installed, "PIP_UPGRADE": "1"})
    yield deployment
    # Settings of one page must not affect other pages.
    deployment.run("hca profile use local; hca config unset upload.current_area; true")


def _id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_what_a_page_shows_works(page: Path, page_shell: Shell) -> None:
    found = [snippet for snippet in snippets(page) if not snippet.not_run]
    if not found:
        return
    for snippet in found:
        done = page_shell.run(snippet.text, snippet.kind)
        assert done.returncode == snippet.exit_code, _told(snippet, done)
        missing = snippet.not_printed(done.stdout + "\n" + done.stderr)
        assert not missing, f"the page shows {missing}\n{_told(snippet, done)}"


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_what_is_not_run_says_why(page: Path) -> None:
    for snippet in snippets(page):
        assert not snippet.not_run or len(snippet.not_run.split()) >= 3, f"{page}:{snippet.line}"


def _told(snippet: Snippet, done: subprocess.CompletedProcess[str]) -> str:
    where = f"{_id(snippet.path)}:{snippet.line}"
    return f"{where}: exit code {done.returncode}\n{snippet.text}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
