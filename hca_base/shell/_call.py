"""Call an operation from the command line and write what it returns."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..openapi import Operation
    from ._operation_command import OperationCommand


def call(command: OperationCommand, operation: Operation, values: dict[str, Any], args: argparse.Namespace) -> int:
    """Call ``operation`` with ``values`` and write the result as the output options in ``args`` say.

    :return: an exit code
    """
    raise NotImplementedError
