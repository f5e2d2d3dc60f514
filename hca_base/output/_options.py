"""The command line options for output."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from typing import Any

from hca_base.output._formats import BUILT_IN, FORMATS

#: Prefix of the second name of hca's options, which is reserved.
OWN = "--hca-"


def own_flags(taken: Collection[str], *flags: str) -> list[str]:
    """Return the names of an option that an API's parameters do not use, including the reserved one.

    :param taken: the options of the parameters, with their dashes
    :param flags: the option's names, the long one last
    """
    return [flag for flag in (*flags, OWN + flags[-1].lstrip("-")) if flag not in taken]


def add_output_options(parser: Any, default: str = "json", exclude: Collection[str] = ()) -> Any:
    """Add ``-f/--format``, ``--query``, ``-c/--column``, ``--sort`` and ``--output`` to a parser.

    Each has a second name, ``--hca-format`` and so on, which the help shows where the first is taken. The values are
    stored under names that begin with ``output_``, so that no parameter of an operation meets them; take them with
    :func:`output_options`.

    :param default: the format if the user names none
    :param exclude: names that parameters of the command take (``--query``), or options to leave out altogether
        (``query``)
    :return: the group of the options
    """
    group = parser.add_argument_group("output options")

    def add(*flags: str, **options: Any) -> None:
        if flags[-1].lstrip("-") not in exclude:
            group.add_argument(*own_flags(exclude, *flags), default=None, **options)

    add(
        "-f",
        "--format",
        dest="output_format",
        metavar="FORMAT",
        choices=FORMATS,
        help=f"{', '.join(BUILT_IN)} (default: {default})",
    )
    add(
        "--query",
        dest="output_query",
        metavar="JMESPATH",
        type=_query,
        help="show only what this JMESPath expression selects",
    )
    add(
        "-c",
        "--column",
        dest="output_columns",
        metavar="COLUMN",
        action="append",
        help="show this column (key) only; may be repeated",
    )
    add(
        "--sort",
        dest="output_sort",
        metavar="COLUMN",
        action="append",
        help="sort a list by this column; COLUMN:desc for the largest first; may be repeated",
    )
    add("--output", dest="output_file", metavar="FILE", help="write the result to FILE instead of stdout")
    return group


def _query(expression: str) -> str:
    """Check an expression, so that errors are reported before the command does anything."""
    from hca_base.output._query import compile_query

    compile_query(expression)
    return expression


def output_options(args: argparse.Namespace, config: Any = None) -> dict[str, Any]:
    """The arguments of :func:`hca_base.output.emit` that a user gave.

    :param config: settings, whose ``output.format`` holds where the user named no format
    :return: some of ``fmt``, ``query``, ``columns``, ``sort``, ``output``
    """
    found = {
        "fmt": getattr(args, "output_format", None),
        "query": getattr(args, "output_query", None),
        "columns": getattr(args, "output_columns", None),
        "sort": getattr(args, "output_sort", None),
        "output": getattr(args, "output_file", None),
    }
    if found["fmt"] is None and config is not None:
        found["fmt"] = config.get("output.format")
    return {name: value for name, value in found.items() if value is not None}
