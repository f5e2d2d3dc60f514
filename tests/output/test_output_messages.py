"""Messages and progress on stderr."""

from __future__ import annotations

import io
import json
import re
import threading

import pytest

from hca_base import output
from hca_base.errors import UsageError
from hca_base.output._terminal import text_width


def test_messages_go_to_stderr_without_controls(capsys):
    output.note("three\x1b[2J files\x07")
    output.warn("name \x9b31mred\r\nnext")
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err == "three files\nhca: warning: name red\nnext\n"


def test_a_closed_stderr_is_no_error(monkeypatch):
    for stream in (None, io.StringIO()):
        if stream is not None:
            stream.close()
        monkeypatch.setattr("sys.stderr", stream)
        output.note("x")
        output.warn("x")
        with output.Progress("x") as progress:
            progress.task("a").finish()


def test_colour_is_for_terminals_that_want_it(terminal, monkeypatch):
    assert output.style("x", "bold", "red", stream=terminal) == "\x1b[1;31mx\x1b[0m"
    assert output.style("x", "bold", stream=io.StringIO()) == "x"
    monkeypatch.setenv("TERM", "dumb")
    assert output.style("x", "bold", stream=terminal) == "x"
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert output.style("x", "bold", stream=terminal) == "x"


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_nothing_is_shown_without_a_terminal(clock, monkeypatch, terminal):
    quiet = io.StringIO()
    monkeypatch.setenv("TERM", "dumb")
    for stream, mode in ((quiet, "auto"), (terminal, "none"), (terminal, "auto")):
        with output.Progress("download", stream=stream, mode=mode, clock=clock) as progress:
            with progress.task("a", 10) as task:
                clock.now += 5
                task.advance(10)
            assert progress.snapshot()["bytes_done"] == 10
        assert stream.getvalue() == ""
    with pytest.raises(UsageError, match="unknown progress mode 'loud'"):
        output.Progress(mode="loud")


def test_lines_on_a_terminal(terminal, clock):
    with output.Progress("download", files=3, bytes=3_000_000, stream=terminal, clock=clock) as progress:
        small, large = progress.task("small.txt", 10), progress.task("dir/large\x1b[2J.fastq.gz", 2_000_000)
        clock.now += 1
        large.skip(500_000)
        clock.now += 1
        large.advance(500_000)
        last = terminal.getvalue().split("\x1b[J")[-1]
        first, *files = last.split("\n")
        assert first.startswith("0/3 files  1.0 MB of 3.0 MB 33%  ")
        assert first.endswith(" left")
        assert files == ["  dir/large.fastq.gz  1.0 MB of 2.0 MB  50%", "  small.txt  0 B of 10 B   0%"]
        small.finish()
        large.finish(ok=False)
        large.finish()
        state = progress.snapshot()
        assert (state["files_done"], state["files_failed"]) == (1, 1)
    # The lines are erased at the end.
    assert terminal.getvalue().endswith("\x1b[J")


@pytest.mark.parametrize("columns", [20, 40, 200])
def test_lines_fit(terminal, clock, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    with output.Progress("download", files=10**6, bytes=10**15, stream=terminal, clock=clock) as progress:
        for name in ("漢字" * 100, "x" * 300, "e\u0301" * 90):
            task = progress.task(name, 10**12)
            clock.now += 1
            task.advance(10**11)
    lines = re.split(r"\n|\r(?:\x1b\[\dA)?\x1b\[J", terminal.getvalue())
    assert len(lines) > 8
    assert max(map(text_width, lines)) < columns


def test_messages_go_above_the_lines(terminal, clock, monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal)
    with output.Progress("x", files=1, clock=clock) as progress:
        task = progress.task("a", 100)
        clock.now += 1
        task.advance(50)
        output.note("said")
        assert "\r\x1b[1A\x1b[Jsaid\n" in terminal.getvalue()
        assert terminal.getvalue().split("said\n")[1].startswith("x  0/1 files")
        # A second, concurrent one prints nothing.
        assert output.Progress("inner").mode == "none"
    output.note("after")
    assert terminal.getvalue().endswith("\x1b[Jafter\n")


def test_json_lines(clock):
    stream = io.StringIO()
    with output.Progress("x", files=2, bytes=200, mode="jsonl", stream=stream, clock=clock) as progress:
        task = progress.task("a\x1b\u202e", 100)
        task.advance(50)
        clock.now += 2
        task.advance(50)
        task.finish()
        progress.add(files=1, bytes=100)
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert stream.getvalue().isascii()
    assert [event["event"] for event in events] == ["progress", "file", "end"]
    assert events[0] | {"rate": 0} == {
        "event": "progress",
        "files_done": 0,
        "files_failed": 0,
        "files": 2,
        "bytes_done": 100,
        "bytes": 200,
        "rate": 0,
        "eta": 2.0,
        "elapsed": 2.0,
    }
    assert events[1] == {"event": "file", "name": "a\x1b\u202e", "bytes": 100, "size": 100, "ok": True}
    # The last event has the average of the whole run.
    assert events[2]["rate"] == 50
    assert (events[2]["files"], events[2]["files_done"], events[2]["bytes"]) == (3, 1, 300)


def test_many_threads(terminal):
    with output.Progress("x", stream=terminal, interval=0) as progress:

        def work(number):
            for file in range(20):
                with progress.task(f"{number}/{file}", 100) as task:
                    for _ in range(10):
                        task.advance(10)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        state = progress.snapshot()
    assert (state["files_done"], state["bytes_done"]) == (160, 16_000)


def test_messages_of_threads_do_not_stop_the_display(terminal, monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal)
    for _ in range(30):
        with output.Progress("x", interval=0) as progress:

            def work(progress=progress):
                task = progress.task("a", 10)
                for _ in range(10):
                    output.note("said")
                    task.advance(1)

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            threads[0].join()
        for thread in threads:
            thread.join()


def test_a_task_that_fails_counts_as_failed():
    progress = output.Progress(mode="none")
    with pytest.raises(RuntimeError), progress.task("a"):
        raise RuntimeError
    assert progress.snapshot()["files_failed"] == 1


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_234_567, "1.2 MB"),
        (999_960, "1.0 MB"),
        (5e12, "5.0 TB"),
        (3e18, "3000.0 PB"),
    ],
)
def test_bytes(count, text):
    assert output.format_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (61, "1:01"), (3722, "1:02:02"), (4 * 86400 + 3 * 3600, "4d 3h")]
)
def test_durations(seconds, text):
    assert output.format_duration(seconds) == text
