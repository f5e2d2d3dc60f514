"""Call an operation from the command line, and write JSON in the chosen format or other bodies unchanged."""

from __future__ import annotations

import argparse
import codecs
import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from hca_base.errors import UsageError
from hca_base.shell._generated._request_options import headers_of

if TYPE_CHECKING:
    import requests

    from hca_base.commands import Context
    from hca_base.config import Config
    from hca_base.openapi import Client, Operation, Page
    from hca_base.plugins import Service


class Caller(Protocol):
    """The interface of the command for a call."""

    service: ClassVar[Service]

    @property
    def context(self) -> Context: ...

    @property
    def config(self) -> Config: ...

    @property
    def stdout(self) -> Any: ...

    def service_client(self, name: str) -> Any: ...

    def emit(self, data: Any, args: argparse.Namespace | None = None, **options: Any) -> None: ...

    def note(self, message: str) -> None: ...

    def remember(self, data: Any) -> None: ...

    def remembered(self, items: Iterable[Any]) -> Iterator[Any]: ...


#: Formats that show a paginated result as one document, like hca 7; all others show its items.
_WHOLE = ("json", "yaml", "shell")


def call(command: Caller, operation: Operation, values: dict[str, Any], args: argparse.Namespace) -> int:
    """Call ``operation`` with ``values`` and write the result according to the output options in ``args``.

    JSON is written in the chosen format, text and bytes unchanged, and the headers for HEAD. All pages are fetched,
    unless ``--no-paginate`` is set: as one document or, for list formats, item by item while further pages are
    fetched. ``--query`` always applies to the whole document, regardless of the format.
    """
    from hca_base.http import is_json, media_type, read_whole
    from hca_base.openapi import is_json_by_another_name, may_page, paging_of
    from hca_base.output import output_options

    client = command.service_client(command.service.name)
    client.server = getattr(args, "request_server", None)
    options = output_options(args, command.config)
    plan = paging_of(operation, command.service.name, command.config)
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
    follow = plan is not None or may_page(operation)
    pages: Iterator[Page] = client.pages(operation, values, headers=headers, first=response, follow=follow, digits=True)
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

    :param planned: pagination is known, so an object is a page of items even if no other page follows
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
    """Yield pages until there are enough items, without fetching further ones."""
    count = 0
    for page in pages:
        yield page
        count += len(page.items)
        if limit is not None and count >= limit:
            return


#: Bytes of a response without a media type that are checked for text.
_LOOKED_AT = 4096


def write_head(command: Caller, response: requests.Response, args: argparse.Namespace) -> None:
    """Write the status and headers for ``--include``."""
    chosen = getattr(args, "include", None)
    if not chosen:
        return
    from hca_base.http import redact_headers
    from hca_base.output import safe_text

    version = {10: "1.0", 11: "1.1"}.get(getattr(response.raw, "version", 11), "2")
    lines = [f"HTTP/{version} {response.status_code} {response.reason or ''}".rstrip()]
    wanted = {name.lower() for name in chosen}
    for name, value in redact_headers(response.headers).items():
        if "*" in wanted or name.lower() in wanted:
            lines.append(f"{name}: {value}")
    command.stdout.write("".join(f"{safe_text(line, one_line=True)}\n" for line in [*lines, ""]))
    command.stdout.flush()


