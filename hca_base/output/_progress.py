"""Progress of a transfer on stderr: one line for all files, and a few for the largest ones in progress."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import IO, Any

from hca_base._fork import ForkLock
from hca_base.errors import UsageError
from hca_base.output._notebook import NotebookDisplay, in_notebook
from hca_base.output._terminal import (
    display_lock,
    encodable,
    format_bytes,
    format_duration,
    has_display,
    is_terminal,
    safe_json,
    set_display,
    shorten,
    style,
    terminal_width,
    text_width,
    write_safely,
)

_BAR, _BAR_FROM = 20, 72  # cells of the bar, and the minimum terminal width for it
MODES = ("auto", "none", "jsonl")
_SMOOTHING = 3.0  # seconds over which the rate is averaged
_INTERVALS = {"jsonl": 1.0, "notebook": 0.5}  # redrawing is slower in a notebook
_NOTEBOOK_WIDTH = 100


class Task:
    """One file in progress, created by :meth:`Progress.task`; usable from any thread, one at a time."""

    __slots__ = ("_progress", "closed", "done", "name", "size")

    def __init__(self, progress: Progress, name: str, size: int | None) -> None:
        self._progress = progress
        self.name = name
        self.size = size
        self.done = 0
        self.closed = False

    def advance(self, count: int) -> None:
        """Count received bytes (negative for bytes that must be received again)."""
        self._progress._advance(self, count)

    def skip(self, count: int) -> None:
        """Count bytes that were already present, which do not affect the rate."""
        self._progress._advance(self, count, fresh=False)

    def finish(self, ok: bool = True) -> None:
        """Finish the file (or, with ``ok=False``, record a failure); further calls do nothing."""
        self._progress._finish(self, ok)

    def __enter__(self) -> Task:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.finish(kind is None)


class Progress:
    """Counts files and bytes, and shows them.

    ::

        with Progress("download", files=2, bytes=2_000_000) as progress:
            with progress.task("a.fastq.gz", 1_000_000) as task:
                task.advance(65536)

    Thread-safe. Counting is cheap: the display is updated at most every ``interval`` seconds.

    :param label: the activity, in one word
    :param files: number of files, or None if unknown; see :meth:`add`
    :param bytes: number of bytes
    :param mode: ``auto`` shows lines if the stream is a terminal and HTML in a notebook, ``none`` nothing, ``jsonl`` a
        JSON object per line (``event`` is ``progress``, ``file`` or ``end``)
    :param stream: default: ``sys.stderr``
    :param lines: maximum number of files in progress to show
    :param interval: seconds between updates; default: 0.1, 1 for ``jsonl``
    """

    def __init__(
        self,
        label: str = "",
        *,
        files: int | None = None,
        bytes: int | None = None,
        mode: str = "auto",
        stream: IO[str] | None = None,
        lines: int = 4,
        interval: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if mode not in MODES:
            raise UsageError(f"unknown progress mode {mode!r}; choose from {', '.join(MODES)}")
        self.label = label
        self._stream = sys.stderr if stream is None else stream
        self._notebook: NotebookDisplay | None = None
        if mode == "auto" and stream is None and in_notebook():
            mode, self._notebook = "notebook", NotebookDisplay()
        if mode == "auto" and (
            not is_terminal(self._stream) or os.environ.get("TERM", "") in ("", "dumb") or has_display()
        ):
            mode = "none"
        self.mode = mode
        self._files = files
        self._bytes = bytes
        self._lines = lines
        self._interval = interval if interval is not None else _INTERVALS.get(mode, 0.1)
        self._clock = clock
        self._lock = display_lock if mode == "auto" else ForkLock(reentrant=True)
        self._tasks: list[Task] = []
        self._files_done = 0
        self._files_failed = 0
        self._bytes_done = 0
        self._bytes_fresh = 0
        self._started = self._sampled = clock()
        self._sampled_bytes = 0
        self._rate: float | None = None
        self._due = self._started + self._interval
        self._shown = 0  # lines currently on the terminal
        self._closed = False
        if mode == "auto":
            set_display(self._print_through)

    def add(self, files: int = 0, bytes: int = 0) -> None:
        """Increase the totals when more files are found."""
        with self._lock:
            self._files = (self._files or 0) + files
            self._bytes = (self._bytes or 0) + bytes

    def task(self, name: str, size: int | None = None) -> Task:
        """Start a file.

        :param size: its bytes, if known
        """
        task = Task(self, name, size)
        with self._lock:
            self._tasks.append(task)
        return task

    def snapshot(self) -> dict[str, Any]:
        """Return the current counts.

        :return: ``files_done``, ``files_failed``, ``files``, ``bytes_done``, ``bytes``, ``rate`` (bytes per second,
            None at first), ``eta`` (seconds, or None), ``elapsed`` (seconds)
        """
        with self._lock:
            eta = None
            if self._rate and self._bytes is not None and self._bytes >= self._bytes_done:
                eta = (self._bytes - self._bytes_done) / self._rate
            return {
                "files_done": self._files_done,
                "files_failed": self._files_failed,
                "files": self._files,
                "bytes_done": self._bytes_done,
                "bytes": self._bytes,
                "rate": self._rate,
                "eta": eta,
                "elapsed": self._clock() - self._started,
            }

    def close(self) -> None:
        """Remove the display (or write the last event); further calls do nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self.mode == "auto":
                self._clear()
                set_display(None)
            elif self._notebook is not None:
                self._draw_html(self._notebook)
            elif self.mode == "jsonl":
                self._sample(self._clock(), least=0.0)
                state = self.snapshot()
                # Show the average of the whole run; the smoothed rate only covers the last seconds.
                rate = self._bytes_fresh / state["elapsed"] if state["elapsed"] > 0 else state["rate"]
                self._event({"event": "end", **state, "rate": rate})

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # Called by tasks

    def _advance(self, task: Task, count: int, fresh: bool = True) -> None:
        with self._lock:
            task.done += count
            self._bytes_done += count
            if fresh:
                self._bytes_fresh += count
            if self.mode != "none":
                self._renew_if_due()

    def _finish(self, task: Task, ok: bool) -> None:
        with self._lock:
            if task.closed:
                return
            task.closed = True
            self._tasks.remove(task)
            if ok:
                self._files_done += 1
            else:
                self._files_failed += 1
            if self.mode == "jsonl":
                self._event({"event": "file", "name": task.name, "bytes": task.done, "size": task.size, "ok": ok})
            if self.mode != "none":
                self._renew_if_due()

    # Showing

    def _renew_if_due(self) -> None:
        now = self._clock()
        if now < self._due or self._closed:
            return
        self._due = now + self._interval
        self._sample(now)
        if self.mode == "jsonl":
            self._event({"event": "progress", **self.snapshot()})
        elif self._notebook is not None:
            self._draw_html(self._notebook)
        else:
            self._draw()

    def _draw_html(self, notebook: NotebookDisplay) -> None:
        share = self._bytes_done / self._bytes if self._bytes else None
        notebook.show(
            self._total_line(_NOTEBOOK_WIDTH), share, [_task_line(task, _NOTEBOOK_WIDTH) for task in self._largest()]
        )

    def _sample(self, now: float, least: float = 0.05) -> None:
        """Update the smoothed rate."""
        elapsed = now - self._sampled
        if elapsed <= least:
            return
        current = max(0.0, (self._bytes_fresh - self._sampled_bytes) / elapsed)
        if self._rate is None:
            self._rate = current
        else:
            weight = 1 - math.exp(-elapsed / _SMOOTHING)
            self._rate += weight * (current - self._rate)
        self._sampled, self._sampled_bytes = now, self._bytes_fresh

    def _event(self, event: dict[str, Any]) -> None:
        for name in ("rate", "eta", "elapsed"):
            if event.get(name) is not None:
                event[name] = round(event[name], 3)
        write_safely(self._stream, safe_json(json.dumps(event, ensure_ascii=True)) + "\n")

    def _draw(self) -> None:
        width = terminal_width(self._stream) - 1  # some terminals wrap after the last column
        share = self._bytes_done / self._bytes if self._bytes else None
        if share is None or width < _BAR_FROM:
            lines = [self._total_line(width)]
        else:
            lines = [f"{_bar(share, self._stream)}  {self._total_line(width - _BAR - 2)}"]
        lines += [_task_line(task, width) for task in self._largest()]
        text = self._erase() + "\n".join(lines)
        self._shown = len(lines)
        write_safely(self._stream, encodable(text, self._stream))

    def _largest(self) -> list[Task]:
        """Return the files in progress to show."""
        return sorted(self._tasks, key=lambda task: -(task.size or 0))[: self._lines]

    def _total_line(self, width: int) -> str:
        parts = []
        files = f"{self._files_done}/{self._files} files" if self._files is not None else f"{self._files_done} files"
        parts.append(files + (f", {self._files_failed} failed" if self._files_failed else ""))
        if self._bytes is not None:
            share = f" {100 * self._bytes_done // self._bytes}%" if self._bytes else ""
            parts.append(f"{format_bytes(self._bytes_done)} of {format_bytes(self._bytes)}{share}")
        else:
            parts.append(format_bytes(self._bytes_done))
        state = self.snapshot()
        if state["rate"] is not None:
            parts.append(f"{format_bytes(state['rate'])}/s")
        if state["eta"] is not None:
            parts.append(f"{format_duration(state['eta'])} left")
        # On narrow terminals, drop the least important parts first.
        if self.label and text_width("  ".join([self.label, *parts])) <= width:
            parts.insert(0, self.label)
        while len(parts) > 1 and text_width("  ".join(parts)) > width:
            parts.pop()
        return shorten("  ".join(parts), width)

    def _erase(self) -> str:
        """Return the control sequence that clears the display from its first line."""
        if not self._shown:
            return ""
        up = f"\x1b[{self._shown - 1}A" if self._shown > 1 else ""
        return f"\r{up}\x1b[J"

    def _clear(self) -> None:
        if self._shown:
            write_safely(self._stream, self._erase())
            self._shown = 0

    def _print_through(self, write: Callable[[], None]) -> None:
        """Print a message above the display."""
        with self._lock:
            shown = self._shown
            self._clear()
            write()
            if shown and not self._closed:
                self._draw()


def _bar(share: float, stream: Any) -> str:
    """Return a bar of :data:`_BAR` cells, in ASCII if the stream's encoding requires it."""
    full, empty = ("━", "─") if encodable("━─", stream) == "━─" else ("#", "-")
    done = max(0, min(_BAR, int(_BAR * share)))
    return style(full * done, "cyan", stream=stream) + style(empty * (_BAR - done), "dim", stream=stream)


def _task_line(task: Task, width: int) -> str:
    if task.size:
        state = f"{format_bytes(task.done)} of {format_bytes(task.size)} {min(100, 100 * task.done // task.size):3}%"
    else:
        state = format_bytes(task.done)
    name = shorten(task.name, max(width - text_width(state) - 4, 8))
    return shorten(f"  {name}  {state}", width)
