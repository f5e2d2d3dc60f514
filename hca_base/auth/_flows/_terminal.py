"""User interaction of a login: open a browser, print to stderr, read from stdin."""

from __future__ import annotations

import os
import subprocess
import sys
import threading


def open_page(url: str) -> bool:
    """Open a page in the browser; return False if there is none. Do not wait for browsers in the foreground.

    Use a separate process, because browsers may write to stdout, which is for results, and read the user's stdin.
    """
    if sys.platform.startswith("linux") and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    ):
        # Only a text browser in the terminal would be found.
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
        # Its exit status does not matter; avoid a warning about the running process.
        threading.Thread(target=process.wait, daemon=True, name="hca-browser").start()
        return True


_OPEN = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1], new=1))"
#: Seconds after which a browser that is still running is assumed to show the page.
_PATIENCE = 5.0


def say(message: str) -> None:
    """Print a line to stderr; stdout is for results."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def ask(prompt: str) -> str:
    """Prompt on stderr and return a line from stdin; empty at end of file."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    return sys.stdin.readline() if sys.stdin is not None else ""


def ask_secret(prompt: str) -> str:
    """Return a line typed without echo, or read from stdin if it is not a terminal."""
    if sys.stdin is not None and sys.stdin.isatty():
        import getpass

        try:
            return getpass.getpass(prompt, stream=sys.stderr)
        except EOFError:
            return ""
    return sys.stdin.readline() if sys.stdin is not None else ""
