"""Fixtures for tests of the command line: running ``hca``, small plugins on PYTHONPATH, a service on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lib import Loopback, PluginDirectory, Runner
from tests.lib.certificates import make_certificates


@pytest.fixture
def hca(tmp_path: Path) -> Runner:
    """Runs the installed ``hca``."""
    return Runner(tmp_path / "home")


@pytest.fixture
def plugins(tmp_path: Path, hca: Runner) -> PluginDirectory:
    """A plugin directory on the path of ``hca``."""
    directory = PluginDirectory(tmp_path / "plugins")
    hca.env["PYTHONPATH"] = str(directory.path)
    return directory


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """A service on loopback with scripted responses."""
    service = Loopback()
    yield service
    service.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An untrusted CA, and a file with its key and certificate for 127.0.0.1."""
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without proxy variables."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch
