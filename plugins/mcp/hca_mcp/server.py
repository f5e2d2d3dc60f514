"""The server: tools and documents of the selected services, over the Model Context Protocol."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hca_base.errors import HCAError, UsageError
from hca_base.output import counted
from hca_mcp.results import cut, text_of
from hca_mcp.tools import OFFSET, PAGE, QUERY, Tool

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server
    from mcp.types import CallToolResult

    from hca_base.openapi import Client

_INSTRUCTIONS = (
    "Tools call operations of data services. Long results are cut, and say how to get the rest. Prefer the argument "
    f"{QUERY} (JMESPath) to reading long results."
)


class Front:
    """Shared state of the server's handlers.

    :param tools: selected by the user; no others can be called
    :param clients: by service
    :param max_bytes: maximum size of one result
    """

    def __init__(self, tools: list[Tool], clients: dict[str, Client], max_bytes: int) -> None:
        self.tools = {tool.name: tool for tool in tools}
        self.clients = clients
        self.max_bytes = max_bytes

    def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Call a tool and return the text of its result.

        :raises HCAError: an unknown tool, invalid arguments, or the service's error
        """
        tool = self.tools.get(name)
        if tool is None:
            raise UsageError(f"no such tool: {name}")
        values = dict(arguments)
        query, offset, number = values.pop(QUERY, None), values.pop(OFFSET, 0), values.pop(PAGE, 1)
        for argument, value, least in ((OFFSET, offset, 0), (PAGE, number, 1)):
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise UsageError(f"{argument} must be a whole number from {least}, not {value!r}")
        hidden = [
            parameter.python_name
            for parameter in tool.operation.parameters
            if parameter.credential and parameter.python_name in values
        ]
        if hidden:
            raise UsageError(f"{', '.join(hidden)}: credentials are the user's, and cannot be passed by a tool")
        if not tool.read_only:
            return cut(text_of(tool.client.invoke(tool.operation, values), query), offset, self.max_bytes)
        result, more = page_of(tool, values, number)
        text = cut(text_of(result, query), offset, self.max_bytes)
        if more:
            text += f"\n[page {number}; the service has more: call again with {PAGE}={number + 1}]"
        return text

    def document(self, uri: str) -> str:
        """Return the OpenAPI document of a resource.

        :raises UsageError: an unknown resource
        """
        service = uri.removeprefix("hca://").removesuffix("/openapi.json")
        if uri != uri_of(service) or service not in self.clients:
            raise UsageError(f"no such resource: {uri}")
        return json.dumps(self.clients[service].document.root, ensure_ascii=False)


def page_of(tool: Tool, values: dict[str, Any], number: int) -> tuple[Any, bool]:
    """Return a page of a list, and whether there is another one after it; any other result is page 1.

    :raises UsageError: there are fewer pages
    """
    pages = tool.client.pages(tool.operation, values)
    page = next(pages)
    for before in range(1, number):
        following = next(pages, None)
        if following is None:
            raise UsageError(f"{PAGE}={number}: the result has {counted(before, 'page')}")
        page = following
    try:
        more = next(pages, None) is not None
    except HCAError:
        more = True  # requesting that page reports its error
    return page.body, more


def uri_of(service: str) -> str:
    """Return the URI of a service's document."""
    return f"hca://{service}/openapi.json"


def make_server(front: Front, version: str) -> Server[Any]:
    """Return the server object of the protocol's SDK."""
    import anyio
    from mcp import types
    from mcp.server.lowlevel import Server

    async def list_tools(context: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[described(tool) for tool in front.tools.values()])

    async def call_tool(context: Any, params: types.CallToolRequestParams) -> CallToolResult:
        # Our clients block, so calls run in a thread to keep the connection responsive.
        return await anyio.to_thread.run_sync(answered, front, params.name, dict(params.arguments or {}))

    async def list_resources(context: Any, params: Any) -> types.ListResourcesResult:
        listed = [
            types.Resource(name=f"{service} document", uri=uri_of(service), mime_type="application/json")
            for service in front.clients
        ]
        return types.ListResourcesResult(resources=listed)

    async def read_resource(context: Any, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        text = await anyio.to_thread.run_sync(front.document, str(params.uri))
        contents = types.TextResourceContents(uri=params.uri, mime_type="application/json", text=text)
        return types.ReadResourceResult(contents=[contents])

    return Server(
        "hca",
        version=version,
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_read_resource=read_resource,
    )


def described(tool: Tool) -> Any:
    """Return a tool in the protocol's format."""
    from mcp import types

    operation = tool.operation
    return types.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=tool.schema(),
        annotations=types.ToolAnnotations(
            title=f"{tool.service} {operation.command}",
            read_only_hint=tool.read_only,
            destructive_hint=not tool.read_only,
            idempotent_hint=operation.idempotent,
            open_world_hint=True,
        ),
    )


def answered(front: Front, name: str, arguments: dict[str, Any]) -> CallToolResult:
    """Call a tool; an error becomes an error result, with the command line's message."""
    from mcp import types

    from hca_base.http import redact

    try:
        text, failed = front.call(name, arguments), False
    except HCAError as error:
        text = redact(f"error: {error}" + (f"\nhint: {error.hint}" if error.hint else ""))
        failed = True
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=failed)


def serve(front: Front, version: str) -> None:
    """Serve one assistant over stdin and stdout, until they are closed."""
    import anyio
    from mcp.server.stdio import stdio_server

    server = make_server(front, version)

    async def run() -> None:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    anyio.run(run)
