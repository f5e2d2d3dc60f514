"""Runs ``hca``."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.lib import forks
from tests.lib.run import Run

PROGRAM = [sys.executable, "-m", "hca_base"]
#: hca's cache directory.
_CACHES = Path(".cache", "hca")
#: A warning about a module of the core or of a plugin; those of the package hca are for its importers.
_DEPRECATED = re.compile(r"[/\\]hca_\w+[/\\]\S+:\d+: (Pending)?DeprecationWarning")
#: Variables of this machine that would change a command's behaviour.
_FOREIGN = ("HCA_", "XDG_", "AWS_", "PYTHON")


class Runner:
    """Runs ``hca`` like a user, with a home and a working directory of its own.

    :ivar home: the home directory
    :ivar cwd: the working directory
    :ivar env: environment of all runs
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.cwd = home / "work"
        self.cwd.mkdir(parents=True, exist_ok=True)
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        self.env |= {"HOME": str(home), "USERPROFILE": str(home), "PYTHONPATH": "", "COLUMNS": "80"}
        self.env |= {"HCA_SITE_CONFIG": str(home / "no-site.json"), "PYTHONWARNINGS": "default"}
        self.env |= {"AWS_EC2_METADATA_DISABLED": "true"}
        if not (home / _CACHES).exists():
            shutil.copytree(_caches(), home / _CACHES)

    def forget_caches(self) -> None:
        """Delete the files created by :meth:`__init__`: for tests of the very first run."""
        shutil.rmtree(self.home / _CACHES.parent)

    @classmethod
    def here(cls) -> Runner:
        """Runs ``hca`` in the home that fixtures have set in this process's environment."""
        runner = cls(Path(os.environ["HOME"]))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        kept |= {name: os.environ[name] for name in forks.NO_STARTUP if name in os.environ}
        runner.env = {"PYTHONPATH": "", "PYTHONWARNINGS": "default", **kept}
        return runner

    def command(self, *args: str | os.PathLike[str]) -> list[str]:
        """The command line."""
        return [*PROGRAM, *map(str, args)]

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
        fresh: bool = False,
        **options: Any,
    ) -> Run:
        """Run it until it exits.

        In a fork of a process that has imported hca's modules, with its own environment, directory and
        streams (:mod:`tests.lib.forks`); in a fresh process if a fork would differ.

        :param check: the expected exit code; None for any
        :param traceback: whether stderr may contain one, as with ``--debug``
        :param stdin: its input; empty by default
        :param env: additional variables for this run
        :param text: whether stdout and stderr are strings or bytes
        :param fresh: use a fresh process: for tests of start-up
        :param options: for :func:`subprocess.run`; these also use a fresh process
        """
        words, whole, where = self.command(*args), {**self.env, **(env or {})}, cwd or self.cwd
        data = stdin.encode() if isinstance(stdin, str) else stdin or b""
        if options:
            done = subprocess.run(
                words, input=data, capture_output=True, env=whole, cwd=where, timeout=timeout, check=False, **options
            )
        else:
            done = completed(words, stdin=data, env=whole, cwd=where, timeout=timeout, fresh=fresh)
        out, err = (_text(done.stdout), _text(done.stderr)) if text else (done.stdout, done.stderr)
        run = Run(done.args, done.returncode, out, err)
        if check is not None:
            assert run.returncode == check, f"exit code {run.returncode}\n{run.stdout}\n{run.stderr}"
        said = run.stderr if text else run.stderr.decode(errors="replace")
        assert traceback or "--debug" in words or "Traceback" not in said, said
        # Deprecation warnings in our own modules are errors, as in pytest's own process.
        assert not _DEPRECATED.search(said), said
        return run

    def rows(self, *args: str | os.PathLike[str], **options: Any) -> list[Any]:
        """The objects that a command prints with ``-f jsonl``."""
        return self(*args, "-f", "jsonl", **options).rows

    @contextlib.contextmanager
    def running(self, *args: str | os.PathLike[str]) -> Iterator[subprocess.Popen[str]]:
        """Start it, and kill it at the end."""
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
        """The content of the user's config.json."""
        found: dict[str, Any] = json.loads(self.config_file.read_text(encoding="utf-8"))
        return found

    def write(self, name: str, content: bytes) -> Path:
        """Create a file in the working directory."""
        path = self.cwd / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def files(self, folder: str = ".") -> set[str]:
        """Names of the files below a folder, except hca's own."""
        root = self.cwd / folder
        found = {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
        return {path.as_posix() for path in found if path.parts[0] != ".hca" and path.name != "hca-azul.lock.json"}


def completed(
    words: Sequence[str],
    *,
    stdin: bytes = b"",
    env: Mapping[str, str],
    cwd: Path,
    timeout: float = 120,
    fresh: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    """Run a command line; :data:`PROGRAM` runs in a fork if that is equivalent to a fresh process."""
    if fresh or words[:3] != PROGRAM or not forks.possible(env):
        return subprocess.run(words, input=stdin, capture_output=True, env=env, cwd=cwd, timeout=timeout, check=False)
    return forks.run(words[3:], stdin=stdin, env=env, cwd=cwd, timeout=timeout)


@functools.cache
def _caches() -> Path:
    """The cache of installed plugins and their documents after the first run, which takes a while to build."""
    home = Path(tempfile.mkdtemp(prefix="hca-caches-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    found = home / _CACHES
    found.mkdir(parents=True)
    env = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    env |= {"HOME": str(home), "USERPROFILE": str(home), "HCA_SITE_CONFIG": str(home / "none"), "PYTHONPATH": ""}
    for service in ("dss", "upload", "azul"):
        subprocess.run([*PROGRAM, service, "--help"], env=env, cwd=home, capture_output=True, check=False)
    return found


def _text(data: bytes) -> str:
    """Decode like a pipe read in text mode."""
    return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
