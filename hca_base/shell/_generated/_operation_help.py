"""Help of generated commands, from the operations of a service's document."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hca_base.shell._generated._arguments import OperationParser

if TYPE_CHECKING:
    from hca_base.config import Config
    from hca_base.openapi import Alias, Operation
    from hca_base.plugins import Service


def operation_help(service: Service, operation: Operation, prog: str, config: Config, sections: Iterable[str]) -> str:
    """Return the help of a generated command without its class.

    :param sections: sections of the settings with defaults for its options
    """
    parser = parser_of(service, operation, prog, config)
    for section in sections:
        parser.apply_defaults(config.command_defaults(section), section, config.origin)
    return parser.format_help()


def alias_help(service: Service, alias: Alias) -> str:
    """Return the help of a name that several operations share."""
    many = "the path parameters select one"
    if not alias.safe:
        many += ", and all of them are required, because the operations change data"
    lines = [f"usage: hca {service.name} {alias.command} OPTION …", ""]
    lines += [f"Another name of {len(alias.operations)} commands; {many}:", ""]
    for each in alias.operations:
        lines += [f"  {each.command}", f"      {_ways(each)}: {each.method} {each.path}"]
    lines += ["", f"'hca {service.name} COMMAND --help' shows its options."]
    return "\n".join(lines) + "\n"


def parser_of(service: Service, operation: Operation, prog: str, config: Config | None = None) -> OperationParser:
    """Return the parser of a generated command.

    :param config: settings, which may configure the operation's pagination
    """
    from hca_base.openapi import may_page, paging_of

    plan = paging_of(operation, service.name, config)
    return OperationParser(
        operation,
        prog,
        lambda: (
            description(operation, f"pages: {plan}" if plan is not None else ""),
            epilog(service, operation, plan is not None),
        ),
        pages=plan is not None or may_page(operation),
    )


def description(operation: Operation, pages: str = "") -> str:
    """Return summary and description as plain text.

    :param pages: a line about pagination
    """
    from hca_base.commands import columns
    from hca_base.output import plain_text

    width = max(20, min(columns(), 100) - 2)
    summary = " ".join(plain_text(operation.summary, 10_000).split())
    body = plain_text(operation.description, width).strip("\n")
    if body.split("\n")[0].strip() == summary:
        summary = ""
    parts = [part for part in (summary, body) if part]
    if operation.deprecated:
        parts.append("Deprecated: the service may remove it.")
    parts.append(f"{operation.method} {operation.path}")
    if pages:
        parts.append(pages)
    if operation.auth == "required":
        parts.append("Requires credentials (see 'hca auth status').")
    return "\n\n".join(parts)


def _ways(operation: Operation) -> str:
    options = [p.option for p in operation.parameters if p.location == "path"]
    return " ".join(options) or "no path parameter"


def epilog(service: Service, operation: Operation, paged: bool = False) -> str:
    """Return an example, and the same call in Python."""
    from hca_base.openapi import example_value

    arguments = [(parameter, example_value(parameter)) for parameter in operation.required]
    words = ["hca", service.name, operation.command]
    for parameter, value in arguments:
        words.append(parameter.option)
        words += [_word(each) for each in (value if isinstance(value, list) else [value])]
    python = ", ".join(f"{parameter.python_name}={value!r}" for parameter, value in arguments)
    lines = ["example:", f"  {' '.join(words)}", "", "in Python:"]
    lines += [f'  client = hca_base.client("{service.name}")']
    lines += [f"  client.{operation.method_name}({python})"]
    if paged:
        lines += ["  # the above returns the first page; this iterates over the items of all pages:"]
        lines += [f"  for item in client.{operation.method_name}.iterate({python}):", "      ..."]
    return "\n".join(lines)


def _word(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if text == "..." else shlex.quote(text)
