"""``hca`` in a real terminal."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable

import pytest

from tests.lib import Runner


class Terminal:
    """``hca`` in a terminal."""

    def __init__(self, hca: Runner, *args: str, prompt: str = "hca> ", height: int = 150) -> None:
        import pexpect

        env = {**hca.env, "TERM": "xterm", "COLUMNS": "200", "PROMPT_TOOLKIT_NO_CPR": "1", "PAGER": "less"}
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "hca_base", *args],
            env=env,
            cwd=str(hca.cwd),
            encoding="utf-8",
            timeout=20,
            dimensions=(height, 200),
        )
        self.wait(prompt)

    def wait(self, text: str) -> str:
        """Wait until a text appears; return the output before it, without escape sequences."""
        # The cursor may be moved between any two characters, and instead of writing a space.
        moves = r"(?:\x1b\[[0-9;?]*[a-zA-Z]|[\s\x08])*"

        self.child.expect(moves.join(re.escape(c) for c in text if not c.isspace()))
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.child.before)

    def line(self, text: str, prompt: str = "hca> ") -> str:
        """Type a line; return its output."""
        self.child.send(text + "\r")
        # The echo redraws the prompt; wait for the prompt of a new line.
        self.child.expect(r"\r?\n")
        return self.wait(prompt)

    def leave(self) -> int:
        self.child.sendeof()
        import pexpect

        self.child.expect(pexpect.EOF)
        self.child.close()
        return int(self.child.exitstatus if self.child.exitstatus is not None else -1)


@pytest.fixture
def at_terminal(hca: Runner) -> Callable[..., Terminal]:
    """Starts ``hca`` in a terminal, by default its interactive shell."""
    pytest.importorskip("pexpect")
    return functools.partial(Terminal, hca)
