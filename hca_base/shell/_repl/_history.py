"""The history of the interactive shell: a private file, without secrets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

_LIMIT = 2_000_000  # bytes; a longer history loses its older half


def history_file() -> Path | None:
    """Return the shell's history file (mode 0600); None if it cannot be written."""
    from hca_base.config import paths, write_atomic

    try:
        path = paths.state_dir() / "history"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o600)
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)
        os.close(descriptor)
        if path.stat().st_size > _LIMIT:
            data = path.read_bytes()
            # Entries start with an empty line and a time.
            start = data.find(b"\n# ", len(data) // 2)
            write_atomic(path, data[start:] if start >= 0 else b"", mode=0o600)
        return path
    except OSError:
        return None


def open_history() -> Any:
    """Return the history for a prompt; only in memory if the file cannot be written."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    path = history_file()
    if path is None:
        return InMemoryHistory()

    class PrivateHistory(FileHistory):
        """Stores lines with secrets only in memory, and ignores lines that start with a space."""

        def store_string(self, string: str) -> None:
            if not holds_secret(string):
                try:
                    super().store_string(string)
                except OSError:
                    return

        def append_string(self, string: str) -> None:
            if not string.startswith(" "):
                super().append_string(string)

    return PrivateHistory(str(path))


def holds_secret(text: str) -> bool:
    """Return True if a line may contain a secret and must not be written to the history file."""
    from hca_base.config import is_secret
    from hca_base.http import redact

    if redact(text) != text:
        return True
    words = text.replace("=", " ").split()
    if words[:1] == ["hca"]:
        words = words[1:]
    if words[:2] in (["auth", "set-key"], ["auth", "login"]) or words[:1] == ["set-key"]:
        return True
    return any(is_secret(word.lstrip("-")) for word in words if word.startswith("--") or "." in word)
