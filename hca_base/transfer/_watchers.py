"""Progress display for the engine's events."""

from __future__ import annotations

import sys
import threading
from typing import Any

from hca_base.transfer._model import TransferOptions
from hca_base.transfer._report import Row


class ProgressReporter:
    """Forwards events to a :class:`hca_base.output.Progress`.

    :param progress: the caller's; it is updated, and left open
    """

    def __init__(self, progress: Any, expected: tuple[int, int] | None) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._tasks: dict[int, Any] = {}
        if expected is not None:
            progress.add(*expected)

    def _task(self, item: Any, size: int | None) -> Any:
        with self._lock:
            task = self._tasks.get(id(item))
            if task is None:
                name = getattr(item, "name", None) or str(getattr(item, "path", ""))
                task = self._tasks[id(item)] = self._progress.task(name, size)
            return task

    def moved(self, item: Any, count: int) -> None:
        """Count transferred bytes of an item."""
        self._task(item, getattr(item, "size", None)).advance(count)

    def resumed(self, item: Any, count: int) -> None:
        """Count bytes of an item that an earlier run transferred."""
        self._task(item, getattr(item, "size", None)).skip(count)

    def done(self, item: Any, row: Row) -> None:
        """Count a finished item."""
        task = self._task(item, row.bytes)
        with self._lock:
            self._tasks.pop(id(item), None)
        if row.good and task.done != row.bytes:
            # Correct the count for a file already present, or one that received extra bytes in a failed attempt.
            task.skip(row.bytes - task.done)
        task.finish(row.good)


def make_reporter(
    label: str, options: TransferOptions, progress: Any, expected: tuple[int, int] | None
) -> tuple[Any, Any]:
    """Return the watcher and the progress to close at the end, each None if progress is not shown.

    :param progress: the caller's, or None to create one according to the options
    """
    if progress is not None:
        return ProgressReporter(progress, expected), None
    if options.dry_run or options.progress == "none":
        return None, None
    terminal = sys.stderr is not None and sys.stderr.isatty()
    if options.progress == "auto" and not terminal and "IPython" not in sys.modules:
        # Skip the slow import too.
        return None, None
    from hca_base.output import Progress

    shown = Progress(label, mode=options.progress)
    if shown.mode == "none":
        return None, None
    return ProgressReporter(shown, expected), shown
