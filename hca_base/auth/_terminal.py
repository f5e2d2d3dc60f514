"""What a login shows to the user and asks of them: a browser, a line on stderr, a line from stdin."""

from __future__ import annotations

import os
import sys
import threading


def open_page(url: str) -> bool:
    """Ask the browser to show a page; False where there is none. Does not wait for browsers that stay in front."""
    import webbrowser

    if sys.platform.startswith("linux") and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    ):
        # What would be found now is a browser in the terminal.
        return False
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    results: list[bool] = []

    def run() -> None:
        try:
            results.append(browser.open(url, new=1, autoraise=True))
        except Exception:  # noqa: BLE001 - whatever a browser's launcher does wrong, the address is shown
            results.append(False)

    thread = threading.Thread(target=run, daemon=True, name="hca-browser")
    thread.start()
    thread.join(5)
    return results[0] if results else True


def say(message: str) -> None:
    """Show something on stderr; stdout is for results."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def ask(prompt: str) -> str:
    """A line from stdin, asked for on stderr; empty at its end."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    return sys.stdin.readline() if sys.stdin is not None else ""
