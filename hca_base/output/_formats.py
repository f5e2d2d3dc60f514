"""The output formats for rows and objects."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

from hca_base.errors import PluginError, UsageError
from hca_base.output._digits import Digits, read_shown
from hca_base.output._sink import Sink
from hca_base.output._table import cell, columns_of, is_list, pick, row_of, without_nan, written
from hca_base.output._terminal import safe_json, safe_text

BUILT_IN = ("json", "jsonl", "yaml", "table", "csv", "tsv", "value", "shell")
STREAMING = frozenset({"json", "jsonl", "yaml"})
"""Formats that need no more than one item at a time."""
STREAMING_WITH_COLUMNS = frozenset({"csv", "tsv", "value"})
"""Formats that do, once the columns are known."""

_GROUPS = {True: "cliff.formatter.list", False: "cliff.formatter.show"}


class _Formats(Collection[str]):
    """The names of the formats, including those of other distributions, which are looked up on demand."""

    def __contains__(self, name: object) -> bool:
        return name in BUILT_IN or name in _others()

    def __iter__(self) -> Iterator[str]:
        yield from BUILT_IN
        yield from sorted(_others() - set(BUILT_IN))

    def __len__(self) -> int:
        return sum(1 for _ in self)


FORMATS: Collection[str] = _Formats()


def _others() -> set[str]:
    from importlib.metadata import entry_points

    return {entry.name for group in _GROUPS.values() for entry in entry_points(group=group)}


def write(data: Any, fmt: str, sink: Sink, columns: Sequence[str] | None) -> None:
    """Write a complete result.

    :param columns: the columns selected by the user, if any
    :raises UsageError: the format is unknown, or does not support the result
    """
    if fmt == "json":
        sink.write(_shown_json(json_text(data, sink, indent=2), sink) + "\n")
    elif fmt == "yaml":
        sink.write(_yaml(data))
    elif fmt == "shell":
        _shell(data, sink)
    elif fmt == "table":
        from hca_base.output._table import table

        text = table(data, columns, sink.width)
        # Write nothing, not a blank line, for an empty list without columns.
        sink.write(text + "\n" if text or not is_list(data) else "")
    elif fmt in ("jsonl", "csv", "tsv", "value"):
        if fmt == "value" and isinstance(data, Mapping):
            data, columns = [pick(data, name) for name in columns or columns_of([data])], None
        items = data if is_list(data) else [data]
        write_items(items, fmt, sink, columns or columns_of(row_of(item) for item in items))
    else:
        _third_party(data, fmt, sink, columns)


def write_items(items: Iterable[Any], fmt: str, sink: Sink, columns: Sequence[str] | None) -> None:
    """Write items as they arrive; each is flushed before the next is requested."""
    if fmt == "jsonl":
        for item in items:
            sink.write(_shown_json(json_text(item, sink), sink) + "\n")
            sink.end_item()
    elif fmt == "json":
        _json_array(items, sink)
    elif fmt == "yaml":
        empty = True
        for item in items:
            sink.write(_yaml([item]))
            sink.end_item()
            empty = False
        if empty:
            sink.write("[]\n")
    elif fmt == "value":
        for item in items:
            row = row_of(item)
            sink.write(_for(sink, " ".join(cell(pick(row, name)) for name in columns or row)) + "\n")
            sink.end_item()
    else:
        _delimited(items, fmt, sink, list(columns or ()))


def json_text(data: Any, sink: Sink, indent: int | None = None) -> str:
    """Return JSON that the sink can encode and that is safe for a terminal."""
    try:
        text = written(data, indent)
    except ValueError:
        text = written(without_nan(data), indent)
    if text.isascii() and "\x7f" not in text:
        # The common case: JSON escapes the other control characters of ASCII, and every encoding supports the rest.
        return text
    text = safe_json(text)
    if sink.can_encode(text):
        return text
    return written(without_nan(data), indent, ensure_ascii=True)


def _shown_json(text: str, sink: Sink) -> str:
    if not sink.color:
        return text
    from hca_base.output._colour import coloured_json

    return coloured_json(text)


def _json_array(items: Iterable[Any], sink: Sink) -> None:
    """A JSON array, formatted like ``json.dumps`` with an indent of 2."""
    first = True
    for item in items:
        text = _shown_json(json_text(item, sink, indent=2), sink).replace("\n", "\n  ")
        sink.write(("[\n  " if first else ",\n  ") + text)
        sink.end_item()
        first = False
    sink.write("[]\n" if first else "\n]\n")


def _yaml(data: Any) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True  # no anchors such as `&id001`

    def number(dumper: Any, value: Digits) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:float", _yaml_number(value.text))

    Dumper.add_representer(Digits, number)
    plain = read_shown(written(without_nan(data)))
    options: dict[str, Any] = {"Dumper": Dumper, "sort_keys": False, "default_flow_style": False}
    text: str = yaml.dump(plain, allow_unicode=True, **options)
    if safe_text(text) != text:
        text = yaml.dump(plain, allow_unicode=False, **options)  # with non-ASCII characters escaped
    # Remove the end-of-document marker that a single scalar gets.
    return text.removesuffix("...\n")


def _yaml_number(text: str) -> str:
    """Return a JSON number for all versions of YAML: with a decimal point and an exponent sign."""
    mantissa, e, exponent = text.lower().partition("e")
    mantissa += "" if "." in mantissa else ".0"
    return f"{mantissa}{e}{'' if exponent[:1] in ('', '+', '-') else '+'}{exponent}"


def _delimited(items: Iterable[Any], fmt: str, sink: Sink, columns: list[str]) -> None:
    import csv

    class Lines:
        """The file interface for ``csv``."""

        def write(self, text: str) -> None:
            sink.write(_for(sink, text))

    writer = csv.writer(Lines(), delimiter="\t" if fmt == "tsv" else ",", lineterminator="\n")
    if columns:
        writer.writerow(columns)
    for item in items:
        row = row_of(item)
        writer.writerow([cell(pick(row, name)) for name in columns])
        sink.end_item()


def _shell(data: Any, sink: Sink) -> None:
    if is_list(data):
        raise UsageError("-f shell requires one object, but the result is a list", hint="select one with --query '[0]'")
    import shlex

    used: set[str] = set()
    for name, value in row_of(data).items():
        name = re.sub(r"[^0-9a-z_]", "_", str(name).lower()) or "_"
        name = f"_{name}" if name[0].isdigit() else name
        while name in used:
            name += "_"
        used.add(name)
        sink.write(_for(sink, f"{name}={shlex.quote(cell(value))}") + "\n")


def _for(sink: Sink, text: str) -> str:
    """Write values unchanged to files and pipes, and without control sequences to a terminal."""
    return safe_text(text) if sink.terminal else text


def _third_party(data: Any, fmt: str, sink: Sink, columns: Sequence[str] | None) -> None:
    """Use a cliff formatter of another distribution."""
    import argparse

    formatter = _load(fmt, is_list(data))
    parser = argparse.ArgumentParser(add_help=False)
    formatter.add_argument_group(parser)
    # Its options have their default values.
    args = parser.parse_args([])
    rows = [row_of(item) for item in data] if is_list(data) else [row_of(data)]
    names = list(columns or columns_of(rows))
    stream: TextIO = sink.text
    if hasattr(formatter, "emit_list") and (is_list(data) or not hasattr(formatter, "emit_one")):
        formatter.emit_list(names, [tuple(pick(row, name) for name in names) for row in rows], stream, args)
    elif is_list(data):
        raise UsageError(
            f"-f {fmt} requires one object, but the result is a list", hint="select one with --query '[0]'"
        )
    else:
        formatter.emit_one(names, tuple(pick(rows[0], name) for name in names), stream, args)


def _load(fmt: str, many: bool) -> Any:
    from importlib.metadata import entry_points

    from stevedore.driver import DriverManager

    for group in (_GROUPS[many], _GROUPS[not many]):
        if not any(entry.name == fmt for entry in entry_points(group=group)):
            continue
        try:
            return DriverManager(group, fmt, invoke_on_load=True, warn_on_missing_entrypoint=False).driver
        except (Exception, SystemExit) as error:  # noqa: BLE001 -- somebody else's code
            raise PluginError(f"the output format {fmt} cannot be used: {error}") from None
    raise UsageError(f"unknown output format {fmt!r}; choose from {', '.join(FORMATS)}")
