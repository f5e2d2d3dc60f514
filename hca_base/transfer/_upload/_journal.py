"""The journal of a multipart upload, from which the next run resumes."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

_FORMAT = 1


class UploadJournal:
    """The parts of one upload that the store acknowledged, on disk; several threads add to it.

    :param identity: identifies the upload: endpoint, bucket, key and path
    :param head: values that must be unchanged for the upload to be resumed
    """

    def __init__(self, identity: tuple[str | None, ...], head: dict[str, Any]) -> None:
        name = repr(identity).encode("utf-8", "surrogatepass")
        self._name = hashlib.sha256(name).hexdigest()[:40] + ".jsonl"
        self._head = {"format": _FORMAT, **head}
        self._lock = threading.Lock()

    @property
    def _path(self) -> Path:
        from hca_base.config import paths

        return Path(paths.state_dir()) / "uploads" / self._name

    def read(self) -> tuple[str, dict[int, str]]:
        """Return the ID of the unfinished upload and its parts; an empty ID if none matches the current file."""
        try:
            lines = [json.loads(line) for line in self._path.read_text(encoding="utf-8").splitlines()]
        except (OSError, ValueError):
            # A killed run may leave an incomplete last line; its part is sent again unless the store lists it.
            lines = self._valid_lines()
        if not lines or not isinstance(lines[0], dict):
            return "", {}
        upload_id = str(lines[0].pop("upload_id", ""))
        if lines[0] != self._head:
            return "", {}
        noted = (line for line in lines[1:] if isinstance(line, list) and len(line) == 2)
        parts = {line[0]: str(line[1]) for line in noted if isinstance(line[0], int)}
        return upload_id, parts

    def _valid_lines(self) -> list[Any]:
        lines: list[Any] = []
        try:
            for line in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
                lines.append(json.loads(line))
        except (OSError, ValueError):
            pass
        return lines

    def begin(self, upload_id: str) -> None:
        """Record that an upload was started."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._path.open("w", encoding="utf-8") as stream:
                stream.write(json.dumps({**self._head, "upload_id": upload_id}) + "\n")
        except OSError:
            # The upload works without a journal, but cannot be resumed.
            pass

    def note(self, number: int, etag: str) -> None:
        """Record that the store acknowledged a part."""
        with self._lock:
            try:
                with self._path.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps([number, etag]) + "\n")
            except OSError:
                pass

    def remove(self) -> None:
        """Remove the journal of a finished upload."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            pass
