"""What refers to files of a filestore and shows in no link count: symbolic links, and users of the store alone.

Hard links are counted by the file system. A symbolic link is not, so the store keeps a note of each that is made:
``ROOT/.hca/v2/references.jsonl``, one line a note, ``["link", SHA256, PATH]``. ``["alone"]`` says that files were put
into the store without any name elsewhere, so that nothing shows which of them are in use.
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
    """The notes of one filestore; safe to use from several threads and processes.

    :param path: the file that holds them
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._noted_alone = False
        reset_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()

    def note_link(self, sha256: str, link: str) -> None:
        """Note a symbolic link before it is made.

        :raises OSError: the disk refuses; a link without a note must not be made
        """
        self._append(["link", sha256, os.path.abspath(link)])

    def note_alone(self) -> None:
        """Note that files are put into the store without any other name.

        :raises OSError: the disk refuses
        """
        if not self._noted_alone:
            self._noted_alone = True
            if not self.used_alone():
                self._append(["alone"])

    def used_alone(self) -> bool:
        """Return True if files were put into the store without any other name."""
        return any(note == ["alone"] for note in self._notes())

    def links(self) -> dict[str, list[str]]:
        """Return the paths of symbolic links that were made, by sha256; they may be gone by now."""
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
                # One write: lines of several processes stay whole.
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
                # The torn line of a killed process: the link that it was for was not made.
                continue
            if isinstance(note, list):
                notes.append(note)
        return notes


def is_linked(link: str, sha256: str) -> bool | None:
    """Return True if a symbolic link leads to the stored file; None if that cannot be known.

    A missing link below an empty directory may be on a disk that is not mounted.
    """
    try:
        # The store may have been moved since: what counts is the name of the file.
        return os.path.basename(os.readlink(link)) == sha256
    except (FileNotFoundError, NotADirectoryError):
        return None if _may_be_unmounted(link) else False
    except OSError as error:
        # EINVAL: something else has the name now.
        import errno

        return False if error.errno == errno.EINVAL else None


def _may_be_unmounted(link: str) -> bool:
    for directory in Path(link).parents:
        if directory.is_dir():
            try:
                return directory != Path(link).parent and not any(directory.iterdir())
            except OSError:
                return True
    return True
