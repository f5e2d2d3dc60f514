"""Help of ``hca`` and its groups, from names and summaries without importing commands."""

from __future__ import annotations

from collections.abc import Iterable

from hca_base.commands import columns
from hca_base.errors import HCAError
from hca_base.shell._dispatch._catalog import Catalog
from hca_base.shell._dispatch._split import OPTIONS

_INDENT = "  "


def command_help(catalog: Catalog, words: list[str]) -> str | None:
    """Return help of ``hca``, a group or a generated command; None if the command's class is needed.

    Problems of a group are printed to stderr.

    :raises hca_base.errors.UsageError: there is no such command
    """
    if not words:
        return program_help(catalog)
    if catalog.is_bare_group(words):
        text, problems = group_help(catalog, *words)
        for problem in problems:
            from hca_base.output import warn

            warn(problem)
        return text
    found, rest = catalog.find(words)
    if found.service is None or rest:
        return None
    from hca_base.openapi import Alias
    from hca_base.shell._generated._operation_help import alias_help, operation_help

    service = catalog.context.service(found.service)
    if isinstance(found.operation, Alias):
        return alias_help(service, found.operation)
    assert found.operation is not None
    return operation_help(service, found.operation, f"hca {found.name}", catalog.context.config, found.sections)


def program_help(catalog: Catalog) -> str:
    """Return the text of ``hca --help``."""
    lines = [
        "usage: hca [OPTIONS] COMMAND …",
        "",
        "The command line of the Human Cell Atlas and of any service with an OpenAPI document.",
        "",
    ]
    services = catalog.services()
    groups = catalog.groups()
    core_groups = [(name, title) for name, title in groups.items() if name not in services]
    if services:
        lines += ["Services:", *table_lines(sorted(services.items())), ""]
    else:
        lines += [
            "No service is installed. 'pip install hca' installs the services of the Human Cell Atlas;",
            "'hca service add NAME URL' adds any other.",
            "",
        ]
    lines += ["Groups of commands:", *table_lines(core_groups), ""]
    lines += ["Commands:", *table_lines([*catalog.hand_written(), ("help", "Show help for a command or group")]), ""]
    options = [(", ".join(names) + (f" {metavar}" if metavar else ""), text) for names, metavar, text in OPTIONS]
    lines += ["Options (before the command):", *table_lines(options), ""]
    lines += [
        "'hca help COMMAND' explains a command; 'hca search WORD …' finds one by what it does.",
        "'hca' alone at a terminal opens the interactive shell.",
    ]
    return "\n".join(lines) + "\n"


def group_help(catalog: Catalog, group: str, word: str = "") -> tuple[str, list[str]]:
    """Return the text of ``hca help GROUP``, and the group's problems for stderr.

    :param word: first word of some of its commands: only show those
    """
    title = catalog.groups().get(group, "") if not word else ""
    whole = f"{group} {word}" if word else group
    lines = [f"usage: hca {whole} COMMAND …", ""]
    if title:
        lines += [*_wrapped(title, ""), ""]
    problems = list(catalog.warnings(group))
    written = catalog.hand_written(whole)
    if written:
        lines += ["Commands:", *table_lines(_without(group, written)), ""]
    if catalog.is_service(group):
        problem = catalog.service_problem(group)
        if problem is not None:
            problems.append(problem)
        try:
            generated = [each for each in catalog.tagged(group) if each[0].startswith(f"{whole} ")]
            lines += _generated(whole, generated, bool(written))
            if generated and not word:
                lines += [*_naming(group, catalog.index(group).naming), ""]
        except HCAError:
            pass  # service_problem has it
    lines += [f"'hca {whole} COMMAND --help' shows its options."]
    return "\n".join(lines) + "\n", problems


def _generated(group: str, commands: list[tuple[str, str, str]], more: bool) -> list[str]:
    """Return the generated commands grouped by tag, in the document's order."""
    by_tag: dict[str, list[tuple[str, str]]] = {}
    for name, tag, summary in commands:
        by_tag.setdefault(tag, []).append((name, summary))
    heading = "API operations" if more else "Commands (API operations)"
    if len(by_tag) < 2:
        return [f"{heading}:", *table_lines(_without(group, by_tag.popitem()[1])), ""] if by_tag else []
    lines = [f"{heading}, by tag:", ""]
    for tag, rows in by_tag.items():
        lines += [f"{_one_line(tag) or 'others'}:", *table_lines(_without(group, rows)), ""]
    return lines


def _naming(service: str, naming: str) -> list[str]:
    if naming == "path":
        text = "Operations are named by method and path"
    else:
        text = "Operations are named by their operationId, or by method and path; names by path are aliases"
    return _wrapped(f"{text} (services.{service}.naming: {naming}).", "")


def _without(group: str, commands: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name[len(group) + 1 :], summary) for name, summary in commands]


def table_lines(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Format names and texts in two columns, as wide as the terminal."""
    items = [(name, _one_line(text)) for name, text in rows]
    if not items:
        return []
    width = columns()
    # A few very long names must not shift all texts to the right.
    lengths = sorted(len(name) for name, _ in items)
    left = min(max(lengths[int(len(lengths) * 0.9)] if len(lengths) > 10 else lengths[-1], 8), 32, max(width // 2, 8))
    lines = []
    for name, text in items:
        start = f"{_INDENT}{name:<{left}}"
        if not text:
            lines.append(start.rstrip())
            continue
        wrapped = _wrapped(text, " " * (left + 4))
        if len(name) > left:
            lines += [start, *wrapped]
        else:
            lines += [f"{start}  {wrapped[0].lstrip()}", *wrapped[1:]]
    return lines


def _one_line(text: str) -> str:
    """Return the first line of a summary, without control sequences."""
    line = " ".join(text.split())
    return "".join(character for character in line if character.isprintable())


def _wrapped(text: str, indent: str) -> list[str]:
    """Break text at spaces. (Importing textwrap takes 5 ms.)"""
    width = max(columns() - len(indent) - 1, 16)
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(indent + line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, indent + line]
