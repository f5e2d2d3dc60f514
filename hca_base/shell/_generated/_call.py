"""Call an operation from the command line and write what it returns."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hca_base.shell._generated._answer import write, write_answer, write_head
from hca_base.shell._generated._request_options import headers_of

if TYPE_CHECKING:
    from hca_base.openapi import Operation, Page
    from hca_base.shell._generated._caller import Caller

#: Formats that show a paged answer as one document, as hca 7 did; all others show its items.
_WHOLE = ("json", "yaml", "shell")


def call(command: Caller, operation: Operation, values: dict[str, Any], args: argparse.Namespace) -> int:
    """Call ``operation`` with ``values`` and write the result as the output options in ``args`` say.

    JSON is written in the chosen format, text and bytes as they come, the headers for HEAD. All pages are got, unless
    ``--no-paginate`` was given: as one document, or, where the format is a list's, one item after the other while
    further pages are still to come. ``--query`` always sees the whole document, whatever the format.
    """
    from hca_base.http import is_json, media_type, read_whole
    from hca_base.openapi import is_json_by_another_name, may_page
    from hca_base.output import output_options

    client = command.service_client(command.service.name)
    client.server = getattr(args, "request_server", None)
    options = output_options(args, command.config)
    plan = command.paging
    headers = headers_of(args)
    with client.stream(operation, values, headers=headers) as response:
        write_head(command, response, args)
        if operation.method == "HEAD":
            write(command, dict(response.headers), options)
            return 0
        kind = media_type(response.headers.get("Content-Type"))
        listed = plan is not None or operation.method == "GET"
        if response.is_redirect or not listed or not (is_json(kind) or _may_be(operation, kind)):
            write_answer(command, client, operation, response, options)
            return 0
        body = read_whole(response, client.session.settings)
        if not body.strip() or not (is_json(kind) or is_json_by_another_name(operation.produces, kind, body)):
            write_answer(command, client, operation, response, options)
            return 0
    pages: Iterator[Page] = client.pages(
        operation, values, headers=headers, first=response, follow=plan is not None or may_page(operation)
    )
    if not getattr(args, "paginate", True):
        pages = itertools.islice(pages, 1)
    _write_pages(command, pages, plan is not None, getattr(args, "limit", None), options)
    return 0


def _may_be(operation: Operation, kind: str) -> bool:
    from hca_base.openapi import is_json_by_another_name

    return is_json_by_another_name(operation.produces, kind, b"[")


def _write_pages(
    command: Caller, pages: Iterator[Page], planned: bool, limit: int | None, options: dict[str, Any]
) -> None:
    """Write a list that may have further pages.

    :param planned: it is known to have pages, so that an object is a page of items even if no other follows
    """
    from hca_base.openapi import joined
    from hca_base.output import emit_stream

    fmt = options.setdefault("fmt", "json")
    first = next(pages)
    all_pages = itertools.chain([first], pages)
    by_item = fmt not in _WHOLE or options.get("columns") or options.get("sort")
    if by_item and not options.get("query") and first.path is not None and (planned or first.path == ()):
        found = itertools.chain.from_iterable(page.items for page in all_pages)
        items = command.remembered(itertools.islice(found, limit))
        emit_stream(items, **options, **({} if options.get("output") else {"stream": command.stdout}))
        return
    write(command, joined(list(_up_to(all_pages, limit)), limit), options)


def _up_to(pages: Iterator[Page], limit: int | None) -> Iterator[Page]:
    """Pages until there are enough items: the next one is not asked for then."""
    count = 0
    for page in pages:
        yield page
        count += len(page.items)
        if limit is not None and count >= limit:
            return
