"""What holds for every test of the repository: a skip that is not on the list of allowed ones is a failure."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import fnmatch
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ALLOWED_SKIPS = Path(__file__).parent / "tests" / "allowed_skips.txt"


class SkipAudit:
    """Collects the skips of a run, and fails the run for those that nobody allowed."""

    def __init__(self, patterns: list[str]) -> None:
        self.patterns = patterns
        self.skips: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.skips.append((report.nodeid, reason.removeprefix("Skipped: ")))

    def refused(self) -> list[tuple[str, str]]:
        return [
            (nodeid, reason)
            for nodeid, reason in self.skips
            if not any(fnmatch.fnmatch(f"{nodeid}: {reason}", pattern) for pattern in self.patterns)
        ]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.refused() and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for nodeid, reason in self.refused():
            terminalreporter.write_line(f"SKIP NOT ALLOWED {nodeid}: {reason} (see tests/allowed_skips.txt)", red=True)


#: Variables that tell tests where things are that no registry has.
_PASSED_ON = frozenset(
    [
        "HCA7_PYTHON",
        "HCA7_TESTS",
        "HCA_DRS_SPEC",
        "HCA_S3_CLIENTS",
        "HCA_S3_TESTS",
        "HCA_SOAK_MINUTES",
        "HCA_TEST_DOCUMENTS",
        "HCA_TEST_FRESH",
        "HCA_TEST_METADATA",
        "HCA_TEST_PLANS",
        "HCA_TEST_NPM_PACKAGES",
    ]
)


def isolate_environment() -> None:
    """Give the whole run a home of its own: nothing of the user's may reach a test, or be touched by one."""
    home = Path.home()
    for name in [name for name in os.environ if name.startswith(("HCA_", "AWS_", "GOOGLE_", "XDG_"))]:
        if name not in _PASSED_ON:
            del os.environ[name]
    # Tests that install packages may share the user's download cache: it changes no outcome.
    os.environ.setdefault("PIP_CACHE_DIR", str(home / ".cache" / "pip"))
    fresh = tempfile.mkdtemp(prefix="hca-home-")
    atexit.register(shutil.rmtree, fresh, ignore_errors=True)
    os.environ["HOME"] = os.environ["USERPROFILE"] = fresh
    os.environ.pop("DBUS_SESSION_BUS_ADDRESS", None)


def pytest_configure(config: pytest.Config) -> None:
    # A shell starts background jobs with Ctrl-C ignored, and programs that tests interrupt would inherit that.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    isolate_environment()
    lines = ALLOWED_SKIPS.read_text().splitlines() if ALLOWED_SKIPS.exists() else []
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    # Under xdist the workers' reports reach the controller, which does the audit.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SkipAudit(patterns), "skip-audit")


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time into the body: what one test process fetches, the other waits for."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _has_hca7(python: str | Path) -> bool:
    code = "import hca, sys; sys.exit(hca.__version__ != '7.0.1' if hasattr(hca, '__version__') else 0)"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, timeout=60, check=False).returncode == 0
    except OSError:
        return False


def _python38() -> str | None:
    named = os.environ.get("HCA7_PYTHON")
    siblings = sorted(Path(sys.base_prefix).parent.glob("3.8*/bin/python3.8"))
    for found in (named, *map(str, siblings), shutil.which("python3.8")):
        code = "import sys; sys.exit(sys.version_info[:2] != (3, 8))"
        try:
            if found and subprocess.run([found, "-c", code], timeout=60, check=False).returncode == 0:
                return found
        except OSError:
            continue
    return None


@pytest.fixture(scope="session")
def hca7() -> str:
    """A Python in whose environment hca 7.0.1 is.

    ``HCA7_PYTHON`` names a Python 3.8, or one in whose environment hca 7.0.1 is installed. Without it, a Python 3.8 on
    the path is taken, and an environment is made in the cache directory, once.
    """
    python = _python38()
    if python is None:
        pytest.skip("no Python 3.8 at hand")
    if _has_hca7(python):
        return python
    cache = Path(os.environ.get("PIP_CACHE_DIR", Path.home() / ".cache" / "pip")).parent / "hca7-for-tests"
    ours = cache / "bin" / "python"
    with alone(cache):
        if not _has_hca7(ours):
            subprocess.run([python, "-m", "venv", "--clear", cache], check=True, timeout=120)
            pip = [ours, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            installed = subprocess.run([*pip, "hca==7.0.1"], capture_output=True, text=True, timeout=900, check=False)
            if installed.returncode != 0:
                shutil.rmtree(cache, ignore_errors=True)
                pytest.skip("no Python 3.8 at hand in which hca 7.0.1 can be installed")
    return str(ours)


def _npm(target: Path, *command: str) -> None:
    """Run npm in a new folder, which is there afterwards as a whole or not at all."""
    with alone(target):
        if target.is_dir():
            return
        if shutil.which("npm") is None:
            pytest.skip("npm is not at hand")
        with tempfile.TemporaryDirectory(dir=target.parent) as made:
            folder = Path(made) / "made"
            folder.mkdir()
            (folder / "package.json").write_text('{"private": true}')
            done = subprocess.run(["npm", *command], cwd=folder, capture_output=True, timeout=300, check=False)
            if done.returncode != 0:
                pytest.skip("npm is not at hand: it fetches no packages")
            for archive in folder.glob("*.tgz"):
                shutil.unpack_archive(archive, folder)
                archive.unlink()
            folder.rename(target)


def _npm_home() -> Path:
    return Path(os.environ.get("HCA_TEST_NPM_PACKAGES") or Path(__file__).parent / ".pytest_cache" / "npm")


@pytest.fixture(scope="session")
def npm_package() -> Callable[[str], Path]:
    """Unpack an npm package, ``name@version``, without what it needs; give its folder.

    Packages are fetched once, and kept in the folder that ``HCA_TEST_NPM_PACKAGES`` names.
    """

    def fetched(name: str) -> Path:
        target = _npm_home() / name.replace("/", "+")
        _npm(target, "pack", "--silent", name)
        return target / "package"

    return fetched


@pytest.fixture(scope="session")
def npm_install() -> Callable[[str], Path]:
    """Install an npm package, ``name@version``, with all that it needs; give the folder of its ``node_modules``."""

    def installed(name: str) -> Path:
        target = _npm_home() / f"{name.replace('/', '+')}-installed"
        _npm(target, "install", "--silent", "--no-audit", "--no-fund", name)
        return target

    return installed
