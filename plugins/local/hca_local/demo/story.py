"""Runs commands as a user would type them, and prints each command with its output."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from hca_base.errors import ExitCode, HCAError

#: Lines of a command's output to print; the rest is only counted.
_SHOWN = 12


class StoryError(HCAError):
    """A step failed; the exit code is the command's."""

    def __init__(self, message: str, *, exit_code: int = 1, **kwargs: Any) -> None:
        super().__init__(message, **kwargs)
        try:
            self.exit_code = ExitCode(exit_code)
        except ValueError:
            self.exit_code = ExitCode.FAILED


class Story:
    """Prints the steps of the demo to a stream.

    :param out: stream to print to
    :param options: global options of every ``hca`` command, such as ``--profile local``
    """

    def __init__(self, out: TextIO, options: Sequence[str] = ()) -> None:
        self._out = out
        self._options = list(options)
        self.program = _program()

    def say(self, text: str = "") -> None:
        """Print a line."""
        self._out.write(text + "\n")
        self._out.flush()

    def hca(self, *arguments: str, shown: int = _SHOWN) -> str:
        """Run ``hca`` with some arguments.

        :param shown: lines of its output to show
        :return: its output
        :raises StoryError: the command failed
        """
        command = [*self._options, *arguments]
        return self._run([self.program, *command], [sys.executable, "-m", "hca_base", *command], shown)

    def tool(self, *command: str) -> bool:
        """Run a system program; False if it is not installed.

        :raises StoryError: the program failed
        """
        if shutil.which(command[0]) is None:
            return False
        self._run(list(command), list(command), _SHOWN)
        return True

    def _run(self, typed: list[str], command: list[str], shown: int) -> str:
        self.say(f"$ {shlex.join(typed)}")
        # Its messages and progress go straight to the user's terminal.
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", errors="replace")
        lines = done.stdout.splitlines()
        for line in lines[:shown]:
            self.say(f"  {line}")
        if len(lines) > shown:
            self.say(f"  … and {len(lines) - shown} more lines")
        if done.returncode:
            raise StoryError(f"this step failed: {shlex.join(typed)}", exit_code=done.returncode)
        return done.stdout


def parsed(output: str, what: str) -> Any:
    """Parse a command's output as JSON.

    :raises StoryError: the output is not JSON
    """
    try:
        return json.loads(output)
    except ValueError:
        raise StoryError(f"the answer of {what} is not JSON") from None


def compare(sent: Path, received: Path) -> tuple[int, int]:
    """Compare every file of one folder with the file of the same name in another, byte for byte.

    :return: the number of files and of bytes
    :raises StoryError: a file is missing, or differs
    """
    count = size = 0
    for path in sorted(sent.rglob("*")):
        if not path.is_file():
            continue
        other = received / path.relative_to(sent)
        if not other.is_file():
            raise StoryError(f"{other} is missing", exit_code=ExitCode.VERIFICATION)
        if path.read_bytes() != other.read_bytes():
            raise StoryError(f"{other} differs from {path}", exit_code=ExitCode.VERIFICATION)
        count += 1
        size += path.stat().st_size
    return count, size


def _program() -> str:
    """``hca`` as the user can type it here: the name if it is on the PATH, otherwise its full path."""
    script = Path(sys.argv[0])
    found = shutil.which("hca")
    if script.stem != "hca" or not script.exists() or (found and script.samefile(found)):
        return "hca"
    try:
        return str(script.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(script)
