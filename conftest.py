"""What holds for every test of the repository: a skip that is not on the list of allowed ones is a failure."""

from __future__ import annotations

import atexit
import fnmatch
import os
import shutil
import subprocess
import sys
import tempfile
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


def isolate_environment() -> None:
    """Give the whole run a home of its own: nothing of the user's may reach a test, or be touched by one."""
    home = Path.home()
    for name in [name for name in os.environ if name.startswith(("HCA_", "AWS_", "GOOGLE_", "XDG_"))]:
        if name not in ("HCA7_PYTHON", "HCA_SOAK_MINUTES"):
            del os.environ[name]
    # Tests that install packages may share the user's download cache: it changes no outcome.
    os.environ.setdefault("PIP_CACHE_DIR", str(home / ".cache" / "pip"))
    fresh = tempfile.mkdtemp(prefix="hca-home-")
    atexit.register(shutil.rmtree, fresh, ignore_errors=True)
    os.environ["HOME"] = os.environ["USERPROFILE"] = fresh
    os.environ.pop("DBUS_SESSION_BUS_ADDRESS", None)


def pytest_configure(config: pytest.Config) -> None:
    isolate_environment()
    lines = ALLOWED_SKIPS.read_text().splitlines() if ALLOWED_SKIPS.exists() else []
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    # Under xdist the workers' reports reach the controller, which does the audit.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SkipAudit(patterns), "skip-audit")


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
    if not _has_hca7(ours):
        subprocess.run([python, "-m", "venv", "--clear", cache], check=True, timeout=120)
        pip = [ours, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        installed = subprocess.run([*pip, "hca==7.0.1"], capture_output=True, text=True, timeout=900, check=False)
        if installed.returncode != 0:
            shutil.rmtree(cache, ignore_errors=True)
            pytest.skip("no Python 3.8 at hand in which hca 7.0.1 can be installed")
    return str(ours)
