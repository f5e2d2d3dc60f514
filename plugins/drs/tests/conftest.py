"""Fixtures for tests of the DRS plugin: embedded servers, and running ``hca`` against them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hca_drs.client import DRSClient
from hca_drs.testing import EmbeddedDrs

from hca_base.config import load
from tests.lib import Runner

#: No test may query a registry outside this machine.
SETTINGS: dict[str, Any] = {"drs": {"resolver": "none"}, "auth": {"store": "file"}}


class DRSRunner(Runner):
    """Runs ``hca`` with a token store in a file, and without a registry."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.env["COLUMNS"] = "300"
        self.configure(SETTINGS)

    def set(self, **drs: Any) -> None:
        """Settings of the section ``drs`` besides the usual ones."""
        self.configure({**SETTINGS, "drs": {**SETTINGS["drs"], **drs}})

    def json(self, *args: str, **options: Any) -> Any:
        """A command's JSON output."""
        return self(*args, "-f", "json", **options).json

    def contents(self, folder: str = ".") -> dict[str, bytes]:
        """The files below a folder, except hca's own."""
        return {name: (self.cwd / folder / name).read_bytes() for name in self.files(folder)}

    def written(self) -> str:
        """The content of all files that hca wrote below the home, except the token store."""
        texts = []
        for path in self.home.rglob("*"):
            if path.is_file() and path.name != "tokens.json":
                texts.append(path.read_bytes().decode("utf-8", "replace"))
        return "\n".join(texts)


@pytest.fixture
def hca(tmp_path: Path) -> DRSRunner:
    """Runs the installed ``hca``."""
    return DRSRunner(tmp_path / "home")


@pytest.fixture
def drs() -> Iterator[EmbeddedDrs]:
    """An embedded server with the sample objects; its responses conform to the bundled document."""
    with EmbeddedDrs() as server:
        yield server
        assert server.problems == []


@pytest.fixture
def make_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., DRSClient]]:
    """Creates clients in this process, with settings of the section ``drs``."""
    for name in ("CONFIG", "STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / "own" / name.lower()))
    monkeypatch.setenv("HCA_SITE_CONFIG", str(tmp_path / "no-site.json"))
    made: list[DRSClient] = []

    def make(settings: Mapping[str, Any] | None = None, **options: Any) -> DRSClient:
        merged = {**SETTINGS, "drs": {**SETTINGS["drs"], **(settings or {})}}
        made.append(DRSClient(config=load(options=merged), **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., DRSClient]) -> DRSClient:
    """A client in this process."""
    return make_client()
