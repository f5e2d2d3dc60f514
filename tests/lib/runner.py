"""Running ``hca``."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.lib.run import Run

#: Variables of the machine's own that would lead a command elsewhere.
_FOREIGN = ("HCA_", "XDG_", "AWS_")


class Runner:
    """Runs ``hca`` as a user would, with a home and a working directory of its own.

    :ivar home: the home directory
    :ivar cwd: the working directory
    :ivar env: environment of all runs
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.cwd = home / "work"
        self.cwd.mkdir(parents=True)
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        self.env |= {"HOME": str(home), "USERPROFILE": str(home), "PYTHONPATH": "", "COLUMNS": "80"}
        self.env |= {"HCA_SITE_CONFIG": str(home / "no-site.json"), "PYTHONWARNINGS": "default"}
        self.env |= {"AWS_EC2_METADATA_DISABLED": "true"}

    def command(self, *args: str | os.PathLike[str]) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "hca_base", *map(str, args)]

    def __call__(
        self,
        *args: str | os.PathLike[str],
        check: int | None = 0,
        traceback: bool = False,
        stdin: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 120,
        text: bool = True,
        **options: Any,
    ) -> Run:
        """Run it to its end.

        :param check: the exit code that is expected; None for any
        :param traceback: whether stderr may have one
        :param stdin: what it reads; nothing by default
        :param env: more variables, for this run alone
        :param text: whether stdout and stderr are texts, or bytes
        :param options: more of :func:`subprocess.run`
        """
        done = subprocess.run(
            self.command(*args),
            input=stdin if stdin is not None else ("" if text else b""),
            capture_output=True,
            env={**self.env, **(env or {})},
            cwd=cwd or self.cwd,
            timeout=timeout,
            encoding="utf-8" if text else None,
            check=False,
            **options,
        )
        run = Run(done.args, done.returncode, done.stdout, done.stderr)
        if check is not None:
            assert run.returncode == check, f"exit code {run.returncode}\n{run.stdout}\n{run.stderr}"
        found = ("Traceback" if text else b"Traceback") in run.stderr
        assert traceback or not found, run.stderr
        return run

    def rows(self, *args: str | os.PathLike[str], **options: Any) -> list[Any]:
        """The objects that a command prints with ``-f jsonl``."""
        return self(*args, "-f", "jsonl", **options).rows

    @contextlib.contextmanager
    def running(self, *args: str | os.PathLike[str]) -> Iterator[subprocess.Popen[str]]:
        """Start it, and see that it ends."""
        with subprocess.Popen(
            self.command(*args),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env,
            cwd=self.cwd,
            encoding="utf-8",
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @property
    def config_file(self) -> Path:
        """The user's config.json."""
        return self.home / ".config" / "hca" / "config.json"

    def configure(self, settings: Mapping[str, Any]) -> Path:
        """Write the user's config.json."""
        self.config_file.parent.mkdir(parents=True, exist_ok=True)
        self.config_file.write_text(json.dumps(settings), encoding="utf-8")
        self.config_file.chmod(0o600)
        return self.config_file

    def config(self) -> dict[str, Any]:
        """What is in the user's config.json now."""
        found: dict[str, Any] = json.loads(self.config_file.read_text(encoding="utf-8"))
        return found

    def write(self, name: str, content: bytes) -> Path:
        """Make a file in the working directory."""
        path = self.cwd / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def files(self, folder: str = ".") -> set[str]:
        """Names of the files below a folder, without those of hca itself."""
        root = self.cwd / folder
        found = {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
        return {path.as_posix() for path in found if path.parts[0] != ".hca" and path.name != "hca-azul.lock.json"}
