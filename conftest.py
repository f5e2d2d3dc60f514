"""What holds for every test of the repository: a skip that is not on the list of allowed ones is a failure."""

from __future__ import annotations

import atexit
import fnmatch
import os
import shutil
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
        if name != "HCA7_PYTHON":
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
