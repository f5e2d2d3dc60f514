"""What a login shows to the user and asks of them: a browser, a line on stderr, a line from stdin."""

from __future__ import annotations

import os
import subprocess
import sys
import threading


def open_page(url: str) -> bool:
    """Ask the browser to show a page; False where there is none. Does not wait for browsers that stay in front.

    A process of its own asks: browsers write to stdout, which is for results, and read stdin, which is the user's.
    """
    if sys.platform.startswith("linux") and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    ):
        # What would be found now is a browser in the terminal.
        return False
    command = [sys.executable or "python3", "-I", "-c", _OPEN, url]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError:
        return False
    try:
        return process.wait(_PATIENCE) == 0
    except subprocess.TimeoutExpired:
        # Its end is of no interest, and no reason for a warning.
        threading.Thread(target=process.wait, daemon=True, name="hca-browser").start()
        return True


_OPEN = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1], new=1))"
#: Seconds after which a browser that has not returned is taken to show the page.
_PATIENCE = 5.0


def say(message: str) -> None:
    """Show something on stderr; stdout is for results."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def ask(prompt: str) -> str:
    """A line from stdin, asked for on stderr; empty at its end."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    return sys.stdin.readline() if sys.stdin is not None else ""


def ask_secret(prompt: str) -> str:
    """A line that is not shown: typed without echo, or read from stdin where that is not a terminal."""
    if sys.stdin is not None and sys.stdin.isatty():
        import getpass

        try:
            return getpass.getpass(prompt, stream=sys.stderr)
        except EOFError:
            return ""
    return sys.stdin.readline() if sys.stdin is not None else ""
