"""Makes the pictures of the interactive shell in docs/shell.rst: a real terminal (tmux), captured and drawn.

``python docs/make_prompt.py`` needs tmux and the distributions of this repository, and takes some seconds.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from svg import STYLES, Run, terminal

IMAGES = Path(__file__).parent / "images"
COLUMNS, LINES = 92, 14
#: name -> (title, keys: texts to type, or names of keys in brackets; text to wait for)
PICTURES = {
    "prompt": (
        "The interactive shell: a banner, a line in colours, and a toolbar with service, profile and last exit code",
        ["use dss", "[Enter]", "get-bundle --replica aws --query 'bundle.files[0]' --output it.json"],
        "it.json",
    ),
    "prompt-completion": (
        "The interactive shell: Tab completes inside words and shows what each name does",
        ["use dss", "[Enter]", "bundles", "[Tab]"],
        "get-bundles-checkout",
    ),
}
_SGR = re.compile(r"\x1b\[([0-9;]*)m")


def captured(keys: list[str], until: str) -> str:
    """Type into a new shell; the screen, with escape sequences."""
    socket = f"hca-docs-{uuid.uuid4().hex[:8]}"

    def tmux(*words: str) -> str:
        command = ["tmux", "-L", socket, *words]
        return subprocess.run(command, capture_output=True, encoding="utf-8", check=True, timeout=60).stdout

    def wait(text: str) -> str:
        deadline = time.monotonic() + 60
        while text not in (shown := tmux("capture-pane", "-p")):
            if time.monotonic() > deadline:
                raise SystemExit(f"{text!r} did not appear:\n{shown}")
            time.sleep(0.1)
        return tmux("capture-pane", "-p", "-e")

    with tempfile.TemporaryDirectory() as home:
        kept = ["PATH", "LANG", "LC_ALL"]
        env = [f"{name}={os.environ[name]}" for name in kept if name in os.environ]
        shell = ["env", "-i", *env, f"HOME={home}", "TERM=screen-256color", sys.executable, "-m", "hca_base"]
        tmux("-f", "/dev/null", "new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES), shlex.join(shell))
        try:
            wait("all services")
            for key in keys:
                if key.startswith("["):
                    tmux("send-keys", key.strip("[]"))
                else:
                    tmux("send-keys", "-l", key)
                    wait(key)
                if key == "[Enter]":
                    wait("not logged in")
            return wait(until)
        finally:
            tmux("kill-server")


def runs(text: str) -> list[list[Run]]:
    """A screen as lines of text of one look."""
    lines = []
    style = ""
    for line in text.rstrip("\n").split("\n"):
        found: list[Run] = []
        position = 0
        for match in _SGR.finditer(line):
            if match.start() > position:
                found.append(Run(line[position : match.start()], style))
            position = match.end()
            for code in (match[1] or "0").split(";"):
                if code in ("0", "39", ""):
                    style = ""
                elif code == "1" and not style:
                    style = "bold"
                elif code in STYLES:
                    style = code
        if position < len(line):
            found.append(Run(line[position:], style))
        lines.append(found)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=IMAGES, help="folder")
    folder: Path = parser.parse_args().output
    for name, (title, keys, until) in PICTURES.items():
        picture = terminal(runs(captured(keys, until)), COLUMNS, title)
        (folder / f"{name}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
