"""Results in each output format."""

from __future__ import annotations

import csv
import datetime
import io
import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

from hca_base.errors import HCAError, UsageError
from hca_base.output import FORMATS, add_output_options, emit, output_options
from hca_base.output._table import cell, table
from hca_base.output._terminal import text_width

BUNDLES = [
    {"uuid": "1f3a", "size": 10, "name": "a b", "metadata": {"project": "x", "tags": [1, "é"]}},
    {"uuid": "02cc", "size": None, "done": True},
]


def shown(data, **options):
    stream = io.StringIO()
    emit(data, stream=stream, **options)
    return stream.getvalue()


def test_json_is_the_default():
    assert shown(BUNDLES) == json.dumps(BUNDLES, indent=2, ensure_ascii=False) + "\n"
    assert shown({"é": "ü"}) == '{\n  "é": "ü"\n}\n'
    assert shown("text") == '"text"\n'


def test_jsonl():
    assert [json.loads(line) for line in shown(BUNDLES, fmt="jsonl").splitlines()] == BUNDLES
    assert shown({"a": 1}, fmt="jsonl") == '{"a": 1}\n'
    assert shown([], fmt="jsonl") == ""


def test_yaml():
    assert yaml.safe_load(shown(BUNDLES, fmt="yaml")) == BUNDLES
    assert shown({"b": 1, "a": "é"}, fmt="yaml") == "b: 1\na: é\n"
    assert shown("x", fmt="yaml") == "x\n"
    same = [1]
    assert "&" not in shown({"a": same, "b": same}, fmt="yaml")


