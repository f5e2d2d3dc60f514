"""Call an operation from the command line and write what it returns."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from hca_base.shell._generated._answer import write, write_answer, write_head

if TYPE_CHECKING:
    from hca_base.openapi import Operation
    from hca_base.shell._generated._operation_command import OperationCommand

#: Formats that show a paged answer as one document, as hca 7 did; all others show its items.
_WHOLE = ("json", "yaml", "shell")


def call(command: OperationCommand, operation: Operation, values: dict[str, Any], args: argparse.Namespace) -> int:
    """Call ``operation`` with ``values`` and write the result as the output options in ``args`` say.

    JSON is written in the chosen format, bytes as they are, the headers for HEAD. All pages are got, unless
    ``--no-paginate`` was given: as one document, or, where the format is a list's, one item after the other while
    further pages are still to come. ``--query`` always sees the whole document, whatever the format.
    """
    from hca_base.output import emit_stream, output_options

    client = command.service_client(command.service.name)
    options = output_options(args, command.config)
    if operation.paginated and getattr(args, "paginate", True):
        options.setdefault("fmt", "json")
        by_item = options["fmt"] not in _WHOLE or options.get("columns") or options.get("sort")
        if by_item and not options.get("query"):
            items = command.remembered(client.iterate(operation, values))
            emit_stream(items, **options, **({} if options.get("output") else {"stream": command.stdout}))
        else:
            write(command, client.invoke(operation, values, paginate=True), options)
        return 0
    with client.stream(operation, values) as response:
        write_head(command, response, args)
        if operation.method == "HEAD":
            write(command, dict(response.headers), options)
        else:
            write_answer(command, client, operation, response, options)
    return 0
