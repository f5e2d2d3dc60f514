"""Destinations of results: streams, files, closed pipes; and streaming without buffering."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hca_base import output
from hca_base.errors import HCAError, UsageError


class Recorder(io.StringIO):
    """A stream that records what was flushed."""

    def __init__(self):
        super().__init__()
        self.out = ""

    def flush(self):
        self.out = self.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {"fmt": "jsonl"},
        {"fmt": "json"},
        {"fmt": "yaml"},
        {"fmt": "csv", "columns": ["n"]},
        {"fmt": "value", "columns": ["n"]},
        {"fmt": "jsonl", "query": "[].{n: n}"},
        {"fmt": "jsonl", "query": "[*].n"},
        {"fmt": "jsonl", "query": "[?n < `10`].n"},
    ],
)
def test_an_item_is_out_before_the_next_page_is_asked_for(options):
    stream = Recorder()
    seen = []

    def pages():
        for page in range(3):
            seen.append(stream.out)
            yield [{"n": 2 * page}, {"n": 2 * page + 1}]

    output.emit_stream(pages(), pages=True, stream=stream, **options)
    assert seen[0] == ""
    assert "1" in seen[1]
    assert "3" in seen[2]
    assert "2" not in seen[1]


@pytest.mark.parametrize("fmt", ["json", "jsonl", "yaml", "table", "csv", "tsv", "value"])
@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"columns": ["b", "n"]},
        {"sort": "n:desc"},
        {"query": "[].n"},
        {"query": "[].list[]"},
        {"query": "[?n > `0`].{x: b}"},
        {"query": "length(@)"},
        {"query": "[].n | [0]"},
        {"query": "[0]"},
        {"query": "[-2:]"},
        {"query": "sort_by(@, &n)[].n"},
        {"query": "[].n", "sort": "value:desc"},
    ],
)
def test_a_stream_shows_what_the_whole_would(fmt, count, options):
    items = [{"n": number, "b": {"x": "é\n"}, "list": [number, [number]]} for number in range(count)]
    whole, streamed = io.StringIO(), io.StringIO()
    output.emit(items, fmt=fmt, stream=whole, **options)
    output.emit_stream(iter(items), fmt=fmt, stream=streamed, **options)
    if fmt in ("csv", "tsv") and count == 0 and "columns" in options:
        assert streamed.getvalue().strip().split("," if fmt == "csv" else "\t") == ["b", "n"]
    else:
        assert streamed.getvalue() == whole.getvalue()


def test_a_request_that_fails_at_once_leaves_no_output(tmp_path):
    def items():
        raise HCAError("refused")
        yield

    stream = io.StringIO()
    for fmt in ("json", "jsonl", "table"):
        with pytest.raises(HCAError, match="refused"):
            output.emit_stream(items(), fmt=fmt, stream=stream)
    assert stream.getvalue() == ""


def test_a_column_that_no_item_had_is_told_at_the_end():
    stream = io.StringIO()
    items = [{"a": 1}, {"a": 1, "late": 2}]
    output.emit_stream(items, fmt="jsonl", columns=["late"], stream=stream)
    assert stream.getvalue() == '{"late": null}\n{"late": 2}\n'
    with pytest.raises(UsageError, match="unknown column 'lat'"):
        output.emit_stream(items, fmt="jsonl", columns=["lat"], stream=stream)


class TestFile:
    def test_the_file_appears_when_it_is_whole(self, tmp_path: Path):
        path = tmp_path / "out.json"
        path.write_text("old")

        def items(fail):
            yield {"a": "é"}
            assert path.read_text() == "old"
            if fail:
                raise HCAError("lost")

        with pytest.raises(HCAError, match="lost"):
            output.emit_stream(items(True), output=path)
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]
        output.emit_stream(items(False), output=path)
        assert json.loads(path.read_text(encoding="utf-8")) == [{"a": "é"}]

    def test_whole_results(self, tmp_path: Path, capsys):
        before = os.umask(0o022)
        try:
            output.emit([{"a": 1}], fmt="csv", output=str(tmp_path / "x.csv"))
        finally:
            os.umask(before)
        assert (tmp_path / "x.csv").read_bytes() == b"a\n1\n"
        assert (tmp_path / "x.csv").stat().st_mode & 0o777 == 0o644
        assert capsys.readouterr().out == ""
        output.emit(1, output="-")
        assert capsys.readouterr().out == "1\n"

    @pytest.mark.parametrize(
        "write", [lambda path: output.emit(1, output=path), lambda path: output.emit_bytes(b"1", output=path)]
    )
    def test_files_that_cannot_be(self, tmp_path: Path, write):
        with pytest.raises(UsageError, match="is a folder"):
            write(tmp_path)
        with pytest.raises(UsageError, match="does not exist"):
            write(tmp_path / "absent" / "x")
        with pytest.raises(HCAError, match="No space left on device"):
            write(Path("/dev/full"))
        write(Path("/dev/null"))
        assert Path("/dev/null").is_char_device()

    def test_full_disk(self, tmp_path: Path, monkeypatch):
        path = tmp_path / "x"
        path.write_text("old")

        def full(*args):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(HCAError, match="x: No space left on device"):
            output.emit(1, output=path)
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]


class TestBytes:
    def test_to_a_file_and_to_a_pipe(self, tmp_path: Path):
        body = os.urandom(3_000_000)
        assert output.emit_bytes(iter([body[:5], body[5:]]), output=tmp_path / "x") == len(body)
        assert (tmp_path / "x").read_bytes() == body
        script = "import sys; from hca_base import output; output.emit_bytes(b'\\x00\\r\\n\\xff' * 100_000)"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=True)
        assert done.stdout == b"\x00\r\n\xff" * 100_000

    def test_not_to_a_terminal(self):
        reader, writer = pty.openpty()
        with os.fdopen(writer, "w") as terminal:
            with pytest.raises(UsageError, match="stdout is a terminal") as caught:
                output.emit_bytes(b"\x00", stream=terminal)
        os.close(reader)
        assert "--output FILE" in caught.value.hint

    def test_a_body_that_breaks_off_leaves_no_file(self, tmp_path: Path):
        def body():
            yield b"x" * 100
            raise HCAError("cut")

        with pytest.raises(HCAError, match="cut"):
            output.emit_bytes(body(), output=tmp_path / "x")
        assert list(tmp_path.iterdir()) == []


SHELL = textwrap.dedent("""
    import sys
    from hca_base import output
    from hca_base.errors import HCAError
    def items():
        for number in range(10**7):
            yield {"n": number}
    try:
        %s
    except BrokenPipeError:
        output.discard_stdout()
        sys.exit(141)
    except HCAError as error:
        output.note(f"hca: error: {error}")
        output.discard_stdout()
        sys.exit(int(error.exit_code))
""")


def run(statement, stdout, **options):
    return subprocess.run(
        [sys.executable, "-c", SHELL % statement],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=100,
        **options,
    )


@pytest.mark.parametrize(
    "statement", ["output.emit_stream(items(), fmt='jsonl')", "output.emit_bytes(b'x' * 9_000_000)"]
)
def test_a_reader_that_leaves(statement):
    with subprocess.Popen(["head", "-c", "20"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as head:
        done = run(statement, head.stdin)
        assert len(head.communicate()[0]) == 20
    assert (done.returncode, done.stderr) == (141, "")


def test_a_stdout_that_is_full_or_closed():
    with Path("/dev/full").open("w") as full:
        done = run("output.emit({'a': 1})", full)
    assert (done.returncode, done.stderr) == (1, "hca: error: cannot write the result: No space left on device\n")
    script = SHELL % "output.emit({'a': 1})"
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" >&-', sys.executable, script], stderr=subprocess.PIPE, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (1, "hca: error: cannot write the result: stdout is closed\n")