@pytest.mark.parametrize(("fmt", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_delimited(fmt, delimiter):
    text = shown([*BUNDLES, {"uuid": 'x"\n,\t'}], fmt=fmt)
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
    assert [row["uuid"] for row in rows] == ["1f3a", "02cc", 'x"\n,\t']
    assert list(rows[0]) == ["uuid", "size", "name", "metadata", "done"]
    assert json.loads(rows[0]["metadata"]) == BUNDLES[0]["metadata"]
    assert (rows[1]["size"], rows[1]["done"]) == ("", "true")
    assert shown({"a": 1, "b": [2]}, fmt=fmt) == f"a{delimiter}b\n1{delimiter}[2]\n"
    assert shown(["x", 1], fmt=fmt) == "value\nx\n1\n"


def test_value():
    assert shown(BUNDLES, fmt="value", columns=["uuid", "size"]) == "1f3a 10\n02cc \n"
    assert shown({"a": "x", "b": 1}, fmt="value") == "x\n1\n"
    assert shown({"a": "x", "b": {"c": 5}}, fmt="value", columns=["b.c"]) == "5\n"
    assert shown(["u1", "u2"], fmt="value") == "u1\nu2\n"
    assert shown("u1", fmt="value") == "u1\n"


def test_shell_is_safe_to_evaluate(tmp_path):
    data = {"Plain": "x", "bad name-1": "$(touch pwned) `id` 'q' \"d\"\n$HOME", "1st": 3, "none": None, "bad_name-1": 2}
    text = shown(data, fmt="shell")
    script = text + '\nprintf \'%s|\' "$plain" "$bad_name_1" "$_1st" "$none" "$bad_name_1_"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout == f"x|{data['bad name-1']}|3||2|"
    assert list(tmp_path.iterdir()) == []
    assert shlex.split(text)[0] == "plain=x"
    with pytest.raises(UsageError, match="requires one object"):
        shown(BUNDLES, fmt="shell")


def test_table():
    assert shown(BUNDLES, fmt="table", columns=["uuid", "size", "metadata.project"]) == textwrap.dedent("""\
        +------+------+------------------+
        | uuid | size | metadata.project |
        +------+------+------------------+
        | 1f3a |   10 | x                |
        | 02cc |      |                  |
        +------+------+------------------+
    """)
    assert "| uuid  | 02cc  |" in shown(BUNDLES[1], fmt="table")
    assert shown([], fmt="table") == ""


def test_tables_are_those_that_cliffs_formatters_draw():
    import prettytable

    for data in (
        BUNDLES,
        [{"a": "", "漢字": "x\ny\n", "n": 1.5}, {"a": "漢字 é", "漢字": None, "n": -1}],
        [{"": None}],
    ):
        drawn = prettytable.PrettyTable()
        drawn.field_names = names = list(dict.fromkeys(name for row in data for name in row))
        for name in names:
            numbers = all(isinstance(row.get(name), int | float | None) for row in data)
            drawn.align[name] = "r" if numbers else "l"
        drawn.add_rows([[cell(row.get(name)) for name in names] for row in data])
        assert shown(data, fmt="table") == drawn.get_string() + "\n"


def test_a_title_that_is_wrapped_has_its_bars():
    assert table([{"a long title": 1, "b": "text"}], None, 18) == textwrap.dedent("""\
        +---------+------+
        |  a long | b    |
        |   title |      |
        +---------+------+
        |       1 | text |
        +---------+------+""")


WIDE = [{f"column{number}": "word " * number + "é漢字" * number for number in range(9)} for _ in range(3)]


@pytest.mark.parametrize("columns", [20, 37, 80, 133, 300])
@pytest.mark.parametrize(
    "data", [WIDE, WIDE[0], [{"uuid": "f" * 36, "version": "v" * 27}] * 2, BUNDLES, ["x" * 500], {"k" * 90: "v" * 90}]
)
def test_tables_fit_the_terminal(terminal, monkeypatch, columns, data):
    monkeypatch.setenv("COLUMNS", str(columns))
    emit(data, fmt="table", stream=terminal)
    text = terminal.getvalue()
    assert max(text_width(line) for line in text.splitlines()) <= columns
    # Nothing is omitted.
    assert text.count("x") >= str(data).count("x")


def test_hostile_values_do_not_reach_the_terminal(terminal):
    evil = "\x1b]0;title\x07\x1b[31mred\x9b2J\r\u202e\x00\x1bc"
    for fmt in [name for name in FORMATS if name != "shell"]:
        emit([{"name": evil, evil: 1}], fmt=fmt, stream=terminal)
    emit({"name": evil, evil: 1}, fmt="shell", stream=terminal)
    # The only escape sequences are our own colours; the one in the value has another number.
    found = re.sub(r"\x1b\[(?:0|32|34|35|36)m", "", terminal.getvalue())
    assert not set(found) & set("\x1b\x07\x9b\r\u202e\x00")
    # Programs get the original text.
    assert json.loads(shown([evil])) == [evil]
    assert yaml.safe_load(shown([evil], fmt="yaml")) == [evil]
    assert shown([evil], fmt="value") == evil + "\n"


def test_values_that_json_does_not_have():
    data = {"nan": float("nan"), "when": datetime.date(2020, 1, 2), "path": Path("a"), "raw": b"\xff", "set": {1}}
    assert json.loads(shown(data)) == {"nan": None, "when": "2020-01-02", "path": "a", "raw": "\\xff", "set": [1]}
    assert yaml.safe_load(shown({"path": Path("a")}, fmt="yaml")) == {"path": "a"}
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    for fmt in ("json", "jsonl", "yaml", "table", "csv"):
        with pytest.raises(HCAError, match="nested too deeply"):
            shown([deep], fmt=fmt)


@pytest.mark.parametrize("fmt", ["json", "jsonl", "yaml", "table", "csv", "value"])
def test_streams_of_another_encoding(fmt):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    emit([{"a": "é\ud800漢"}], fmt=fmt, stream=stream)
    text = raw.getvalue().decode("ascii")
    if fmt in ("json", "jsonl"):
        assert "\\u00e9\\ud800\\u6f22" in text
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8")
    emit([{"a": "é\ud800"}], fmt=fmt, stream=stream)
    assert "é".encode() in raw.getvalue() or fmt == "yaml"


def test_columns_and_sorting():
    assert json.loads(shown(BUNDLES, columns=["size", "metadata.project"])) == [
        {"size": 10, "metadata.project": "x"},
        {"size": None, "metadata.project": None},
    ]
    assert json.loads(shown(BUNDLES[0], columns=["uuid"])) == {"uuid": "1f3a"}
    rows = [{"n": 2, "s": "b"}, {"n": None, "s": "a"}, {"n": 10, "s": "b"}, {"n": "text", "s": "c"}]

    def numbers(*sort):
        return [row["n"] for row in json.loads(shown(rows, sort=sort))]

    assert numbers("n") == [2, 10, "text", None]
    assert numbers("n:desc") == numbers("-n") == ["text", 10, 2, None]
    assert numbers("s", "n:desc") == [None, 10, 2, "text"]
    assert json.loads(shown(["b", "a"], sort="value")) == ["a", "b"]
    for options in ({"columns": ["uid"]}, {"sort": "uid"}):
        with pytest.raises(UsageError, match="unknown column 'uid'; choose from uuid, size") as caught:
            shown(BUNDLES, **options)
        assert caught.value.hint == "did you mean uuid?"
    assert shown([], columns=["anything"], sort="anything") == "[]\n"


def test_queries():
    assert json.loads(shown(BUNDLES, query="[].uuid")) == ["1f3a", "02cc"]
    assert json.loads(shown(BUNDLES, query="length(@)")) == 2
    assert shown(BUNDLES, query="[0].{u: uuid}", fmt="value") == "1f3a\n"
    assert shown(BUNDLES, query="nothing", fmt="value") == "\n"
    for expression, place in (("a[", 3), ("[].uuid |", 10), ("a b", 3), ("'x", 1), ("[?a=b]", 4)):
        with pytest.raises(UsageError, match=f"bad expression at character {place}: ") as caught:
            shown(BUNDLES, query=expression)
        assert "\n" not in str(caught.value)
        assert caught.value.hint
    for expression in ("nofunction(@)", "length(`1`)", "abs(@)"):
        with pytest.raises(UsageError, match="--query: "):
            shown(BUNDLES, query=expression)


def parse(*words, exclude=()):
    import argparse

    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--columns")  # a parameter of an operation
    add_output_options(parser, default="table", exclude=exclude)
    return parser, parser.parse_args(words)


def test_options():
    parser, args = parse("-f", "csv", "-c", "a", "-c", "b", "--sort", "a:desc", "--query", "[]", "--output", "x")
    assert output_options(args) == {
        "fmt": "csv",
        "query": "[]",
        "columns": ["a", "b"],
        "sort": ["a:desc"],
        "output": "x",
    }
    assert output_options(parse()[1]) == {}
    assert output_options(parse()[1], {"output.format": "yaml"}) == {"fmt": "yaml"}
    assert output_options(parse("-f", "csv")[1], {"output.format": "yaml"}) == {"fmt": "csv"}
    assert "(default: table)" in parser.format_help()
    with pytest.raises(Exception, match="invalid choice: 'xml'"):
        parse("-f", "xml")
    parser, args = parse(exclude=["--sort", "output", "format"])
    help_text = parser.format_help()
    assert "--query" in help_text
    assert not any(name in help_text for name in ("--sort", "--output ", "--format"))
    assert output_options(args) == {}


def test_formats_of_other_distributions(tmp_path):
    """A third-party formatter for cliff, found by its entry point."""
    (tmp_path / "shouting.py").write_text(
        textwrap.dedent("""
            from cliff.formatters import base
            class Shout(base.ListFormatter, base.SingleFormatter):
                def add_argument_group(self, parser):
                    parser.add_argument("--mark", default="!")
                def emit_list(self, names, data, stdout, args):
                    for row in data:
                        stdout.write(f"{dict(zip(names, row))}{args.mark}\\n".upper())
                def emit_one(self, names, data, stdout, args):
                    self.emit_list(names, [data], stdout, args)
        """)
    )
    info = tmp_path / "shouting-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[cliff.formatter.list]\nshout = shouting:Shout\nbroken = absent_module:X\n"
        "[cliff.formatter.show]\nshout = shouting:Shout\n"
    )
    script = textwrap.dedent("""
        from hca_base import output
        from hca_base.errors import PluginError
        assert {"shout", "broken", "json"} <= set(output.FORMATS) and "shout" in output.FORMATS
        output.emit([{"a": "x"}, {"a": "y"}], fmt="shout")
        output.emit({"b": "z"}, fmt="shout")
        try:
            output.emit([{"a": "x"}], fmt="broken")
        except PluginError as error:
            print(error)
    """)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[:3] == ["{'A': 'X'}!", "{'A': 'Y'}!", "{'B': 'Z'}!"]
    assert lines[3].startswith("the output format broken cannot be used: ")
    with pytest.raises(UsageError, match="unknown output format 'shout'; choose from json, jsonl"):
        shown([], fmt="shout")
