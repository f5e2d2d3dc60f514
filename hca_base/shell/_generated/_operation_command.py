"""Generated commands. Separate from their help, which does not need to import cliff."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from hca_base.commands import Command
from hca_base.openapi import Operation
from hca_base.plugins import Service
from hca_base.shell._generated._arguments import values_of
from hca_base.shell._generated._call import call
from hca_base.shell._generated._operation_help import parser_of


class OperationCommand(Command):
    service: ClassVar[Service]
    operation: ClassVar[Operation]
    output = True

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = parser_of(self.service, self.operation, prog_name, self.config)
        for hook in self._hooks:
            if hook.obj is not None:
                hook.obj.get_parser(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        return call(self, self.operation, values_of(parsed_args, self.operation), parsed_args)

    def remember(self, data: Any) -> None:
        """Pass a result to an interactive session, to complete its values later."""
        remember = getattr(self.app, "remember", None)
        if remember is not None:
            remember(data)

    def remembered(self, items: Iterable[Any]) -> Iterator[Any]:
        """Return ``items`` unchanged, and pass the first ones to the session."""
        for number, item in enumerate(items):
            if number < 1000:
                self.remember(item)
            yield item


def command_class(service: Service, operation: Operation) -> type[OperationCommand]:
    """Return the class of one operation's command."""
    name = "".join(part.capitalize() for part in operation.name.split("_"))
    return type(name, (OperationCommand,), {"service": service, "operation": operation, "__doc__": operation.summary})
