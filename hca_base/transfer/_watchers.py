"""From the engine's events to the progress that users see."""

from __future__ import annotations

import sys
import threading
from typing import Any

from hca_base.transfer._model import TransferOptions
from hca_base.transfer._report import Row


class ProgressReporter:
    """Tells a :class:`hca_base.output.Progress` what happens.

    :param progress: the caller's; it is counted into, and left open
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
        """Bytes of an item came or went."""
        self._task(item, getattr(item, "size", None)).advance(count)

    def resumed(self, item: Any, count: int) -> None:
        """Bytes of an item are there from an earlier run."""
        self._task(item, getattr(item, "size", None)).skip(count)

    def done(self, item: Any, row: Row) -> None:
        """An item is done."""
        task = self._task(item, row.bytes)
        with self._lock:
            self._tasks.pop(id(item), None)
        if row.good and task.done != row.bytes:
            # There already, or received in more bytes than it has (an attempt that went wrong).
            task.skip(row.bytes - task.done)
        task.finish(row.good)


def make_reporter(
    label: str, options: TransferOptions, progress: Any, expected: tuple[int, int] | None
) -> tuple[Any, Any]:
    """(watch, progress to close at the end), each None when nothing is to be shown.

    :param progress: the caller's own, or None to make one as the options say
    """
    if progress is not None:
        return ProgressReporter(progress, expected), None
    if options.dry_run or options.progress == "none":
        return None, None
    terminal = sys.stderr is not None and sys.stderr.isatty()
    if options.progress == "auto" and not terminal and "IPython" not in sys.modules:
        # Not even worth the import.
        return None, None
    from hca_base.output import Progress

    shown = Progress(label, mode=options.progress)
    if shown.mode == "none":
        return None, None
    return ProgressReporter(shown, expected), shown
