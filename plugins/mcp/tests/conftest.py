"""Fixtures for tests of the MCP plugin: services on loopback, and a client from the protocol's SDK."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from hca_azul.testing import EmbeddedAzul
from hca_cellxgene.testing import EmbeddedCellxgene

from tests.lib.runner import Runner

if TYPE_CHECKING:
    from mcp.client.client import Client


@pytest.fixture
def cellxgene() -> Iterator[EmbeddedCellxgene]:
    with EmbeddedCellxgene() as service:
        yield service


@pytest.fixture
def azul() -> Iterator[EmbeddedAzul]:
    with EmbeddedAzul() as service:
        yield service


@pytest.fixture
def hca(tmp_path: Path, cellxgene: EmbeddedCellxgene, azul: EmbeddedAzul) -> Runner:
    """Runs the installed ``hca`` against both services."""
    runner = Runner(tmp_path / "home")
    runner.configure({**cellxgene.settings, **azul.settings})
    return runner


class Assistant:
    """Starts ``hca mcp serve`` like an assistant, and communicates with it."""

    def __init__(self, hca: Runner) -> None:
        self.hca = hca

    def session(self, *options: str, do: Callable[[Client], Awaitable[Any]], env: dict[str, str] | None = None) -> Any:
        """Run a conversation with a server started with these options."""
        # Imported here: it takes a second, and no other test process needs it.
        from mcp import StdioServerParameters
        from mcp.client.client import Client

        command, *words = self.hca.command("mcp", "serve", *options)
        parameters = StdioServerParameters(
            command=command, args=words, env={**self.hca.env, **(env or {})}, cwd=str(self.hca.cwd)
        )

        async def run() -> Any:
            with anyio.fail_after(100):
                async with Client(parameters) as client:
                    return await do(client)

        return anyio.run(run)

    def tools(self, *options: str) -> dict[str, Any]:
        """Return the tools by name."""

        async def listed(client: Client) -> Any:
            return (await client.list_tools()).tools

        return {tool.name: tool for tool in self.session(*options, do=listed)}

    def call(self, *options: str, tool: str, **arguments: Any) -> tuple[str, bool]:
        """Return the text of a tool's result, and whether it is an error."""

        async def called(client: Client) -> Any:
            return await client.call_tool(tool, arguments)

        result = self.session(*options, do=called)
        return "".join(part.text for part in result.content), bool(result.is_error)


@pytest.fixture
def assistant(hca: Runner) -> Assistant:
    return Assistant(hca)


@pytest.fixture
def requests_of() -> Callable[[Any, str], list[str]]:
    """Paths of a service's requests with a method."""

    def found(service: Any, method: str) -> list[str]:
        return [request[1] for request in service.requests if request[0] == method]

    return found
