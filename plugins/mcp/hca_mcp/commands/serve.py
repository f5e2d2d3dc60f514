"""``hca mcp serve`` and ``hca mcp tools``."""

from __future__ import annotations

import argparse
from typing import Any

from hca_base.commands import Command, Lister


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Add the options that control what an assistant may do."""
    parser.add_argument(
        "--service",
        action="append",
        default=[],
        metavar="NAME",
        help="a service that the assistant may use; may be repeated (default: the setting mcp.services)",
    )
    parser.add_argument(
        "--operations",
        action="append",
        default=[],
        metavar="GLOB",
        help="only operations that match, such as 'get-*' or 'dss:get-*'; may be repeated (default: all that read)",
    )
    parser.add_argument(
        "--allow-writes",
        action="append",
        default=[],
        metavar="GLOB",
        help="also offer matching operations that change data; may be repeated (default: none; has no setting)",
    )


class _Choosing(Command):
    """A command that needs to know what an assistant may do."""

    def chosen(self, args: argparse.Namespace) -> tuple[list[Any], dict[str, Any]]:
        """Return the tools, and the clients by service.

        :raises UsageError: no service is selected, or a pattern matches nothing
        """
        from hca_base.errors import UsageError
        from hca_mcp.tools import Choice, tools_of

        section = self.config.section("mcp")
        services = listed(args.service) or listed(section.get("services"))
        if not services:
            raise UsageError(
                "no service is chosen", hint="pass --service NAME, or run: hca config set mcp.services '[\"dss\"]'"
            )
        choice = Choice(
            services=list(dict.fromkeys(services)),
            operations=listed(args.operations) or listed(section.get("operations")),
            writes=listed(args.allow_writes),
        )
        clients = {name: self.service_client(name) for name in choice.services}
        return tools_of(clients, choice), clients


class Serve(_Choosing):
    """Serve tools for an assistant over stdin and stdout (Model Context Protocol).

    Each read-only operation of the selected services is a tool. Operations that change data are tools only if
    --allow-writes names them; the assistant cannot change that. Calls use your credentials, like the command line;
    results never contain secrets. Configure your assistant to run this command; it is not meant for use at a terminal.
    """

    example = "mcp serve --service dss --operations 'get-*'"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_choice(parser)
        parser.add_argument(
            "--max-bytes", type=_budget, metavar="N", help="result limit in bytes (default: mcp.max_bytes, or 32768)"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_base.errors import UsageError
        from hca_mcp import __version__
        from hca_mcp.server import Front, serve
        from hca_mcp.settings import DEFAULT_MAX_BYTES

        tools, clients = self.chosen(parsed_args)
        if not tools:
            raise UsageError("the options leave no operation to offer", hint="see: hca mcp tools")
        configured = self.config.section("mcp").get("max_bytes", DEFAULT_MAX_BYTES)
        serve(Front(tools, clients, parsed_args.max_bytes or _budget(str(configured))), __version__)


class Tools(_Choosing, Lister):
    """List the tools that 'mcp serve' would offer with the same options."""

    example = "mcp tools --service dss"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_choice(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        tools, _ = self.chosen(parsed_args)
        rows = [(tool.name, "reads" if tool.read_only else "changes data", tool.operation.summary) for tool in tools]
        return ("tool", "effect", "summary"), rows


def listed(value: Any) -> list[str]:
    """Return a list of strings from an option or a setting."""
    if isinstance(value, str):
        return [value]
    return [str(one) for one in value or ()]


def _budget(text: str) -> int:
    if not text.strip().isdecimal() or int(text) < 256:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 256")
    return int(text)
