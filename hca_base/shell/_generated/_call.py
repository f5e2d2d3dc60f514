"""Call an operation from the command line and write what it returns."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hca_base.errors import ServiceError, UsageError

if TYPE_CHECKING:
    import requests

    from hca_base.openapi import Client, Operation
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
    options.setdefault("fmt", "json")
    if operation.paginated and getattr(args, "paginate", True):
        by_item = options["fmt"] not in _WHOLE or options.get("columns") or options.get("sort")
        if by_item and not options.get("query"):
            items = command.remembered(client.iterate(operation, values))
            emit_stream(items, **options, **({} if options.get("output") else {"stream": command.stdout}))
        else:
            _write(command, client.invoke(operation, values, paginate=True), options)
        return 0
    if operation.method == "HEAD":
        response = client.invoke(operation, values)
        _write(command, dict(response.headers), options)
        return 0
    with client.stream(operation, values) as response:
        _write_response(command, client, response, options)
    return 0


def _write_response(
    command: OperationCommand, client: Client, response: requests.Response, options: dict[str, Any]
) -> None:
    from hca_base.http import iter_body, read_whole
    from hca_base.output import emit_bytes, is_terminal, safe_text

    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        body = read_whole(response, client.session.settings)
        if body.strip():
            _write(command, _parsed(body, response), options)
        return
    if options.get("query") or options.get("columns") or options.get("sort"):
        raise UsageError(f"the answer is {kind or 'of no stated type'}, not JSON: there is nothing to choose from")
    output = options.get("output")
    if output is None and kind.startswith("text/") and is_terminal(command.stdout):
        text = read_whole(response, client.session.settings).decode("utf-8", "replace")
        command.stdout.write(safe_text(text).rstrip("\n") + "\n")
        return
    chunks = iter_body(response)
    first = next(chunks, b"")
    if first or output is not None:
        emit_bytes(_after(first, chunks), output=output, stream=command.stdout)


def _after(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _parsed(body: bytes, response: requests.Response) -> Any:
    try:
        return json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else "not JSON, though it says so"
        raise ServiceError(
            f"the service's answer is {why}", status=response.status_code, reason="unexpected_answer", response=response
        ) from None


def _write(command: OperationCommand, data: Any, options: dict[str, Any]) -> None:
    if data is None:
        return
    if isinstance(data, bytes):
        from hca_base.output import emit_bytes

        emit_bytes(data, output=options.get("output"), stream=command.stdout)
        return
    command.remember(data)
    command.emit(data, None, **options)
