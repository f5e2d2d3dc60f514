"""``hca`` in a real terminal with a readable screen: tmux."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator

import pytest

from tests.lib.runner import Runner


class Screen:
    """A terminal in tmux."""

    def __init__(self, socket: str) -> None:
        self._socket = socket

    def tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._socket, *words], capture_output=True, encoding="utf-8", check=True, timeout=60
        )
        return done.stdout

    def keys(self, *names: str) -> None:
        """Press keys, with tmux's names (``Tab``, ``Right``, ``C-d``)."""
        self.tmux("send-keys", *names)

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-l", text)

    def line(self, text: str) -> None:
        self.type(text)
        self.keys("Enter")

    def text(self, *, colours: bool = False) -> str:
        """The current screen."""
        return self.tmux("capture-pane", "-p", *(["-e"] if colours else []))

    def until(self, seen: str | Callable[[str], bool], *, colours: bool = False) -> str:
        """Wait until a text is on the screen, or a condition is true; return the screen."""
        deadline = time.monotonic() + 60
        while True:
            text = self.text(colours=colours)
            if seen in text if isinstance(seen, str) else seen(text):
                return text
            assert time.monotonic() < deadline, text
            time.sleep(0.1)


@contextlib.contextmanager
def screen(hca: Runner, *args: str, width: int = 200, height: int = 40, **env: str) -> Iterator[Screen]:
    """Start ``hca`` in a new terminal.

    :param env: additional variables
    """
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    found = Screen(f"hca-test-{uuid.uuid4().hex[:8]}")
    variables = {**hca.env, "TMUX": "", **env}
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        if name not in env:
            variables.pop(name, None)
    assigned = [f"{name}={value}" for name, value in variables.items() if name != "TERM" or "TERM" in env]
    command = shlex.join(["env", "-i", *assigned, *([] if "TERM" in env else ["TERM=screen-256color"]),
                          sys.executable, "-m", "hca_base", *args])  # fmt: skip
    found.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), "-c", str(hca.cwd), command)
    try:
        yield found
    finally:
        with contextlib.suppress(subprocess.SubprocessError):
            found.tmux("kill-server")
