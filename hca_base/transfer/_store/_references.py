"""References to files of a filestore that link counts do not show: symbolic links, and direct users of the store.

Hard links are counted by the file system. Symbolic links are not, so the store records each one in
``ROOT/.hca/v2/references.jsonl``, one record per line: ``["link", SHA256, PATH]``. ``["alone"]`` means that files were
stored without any name elsewhere, so it is unknown which of them are in use.

The store is not told when a link is renamed, copied or deleted: a record can prove that a file is in use, but never
that it is not.
"""

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

from hca_base._fork import reset_after_fork
from hca_base.transfer._store._disk import write_all


class References:
    """The recorded references of one filestore; safe to use from several threads and processes.

    :param path: the file with the records
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._noted_alone = False
        reset_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()

    def note_link(self, sha256: str, link: str) -> None:
        """Record a symbolic link before it is created.

        :raises OSError: the write failed; do not create a link without a record
        """
        self._append(["link", sha256, os.path.abspath(link)])

    def note_alone(self) -> None:
        """Record that files are stored without any other name.

        :raises OSError: the write failed
        """
        if not self._noted_alone:
            self._noted_alone = True
            if not self.used_alone():
                self._append(["alone"])

    def used_alone(self) -> bool:
        """Return True if files were stored without any other name."""
        return any(note == ["alone"] for note in self._notes())

    def links(self) -> dict[str, list[str]]:
        """Return the paths of recorded symbolic links, by sha256; the links may no longer exist."""
        found: dict[str, list[str]] = defaultdict(list)
        for note in self._notes():
            if len(note) == 3 and note[0] == "link":
                found[str(note[1])].append(str(note[2]))
        return found

    def _append(self, note: list[str]) -> None:
        data = json.dumps(note).encode("ascii") + b"\n"
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o666)
            try:
                # A single write keeps lines of several processes intact.
                write_all(fd, data)
            finally:
                os.close(fd)

    def _notes(self) -> list[list[Any]]:
        try:
            text = self._path.read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            return []
        notes = []
        for line in text.splitlines():
            try:
                note = json.loads(line)
            except ValueError:
                # An incomplete line of a killed process, which did not create the link.
                continue
            if isinstance(note, list):
                notes.append(note)
        return notes


def is_linked(link: str, sha256: str) -> bool:
    """Return True if a symbolic link to the stored file is where it was made.

    False does not say that nothing refers to the file: the link may have been renamed or copied, with or without the
    directory above it, or its disk may not be mounted.
    """
    try:
        # Compare only the file's name, because the store may have been moved.
        return os.path.basename(os.readlink(link)) == sha256
    except OSError:
        return False