def write_answer(
    command: Caller,
    client: Client,
    operation: Operation,
    response: requests.Response,
    options: dict[str, Any],
) -> None:
    """Write the body of a response.

    :param options: arguments of :func:`hca_base.output.emit`; with ``fmt`` only if the user chose a format
    :raises ServiceError: the body does not match its media type, or is a web page although data is declared
    :raises UsageError: an option selects parts of a body that has none
    """
    from hca_base.http import is_json, is_json_lines, is_textual, iter_body, media_type, read_whole, unexpected_page
    from hca_base.openapi import is_json_by_another_name, json_lines
    from hca_base.output import emit_stream, is_terminal

    if response.is_redirect:
        # A redirect to a non-HTTP URL is not followed; its location is the result.
        write(command, {"location": response.headers["Location"]}, options)
        return
    error = unexpected_page(response, operation.produces)
    if error is not None:
        raise error
    kind = media_type(response.headers.get("Content-Type"))
    picks = any(options.get(name) for name in ("query", "columns", "sort"))
    if is_json(kind):
        body = read_whole(response, client.session.settings)
        if body.strip():
            _write_json(command, body, response, options)
        else:
            _tell_place(command, response)
        return
    if is_json_lines(kind) and (picks or "fmt" in options):
        options.setdefault("fmt", "json")
        items = command.remembered(json_lines(response, digits=True))
        emit_stream(items, **options, **({} if options.get("output") else {"stream": command.stdout}))
        return
    chunks = iter_body(response, eager=is_textual(kind))
    first = next(chunks, b"")
    if is_json_by_another_name(operation.produces, kind, first):
        rest = b"".join(itertools.chain([first], chunks))
        _write_json(command, rest, response, options)
        return
    if picks:
        raise UsageError(
            f"the response is {kind or 'without a content type'}, not JSON: --query and columns require JSON"
        )
    output = options.get("output")
    if not first and output is None:
        _tell_place(command, response)
        return
    chunks = itertools.chain([first], chunks)
    if output is None and is_terminal(command.stdout) and (is_textual(kind) or (not kind and _is_text(first))):
        _show_text(command.stdout, chunks, response.headers.get("Content-Type"))
        return
    _write_bytes(command, chunks, output, response)


def _write_bytes(command: Caller, chunks: Iterator[bytes], output: Any, response: requests.Response) -> None:
    """Write a body unchanged, and show progress on stderr if it goes to a file."""
    from hca_base.output import Progress, emit_bytes

    if output is None or str(output) == "-":
        emit_bytes(chunks, output=output, stream=command.stdout)
        return
    length = response.headers.get("Content-Length", "")
    encoded = response.headers.get("Content-Encoding", "identity") not in ("", "identity")
    size = int(length) if length.isdigit() and not encoded else None

    def counted(task: Any) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            task.advance(len(chunk))

    with (
        Progress("download", files=1, bytes=size, mode=command.context.progress) as progress,
        progress.task(str(output), size) as task,
    ):
        emit_bytes(counted(task), output=output, stream=command.stdout)


def write(command: Caller, data: Any, options: dict[str, Any]) -> None:
    """Write a JSON value; nothing for None."""
    if data is None:
        return
    command.remember(data)
    command.emit(data, None, **{"fmt": "json", **options})


def _write_json(command: Caller, body: bytes, response: requests.Response, options: dict[str, Any]) -> None:
    from hca_base.http import parse_json

    write(command, parse_json(body, response, digits=True), options)


def _tell_place(command: Caller, response: requests.Response) -> None:
    """Write the location or retry time that a response without a body may have in its headers."""
    from hca_base.http import redact

    told = [
        f"{name}: {redact(response.headers[name])}"
        for name in ("Location", "Retry-After")
        if name in response.headers and response.status_code in (201, 202)
    ]
    if told:
        command.note(f"{response.status_code} {response.reason or ''}".rstrip() + f"; {'; '.join(told)}")


def _show_text(stream: Any, chunks: Iterator[bytes], content_type: str | None) -> None:
    """Write text to a terminal as it arrives, without control sequences."""
    from hca_base.http import charset_of
    from hca_base.output import encodable, safe_text

    decoder = None
    last = held = ""
    for chunk in chunks:
        if decoder is None:
            decoder = codecs.getincrementaldecoder(charset_of(content_type, chunk))("replace")
        text = held + decoder.decode(chunk)
        # The second half of a line ending may be in the next chunk.
        held = "\r" if text.endswith("\r") else ""
        shown = safe_text(text.removesuffix("\r"))
        stream.write(encodable(shown, stream))
        stream.flush()
        last = shown[-1:] or last
    if last != "\n":
        stream.write("\n")


def _is_text(start: bytes) -> bool:
    """Return True if the beginning of a body without a media type is text."""
    piece = start[:_LOOKED_AT]
    if b"\0" in piece:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(piece)
        return True
    except UnicodeDecodeError:
        return False
