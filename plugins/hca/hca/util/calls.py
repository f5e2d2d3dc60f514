"""Calls by programs written for hca 7: with unknown arguments, and through private names."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hca.util.exceptions import raising_hca7
from hca_base.errors import UsageError
from hca_base.openapi import Client

if TYPE_CHECKING:
    import requests

logger = logging.getLogger("hca")


def known_arguments(operation: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that an operation has; others are ignored with a warning, as in hca 7.

    :raises UsageError: the operation deletes something, and an unknown argument may have been meant to limit it
    """
    unknown = [name for name, value in arguments.items() if operation.parameter(name) is None and value is not None]
    if unknown and operation.method.upper() == "DELETE":
        raise UsageError(
            f"{operation.name} takes no argument {unknown[0]!r}; hca does not ignore arguments of a deletion"
        )
    for name in unknown:
        logger.warning("%s takes no argument %r: ignored", operation.name, name)
    return {name: value for name, value in arguments.items() if operation.parameter(name) is not None}


def add_old_names(client: Client, method: Any) -> None:
    """Add the private attributes of a client's method that programs written for hca 7 use."""
    operation = method.operation

    def auto_page(**arguments: Any) -> Any:
        warnings.warn(f"use {operation.name}.paginate instead of _auto_page", DeprecationWarning, stacklevel=2)
        return client.invoke(operation, arguments, paginate=True)

    def request(
        req_args: Mapping[str, Any], url: str | None = None, stream: bool = False, headers: Any = None
    ) -> requests.Response:
        warnings.warn(f"use {operation.name}.stream instead of _request", DeprecationWarning, stacklevel=2)
        if headers:
            raise UsageError(f"{operation.name}._request cannot send headers of its own: {', '.join(headers)}")
        with raising_hca7():
            found = {name: value for name, value in req_args.items() if operation.parameter(name) is not None}
            response: requests.Response = client._send(operation, found, url=url, stream=stream)
            return response

    method._auto_page, method._request = auto_page, request
