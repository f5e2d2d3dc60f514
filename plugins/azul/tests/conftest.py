"""What tests of the Azul plugin share: an embedded Azul, and running ``hca`` against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hca_azul.client import AzulClient
from hca_azul.testing import EmbeddedAzul

from hca_base.config import load


class Runner:
    """Runs ``hca`` as a user would, with a home of its own.

    :ivar cwd: where it runs
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.cwd = home / "work"
        self.cwd.mkdir(parents=True)
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("HCA_", "XDG_"))}
        self.env |= {"HOME": str(home), "USERPROFILE": str(home), "PYTHONPATH": "", "COLUMNS": "160"}
        self.env |= {"HCA_SITE_CONFIG": str(home / "no-site.json"), "PYTHONWARNINGS": "default"}

    def command(self, *args: str | os.PathLike[str]) -> list[str]:
        """The whole command line."""
        return [sys.executable, "-m", "hca_base", *map(str, args)]

    def __call__(
        self,
        *args: str | os.PathLike[str],
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        timeout: float = 90,
        check: int | None = 0,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*args),
            input=stdin,
            capture_output=True,
            env={**self.env, **(env or {})},
            cwd=self.cwd,
            timeout=timeout,
            encoding="utf-8",
            check=False,
        )
        if check is not None:
            assert done.returncode == check, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Write the user's config.json."""
        path = self.home / ".config" / "hca" / "config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings), encoding="utf-8")
        path.chmod(0o600)

    def rows(self, *args: str, **options: Any) -> list[dict[str, Any]]:
        """The objects that a command prints as jsonl."""
        return [json.loads(line) for line in self(*args, "-f", "jsonl", **options).stdout.splitlines()]

    def files(self, folder: str = ".") -> set[str]:
        """Names of the files below a folder, without those of hca itself."""
        root = self.cwd / folder
        found = {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
        return {path.as_posix() for path in found if path.parts[0] != ".hca" and path.name != "hca-azul.lock.json"}


@pytest.fixture
def azul() -> Iterator[EmbeddedAzul]:
    """An embedded Azul with the sample projects."""
    with EmbeddedAzul() as found:
        yield found


@pytest.fixture
def hca(tmp_path: Path, azul: EmbeddedAzul) -> Runner:
    """Runs the installed ``hca`` against the embedded Azul."""
    runner = Runner(tmp_path / "home")
    runner.configure(azul.settings)
    return runner


@pytest.fixture
def client(tmp_path: Path, azul: EmbeddedAzul, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzulClient]:
    """A client of the embedded Azul, in this process."""
    for name in ("CONFIG", "STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / "own" / name.lower()))
    monkeypatch.setenv("HCA_SITE_CONFIG", str(tmp_path / "no-site.json"))
    with AzulClient(config=load(options=azul.settings)) as found:
        yield found
